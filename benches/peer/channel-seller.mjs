/**
 * A seller whose payers have channels: `@x402/express` with the scheme `batch-settlement` of
 * `@x402/evm`, in front of a handler in the same process.
 *
 * Vouchers are checked here, as that scheme has it: channel, requirements, EIP-712 signature, total;
 * one request at a time on a channel, state in memory. A chain is needed for deposits alone, and an
 * object in this process stands for it: every deposit is good at once. Nothing is written to disk.
 *
 * `/articles/:id` is sold, `/free/:id` is not; both answer the same bytes.
 *
 * Arguments: port, network, payee, amount, token, seconds, bytes of an article.
 */
import { BatchSettlementEvmScheme } from "@x402/evm/batch-settlement/server";
import { paymentMiddleware, x402ResourceServer } from "@x402/express";
import express from "express";

const [port, network, payTo, amount, asset, seconds, bytes] = process.argv.slice(2);
const article = Buffer.alloc(Number(bytes), "a");

/** What the chain would say after a deposit. */
function state({ channelConfig, voucher, deposit }) {
  const { channelId } = voucher;
  const balance = deposit.amount;
  const rest = { totalClaimed: "0", withdrawRequestedAt: 0, refundNonce: "0" };
  return { payer: channelConfig.payer, extra: { channelId, balance, ...rest } };
}

const facilitator = {
  getSupported: async () => ({
    kinds: [
      { x402Version: 2, scheme: "batch-settlement", network, extra: { receiverAuthorizer: payTo } },
    ],
    extensions: [],
    signers: {},
  }),
  verify: async ({ payload }) => ({ isValid: true, ...state(payload) }),
  settle: async ({ payload }) => {
    const { payer, extra } = state(payload);
    const transaction = `0x${"00".repeat(32)}`;
    return { success: true, payer, transaction, network, extra: { channelState: extra } };
  },
};

const routes = {
  "GET /articles/:id": {
    accepts: {
      scheme: "batch-settlement",
      network,
      payTo,
      price: { amount, asset, extra: { name: "USDC", version: "2" } },
      maxTimeoutSeconds: Number(seconds),
    },
    description: "An article",
    mimeType: "text/plain",
  },
};
// The chain is never asked again during a run, which favours this stack.
const scheme = new BatchSettlementEvmScheme(payTo, { onchainStateTtlMs: 24 * 60 * 60 * 1000 });
const shop = new x402ResourceServer(facilitator);
shop.register(network, scheme);

const app = express();
app.disable("x-powered-by");
app.disable("etag");
app.use(paymentMiddleware(routes, shop));
app.get(["/articles/:id", "/free/:id"], (_request, response) => {
  response.type("text/plain").send(article);
});
app.listen(Number(port), "127.0.0.1");
