/**
 * Crawlers that sign with the stock Web Bot Auth packages pay through a gateway of their own: a
 * node, a service and a key directory are started here, and the operator funds the crawlers with
 * `farthing fund`. FARTHING_BIN is the program.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { appendSignature, component, createSignature, webcrypto } from "http-message-sig";
import { signatureHeaders } from "web-bot-auth";
import { signerFromJWK } from "web-bot-auth/crypto";

const PRICE = "USD 0.002";
const PRICE_UNITS = 2_000_000n;
const FUNDED_UNITS = 1_000_000_000n;
const AGENT = "https://bot.example";
const LISTED_AGENT = "https://listed.example";
const ANSWER_MS_MAX = 20_000;
const START_MS_MAX = 30_000;
const POLL_MS = 100;

const run = promisify(execFile);

async function newKey() {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  const jwk = await crypto.subtle.exportKey("jwk", pair.privateKey);
  const hex = Buffer.from(jwk.x, "base64url").toString("hex");
  return { jwk: { kty: jwk.kty, crv: jwk.crv, d: jwk.d, x: jwk.x }, hex };
}

async function listening(handler) {
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  server.unref();
  return server;
}

async function freePort() {
  const server = await listening(() => {});
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const fetchInTime = (request) => fetch(request, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });

/** Waits until `ready` gives something. */
async function until(what, ready) {
  const deadline = Date.now() + START_MS_MAX;
  for (;;) {
    const found = await ready().catch(() => undefined);
    if (found) return found;
    assert.ok(Date.now() < deadline, `${what} did not come about in time`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** A node with a gateway in front of a service that counts, and two funded crawlers. */
async function start() {
  const program = process.env.FARTHING_BIN;
  if (!program) throw new Error("FARTHING_BIN is not set: give the path of the program");
  const folder = mkdtempSync(join(tmpdir(), "farthing-crawler-"));
  const [direct, listed, poor] = [await newKey(), await newKey(), await newKey()];
  const served = [];
  const service = await listening((request, response) => {
    served.push(request.url);
    response.end(`page ${request.url}`);
  });
  const directory = await listening((_, response) => {
    response.setHeader("content-type", "application/http-message-signatures-directory+json");
    const { kty, crv, x } = listed.jwk;
    response.end(JSON.stringify({ keys: [{ kty, crv, x }], purpose: "crawl" }));
  });
  const [sitePort, nodePort] = [await freePort(), await freePort()];
  const config = join(folder, "farthing.toml");
  const data = join(folder, "data");
  writeFileSync(
    config,
    `[node]
listen = "127.0.0.1:${nodePort}"
data = "${data}"

[[asset]]
code = "USD"

[[payee]]
name = "author"

[[gateway]]
listen = "127.0.0.1:${sitePort}"
upstream = "http://127.0.0.1:${service.address().port}"

[[gateway.crawler]]
agent = "${AGENT}"
key = "${direct.hex}"

[[gateway.crawler]]
agent = "${LISTED_AGENT}"
directory = "http://127.0.0.1:${directory.address().port}/.well-known/http-message-signatures-directory"

[[gateway.crawler]]
agent = "https://poor.example"
key = "${poor.hex}"

[[gateway.offer]]
path = "/pages/{id}"
price = "0.002"
pay_to = "author"
crawl = true
`,
  );
  const child = spawn(program, ["serve", "--config", config], { stdio: "ignore" });
  process.once("exit", () => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const site = `http://127.0.0.1:${sitePort}`;
  const cli = async (...args) => (await run(program, [...args, "--data", data])).stdout;
  await until("the site", () => fetchInTime(new Request(`${site}/`)));
  // The node says last where it is, and `farthing fund` looks there.
  await until("the node's place", async () => existsSync(join(data, "node.json")));
  for (const { hex } of [direct, listed]) {
    await cli("fund", hex, "1", "--reference", `invoice ${hex.slice(0, 8)}`);
  }
  const accounts = async () => JSON.parse(await cli("accounts", "--json")).accounts;
  return { site, served, accounts, direct, listed, poor };
}

let started;
const world = () => (started ??= start());

/** A request that was signed by the stock package with its usual parameters. */
async function signed(url, { key, agent = AGENT, header = "crawler-exact-price", price = PRICE }) {
  const headers = { "signature-agent": `"${agent}"`, [header]: price };
  const created = new Date();
  const signature = await signatureHeaders(new Request(url, { headers }), await signerFromJWK(key), {
    created,
    expires: new Date(created.getTime() + 60_000),
    components: ["@authority", "@path", "signature-agent", header],
  });
  return new Request(url, { headers: { ...headers, ...signature } });
}

const told = (response) => ({
  status: response.status,
  error: response.headers.get("crawler-error"),
  charged: response.headers.get("crawler-charged"),
});

const CHARGED = { status: 200, error: null, charged: PRICE };

/** What one kind of account has in all, in base units. */
async function total(role) {
  const { accounts } = await world();
  const found = (await accounts()).filter((account) => account.role === role);
  return found.reduce((sum, { credits, debits }) => sum + BigInt(credits) - BigInt(debits), 0n);
}

/** Runs something that must cost so much, of one payer to one payee. */
async function costing(units, action) {
  const before = [await total("payer"), await total("payee")];
  await action();
  assert.equal(before[0] - (await total("payer")), units, "what the crawlers paid");
  assert.equal((await total("payee")) - before[1], units, "what the payee got");
}

async function priceThenPage() {
  const { site, direct, served } = await world();
  assert.equal(await total("payer"), 2n * FUNDED_UNITS, "the operator funded two crawlers");
  const unpaid = await fetchInTime(new Request(`${site}/pages/1`));
  assert.equal(unpaid.status, 402);
  const price = unpaid.headers.get("crawler-price");
  assert.equal(price, PRICE);
  assert.deepEqual(served.filter((path) => path === "/pages/1"), []);
  await costing(PRICE_UNITS, async () => {
    const page = await fetchInTime(await signed(`${site}/pages/1`, { key: direct.jwk, price }));
    assert.deepEqual(told(page), CHARGED);
    assert.equal(await page.text(), "page /pages/1");
  });
}

async function replays() {
  const { site, direct, served } = await world();
  const request = await signed(`${site}/pages/replayed`, { key: direct.jwk });
  await costing(PRICE_UNITS, async () => {
    const copies = Array.from({ length: 5 }, () => fetchInTime(request.clone()));
    for (const copy of await Promise.all(copies)) assert.deepEqual(told(copy), CHARGED);
    assert.deepEqual(told(await fetchInTime(request.clone())), CHARGED);
  });
  assert.equal(served.filter((path) => path === "/pages/replayed").length, 1);
}

async function changes() {
  const { site, direct } = await world();
  const request = await signed(`${site}/pages/1`, { key: direct.jwk });
  const { headers } = request;
  const dearer = new Headers(headers);
  dearer.set("crawler-exact-price", "USD 0.0020");
  const wrong = { status: 400, error: "InvalidSignature", charged: null };
  await costing(0n, async () => {
    for (const changed of [
      new Request(`${site}/pages/2`, { headers }),
      new Request(`${site}/pages/1`, { headers: dearer }),
    ]) {
      assert.deepEqual(told(await fetchInTime(changed)), wrong);
    }
    const low = await signed(`${site}/pages/1`, { key: direct.jwk, price: "USD 0.001" });
    const refused = { status: 402, error: "InvalidCrawlerExactPrice", charged: null };
    assert.deepEqual(told(await fetchInTime(low)), refused);
  });
}

async function highestPrice() {
  const { site, direct } = await world();
  const bid = { key: direct.jwk, header: "crawler-max-price", price: "USD 0.01" };
  await costing(PRICE_UNITS, async () => {
    const request = await signed(`${site}/pages/max`, bid);
    assert.deepEqual(told(await fetchInTime(request)), CHARGED);
  });
}

/** The other package, with more components, an agent in a dictionary and a label of its own. */
async function fromDirectory() {
  const { site, listed } = await world();
  const url = `${site}/pages/listed?part=2`;
  const headers = { "signature-agent": `crawl="${LISTED_AGENT}"`, "crawler-max-price": PRICE };
  const { keyid } = await signerFromJWK(listed.jwk);
  const key = await crypto.subtle.importKey("jwk", listed.jwk, "Ed25519", false, ["sign"]);
  const request = async () => {
    const created = Math.floor(Date.now() / 1000);
    const parameters = { created, expires: created + 30, nonce: crypto.randomUUID(), keyid };
    const fields = await createSignature(new Request(url, { headers }), {
      label: "crawl",
      components: [
        "@method",
        "@authority",
        "@target-uri",
        "@query",
        component("signature-agent", { key: "crawl" }),
        "crawler-max-price",
      ],
      parameters: { ...parameters, tag: "web-bot-auth" },
      signer: webcrypto.signer(key),
    });
    return new Request(url, { headers: appendSignature(new Headers(headers), fields) });
  };
  await costing(PRICE_UNITS, async () => {
    const page = await until("the directory", async () => {
      const response = await fetchInTime(await request());
      return response.status === 403 ? undefined : response;
    });
    assert.deepEqual(told(page), CHARGED);
    assert.equal(await page.text(), "page /pages/listed?part=2");
  });
}

async function strangers() {
  const { site, direct, poor } = await world();
  const stranger = await newKey();
  await costing(0n, async () => {
    const cases = [
      [{ key: stranger.jwk }, "CrawlerForbidden"],
      [{ key: direct.jwk, agent: LISTED_AGENT }, "CrawlerForbidden"],
      [{ key: poor.jwk, agent: "https://poor.example" }, "PaymentFailed"],
    ];
    for (const [options, error] of cases) {
      const response = await fetchInTime(await signed(`${site}/pages/1`, options));
      assert.deepEqual(told(response), { status: 403, error, charged: null });
    }
  });
}

export const cases = [
  ["a crawler reads the price, signs and gets the page", priceThenPage],
  ["copies of a crawler's signed request are one charge", replays],
  ["a crawler's request with another path or price is refused", changes],
  ["a crawler with a highest price pays the price", highestPrice],
  ["a crawler is known by its key directory", fromDirectory],
  ["crawlers without permission or money get nothing", strangers],
];
