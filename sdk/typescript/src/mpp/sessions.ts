/**
 * Sessions of a payer: channels that pay many requests, and streams while they run.
 *
 * {@link FarthingSessions.method} answers challenges inside `mppx`. {@link FarthingSessions.fetch}
 * goes below it: it reads receipts, sends the vouchers that a stream asks for, waits while the
 * channel is busy and lets a lost channel be replaced. It adds nothing to an answer and never
 * changes one; what may be signed is decided by {@link ChannelBook}.
 */
import { Challenge, Credential, Method } from "mppx";

import { ChannelBook, ChannelRefused, type ChannelPayer } from "../channel-book.js";
import { toBase64 } from "../encoding.js";
import { SpendRefused } from "../spend-limits.js";
import { EventReader, type ServerEvent } from "./events.js";
import { paymentPayload, sessionMethod, type ClientOf, type SessionPayload } from "./method.js";
import { METHOD, readSession, type SessionTerms } from "./requests.js";
import { readNeed, readSessionReceipt, type SessionReceipt } from "./receipts.js";

/** Who pays, within which limits. */
export interface SessionPayer extends ChannelPayer {
  /** Base units that a voucher in mid-stream allows beyond what is asked; the start if absent. */
  readonly ahead?: bigint;
  /** Told why a stream was not paid on; without it the stream ends at the last paid unit. */
  readonly onUnpaid?: (reason: unknown) => void;
}

/** What came of a closing. Base units. */
export interface ClosedSession {
  readonly channel: string;
  readonly spent: bigint;
  /** What goes back to the payer: at once, or at `closesAtMs` if that is set. */
  readonly refunded: bigint;
  /** Unix milliseconds. */
  readonly closesAtMs?: number;
}

type Fetch = typeof globalThis.fetch;
type SessionChallenge = Challenge.Challenge<Record<string, unknown>>;

/** A credential that was sent, and what it paid for. */
interface Sent {
  readonly challenge: SessionChallenge;
  readonly terms: SessionTerms;
  readonly name: string;
  readonly channel: string;
}

const CHANNEL_IS_GONE = new Set([
  "channel_unknown",
  "channel_closed",
  "channel_closing",
  "channel_expired",
]);
const CHANNEL_IS_BUSY = "channel_busy";
const BUSY_TRIES_MAX = 20;
const BUSY_WAIT_MS = 250;
/** Credentials whose answers are still awaited; older ones lose their receipts only. */
const SENT_MAX = 256;

/** The sessions of one payer. */
export class FarthingSessions {
  /** For `Mppx.create({ methods })`. */
  readonly method: ClientOf<typeof sessionMethod>;
  readonly #payer: SessionPayer;
  readonly #book: ChannelBook;
  readonly #sent = new Map<string, Sent>();

  constructor(payer: SessionPayer) {
    this.#payer = payer;
    this.#book = new ChannelBook(payer);
    this.method = Method.toClient(sessionMethod, {
      createCredential: ({ challenge }) => this.#pay(challenge as SessionChallenge),
    });
  }

  /** A fetch for `Mppx.create({ fetch })` that keeps sessions going. */
  fetch(fetcher: Fetch = globalThis.fetch): Fetch {
    return async (input, init) => {
      const request = new Request(input, init);
      const credential = credentialOf(request);
      const sent = credential === undefined ? undefined : this.#sent.get(credential);
      if (credential === undefined || !sent) return fetcher(request);
      try {
        return await this.#exchange(fetcher, request, sent);
      } finally {
        this.#sent.delete(credential);
      }
    };
  }

  /**
   * Closes the channel that pays for a resource; undefined if there is none. What was not spent
   * goes back, at once if the payee's side agrees.
   */
  async close(
    url: string | URL,
    fetcher: Fetch = globalThis.fetch,
  ): Promise<ClosedSession | undefined> {
    const unpaid = await fetcher(url, { method: "HEAD" });
    const challenge = sessionChallenge(unpaid);
    if (!challenge) throw new Error(`no session is offered here: status ${unpaid.status}`);
    const name = this.#book.name(readSession(challenge.request).offer);
    const record = await this.#book.find(name);
    if (!record) return undefined;
    const { channel } = record;
    const { cumulative, signature } = await this.#book.close(record);
    const payload: SessionPayload = {
      action: "close",
      channelId: channel,
      cumulativeAmount: String(cumulative),
      signature: toBase64(signature),
    };
    const answer = await send(fetcher, url, challenge, payload);
    const receipt = readSessionReceipt(answer);
    if (!answer.ok || receipt?.channel !== channel) {
      throw new Error(`the channel was not closed: status ${answer.status}`);
    }
    await this.#book.forget(name, channel);
    const { spent, deposit, closesAtMs } = receipt;
    const later = closesAtMs === undefined ? {} : { closesAtMs };
    return { channel, spent, refunded: deposit - spent, ...later };
  }

