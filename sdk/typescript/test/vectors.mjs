// The golden vectors that every implementation of the signed formats runs.
import { readFileSync } from "node:fs";

import { fromHex } from "../dist/index.js";

const file = new URL("../../../conformance/formats.json", import.meta.url);

export const vectors = JSON.parse(readFileSync(file, "utf8"));

export const isNone = (hex) => /^0*$/.test(hex);

export const orderOf = (row) => ({
  node: fromHex(row.node),
  order: fromHex(row.order),
  payer: fromHex(row.payer),
  signer: fromHex(row.signer),
  payee: fromHex(row.payee),
  asset: { code: row.asset, scale: row.scale },
  amount: BigInt(row.amount),
  expiresAtMs: BigInt(row.expires_at_ms),
  ...(!isNone(row.purchase) && { purchase: fromHex(row.purchase) }),
  ...(!isNone(row.mandate) && { mandate: fromHex(row.mandate) }),
});

export const mandateOf = (row) => ({
  node: fromHex(row.node),
  mandate: fromHex(row.mandate),
  payer: fromHex(row.payer),
  payerKey: fromHex(row.payer_key),
  delegateKey: fromHex(row.delegate_key),
  asset: { code: row.asset, scale: row.scale },
  perPayment: BigInt(row.per_payment),
  total: BigInt(row.total),
  expiresAtMs: BigInt(row.expires_at_ms),
  ...(!isNone(row.audience) && { audience: fromHex(row.audience) }),
});
