/**
 * Lets the page `/verify` be opened again without a network: a service worker.
 *
 * Keeps: whoever answers is asked first, so nothing old is shown while there is a network. Touches
 * only that page, its files and the log's policy.
 */

interface Asking extends Event {
  readonly request: Request;
  respondWith(answer: Promise<Response>): void;
}

const KEPT = /^\/(verify|log\/policy|\.well-known\/farthing\/[^/]+)$/;

self.addEventListener('fetch', (event) => {
  const { request } = event as Asking;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin || !KEPT.test(pathname)) return;
  (event as Asking).respondWith(fetch(request).catch(() => kept(request)));
});

/** What the page put aside when it was loaded. */
async function kept(request: Request): Promise<Response> {
  return (await caches.match(request, { ignoreSearch: true })) ?? Response.error();
}
