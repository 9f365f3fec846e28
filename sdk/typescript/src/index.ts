/** Farthing for the x402 SDKs: the plug-ins, keys and signed formats. */
export {
  ExactFarthingClient,
  registerFarthing,
  signOrder,
  type FarthingPayer,
  type KnownAsset,
  type SchemeRegistry,
} from "./client.js";
export { ExactFarthingServer, type FarthingSeller, type RequestAdapter } from "./server.js";
export { PayerKey, accessHeader, type Signer } from "./key.js";
export { readRequirements, type Terms } from "./requirements.js";
export {
  SpendLimits,
  SpendRefused,
  type ProposedPayment,
  type SpendControl,
  type SpendLimitOptions,
  type SpendRefusal,
} from "./spend-limits.js";
export { parsePrice, type ParsedPrice } from "./price.js";
export * from "./channel-formats.js";
export * from "./encoding.js";
export * from "./formats.js";
