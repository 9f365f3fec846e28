/**
 * The words of the application.
 *
 * Keeps: every word of it comes from a catalogue of `i18n`, and a key that the English one lacks does
 * not compile.
 */

import { currentLanguage, loadCatalogue, type Catalogue } from '../language.js';
import { format, type Values } from '../message.js';
import type english from './i18n/en.json';

export { chooseLanguage, currentLanguage, LANGUAGES } from '../language.js';

export type Key = keyof typeof english;

let catalogue: Catalogue = {};

/** To be awaited before anything is drawn. */
export async function loadLanguage(): Promise<void> {
  catalogue = await loadCatalogue((language) => `/app/files/${language}.json`);
}

/** The words of a key; the key itself if the catalogue is not there. */
export function t(key: Key, values: Values = {}): string {
  const message = catalogue[key];
  return message === undefined ? key : format(message, values, currentLanguage());
}

/** The words for a code that the node may answer; nothing if no language has words for it. */
export function wordsFor(group: 'problem' | 'alarm' | 'state' | 'class', code: string): string | undefined {
  const message = catalogue[`${group}.${code}`];
  return message === undefined ? undefined : format(message, {}, currentLanguage());
}
