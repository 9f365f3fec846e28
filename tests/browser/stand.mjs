/** The stand-in of `web` for a node, and where its pages are. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const WEB = fileURLToPath(new URL('../../web/', import.meta.url));

/** Every page in its full state. */
export const PLACES = {
  income: '/app', offers: '/app/offers', offer: '/app/offers/off_0000q8xk3v5w7m9r2t4y6a8c0e', 'offer-new': '/app/offers/new',
  codes: '/app/codes', payments: '/app/payments', payment: '/app/payments/pay_0005q8xk3v5w7m9r2t4y6a8c0e', payouts: '/app/payouts',
  accounts: '/app/accounts', settings: '/app/settings', webhooks: '/app/webhooks', keys: '/app/keys', console: '/app/console', wallet: '/wallet',
  receipt: '/pay/pay_0000q8xk3v5w7m9r2t4y6a8c0e',
};

const stand = { origin: undefined };

/** The stand-in's origin; it ends with this process. */
export function standIn() {
  stand.origin ??= new Promise((resolve, reject) => {
    const node = spawn(process.execPath, [`${WEB}stand-in.mjs`, '0'], { stdio: ['ignore', 'pipe', 'inherit'] });
    node.once('error', reject);
    node.stdout.once('data', (line) => {
      // Nothing that waits for the stand-in may keep this process from its end.
      node.stdout.destroy();
      node.unref();
      resolve(String(line).trim());
    });
    process.once('exit', () => node.kill());
  });
  return stand.origin;
}
