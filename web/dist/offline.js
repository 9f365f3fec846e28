"use strict";
/**
 * Lets the page `/verify` be opened again without a network: a service worker.
 *
 * Keeps: whoever answers is asked first, so nothing old is shown while there is a network. Touches
 * only that page, its files and the log's policy.
 */
const KEPT = /^\/(verify|log\/policy|\.well-known\/farthing\/[^/]+)$/;
self.addEventListener('fetch', (event) => {
    const { request } = event;
    const { origin, pathname } = new URL(request.url);
    if (request.method !== 'GET' || origin !== location.origin || !KEPT.test(pathname))
        return;
    event.respondWith(fetch(request).catch(() => kept(request)));
});
/** What the page put aside when it was loaded. */
async function kept(request) {
    return (await caches.match(request, { ignoreSearch: true })) ?? Response.error();
}
