/** Farthing for the x402 SDKs: the plug-ins, keys and signed formats. */
export {
  ExactFarthingClient,
  UptoFarthingClient,
  signOrder,
  type FarthingPayer,
  type KnownAsset,
} from "./client.js";
export { BatchFarthingClient, type FarthingChannelPayer, type Refund } from "./channel-client.js";
export * from "./channel-book.js";
export {
  channelPayload,
  payloadVoucher,
  readChannelClaim,
  readChannelOffer,
  voucherMessage,
  type VoucherMessage,
} from "./channel-messages.js";
export { MemoryChannelStore, type ChannelRecord, type ChannelStore } from "./channel-store.js";
export { channelsFirst, registerFarthing, type SchemeRegistry } from "./register.js";
export {
  ExactFarthingServer,
  UptoFarthingServer,
  type FarthingSeller,
  type RequestAdapter,
} from "./server.js";
export { BatchFarthingServer, type FarthingChannelSeller } from "./channel-server.js";
export { PayerKey, accessHeader, verifySignature, type Signer } from "./key.js";
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
export * from "./mandate.js";
