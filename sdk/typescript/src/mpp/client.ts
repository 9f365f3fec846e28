/**
 * The client plug-in for `mppx`: pays challenges of method `farthing`.
 *
 * Signs exactly what a challenge asks for, after the spend control agreed; an order never outlives
 * its challenge. What a channel's payer may sign is decided by {@link ChannelBook}.
 */
import { Credential, Method, type Challenge } from "mppx";

import { signOrder, type FarthingPayer } from "../client.js";
import { chargeMethod, type ClientOf, type sessionMethod } from "./method.js";
import { readCharge } from "./requests.js";
import { FarthingSessions, type SessionPayer } from "./sessions.js";

/** A challenge as `mppx` reads it. */
export type AnyChallenge = Challenge.Challenge<Record<string, unknown>>;

/** Pays one purchase by one order, for `Mppx.create({ methods })`. */
export function charge(
  payer: Pick<FarthingPayer, "key" | "mandate" | "spendControl">,
): ClientOf<typeof chargeMethod> {
  return Method.toClient(chargeMethod, {
    async createCredential({ challenge }) {
      const terms = readCharge(challenge.request);
      payer.spendControl?.reserve({
        network: terms.network,
        asset: terms.asset.code,
        scale: terms.asset.scale,
        amount: terms.amount,
        payTo: terms.payTo,
      });
      const lifeMs = 1000 * terms.maxTimeoutSeconds;
      const endMs = challenge.expires ? Date.parse(challenge.expires) : Infinity;
      const signedMs = Math.min(Date.now(), endMs - lifeMs);
      const payload = await signOrder(payer, terms, undefined, signedMs);
      return Credential.serialize({ challenge, payload });
    },
  });
}

/** Pays from channels; gives the sessions too, for their `fetch` and `close`. */
export function session(payer: SessionPayer): FarthingSessions {
  return new FarthingSessions(payer);
}

/**
 * Both intents, orders first: for `Mppx.create({ methods: farthing(payer) })`. Use
 * {@link session} to pay for streams.
 */
export function farthing(
  payer: FarthingPayer,
): readonly [ClientOf<typeof chargeMethod>, ClientOf<typeof sessionMethod>] {
  return [charge(payer), session(payer).method];
}
