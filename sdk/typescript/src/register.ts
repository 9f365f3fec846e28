/**
 * Registers the client plug-ins with an x402 client.
 *
 * Channels are opt-in: without `channels` in the payer nothing is ever held, only paid.
 */
import type { PaymentRequirements, SchemeNetworkClient } from "@x402/core/types";

import { BatchFarthingClient } from "./channel-client.js";
import { ExactFarthingClient, UptoFarthingClient, type FarthingPayer } from "./client.js";

type Policy = (version: number, offers: PaymentRequirements[]) => PaymentRequirements[];

/** The part of `x402Client` that registration needs. */
export interface SchemeRegistry {
  register(network: `${string}:${string}`, client: SchemeNetworkClient): unknown;
  registerV1?(network: string, client: SchemeNetworkClient): unknown;
  registerPolicy?(policy: Policy): unknown;
}

/**
 * Registers the plug-ins for every Farthing node: `exact` in x402 versions 2 and 1, `upto`, and with
 * `payer.channels` also `batch-settlement`, which then goes before the others. Returns the client.
 */
export function registerFarthing<T extends SchemeRegistry>(client: T, payer: FarthingPayer): T {
  const exact = new ExactFarthingClient(payer);
  client.register("farthing:*", exact);
  client.registerV1?.("farthing:*", exact);
  client.register("farthing:*", new UptoFarthingClient(payer));
  if (payer.channels) {
    client.register("farthing:*", new BatchFarthingClient(payer));
    client.registerPolicy?.(channelsFirst);
  }
  return client;
}

/** A policy for `registerPolicy`: what a channel can pay, a channel pays. */
export function channelsFirst(_version: number, offers: PaymentRequirements[]) {
  const isChannel = ({ scheme, network }: PaymentRequirements) =>
    scheme === "batch-settlement" && network.startsWith("farthing:");
  return [...offers.filter(isChannel), ...offers.filter((offer) => !isChannel(offer))];
}
