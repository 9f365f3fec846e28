/**
 * The Model Context Protocol with other people's clients: the SDK's client uses the tools of
 * `farthing mcp`, and `mppx` pays for a tool of an MCP server behind the gateway.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

import { PayerKey, accessHeader, idFromDigits, toHex } from "@farthing/x402";
import { charge, session } from "@farthing/x402/mpp";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import express from "express";
import { McpClient } from "mppx/mcp/client";
import { z } from "zod";

import { node, offers, plainFetch, site } from "../node.mjs";

const run = promisify(execFile);
const RUN_MS_MAX = 60_000;
const START_TRIES_MAX = 200;
const PROGRAM = process.env.FARTHING_BIN ?? "farthing";
const TOOLS = ["check_budget", "find_offers", "get_price", "get_receipt", "list_payments", "pay"];
const PRICE_UNITS = 3_000_000n;

const client = () => new Client({ name: "foreign", version: "1" });

/** Does `work` with a folder that is gone afterwards. */
async function inFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), "farthing-mcp-"));
  try {
    await work(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A new wallet with play money. */
async function newWallet(folder) {
  const wallet = join(folder, "wallet.json");
  const options = { timeout: RUN_MS_MAX };
  await run(PROGRAM, ["wallet", "new", "--node", node, "--wallet", wallet], options);
  await run(PROGRAM, ["wallet", "top-up", "--wallet", wallet], options);
  return wallet;
}

/** Lists the tools, asks, and buys twice under one key. */
async function uses(transport) {
  const mcp = client();
  await mcp.connect(transport);
  try {
    const { tools } = await mcp.listTools();
    assert.deepEqual(tools.map(({ name }) => name).sort(), TOOLS);
    const call = async (name, args) => {
      const result = await mcp.callTool({ name, arguments: args });
      assert.ok(!result.isError, JSON.stringify(result.content));
      return result.structuredContent;
    };
    const url = `${site}${offers.article.path}`;
    const price = await call("get_price", { url });
    assert.deepEqual([price.price, price.asset], ["0.002", "USD"]);
    const wanted = { url, max_amount: "0.01", purchase_key: "article-1" };
    const [first, second] = [await call("pay", wanted), await call("pay", wanted)];
    assert.ok(first.content, "nothing was bought");
    assert.equal(first.payment, second.payment, "one key is one purchase");
    const receipt = await call("get_receipt", { payment: first.payment });
    assert.equal(receipt.state, "settled");
    const refused = await mcp.callTool({
      name: "pay",
      arguments: { ...wanted, purchase_key: "too-dear", max_amount: "0.0001" },
    });
    assert.ok(refused.isError);
    assert.equal(JSON.parse(refused.content[0].text).charged, "no");
  } finally {
    await mcp.close();
  }
}

const overStandardStreams = () =>
  inFolder(async (folder) => {
    const args = ["mcp", "--wallet", await newWallet(folder)];
    await uses(new StdioClientTransport({ command: PROGRAM, args }));
  });

const overHttp = () =>
  inFolder(async (folder) => {
    const token = join(folder, "mcp.token");
    const args = ["mcp", "--wallet", await newWallet(folder), "--http", "127.0.0.1:0"];
    const server = spawn(PROGRAM, [...args, "--token-file", token], { stdio: ["ignore", "pipe", 2] });
    try {
      const lines = createInterface(server.stdout)[Symbol.asyncIterator]();
      const url = (await lines.next()).value.split(" ").pop();
      const authorization = `Bearer ${(await readFile(token, "utf8")).trim()}`;
      const requestInit = { headers: { authorization } };
      await uses(new StreamableHTTPClientTransport(new URL(url), { requestInit }));
    } finally {
      server.kill();
    }
  });

/** An MCP server of the SDK that sells one tool and gives away another; it counts its calls. */
async function toolServer(calls) {
  const app = express();
  app.use(express.json());
  app.post("/mcp", async (request, response) => {
    const server = new McpServer({ name: "library", version: "1" });
    const content = (text) => ({ content: [{ type: "text", text }] });
    const outputSchema = { meaning: z.string() };
    server.registerTool("lookup", { description: "A word explained", outputSchema }, () => {
      calls.push("lookup");
      return { ...content("a small bird"), structuredContent: { meaning: "a small bird" } };
    });
    server.registerTool("broken", { description: "Fails" }, () => {
      calls.push("broken");
      return { ...content("no such word"), isError: true };
    });
    server.registerTool("hello", { description: "Greets" }, () => content("hello"));
    const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
    response.on("close", () => server.close());
    await server.connect(transport);
    await transport.handleRequest(request, response, request.body);
  });
  return new Promise((resolve) => {
    const listening = app.listen(0, "127.0.0.1", () => resolve(listening));
  });
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A node with a gateway in front of a tool server. */
async function shop(folder, upstreamPort, work) {
  const [nodePort, sitePort] = [await freePort(), await freePort()];
  const offer = (tool) =>
    `[[gateway.offer]]\npath = "/mcp"\ntool = "${tool}"\nprice = "0.003"\npay_to = "library"\n`;
  const config = join(folder, "node.toml");
  await writeFile(
    config,
    `[node]\nlisten = "127.0.0.1:${nodePort}"\ndata = "${join(folder, "data")}"\n` +
      `[[asset]]\ncode = "USD"\nsandbox = true\n[[payee]]\nname = "library"\n` +
      `[[gateway]]\nlisten = "127.0.0.1:${sitePort}"\n` +
      `upstream = "http://127.0.0.1:${upstreamPort}"\n${offer("lookup")}${offer("broken")}`,
  );
  const own = `http://127.0.0.1:${nodePort}`;
  const serving = spawn(PROGRAM, ["serve", "--config", config], { stdio: "ignore" });
  const ended = new Promise((resolve) => serving.on("exit", resolve));
  try {
    for (let tries = 0; !(await isUp(own)); tries += 1) {
      assert.ok(tries < START_TRIES_MAX && serving.exitCode === null, "the node did not start");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await work(own, `http://127.0.0.1:${sitePort}/mcp`);
  } finally {
    serving.kill();
    await ended;
  }
}

const isUp = (own) =>
  plainFetch(`${own}/v1/node`).then(
    (answer) => answer.ok,
    () => false,
  );

/** What `mppx` pays for a tool, and what it does not. */
function mppxPays(headers) {
  return () =>
    inFolder(async (folder) => {
      const calls = [];
      const server = await toolServer(calls);
      try {
        await shop(folder, server.address().port, (own, url) => buys(own, url, calls, headers));
      } finally {
        server.close();
        server.closeAllConnections();
      }
    });
}

async function buys(own, url, calls, headers) {
  const json = async (path, init) => (await plainFetch(`${own}${path}`, init)).json();
  const key = PayerKey.generate();
  const body = JSON.stringify({ key: toHex(key.publicKey) });
  const headersOfBody = { "content-type": "application/json" };
  await json("/v1/faucet", { method: "POST", headers: headersOfBody, body });
  const id = idFromDigits((await json("/v1/node")).network.slice("farthing:".length));
  const available = async () => {
    const authorization = await accessHeader(id, key);
    return BigInt((await json("/v1/payer", { headers: { authorization } })).available);
  };
  const before = await available();
  const mcp = client();
  await mcp.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit: { headers } }));
  try {
    const { tools } = await mcp.listTools();
    const info = tools.find(({ name }) => name === "lookup")._meta["x-payment-info"];
    assert.equal(info.offers[0].amount, String(PRICE_UNITS));
    McpClient.wrap(mcp, { methods: [charge({ key })] });
    const free = await mcp.callTool({ name: "hello", arguments: {} });
    assert.equal(free.content[0].text, "hello");
    const paid = await mcp.callTool({ name: "lookup", arguments: {} });
    assert.equal(paid.content[0].text, "a small bird");
    assert.equal(paid.receipt.status, "success");
    assert.match(paid.receipt.reference, /^pay_/);
    assert.equal(before - (await available()), PRICE_UNITS);
    const failed = await mcp.callTool({ name: "broken", arguments: {} });
    assert.ok(failed.isError && !failed.receipt);
    assert.equal(before - (await available()), PRICE_UNITS, "a tool that fails costs nothing");
    McpClient.wrap(mcp, { methods: [session({ key }).method] });
    const metered = await mcp.callTool({ name: "lookup", arguments: {} });
    assert.equal(metered.receipt.intent, "session");
    McpClient.wrap(mcp, { methods: [charge({ key: PayerKey.generate() })] });
    await assert.rejects(mcp.callTool({ name: "lookup", arguments: {} }), /not taken/i);
    assert.deepEqual(calls, ["lookup", "broken", "lookup"]);
  } finally {
    await mcp.close();
  }
}

export const cases = [
  ["mcp: the SDK's client uses the tools over standard streams", overStandardStreams],
  ["mcp: the SDK's client uses the tools over HTTP", overHttp],
  ["mcp: mppx pays a tool that is asked for in a result", mppxPays({})],
  [
    "mcp: mppx pays a tool that is asked for in an error",
    mppxPays({ "accept-payment": "farthing/charge, farthing/session;q=0.5" }),
  ],
];
