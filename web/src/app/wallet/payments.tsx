/**
 * What was paid, newest first, as it happens; each payment leads to its receipt.
 */

import type { JSX } from 'preact';

import type { PaymentState } from '../../node.js';
import { decimal } from '../../amount.js';
import { csv, save } from '../file.js';
import { t } from '../language.js';
import { Money, State, Table, Time } from '../ui.js';
import type { PartProps } from './main.js';

export function Payments({ purse, state }: PartProps): JSX.Element {
  const payments = state?.payments ?? [];
  const { asset } = purse;
  const file = (): void => save('payments.csv', csv([
    ['payment', 'at', 'state', 'amount', 'asset', 'what', 'payee'],
    ...payments.map((row) => [
      row.payment, new Date(row.at_ms).toISOString(), row.state, decimal(BigInt(row.amount), asset.scale),
      asset.code, row.description, row.payee,
    ]),
  ]), 'text/csv');
  return (
    <section aria-labelledby="payments">
      <div class="row">
        <h2 id="payments">{t('nav.payments')}</h2>
        {payments.length > 0 && <button type="button" class="text" onClick={file}>CSV</button>}
      </div>
      <Table
        caption={t('nav.payments')}
        rows={payments}
        keyOf={({ payment }) => payment}
        empty={t('wallet.nothing')}
        columns={[
          { head: t('column.what'), cell: what },
          { head: t('column.when'), cell: (row) => <Time at={row.at_ms} /> },
          { head: t('column.state'), cell: (row) => <State state={row.state} /> },
          { head: t('column.amount'), cell: (row) => <Money units={row.amount} asset={asset} />, end: true },
        ]}
      />
    </section>
  );
}

function what(row: PaymentState): JSX.Element {
  return <a href={`/pay/${row.payment}`}>{row.description === '' ? row.payee : row.description}</a>;
}
