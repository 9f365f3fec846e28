/**
 * Signing in: the operator by password, a payee by an API key that is limited to their accounts.
 */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { signIn, type Session } from '../call.js';
import { t } from '../language.js';
import { useAct } from '../load.js';
import { Field, Head, Notice } from '../ui.js';

export function LoginPage({ onSession }: { onSession(session: Session): void }): JSX.Element {
  const [secret, setSecret] = useState('');
  const act = useAct();
  return (
    <div class="login">
      <Head title={t('login.title')} lead={t('login.lead')} />
      <form onSubmit={(event) => {
        event.preventDefault();
        void act.run(async () => onSession(await signIn(secret)));
      }}>
        {/* Password managers want to know for whom. */}
        <input class="unseen" type="text" autoComplete="username" value="operator" tabIndex={-1} aria-hidden="true" readOnly />
        <Field
          label={t('login.secret')}
          hint={t('login.hint')}
          type="password"
          autoComplete="current-password"
          value={secret}
          onValue={setSecret}
          required
        />
        {act.problem !== undefined && <Notice>{act.problem}</Notice>}
        <button class="main" disabled={act.busy}>{t('login.button')}</button>
      </form>
      <p class="small">{t('login.payer')} <a href="/wallet">{t('nav.wallet')}</a></p>
    </div>
  );
}
