/**
 * Accounts with their balances, and new ones for payees.
 */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { assetOf, nameOf, type Account } from '../data.js';
import { t } from '../language.js';
import { setQuery, useAct, useLoad, usePages, useSafeCall } from '../load.js';
import { nodeFacts } from '../../node.js';
import { usePlace } from '../place.js';
import { Choose, Dialog, Field, Head, Id, Money, Notice, Table } from '../ui.js';

const ROLES = ['payee', 'payer', 'operator'] as const;

/** `mayOpen`: the reader may open accounts. */
export function AccountsPage({ mayOpen }: { mayOpen: boolean }): JSX.Element {
  const role = usePlace().searchParams.get('role') ?? 'payee';
  const list = usePages<Account>('/v1/accounts', { role });
  const [asking, setAsking] = useState(false);
  return (
    <>
      <Head title={t('accounts.title')} lead={t('accounts.lead')}>
        <Choose
          label={t('accounts.role')}
          value={role}
          onValue={(next) => setQuery('role', next)}
          options={ROLES.map((one): [string, string] => [one, t(`accounts.${one}`)])}
        />
        {mayOpen && <button type="button" class="main" onClick={() => setAsking(true)}>{t('accounts.new')}</button>}
      </Head>
      {list.problem !== undefined && <Notice>{list.problem}</Notice>}
      {list.isEnd || list.rows.length > 0 ? (
        <Table
          caption={t('accounts.title')}
          rows={list.rows}
          keyOf={({ account }) => account}
          columns={[
            { head: t('keys.name'), cell: (row) => nameOf({ ...row, label: row.label || null }) },
            { head: t('payment.id'), cell: (row) => <Id id={row.account} /> },
            { head: t('console.held'), cell: (row) => <Money units={row.held} asset={assetOf(row)} />, end: true },
            { head: t('income.available'), cell: (row) => <Money units={row.available} asset={assetOf(row)} />, end: true },
          ]}
        />
      ) : list.problem === undefined && <p class="waiting">{t('waiting')}</p>}
      {!list.isEnd && list.rows.length > 0 && (
        <p class="more"><button type="button" onClick={list.more}>{t('more')}</button></p>
      )}
      {asking && (
        <NewAccount onClose={() => setAsking(false)} onDone={() => {
          setAsking(false);
          list.again();
        }} />
      )}
    </>
  );
}

function NewAccount({ onClose, onDone }: { onClose(): void; onDone(): void }): JSX.Element {
  const assets = useLoad(async () => (await nodeFacts()).assets, []);
  const [label, setLabel] = useState('');
  const [chosen, setChosen] = useState<string>();
  const act = useAct();
  const open = useSafeCall();
  const asset = chosen ?? assets.value?.[0]?.code;
  return (
    <Dialog title={t('accounts.new')} onClose={onClose}>
      <p>{t('accounts.new_lead')}</p>
      <form onSubmit={(event) => {
        event.preventDefault();
        void act.run(async () => {
          await open('POST', '/v1/accounts', { asset, label: label.trim() });
          onDone();
        });
      }}>
        <Field label={t('keys.name')} value={label} onValue={setLabel} required />
        <Choose
          label={t('console.asset')}
          value={asset ?? ''}
          onValue={setChosen}
          options={(assets.value ?? []).map(({ code }): [string, string] => [code, code])}
        />
        {(act.problem ?? assets.problem) !== undefined && <Notice>{act.problem ?? assets.problem}</Notice>}
        <div class="actions">
          <button type="button" onClick={onClose}>{t('cancel')}</button>
          <button class="main" disabled={act.busy || asset === undefined}>{t('create')}</button>
        </div>
      </form>
    </Dialog>
  );
}
