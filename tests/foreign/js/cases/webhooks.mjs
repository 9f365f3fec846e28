/**
 * Webhooks of a running node, verified by the npm package `standardwebhooks` and by the code of our
 * guide. The demo's own payers make the events.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";

import { Webhook } from "standardwebhooks";

import { node, plainFetch } from "../node.mjs";

const EVENTS_COUNT = 10;
const WAIT_MS_MAX = 60_000;

const guide = new URL("../../../../docs/guides/receive-webhooks.md", import.meta.url);

async function call(method, path, body) {
  const token = readFileSync(join(process.env.FARTHING_DEMO_DATA, "operator.token"), "utf8").trim();
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await plainFetch(`${node}${path}`, {
    method,
    headers,
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  assert.ok(response.ok, `${path} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}

/** Registers an endpoint, and judges what it is sent. */
async function receive(judge) {
  const got = [];
  let more = () => {};
  const server = createServer(async (request, response) => {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    got.push({ headers: request.headers, body: Buffer.concat(pieces).toString("utf8") });
    response.writeHead(204).end();
    more();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${server.address().port}/hooks`;
  const endpoint = await call("POST", "/v1/webhook-endpoints", { url, events: ["*"] });
  const path = `/v1/webhook-endpoints/${endpoint.webhook_endpoint}`;
  try {
    await call("POST", `${path}/ping`, {});
    await new Promise((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${got.length} events`)), WAIT_MS_MAX);
      more = () => {
        if (got.length < EVENTS_COUNT) return;
        clearTimeout(late);
        resolve();
      };
      more();
    });
    for (const { headers, body } of got) judge(endpoint.secret, headers, body);
  } finally {
    await call("DELETE", path);
    server.closeAllConnections();
    server.close();
  }
}

const byStandardWebhooks = () =>
  receive((secret, headers, body) => {
    const webhook = new Webhook(secret);
    assert.equal(webhook.verify(body, headers).id, headers["webhook-id"]);
    assert.throws(() => webhook.verify(`${body} `, headers));
  });

async function byTheGuide() {
  const [, code] = readFileSync(guide, "utf8").match(/```js\n(.*?)```/s);
  const { verify } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  await receive((secret, headers, body) => {
    assert.equal(verify(secret, headers, body).id, headers["webhook-id"]);
    assert.throws(() => verify(secret, headers, `${body} `));
  });
}

export const cases = [
  ["webhooks: the package standardwebhooks verifies what a node posts", byStandardWebhooks],
  ["webhooks: the guide's JavaScript verifies it", byTheGuide],
];
