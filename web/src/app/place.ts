/**
 * Where the reader is: the path of the address, and links that change it without a load.
 */

import { useEffect, useState } from 'preact/hooks';

const MOVED = 'farthing-moved';

/** Path and query, as they change. */
export function usePlace(): URL {
  const [href, setHref] = useState(location.href);
  useEffect(() => {
    const moved = (): void => setHref(location.href);
    addEventListener('popstate', moved);
    addEventListener(MOVED, moved);
    return () => {
      removeEventListener('popstate', moved);
      removeEventListener(MOVED, moved);
    };
  }, []);
  return new URL(href);
}

export function go(path: string, how: 'push' | 'replace' = 'push'): void {
  history[how === 'push' ? 'pushState' : 'replaceState'](null, '', path);
  dispatchEvent(new Event(MOVED));
  if (how === 'push') scrollTo(0, 0);
}

/** Turns presses on links of the application into moves; all others stay the browser's. */
export function followLinks(): void {
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element).closest?.('a[href^="/app"]');
    if (!(link instanceof HTMLAnchorElement) || link.download !== '' || link.target !== '') return;
    event.preventDefault();
    go(link.getAttribute('href') ?? '/app');
  });
}
