/**
 * A payment and its receipt, for whoever has its address: what was paid, to whom, whether it stands,
 * and the proofs to take away. Shows what the node tells everyone who knows the payment's id:
 * neither the payer nor what was bought.
 */

import { render, type JSX } from 'preact';

import { read, sentence } from './call.js';
import { assetOf } from './data.js';
import { Frame } from './frame.js';
import { loadLanguage, t } from './language.js';
import { Head, Money, Notice, State, Time } from './ui.js';

interface Receipt {
  payment: string;
  node: string;
  state: 'held' | 'settled' | 'released';
  payee: string;
  amount: string;
  authorized: string;
  asset: string;
  scale: number;
  at_ms: number;
  signature?: string;
  /** Where the proof for any verifier is. */
  proof?: string;
}

function ReceiptPage({ receipt }: { receipt: Receipt }): JSX.Element {
  const path = `/v1/receipts/${receipt.payment}`;
  const amount = receipt.state === 'settled' ? receipt.amount : receipt.authorized;
  return (
    <>
      <Head title={t('receipt.title')} lead={t(`receipt.${receipt.state}`)} />
      <div class="ticket receipt">
        <p class="amount-large"><Money units={amount} asset={assetOf(receipt)} /></p>
        <p><State state={receipt.state} /> · <Time at={receipt.at_ms} /></p>
        <dl class="facts">
          <div><dt>{t('payment.to')}</dt><dd><code>{receipt.payee}</code></dd></div>
          <div><dt>{t('payment.id')}</dt><dd><code>{receipt.payment}</code></dd></div>
          <div><dt>{t('nav.console')}</dt><dd><code>{receipt.node}</code></dd></div>
        </dl>
        {receipt.state === 'settled' && (
          <>
            <p class="small">{t('receipt.private')}</p>
            <p class="downloads">
              {receipt.proof !== undefined && <a href={`/verify?receipt=${path}/proof`}>{t('receipt.check')}</a>}
              {receipt.proof !== undefined && <a href={`${path}/proof`} download={`${receipt.payment}.proof`}>{t('receipt.proof')}</a>}
              <a href={path} download={`${receipt.payment}.json`}>{t('receipt.signed')}</a>
            </p>
          </>
        )}
      </div>
    </>
  );
}

async function start(): Promise<void> {
  const root = document.getElementById('app');
  if (root === null) return;
  const payment = location.pathname.split('/')[2] ?? '';
  const [, found] = await Promise.all([
    loadLanguage(),
    read<Receipt>(`/v1/receipts/${encodeURIComponent(payment)}`).catch((error: unknown) => error as Error),
  ]);
  root.replaceChildren();
  render(
    <Frame doors={[]} place="">
      {found instanceof Error
        ? <><Head title={t('receipt.title')} /><Notice>{sentence(found)}</Notice></>
        : <ReceiptPage receipt={found} />}
    </Frame>,
    root,
  );
}

void start();
