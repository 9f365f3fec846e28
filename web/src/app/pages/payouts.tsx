/**
 * Money on its way to a bank: asked for by payees, let go or stopped by the operator.
 */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { decimal, units } from '../../amount.js';
import { call, fetchFile, Problem } from '../call.js';
import { assetOf, nameOf, payees, type Account, type Payout } from '../data.js';
import { save } from '../file.js';
import { t } from '../language.js';
import { useAct, useLoad, usePages, useSafeCall } from '../load.js';
import { Choose, Dialog, Field, Head, Money, Notice, State, Sure, Table, Time } from '../ui.js';

/** What the operator can do with a payout in each state. */
const STEPS: Record<Payout['state'], ('hold' | 'release' | 'cancel' | 'paid')[]> = {
  requested: ['release', 'hold', 'cancel'],
  held: ['release', 'cancel'],
  released: ['paid', 'hold', 'cancel'],
  exported: ['paid', 'cancel'],
  paid: [],
  cancelled: [],
};

/** `limitedTo` is what a payee's sign-in is limited to; null for all accounts. */
export function PayoutsPage({ isOperator, limitedTo }: {
  isOperator: boolean;
  limitedTo: string[] | null;
}): JSX.Element {
  const accounts = useLoad(payees, []);
  const list = usePages<Payout>('/v1/payouts', { account: limitedTo?.[0] });
  const [asking, setAsking] = useState<'payout' | 'debtor'>();
  const act = useAct();
  const step = async (payout: Payout, name: string): Promise<void> => {
    await act.run(() => call('POST', `/v1/payouts/${payout.payout}/${name}`));
    list.again();
  };
  const exported = (): Promise<void> => act.run(async () => {
    try {
      save('payouts.xml', await fetchFile('POST', '/v1/payouts/export'), 'application/xml');
      list.again();
    } catch (error) {
      if (!(error instanceof Problem) || error.code !== 'payout_debtor_missing') throw error;
      setAsking('debtor');
    }
  });
  const named = (id: string): string => {
    const found = accounts.value?.find(({ account }) => account === id);
    return found === undefined ? id : nameOf(found);
  };
  const released = list.rows.some(({ state }) => state === 'released');
  return (
    <>
      <Head title={t('payouts.title')} lead={t('payouts.lead')}>
        {isOperator && released && <button type="button" disabled={act.busy} onClick={() => void exported()}>{t('payouts.export')}</button>}
        <button type="button" class="main" disabled={(accounts.value ?? []).length === 0} onClick={() => setAsking('payout')}>
          {t('payouts.new')}
        </button>
      </Head>
      {(act.problem ?? list.problem) !== undefined && <Notice>{act.problem ?? list.problem}</Notice>}
      {(list.isEnd || list.rows.length > 0) && (
        <Table
          caption={t('payouts.title')}
          rows={list.rows}
          keyOf={({ payout }) => payout}
          empty={t('payouts.none')}
          columns={[
            { head: t('payouts.to'), cell: ({ creditor }) => <>{creditor.name}<br /><code class="small" dir="ltr">{creditor.iban ?? creditor.account}</code></> },
            { head: t('payouts.from'), cell: (row) => named(row.account) },
            { head: t('column.when'), cell: (row) => <Time at={row.requested_at_ms} /> },
            { head: t('column.state'), cell: (row) => <State state={row.state === 'released' ? 'let_go' : row.state} /> },
            { head: t('column.amount'), cell: (row) => <Money units={row.amount} asset={assetOf(row)} />, end: true },
            {
              head: t('column.act'),
              quiet: true,
              end: true,
              cell: (row) => (
                <div class="acts">
                  {STEPS[row.state].filter((name) => isOperator || name === 'cancel').map((name) => (
                    <Sure
                      key={name}
                      label={t(`payouts.${name}`)}
                      about={row.creditor.name}
                      question={t(`payouts.${name}_sure`, { name: row.creditor.name })}
                      act={() => step(row, name)}
                    />
                  ))}
                </div>
              ),
            },
          ]}
        />
      )}
      {!list.isEnd && list.rows.length > 0 && <p class="more"><button type="button" onClick={list.more}>{t('more')}</button></p>}
      {asking === 'payout' && <RequestDialog accounts={accounts.value ?? []} onClose={() => setAsking(undefined)} onDone={list.again} />}
      {asking === 'debtor' && <DebtorDialog onClose={() => setAsking(undefined)} onDone={() => void exported()} />}
    </>
  );
}

function RequestDialog({ accounts, onClose, onDone }: {
  accounts: Account[];
  onClose(): void;
  onDone(): void;
}): JSX.Element {
  const [from, setFrom] = useState(accounts[0]?.account ?? '');
  const account = accounts.find((one) => one.account === from) ?? accounts[0];
  const asset = account === undefined ? { code: '', scale: 0 } : assetOf(account);
  const [amount, setAmount] = useState('');
  const [name, setName] = useState('');
  const [iban, setIban] = useState('');
  const act = useAct();
  const post = useSafeCall();
  const most = BigInt(account?.available ?? '0');
  const wanted = amount === '' ? most : units(amount, asset.scale);
  const isFine = wanted !== undefined && wanted > 0n && wanted <= most;
  return (
    <Dialog title={t('payouts.new')} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void act.run(async () => {
          const body = { account: from, creditor: party(name, iban), amount: String(wanted) };
          await post('POST', '/v1/payouts', body);
          onClose();
          onDone();
        });
      }}>
        <Choose label={t('payouts.from')} value={from} onValue={setFrom} options={accounts.map((one) => [one.account, nameOf(one)])} />
        <Field
          label={t('payouts.amount', { asset: asset.code })}
          amount
          value={amount}
          onValue={setAmount}
          placeholder={decimal(most, asset.scale)}
          hint={t('payouts.amount_hint')}
          problem={isFine || amount === '' ? undefined : t('payouts.bounds')}
        />
        <Field label={t('payouts.name')} value={name} onValue={setName} autoComplete="name" required />
        <Field label="IBAN" value={iban} onValue={setIban} required />
        {act.problem !== undefined && <Notice>{act.problem}</Notice>}
        <div class="actions">
          <button type="button" onClick={onClose}>{t('cancel')}</button>
          <button class="main" disabled={act.busy || !isFine}>{t('payouts.ask')}</button>
        </div>
      </form>
    </Dialog>
  );
}

/** From which bank account the operator pays; asked for once. */
function DebtorDialog({ onClose, onDone }: { onClose(): void; onDone(): void }): JSX.Element {
  const [name, setName] = useState('');
  const [iban, setIban] = useState('');
  const act = useAct();
  return (
    <Dialog title={t('payouts.debtor')} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void act.run(async () => {
          await call('PUT', '/v1/payouts/debtor', party(name, iban));
          onClose();
          onDone();
        });
      }}>
        <p>{t('payouts.debtor_lead')}</p>
        <Field label={t('payouts.name')} value={name} onValue={setName} autoComplete="organization" required />
        <Field label="IBAN" value={iban} onValue={setIban} required />
        {act.problem !== undefined && <Notice>{act.problem}</Notice>}
        <div class="actions">
          <button type="button" onClick={onClose}>{t('cancel')}</button>
          <button class="main" disabled={act.busy}>{t('save')}</button>
        </div>
      </form>
    </Dialog>
  );
}

function party(name: string, iban: string): { name: string; iban: string } {
  return { name: name.trim(), iban: iban.replaceAll(/\s/g, '').toUpperCase() };
}
