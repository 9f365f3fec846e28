/** The words of the pages, as patterns, in the languages that the tests speak. */
import { readFileSync } from 'node:fs';

import { WEB } from './stand.mjs';

/** Language by its browser's setting. */
export const LANGUAGES = { en: 'en-US', ar: 'ar' };
export const APPLICATION = 'src/app/i18n';
export const PLAIN = 'src/words';

/** The words of a language by key: a pattern for how a text begins, with anything in place of arguments. */
export function words(language, folder) {
  const all = JSON.parse(readFileSync(`${WEB}${folder}/${language}.json`, 'utf8'));
  return (key) => {
    const text = all[key].replace(/\{.*\}/s, '\0').replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace('\0', '.*');
    return new RegExp(`^\\s*${text}`);
  };
}
