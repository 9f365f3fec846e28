/**
 * Signs what pays for requests to `channel-seller.mjs`, before anything is measured, and prints one
 * header a line: for each request the next voucher of its channel, channels in turn; the first of
 * each carries the deposit.
 *
 * Vouchers are signed by the client's own `signVoucher` of `@x402/evm`. The authorization inside a
 * deposit is not signed, because no chain looks at it.
 *
 * Arguments: URL of the resource, channels, requests.
 */
import { computeChannelId, signVoucher } from "@x402/evm/batch-settlement/client";
import { keccak256, toHex } from "viem";
import { privateKeyToAccount } from "viem/accounts";

const [url, channels, requests] = process.argv.slice(2);

const asked = await fetch(url);
const required = JSON.parse(Buffer.from(asked.headers.get("payment-required"), "base64"));
const [accepted] = required.accepts;
const { amount, payTo, asset, network, extra } = accepted;
const deposit = {
  amount: String(10n ** 15n),
  authorization: {
    erc3009Authorization: { validAfter: "0", validBefore: "0", salt: "0x00", signature: "0x00" },
  },
};

function open(number) {
  const account = privateKeyToAccount(keccak256(toHex(`bench ${number}`)));
  const channelConfig = {
    payer: account.address,
    payerAuthorizer: account.address,
    receiver: payTo,
    receiverAuthorizer: extra.receiverAuthorizer,
    token: asset,
    withdrawDelay: extra.withdrawDelay,
    salt: `0x${"00".repeat(32)}`,
  };
  return { account, channelConfig, id: computeChannelId(channelConfig, network), total: 0n };
}

async function payment(channel) {
  const first = channel.total === 0n;
  channel.total += BigInt(amount);
  const { account, channelConfig, id, total } = channel;
  const voucher = await signVoucher(account, id, String(total), network);
  const payload = first
    ? { type: "deposit", channelConfig, voucher, deposit }
    : { type: "voucher", channelConfig, voucher };
  const text = JSON.stringify({ x402Version: 2, resource: required.resource, accepted, payload });
  return Buffer.from(text).toString("base64");
}

const opened = Array.from({ length: Number(channels) }, (_, number) => open(number));
const lines = [];
for (let number = 0; number < Number(requests); number += 1) {
  lines.push(await payment(opened[number % opened.length]));
}
process.stdout.write(`${lines.join("\n")}\n`);
