/**
 * API keys: made with no more rights than they need, shown once.
 */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { call } from '../call.js';
import { all, nameOf, payees, type Account, type ApiKey } from '../data.js';
import { t } from '../language.js';
import { useAct, useLoad } from '../load.js';
import { Check, Choose, Dialog, Field, Head, Notice, Secret, Sure, Table, Time, Waiting } from '../ui.js';

const SCOPES = [
  'read', 'offers:write', 'refunds:write', 'payouts:write', 'webhooks:write', 'keys:write',
  'settings:write', 'money:write', 'operator',
];
const DAY_MS = 86_400_000;

export function KeysPage(): JSX.Element {
  const list = useLoad(() => all<ApiKey>('/v1/keys'), []);
  const accounts = useLoad(payees, []);
  const [asking, setAsking] = useState(false);
  const [secret, setSecret] = useState<string>();
  const act = useAct();
  const named = (id: string): string => {
    const found = accounts.value?.find(({ account }) => account === id);
    return found === undefined ? id : nameOf(found);
  };
  return (
    <>
      <Head title={t('keys.title')} lead={t('keys.lead')}>
        <button type="button" class="main" onClick={() => setAsking(true)}>{t('keys.new')}</button>
      </Head>
      {secret !== undefined && <><Notice kind="good">{t('keys.once')}</Notice><Secret label={t('keys.secret')} value={secret} /></>}
      {act.problem !== undefined && <Notice>{act.problem}</Notice>}
      {list.value === undefined ? <Waiting problem={list.problem} /> : (
        <Table
          caption={t('keys.title')}
          rows={list.value}
          keyOf={({ key_id }) => key_id}
          empty={t('keys.none')}
          columns={[
            { head: t('keys.name'), cell: (row) => row.name },
            { head: t('keys.scopes'), cell: (row) => <code class="small">{row.scopes.join(' ')}</code> },
            { head: t('column.account'), cell: (row) => (row.accounts === null ? t('all') : row.accounts.map(named).join(', ')) },
            { head: t('column.expires'), cell: (row) => (row.expires_at_ms === null ? t('never') : <Time at={row.expires_at_ms} as="date" />) },
            {
              head: t('column.act'),
              quiet: true,
              end: true,
              cell: (row) => (
                <Sure label={t('delete')} about={row.name} question={t('keys.sure', { name: row.name })} act={async () => {
                  await act.run(() => call('DELETE', `/v1/keys/${row.key_id}`));
                  await list.again();
                }} />
              ),
            },
          ]}
        />
      )}
      {asking && (
        <NewKey accounts={accounts.value ?? []} onClose={() => setAsking(false)} onDone={(made) => {
          setAsking(false);
          setSecret(made);
          void list.again();
        }} />
      )}
    </>
  );
}

function NewKey({ accounts, onClose, onDone }: {
  accounts: Account[];
  onClose(): void;
  onDone(secret: string): void;
}): JSX.Element {
  const [name, setName] = useState('');
  const [scopes, setScopes] = useState(new Set(['read']));
  const [account, setAccount] = useState('');
  const [days, setDays] = useState('90');
  const act = useAct();
  const turn = (scope: string, isOn: boolean): void => {
    const next = new Set(scopes);
    if (isOn) next.add(scope);
    else next.delete(scope);
    setScopes(next);
  };
  const create = async (): Promise<void> => {
    const made = await call<{ secret: string }>('POST', '/v1/keys', {
      name: name.trim(),
      scopes: [...scopes],
      accounts: account === '' ? null : [account],
      expires_at_ms: days.trim() === '' ? null : Date.now() + Number(days) * DAY_MS,
    });
    onDone(made.secret);
  };
  return (
    <Dialog title={t('keys.new')} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void act.run(create);
      }}>
        <Field label={t('keys.name')} value={name} onValue={setName} required />
        <Choose
          label={t('keys.limit')}
          value={account}
          onValue={setAccount}
          options={[['', t('keys.no_limit')], ...accounts.map((one): [string, string] => [one.account, nameOf(one)])]}
        />
        <Field label={t('keys.days')} type="number" value={days} onValue={setDays} hint={t('keys.days_hint')} />
        <fieldset class="checks">
          <legend>{t('keys.scopes')}</legend>
          {SCOPES.map((scope) => (
            <Check key={scope} label={scope} value={scopes.has(scope)} onValue={(isOn) => turn(scope, isOn)} />
          ))}
        </fieldset>
        {scopes.has('operator') && account === '' && <Notice>{t('keys.warning')}</Notice>}
        {act.problem !== undefined && <Notice>{act.problem}</Notice>}
        <div class="actions">
          <button type="button" onClick={onClose}>{t('cancel')}</button>
          <button class="main" disabled={act.busy || scopes.size === 0}>{t('create')}</button>
        </div>
      </form>
    </Dialog>
  );
}