  /** Answers a challenge; what the server tells of the channel is taken up first. */
  async #pay(challenge: SessionChallenge): Promise<string> {
    const terms = readSession(challenge.request);
    const name = this.#book.name(terms.offer);
    if (terms.claim) await this.#book.correct(name, terms.claim);
    const payment = await this.#book.pay(terms.offer);
    const payload = paymentPayload(payment);
    const credential = Credential.serialize({ challenge, payload });
    const oldest = this.#sent.size >= SENT_MAX ? this.#sent.keys().next().value : undefined;
    if (oldest !== undefined) this.#sent.delete(oldest);
    const { channel } = payment.voucher;
    this.#sent.set(credential, { challenge, terms, name, channel });
    return credential;
  }

  async #exchange(fetcher: Fetch, request: Request, sent: Sent): Promise<Response> {
    let response = await fetcher(request.clone());
    for (let tries = 1; !response.ok && tries < BUSY_TRIES_MAX; tries += 1) {
      const code = await problemCode(response);
      if (code !== CHANNEL_IS_BUSY) {
        return CHANNEL_IS_GONE.has(code) ? this.#replace(fetcher, request, sent, response) : response;
      }
      await new Promise((resolve) => setTimeout(resolve, BUSY_WAIT_MS));
      response = await fetcher(request.clone());
    }
    await this.#note(sent, readSessionReceipt(response));
    const isEvents = response.headers.get("content-type")?.startsWith("text/event-stream");
    return isEvents && response.body ? this.#follow(fetcher, request, sent, response) : response;
  }

  /** Forgets a channel that is gone and asks anew, so that the next credential opens another. */
  async #replace(
    fetcher: Fetch,
    request: Request,
    sent: Sent,
    response: Response,
  ): Promise<Response> {
    if (!(await this.#book.forget(sent.name, sent.channel))) return response;
    const unpaid = new Request(request.clone());
    unpaid.headers.delete(credentialHeader(sent.challenge));
    return fetcher(unpaid);
  }

  /** Passes a stream of events on as it is, and pays for it while it runs. */
  #follow(fetcher: Fetch, request: Request, sent: Sent, response: Response): Response {
    const reader = new EventReader();
    const paying = (event: ServerEvent) => this.#answer(fetcher, request.url, sent, event);
    const watched = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        controller.enqueue(chunk);
        // Not awaited: the stream pauses at the server until the voucher is there.
        for (const event of reader.push(chunk)) void paying(event);
      },
    });
    const { status, statusText, headers } = response;
    const body = response.body?.pipeThrough(watched) ?? null;
    return new Response(body, { status, statusText, headers });
  }

  async #answer(fetcher: Fetch, url: string, sent: Sent, event: ServerEvent): Promise<void> {
    try {
      if (event.name === "payment-receipt") {
        await this.#note(sent, readSessionReceipt(event.data));
      }
      const need = event.name === "payment-need-voucher" ? readNeed(event.data) : undefined;
      if (need?.channel !== sent.channel) return;
      const { offer } = sent.terms;
      const { channel, deposit, accepted, required } = need;
      await this.#book.correct(sent.name, { channel, deposit, spent: accepted });
      const known = (await this.#book.find(sent.name))?.spent ?? "0";
      const ahead = this.#payer.ahead ?? offer.amount;
      const lacking = required - BigInt(known);
      if (lacking <= 0n) return;
      const pay = (amount: bigint) => this.#book.pay({ ...offer, amount });
      // Near its limit a payer still pays for the next unit alone.
      const payment = await pay(lacking + ahead).catch((error: unknown) =>
        isRefusal(error) ? pay(lacking) : Promise.reject(error),
      );
      const answer = await send(fetcher, url, sent.challenge, paymentPayload(payment));
      if (!answer.ok) throw new Error(`the voucher was not taken: status ${answer.status}`);
    } catch (error) {
      if (this.#payer.onUnpaid) this.#payer.onUnpaid(error);
      else if (!isRefusal(error)) console.warn("farthing: a stream is not paid on", error);
    }
  }

  async #note(sent: Sent, receipt: SessionReceipt | undefined): Promise<void> {
    if (receipt?.channel !== sent.channel) return;
    const { channel, deposit, spent } = receipt;
    await this.#book.correct(sent.name, { channel, deposit, spent });
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof ChannelRefused || error instanceof SpendRefused;
}

/** Sends a credential that buys nothing: a voucher, a top-up or a closing. */
async function send(
  fetcher: Fetch,
  url: string | URL,
  challenge: SessionChallenge,
  payload: SessionPayload,
): Promise<Response> {
  const credential = Credential.serialize({ challenge, payload });
  const headers = { [credentialHeader(challenge)]: credential };
  return fetcher(url, { method: "HEAD", headers });
}

function credentialHeader(challenge: SessionChallenge): string {
  return challenge.header ?? "Authorization";
}

function credentialOf(request: Request): string | undefined {
  const names = ["authorization", "payment-authorization"];
  const values = names.map((name) => request.headers.get(name));
  return values.find((value) => value?.startsWith("Payment ")) ?? undefined;
}

function sessionChallenge(response: Response): SessionChallenge | undefined {
  if (response.status !== 402) return undefined;
  const challenges: SessionChallenge[] = Challenge.fromResponseList(response);
  return challenges.find(({ method, intent }) => method === METHOD && intent === "session");
}

async function problemCode(response: Response): Promise<string> {
  try {
    const problem = (await response.clone().json()) as { code?: unknown };
    return typeof problem.code === "string" ? problem.code : "";
  } catch {
    return "";
  }
}
