/**
 * Giving money back: all that is left of a payment, or a part, after one more question.
 */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { decimal, money, units } from '../amount.js';
import { assetOf, type Payment } from './data.js';
import { currentLanguage, t } from './language.js';
import { useAct, useSafeCall } from './load.js';
import { Dialog, Field, Notice } from './ui.js';

export function RefundButton({ payment, share, onDone }: {
  payment: Payment;
  share: string | null;
  onDone(): void;
}): JSX.Element | null {
  const [asking, setAsking] = useState(false);
  if (payment.state !== 'settled' || left(payment, share) <= 0n) return null;
  return (
    <>
      <button type="button" class="quiet" onClick={() => setAsking(true)}>
        {t('refund')}<span class="unseen"> {payment.description}</span>
      </button>
      {asking && <RefundDialog payment={payment} share={share} onClose={() => setAsking(false)} onDone={onDone} />}
    </>
  );
}

function RefundDialog({ payment, share, onClose, onDone }: {
  payment: Payment;
  /** What the payee got of it who can give back no more than that; null for all payees together. */
  share: string | null;
  onClose(): void;
  onDone(): void;
}): JSX.Element {
  const asset = assetOf(payment);
  const most = left(payment, share);
  const [amount, setAmount] = useState(decimal(most, asset.scale));
  const [reason, setReason] = useState('');
  const act = useAct();
  const post = useSafeCall();
  const wanted = units(amount, asset.scale);
  const isFine = wanted !== undefined && wanted > 0n && wanted <= most;
  const said = (some: bigint): string => money(some, asset, currentLanguage());
  return (
    <Dialog title={t('refund.title')} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        if (!isFine) return;
        void act.run(async () => {
          await post('POST', '/v1/refunds', { payment: payment.payment, amount: String(wanted), reason });
          onClose();
          onDone();
        });
      }}>
        <p>{t('refund.question', { what: payment.description, left: said(most) })}</p>
        <Field
          label={t('refund.amount', { asset: asset.code })}
          amount
          required
          value={amount}
          onValue={setAmount}
          problem={isFine ? undefined : t('refund.bounds', { left: said(most) })}
        />
        <Field label={t('refund.reason')} value={reason} onValue={setReason} />
        {act.problem !== undefined && <Notice>{act.problem}</Notice>}
        <div class="actions">
          <button type="button" onClick={onClose}>{t('cancel')}</button>
          <button class="main" disabled={act.busy || !isFine}>
            {t('refund.button', { amount: isFine ? said(wanted) : '' })}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function left(payment: Payment, share: string | null): bigint {
  const rest = BigInt(payment.settled) - BigInt(payment.refunded);
  return share === null || BigInt(share) > rest ? rest : BigInt(share);
}
