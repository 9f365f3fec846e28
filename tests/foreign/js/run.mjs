/**
 * Runs every case against a running demo: FARTHING_SITE_URL is the origin of its gateway,
 * FARTHING_NODE_URL that of its node. Prints a line for each case and `N passed, N failed`.
 *
 * Arguments, if given, are words of which a case's name must contain one.
 */
import { cases as channels } from "./cases/channels.mjs";
import { cases as clients } from "./cases/clients.mjs";
import { cases as crawler } from "./cases/crawler.mjs";
import { cases as delegates } from "./cases/delegates.mjs";
import { cases as meteredSellers } from "./cases/metered-sellers.mjs";
import { cases as once } from "./cases/once.mjs";
import { cases as sellers } from "./cases/sellers.mjs";

const words = process.argv.slice(2);
const all = [clients, once, delegates, sellers, channels, meteredSellers, crawler].flat();
const chosen = all.filter(
  ([name]) => words.length === 0 || words.some((word) => name.includes(word)),
);

let failed = 0;
for (const [name, run] of chosen) {
  try {
    await run();
    console.log(`ok      ${name}`);
  } catch (error) {
    failed += 1;
    console.log(`FAILED  ${name}\n        ${String(error.stack).replaceAll("\n", "\n        ")}`);
  }
}
console.log(`${chosen.length - failed} passed, ${failed} failed`);
process.exit(failed === 0 && chosen.length > 0 ? 0 : 1);
