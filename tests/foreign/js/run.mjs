/**
 * Runs every case against a running demo: FARTHING_SITE_URL is the origin of its gateway,
 * FARTHING_NODE_URL that of its node. Prints a line for each case and `N passed, N failed`.
 *
 * Arguments, if given, are words of which a case's name must contain one.
 */
import { register } from "node:module";

register("./one-copy.mjs", import.meta.url);

const files = [
  "clients",
  "once",
  "upto",
  "delegates",
  "sellers",
  "channels",
  "metered-sellers",
  "crawler",
  "mpp",
  "mpp-sellers",
  "mpp-tools",
  "mcp",
  "webhooks",
];
const loaded = await Promise.all(files.map((file) => import(`./cases/${file}.mjs`)));

const words = process.argv.slice(2);
const chosen = loaded
  .flatMap(({ cases }) => cases)
  .filter(([name]) => words.length === 0 || words.some((word) => name.includes(word)));

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
