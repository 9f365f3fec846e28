/**
 * The usual x402 seller: `@x402/express` in front of a handler in the same process, with a
 * facilitator over HTTP.
 *
 * `/articles/:id` is sold in the SDK's default flow (verify, handler, settle), `/upfront/:id` in the
 * flow with one call to the facilitator (settle, handler), `/free/:id` is not sold. All answer the
 * same bytes.
 *
 * Arguments: port, facilitator's URL, network, payee, amount, asset, scale, timeout in seconds,
 * bytes of an article.
 */
import { HTTPFacilitatorClient } from "@x402/core/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import express from "express";

const [port, facilitator, network, payTo, amount, asset, scale, seconds, bytes] =
  process.argv.slice(2);
const article = Buffer.alloc(Number(bytes), "a");

/** Scheme `exact` with prices in base units; terms are compared as they stand. */
const scheme = {
  scheme: "exact",
  defaultAssetTransferMethod: "default",
  paymentFlows: {
    default: { supported: ["authorization", "upfront"], default: "authorization" },
  },
  parsePrice: async (price) => price,
  getAssetDecimals: () => Number(scale),
  enhancePaymentRequirements: async (requirements) => requirements,
};

function route(extra) {
  const price = { amount, asset, extra: { scale: Number(scale) } };
  const accepts = {
    scheme: "exact",
    network,
    payTo,
    price,
    maxTimeoutSeconds: Number(seconds),
    extra,
  };
  return { accepts, description: "An article", mimeType: "text/plain" };
}

const routes = {
  "GET /articles/:id": route({}),
  "GET /upfront/:id": route({ paymentFlow: "upfront" }),
};
const shop = new x402ResourceServer(new HTTPFacilitatorClient({ url: facilitator }));
shop.register(network, scheme);

const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.use(paymentMiddleware(routes, shop));
app.get(["/articles/:id", "/upfront/:id", "/free/:id"], (_request, response) => {
  response.type("text/plain").send(article);
});
app.listen(Number(port), "127.0.0.1");
