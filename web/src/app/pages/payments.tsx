/**
 * Payments to a payee, newest first, with their refunds.
 */

import type { JSX } from 'preact';

import { amountOf, assetOf, nameOf, payees, type Payment } from '../data.js';
import { decimal } from '../../amount.js';
import { csv, save } from '../file.js';
import { t, wordsFor } from '../language.js';
import { setQuery, useLoad, usePages } from '../load.js';
import { usePlace } from '../place.js';
import { RefundButton } from '../refund.js';
import { Choose, Head, Money, Notice, State, Table, Time } from '../ui.js';

const STATES = ['settled', 'held', 'released'] as const;

/** `limitedTo` is what a payee's sign-in is limited to; null for all accounts. */
export function PaymentsPage({ limitedTo }: { limitedTo: string[] | null }): JSX.Element {
  const { searchParams } = usePlace();
  const query = {
    account: searchParams.get('account') ?? limitedTo?.[0],
    state: searchParams.get('state') ?? undefined,
  };
  const accounts = useLoad(payees, []);
  const list = usePages<Payment>('/v1/payments', query);
  return (
    <>
      <Head title={t('payments.title')} lead={t('payments.lead')}>
        <Choose
          label={t('column.account')}
          value={query.account ?? ''}
          onValue={(next) => setQuery('account', next)}
          options={[...(limitedTo === null ? [['', t('all')] as [string, string]] : []), ...(accounts.value ?? []).map((one): [string, string] => [one.account, nameOf(one)])]}
        />
        <Choose
          label={t('column.state')}
          value={query.state ?? ''}
          onValue={(next) => setQuery('state', next)}
          options={[['', t('all')], ...STATES.map((state): [string, string] => [state, wordsFor('state', state) ?? state])]}
        />
        <button type="button" onClick={() => save('payments.csv', asCsv(list.rows), 'text/csv')}>CSV</button>
      </Head>
      {list.problem !== undefined && <Notice>{list.problem}</Notice>}
      {list.isEnd || list.rows.length > 0 ? (
        <PaymentsTable rows={list.rows} onRefund={list.again} isLimited={limitedTo !== null} />
      ) : (
        list.problem === undefined && <p class="waiting">{t('waiting')}</p>
      )}
      {!list.isEnd && list.rows.length > 0 && (
        <p class="more"><button type="button" onClick={list.more}>{t('more')}</button></p>
      )}
    </>
  );
}

function PaymentsTable({ rows, onRefund, isLimited }: { rows: Payment[]; onRefund(): void; isLimited: boolean }): JSX.Element {
  return (
    <Table
      caption={t('payments.title')}
      rows={rows}
      keyOf={({ payment }) => payment}
      empty={t('payments.none')}
      columns={[
        {
          head: t('column.what'),
          cell: (row) => <a href={`/app/payments/${row.payment}`}>{titleOf(row)}</a>,
        },
        { head: t('column.when'), cell: (row) => <Time at={row.at_ms} /> },
        { head: t('column.state'), cell: (row) => <PaymentState row={row} /> },
        { head: t('column.amount'), cell: (row) => <Money units={amountOf(row)} asset={assetOf(row)} />, end: true },
        {
          head: t('column.act'),
          quiet: true,
          end: true,
          cell: (row) => <RefundButton payment={row} share={isLimited ? row.share : null} onDone={onRefund} />,
        },
      ]}
    />
  );
}

export function titleOf(payment: Payment): string {
  return [payment.title, payment.description].find(Boolean) ?? payment.payment;
}

export function PaymentState({ row }: { row: Payment }): JSX.Element {
  const refunded = BigInt(row.refunded);
  if (refunded === 0n) return <State state={row.state} />;
  return <State state={refunded >= BigInt(row.settled) ? 'refunded' : 'refunded_partly'} />;
}

function asCsv(rows: Payment[]): string {
  return csv([
    ['payment', 'at', 'state', 'amount', 'refunded', 'asset', 'description', 'country', 'class'],
    ...rows.map((row) => [
      row.payment, new Date(row.at_ms).toISOString(), row.state, decimal(BigInt(amountOf(row)), row.scale),
      decimal(BigInt(row.refunded), row.scale), row.asset, row.description, row.country ?? '',
      row.class,
    ]),
  ]);
}
