/**
 * The language of the pages: which one, its words, its direction.
 *
 * Keeps: every word of the application comes from a catalogue of `i18n`, and a key that the English
 * one lacks does not compile. What the reader chose stays in this browser.
 */

import type english from './i18n/en.json';
import { format, type Values } from './message.js';

export type Key = keyof typeof english;

/** Each language in its own words. */
export const LANGUAGES = {
  en: 'English',
  es: 'Español',
  de: 'Deutsch',
  ar: 'العربية',
  ko: '한국어',
} as const;
export type Language = keyof typeof LANGUAGES;

const RIGHT_TO_LEFT: Language[] = ['ar'];
const CHOSEN = 'farthing-language';
const CATALOGUES = '/app/files/';

let language: Language = 'en';
let catalogue: Record<string, string> = {};

/** To be awaited before anything is drawn. */
export async function loadLanguage(): Promise<void> {
  language = chosen() ?? preferred(navigator.languages);
  document.documentElement.lang = language;
  document.documentElement.dir = RIGHT_TO_LEFT.includes(language) ? 'rtl' : 'ltr';
  const response = await fetch(`${CATALOGUES}${language}.json`);
  catalogue = (await response.json()) as Record<string, string>;
}

/** The page is drawn anew: every word of it changes. */
export function chooseLanguage(next: string): void {
  localStorage.setItem(CHOSEN, next);
  location.reload();
}

export function currentLanguage(): Language {
  return language;
}

/** The words of a key; the key itself if the catalogue is not there. */
export function t(key: Key, values: Values = {}): string {
  const message = catalogue[key];
  return message === undefined ? key : format(message, values, language);
}

/** The words for a code that the node may answer; nothing if no language has words for it. */
export function wordsFor(group: 'problem' | 'alarm' | 'state' | 'class', code: string): string | undefined {
  const message = catalogue[`${group}.${code}`];
  return message === undefined ? undefined : format(message, {}, language);
}

/** The first of the reader's languages that there is, else English. */
export function preferred(wanted: readonly string[]): Language {
  for (const tag of wanted) {
    const [main = ''] = tag.toLowerCase().split('-');
    if (isLanguage(main)) return main;
  }
  return 'en';
}

function chosen(): Language | undefined {
  const stored = localStorage.getItem(CHOSEN) ?? '';
  return isLanguage(stored) ? stored : undefined;
}

function isLanguage(text: string): text is Language {
  return Object.hasOwn(LANGUAGES, text);
}
