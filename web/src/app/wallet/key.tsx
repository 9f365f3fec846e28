/**
 * The key to the account: where it is, a copy under a passphrase, and the way back from one.
 */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { NotOpened, seal, unseal } from '../../backup.js';
import { replacePair, storedPair } from '../../keys.js';
import { save } from '../file.js';
import { t } from '../language.js';
import { useAct } from '../load.js';
import { Dialog, Field, Notice } from '../ui.js';
import type { PartProps } from './main.js';

const PASSPHRASE_CHARACTERS_MIN = 10;

type Asking = 'copy' | 'recover' | undefined;

export function Key({ purse, state }: PartProps): JSX.Element {
  const [asking, setAsking] = useState<Asking>();
  return (
    <section aria-labelledby="key">
      <h2 id="key">{t('key.title')}</h2>
      <p><code id="account">{purse.account}</code></p>
      <p class="small">{t('key.lead')}</p>
      <div class="acts">
        <button type="button" onClick={() => setAsking('copy')}>{t('key.copy')}</button>
        <button type="button" onClick={() => setAsking('recover')}>{t('key.recover')}</button>
      </div>
      {asking === 'copy' && <Copy account={purse.account} onClose={() => setAsking(undefined)} />}
      {asking === 'recover' && (
        <Recover hasMoney={BigInt(state?.posted ?? '0') > 0n} onClose={() => setAsking(undefined)} />
      )}
    </section>
  );
}

function Copy({ account, onClose }: { account: string; onClose(): void }): JSX.Element {
  const [passphrase, setPassphrase] = useState('');
  const [told, setTold] = useState<string>();
  const act = useAct();
  const isFine = passphrase.length >= PASSPHRASE_CHARACTERS_MIN;
  const copy = async (): Promise<void> => {
    const pair = await storedPair();
    if (pair === undefined || !pair.privateKey.extractable) {
      setTold(t('key.stays'));
      return;
    }
    const content = JSON.stringify(await seal(pair, passphrase), undefined, 2);
    save(`farthing-wallet-${account.slice(4, 12)}.json`, `${content}\n`, 'application/json');
    onClose();
  };
  return (
    <Dialog title={t('key.copy')} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        if (isFine) void act.run(copy);
      }}>
        <p>{t('key.copy_lead')}</p>
        <Field
          label={t('key.passphrase')}
          hint={t('key.passphrase_hint', { count: PASSPHRASE_CHARACTERS_MIN })}
          type="password"
          autoComplete="new-password"
          value={passphrase}
          onValue={setPassphrase}
          required
        />
        {(told ?? act.problem) !== undefined && <Notice>{told ?? act.problem}</Notice>}
        <div class="actions">
          <button type="button" onClick={onClose}>{t('cancel')}</button>
          <button class="main" disabled={act.busy || !isFine}>{t('key.save')}</button>
        </div>
      </form>
    </Dialog>
  );
}

function Recover({ hasMoney, onClose }: { hasMoney: boolean; onClose(): void }): JSX.Element {
  const [file, setFile] = useState<File>();
  const [passphrase, setPassphrase] = useState('');
  const [told, setTold] = useState<string>();
  const act = useAct();
  const recover = async (): Promise<void> => {
    setTold(undefined);
    try {
      await replacePair(await unseal((await file?.text()) ?? '', passphrase));
      location.reload();
    } catch (error) {
      if (!(error instanceof NotOpened)) throw error;
      setTold(t(`key.${error.why}`));
    }
  };
  return (
    <Dialog title={t('key.recover')} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void act.run(recover);
      }}>
        {hasMoney && <Notice>{t('key.replaces')}</Notice>}
        <div class="field">
          <label for="backup">{t('key.file')}</label>
          <input id="backup" type="file" accept=".json,application/json" required onChange={(event) => setFile(event.currentTarget.files?.[0])} />
        </div>
        <Field label={t('key.passphrase')} type="password" autoComplete="current-password" value={passphrase} onValue={setPassphrase} required />
        {(told ?? act.problem) !== undefined && <Notice>{told ?? act.problem}</Notice>}
        <div class="actions">
          <button type="button" onClick={onClose}>{t('cancel')}</button>
          <button class="main" disabled={act.busy || file === undefined}>{t('key.recover')}</button>
        </div>
      </form>
    </Dialog>
  );
}
