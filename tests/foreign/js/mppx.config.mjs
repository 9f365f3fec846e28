/**
 * For `mppx URL -c mppx.config.mjs`: pays with the key in the file FARTHING_KEY, by the intent
 * FARTHING_INTENT (`charge` if it is not set).
 */
import { PayerKey } from "@farthing/x402";
import { charge, session } from "@farthing/x402/mpp";
import { defineConfig } from "mppx/cli";

const key = await PayerKey.load(process.env.FARTHING_KEY);
const method = process.env.FARTHING_INTENT === "session" ? session({ key }).method : charge({ key });

export default defineConfig({ methods: [method] });
