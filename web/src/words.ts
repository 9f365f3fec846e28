/**
 * The words of the plain pages: paywall, player, pop-up, front page, live page, verifier.
 *
 * In their HTML, `data-say` names the key of an element's text and `data-say-label` that of its
 * `aria-label`; the build puts the English there, and `speak` the reader's language. Keeps: a word is
 * text, never markup; a key that the English catalogue lacks does not compile.
 */

import { money } from './amount.js';
import { byId, make } from './dom.js';
import { chooseLanguage, currentLanguage, LANGUAGES, loadCatalogue, type Catalogue } from './language.js';
import { format, type Values } from './message.js';
import { readable } from './money.js';
import type { Refused } from './node.js';
import type { Asset } from './order.js';
import type english from './words/en.json';

export type Key = keyof typeof english;

const ADDRESS = '/.well-known/farthing/words.';

let catalogue: Catalogue = {};

/** Puts the reader's words into the page; to be awaited before anything else is said. */
export async function speak(): Promise<void> {
  catalogue = await loadCatalogue((language) => `${ADDRESS}${language}.json`);
  for (const element of document.querySelectorAll<HTMLElement>('[data-say]')) {
    element.textContent = t(element.dataset['say'] as Key);
  }
  for (const element of document.querySelectorAll<HTMLElement>('[data-say-label]')) {
    element.setAttribute('aria-label', t(element.dataset['sayLabel'] as Key));
  }
  offerLanguages(byId<HTMLSelectElement>('language'));
}

/** The words of a key; the key itself if the catalogue is not there. */
export function t(key: Key, values: Values = {}): string {
  return wordsOf(key, values) ?? key;
}

/** The words for a code; nothing if no language has words for it. */
export function wordsFor(group: 'problem' | 'state' | 'role', code: string): string | undefined {
  return wordsOf(`${group}.${code}`, {});
}

/** A failure for the reader: by its code if that is known, else in the node's own words. */
export function sentence(error: unknown, otherwise: Key = 'problem.page'): string {
  const { code, message } = error as Partial<Refused>;
  if (!(error instanceof Error) || typeof code !== 'string') return t(otherwise);
  return wordsFor('problem', code) ?? (message === code ? t(otherwise) : error.message);
}

/** Money as it is written in the reader's language. */
export function amount(units: string | bigint, asset: Asset): string {
  const language = currentLanguage();
  return language === 'en' ? readable(units, asset) : money(units, asset, language);
}

/** A price by the unit. */
export function rate(units: string, per: number, unit: string, asset: Asset): string {
  const price = amount(units, asset);
  return per === 1 ? t('rate', { price, unit }) : t('rate.many', { price, unit, count: per });
}

function wordsOf(key: string, values: Values): string | undefined {
  const message = catalogue[key];
  return message === undefined ? undefined : format(message, values, currentLanguage());
}

function offerLanguages(choice: HTMLSelectElement): void {
  for (const [tag, name] of Object.entries(LANGUAGES)) {
    choice.append(make('option', { value: tag, lang: tag }, name));
  }
  choice.value = currentLanguage();
  choice.addEventListener('change', () => chooseLanguage(choice.value));
}
