/**
 * One payment: what was paid for, who was paid, what came back, where its receipt is.
 */

import type { JSX } from 'preact';

import { read, type Page } from '../call.js';
import { amountOf, assetOf, nameOf, payees, type Account, type Payment } from '../data.js';
import { currentLanguage, t, wordsFor } from '../language.js';
import { useLoad } from '../load.js';
import { RefundButton } from '../refund.js';
import { Head, Id, Money, Notice, Table, Time, Waiting } from '../ui.js';
import { PaymentState, titleOf } from './payments.js';

interface Refund {
  refund: string;
  amount: string;
  reason: string;
  at_ms: number;
}

export function PaymentPage({ payment, isLimited }: { payment: string; isLimited: boolean }): JSX.Element {
  const { value, problem, again } = useLoad(async () => {
    const [found, refunds, accounts] = await Promise.all([
      read<Payment>(`/v1/payments/${payment}`),
      read<Page<Refund>>('/v1/refunds', { payment }),
      payees().catch((): Account[] => []),
    ]);
    return { found, refunds: refunds.data, accounts };
  }, [payment]);
  if (value === undefined) return <><Head title={t('payment.title')} /><Waiting problem={problem} /></>;
  const { found, refunds, accounts } = value;
  const asset = assetOf(found);
  const named = (id: string): JSX.Element => {
    const account = accounts.find((one) => one.account === id);
    return account === undefined ? <Id id={id} /> : <>{nameOf(account)}</>;
  };
  return (
    <>
      <Head title={titleOf(found)} lead={t('payment.title')}>
        {/* A payee's part of it is known in the list alone. */}
        {!isLimited && <RefundButton payment={found} share={null} onDone={() => void again()} />}
      </Head>
      {problem !== undefined && <Notice>{problem}</Notice>}
      <p class="amount-large"><Money units={amountOf(found)} asset={asset} /> <PaymentState row={found} /></p>
      <dl class="facts">
        <div><dt>{t('column.when')}</dt><dd><Time at={found.at_ms} /></dd></div>
        <div><dt>{t('payment.to')}</dt><dd>{named(found.payee)}</dd></div>
        {found.country !== null && <div><dt>{t('column.country')}</dt><dd>{country(found.country)}</dd></div>}
        <div><dt>{t('payment.class')}</dt><dd>{wordsFor('class', found.class) ?? found.class}</dd></div>
        <div><dt>{t('payment.id')}</dt><dd><code>{found.payment}</code></dd></div>
      </dl>
      <p class="downloads"><a href={`/pay/${found.payment}`}>{t('payment.receipt')}</a></p>
      <section aria-labelledby="refunds">
        <h2 id="refunds">{t('payment.refunds')}</h2>
        <Table
          caption={t('payment.refunds')}
          rows={refunds}
          keyOf={({ refund }) => refund}
          empty={t('payment.no_refunds')}
          columns={[
            { head: t('column.when'), cell: (row) => <Time at={row.at_ms} /> },
            { head: t('column.reason'), cell: (row) => row.reason },
            { head: t('column.amount'), cell: (row) => <Money units={row.amount} asset={asset} />, end: true },
          ]}
        />
      </section>
    </>
  );
}

function country(code: string): string {
  return new Intl.DisplayNames(currentLanguage(), { type: 'region' }).of(code) ?? code;
}
