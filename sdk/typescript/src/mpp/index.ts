/** Farthing for the MPP SDK `mppx`: pay and sell with the HTTP authentication scheme `Payment`. */
export { charge, farthing, session, type AnyChallenge } from "./client.js";
export { FarthingSessions, type ClosedSession, type SessionPayer } from "./sessions.js";
export { chargeMethod, paymentPayload, sessionMethod, type SessionPayload } from "./method.js";
export { METHOD, readCharge, readSession, type SessionTerms } from "./requests.js";
export { readNeed, readSessionReceipt, type SessionReceipt, type VoucherNeed } from "./receipts.js";
export { EVENT_CHARS_MAX, EventReader, type ServerEvent } from "./events.js";
export {
  sellCharge,
  sellSession,
  type FarthingSeller,
  type FarthingSessionSeller,
} from "./server.js";
