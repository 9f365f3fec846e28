/**
 * The little that the pages need of the document: find, make and fill elements, show times.
 *
 * Keeps: text from outside reaches the document as text only, never as markup.
 */

type Child = Node | string;

/** The element with this id, which the page must have. */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found as T;
}

export function make<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Record<string, string> = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** Replaces text only if it differs, so that a live region speaks once. */
export function setText(element: HTMLElement, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Says a sentence in the page's live region, `#status`. */
export function say(text: string, kind: 'info' | 'problem' = 'info'): void {
  const status = byId('status');
  status.dataset['kind'] = kind;
  setText(status, text);
}

/** A moment in the language of the page. */
export function time(atMs: number, style: keyof typeof STYLES): HTMLTimeElement {
  const at = new Date(atMs);
  const text = new Intl.DateTimeFormat(document.documentElement.lang, STYLES[style]).format(at);
  return make('time', { datetime: at.toISOString() }, text);
}

const STYLES = {
  moment: { dateStyle: 'medium', timeStyle: 'short' },
  clock: { timeStyle: 'medium' },
} as const;
