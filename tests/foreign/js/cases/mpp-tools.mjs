/**
 * The command line of `mppx`, unmodified: it pays through a configuration of a few lines, and
 * checks what the site says of itself.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { available, newPayer, offers, site } from "../node.mjs";

const run = promisify(execFile);
const MPPX = fileURLToPath(new URL("../node_modules/.bin/mppx", import.meta.url));
const CONFIG = fileURLToPath(new URL("../mppx.config.mjs", import.meta.url));
const RUN_MS_MAX = 60_000;

async function mppx(args, env = {}) {
  return run(MPPX, args, { timeout: RUN_MS_MAX, env: { ...process.env, ...env } });
}

/** The command line pays with the intent that the configuration names. */
function pays(intent) {
  return async () => {
    const key = await newPayer();
    const folder = await mkdtemp(join(tmpdir(), "farthing-mppx-"));
    try {
      const file = join(folder, "key.json");
      await key.save(file);
      const before = await available(key);
      const env = { FARTHING_KEY: file, FARTHING_INTENT: intent };
      const { stdout } = await mppx([`${site}${offers.article.path}`, "-i", "-c", CONFIG], env);
      assert.match(stdout, /200/);
      assert.match(stdout, /payment-receipt/i);
      assert.ok((await available(key)) < before, "nothing was charged");
    } finally {
      await rm(folder, { recursive: true });
    }
  };
}

async function siteIsValid() {
  const { stdout } = await mppx(["validate", site]);
  assert.match(stdout, /[1-9][0-9]* passed/);
  assert.doesNotMatch(stdout, /failed|✗/, stdout);
}

async function documentIsValid() {
  const { stdout } = await mppx(["discover", "validate", `${site}/openapi.json`]);
  assert.match(stdout, /valid/);
  assert.doesNotMatch(stdout, /error|warning/i, stdout);
}

/** What the tool calls valid can fail: a site without prices does not pass. */
async function toolsCanFail() {
  const folder = await mkdtemp(join(tmpdir(), "farthing-mppx-"));
  try {
    const file = join(folder, "openapi.json");
    await writeFile(file, JSON.stringify({ openapi: "3.1.0" }));
    await assert.rejects(mppx(["discover", "validate", file]));
  } finally {
    await rm(folder, { recursive: true });
  }
}

export const cases = [
  ["the command line of mppx pays by charge", pays("charge")],
  ["the command line of mppx pays by session", pays("session")],
  ["mppx validate finds no fault in the site", siteIsValid],
  ["mppx discover validate finds no fault in the document", documentIsValid],
  ["mppx discover validate refuses a broken document", toolsCanFail],
];
