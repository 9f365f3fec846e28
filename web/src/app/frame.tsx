/**
 * What stands around every page: the mark, the navigation, the language.
 */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { chooseLanguage, currentLanguage, LANGUAGES, t } from './language.js';

export interface Door {
  path: string;
  name: string;
}

export function Frame({ doors, place, onLeave, children }: {
  doors: Door[];
  place: string;
  onLeave?: () => void;
  children: ComponentChildren;
}): JSX.Element {
  const [open, setOpen] = useState(false);
  useEffect(() => setOpen(false), [place]);
  return (
    <div class={doors.length === 0 ? 'frame alone' : 'frame'}>
      <a class="skip" href="#main">{t('skip')}</a>
      <header class="side">
        <a class="brand" href="/"><Mark /><span>Farthing</span></a>
        {doors.length > 0 && (
          <button
            type="button"
            class="quiet menu"
            aria-expanded={open}
            aria-controls="doors"
            onClick={() => setOpen(!open)}
          >{t('menu')}</button>
        )}
        <div id="doors" class={open ? 'doors open' : 'doors'}>
          {doors.length > 0 && (
            <nav aria-label={t('nav.label')}>
              <ul>
                {doors.map(({ path, name }) => (
                  <li key={path}>
                    <a href={path} aria-current={isAt(place, path) ? 'page' : undefined}>{name}</a>
                  </li>
                ))}
              </ul>
            </nav>
          )}
          <div class="foot">
            <LanguageChoice />
            {onLeave !== undefined && (
              <button type="button" class="text" onClick={onLeave}>{t('sign_out')}</button>
            )}
          </div>
        </div>
      </header>
      <main id="main" tabIndex={-1}>{children}</main>
    </div>
  );
}

export function LanguageChoice(): JSX.Element {
  return (
    <label class="language">
      <span class="unseen">{t('language')}</span>
      <select value={currentLanguage()} onChange={(event) => chooseLanguage(event.currentTarget.value)}>
        {Object.entries(LANGUAGES).map(([tag, name]) => <option key={tag} value={tag} lang={tag}>{name}</option>)}
      </select>
    </label>
  );
}

export function Mark(): JSX.Element {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <circle cx="16" cy="16" r="13" />
      <path d="M16 16V6.5A9.5 9.5 0 0 1 25.5 16Z" />
    </svg>
  );
}

function isAt(place: string, path: string): boolean {
  return path === '/app' ? place === '/app' || place === '/app/' : place.startsWith(path);
}
