/**
 * The wallet: a payer's balance, budgets, open channels and payments at this node.
 *
 * Keeps: what is shown is what the node says, as it changes while the page is seen. The key leaves this
 * origin only in a backup, under a passphrase.
 */

import { render, type JSX } from 'preact';
import { useState } from 'preact/hooks';

import { idText } from '../../bytes.js';
import { signingKey, type SigningKey } from '../../keys.js';
import { nodeFacts, topUp, type NodeAsset, type NodeFacts, type PayerState } from '../../node.js';
import { payerAccount } from '../../order.js';
import { money } from '../../amount.js';
import { Frame } from '../frame.js';
import { currentLanguage, loadLanguage, t } from '../language.js';
import { Head, Money, Notice } from '../ui.js';
import { Budgets } from './budgets.js';
import { Channels } from './channels.js';
import { Key } from './key.js';
import { useWatched } from './live.js';
import { said } from './said.js';
import { Payments } from './payments.js';

/** Who pays, and where. */
export interface Purse {
  key: SigningKey;
  facts: NodeFacts;
  asset: NodeAsset;
  account: string;
}

export interface PartProps {
  purse: Purse;
  state: PayerState | undefined;
  /** Does something for the payer, says what came of it, and asks the node anew. */
  act(work: () => Promise<string>): Promise<void>;
}

function Wallet({ purse }: { purse: Purse }): JSX.Element {
  const { asset } = purse;
  const { value, problem, again } = useWatched(purse);
  const state = value?.state;
  const [told, setTold] = useState('');
  const [failed, setFailed] = useState<string>();
  const act = async (work: () => Promise<string>): Promise<void> => {
    try {
      const sentence = await work();
      await again();
      setFailed(undefined);
      setTold(sentence);
    } catch (error) {
      setTold('');
      setFailed(said(error));
    }
  };
  const held = BigInt(state?.held ?? '0');
  const part = { purse, state, act };
  return (
    <>
      <Head title={t('nav.wallet')} lead={t('wallet.lead')} />
      <section class="purse" aria-labelledby="balance-title">
        <h2 class="eyebrow" id="balance-title">{t('wallet.balance')}</h2>
        <p class="amount-large" id="balance">
          {value === undefined ? '…' : <Money units={state?.available ?? '0'} asset={asset} />}
        </p>
        {held > 0n && <p class="small">{t('wallet.held', { amount: money(held, asset, currentLanguage()) })}</p>}
        {asset.sandbox && (
          <button type="button" class="main" onClick={() => void act(async () => {
            await topUp(purse.key);
            return t('wallet.added');
          })}>{t('wallet.add')}</button>
        )}
        <p role="status" class="status">{told}</p>
        {(failed ?? problem) !== undefined && <Notice>{failed ?? problem}</Notice>}
      </section>
      <Budgets {...part} />
      <Channels {...part} />
      <Payments {...part} />
      <Key {...part} />
    </>
  );
}

async function purse(): Promise<Purse> {
  const key = await signingKey('wallet');
  const facts = await nodeFacts();
  const [asset] = facts.assets;
  if (asset === undefined) throw new Error('a node has at least one asset');
  return { key, facts, asset, account: idText('acc', await payerAccount(key.publicKey, asset)) };
}

async function start(): Promise<void> {
  const root = document.getElementById('app');
  if (root === null) return;
  const [, found] = await Promise.all([loadLanguage(), purse().catch((error: unknown) => said(error))]);
  root.replaceChildren();
  const doors = [
    { path: '/wallet', name: t('nav.wallet') },
    { path: '/live', name: t('nav.live') },
    { path: '/verify', name: t('nav.verify') },
  ];
  render(
    <Frame doors={doors} place="/wallet">
      {typeof found === 'string' ? <Notice>{found}</Notice> : <Wallet purse={found} />}
    </Frame>,
    root,
  );
}

void start();
