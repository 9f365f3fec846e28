/**
 * What is for sale: every offer with its price, changed in place, and the discount codes.
 */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { decimal, units } from '../amount.js';
import { call } from '../call.js';
import { all, assetOf, type Code, type Offer } from '../data.js';
import { currentLanguage, t } from '../language.js';
import { useAct, useLoad } from '../load.js';
import { money } from '../amount.js';
import { Dialog, Field, Head, Money, Notice, State, Sure, Table, Time, Waiting } from '../ui.js';

const PPM_PER_PERCENT = 10_000;

export function OffersPage(): JSX.Element {
  const { value, problem, again } = useLoad(() => all<Offer>('/v1/offers'), []);
  return (
    <>
      <Head title={t('offers.title')} lead={t('offers.lead')}>
        <a class="button main" href="/app/offers/new">{t('offers.new')}</a>
      </Head>
      {value === undefined ? <Waiting problem={problem} /> : (
        <Table
          caption={t('offers.title')}
          rows={value}
          keyOf={({ offer }) => offer}
          empty={t('offers.none')}
          columns={[
            { head: t('column.what'), cell: (row) => <OfferName offer={row} /> },
            { head: t('offers.path'), cell: (row) => <code dir="ltr">{row.path}</code> },
            { head: t('column.state'), cell: (row) => <State state={row.active ? 'active' : 'inactive'} /> },
            { head: t('offers.price'), cell: (row) => <Money units={row.price} asset={assetOf(row)} />, end: true },
            {
              head: t('column.act'),
              quiet: true,
              end: true,
              cell: (row) => (row.source === 'file' ? <span class="small">{t('offers.from_file')}</span> : (
                <PriceButton offer={row} onDone={() => void again()} />
              )),
            },
          ]}
        />
      )}
      <Codes />
    </>
  );
}

function OfferName({ offer }: { offer: Offer }): JSX.Element {
  const name = offer.title === '' ? offer.description || offer.path : offer.title;
  return offer.source === 'file' ? <>{name}</> : <a href={`/app/offers/${offer.offer}`}>{name}</a>;
}

/** A new price in two presses. */
function PriceButton({ offer, onDone }: { offer: Offer; onDone(): void }): JSX.Element {
  const asset = assetOf(offer);
  const [asking, setAsking] = useState(false);
  const [price, setPrice] = useState(decimal(BigInt(offer.price), asset.scale));
  const act = useAct();
  const wanted = units(price, asset.scale);
  return (
    <>
      <button type="button" class="quiet" onClick={() => setAsking(true)}>
        {t('offers.change_price')}<span class="unseen"> {offer.title}</span>
      </button>
      {asking && (
        <Dialog title={t('offers.change_price')} onClose={() => setAsking(false)}>
          <form onSubmit={(event) => {
            event.preventDefault();
            if (wanted === undefined) return;
            void act.run(async () => {
              await call('PATCH', `/v1/offers/${offer.offer}`, { price: String(wanted) });
              setAsking(false);
              onDone();
            });
          }}>
            <p>{offer.title}</p>
            <Field
              label={t('offer.price', { asset: asset.code })}
              amount
              value={price}
              onValue={setPrice}
              problem={wanted === undefined ? t('offer.price_wrong') : undefined}
              hint={wanted === undefined ? undefined : t('offer.preview', { price: money(wanted, asset, currentLanguage()) })}
            />
            {act.problem !== undefined && <Notice>{act.problem}</Notice>}
            <div class="actions">
              <button type="button" onClick={() => setAsking(false)}>{t('cancel')}</button>
              <button class="main" disabled={act.busy || wanted === undefined}>{t('save')}</button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}

function Codes(): JSX.Element {
  const list = useLoad(() => all<Code>('/v1/codes'), []);
  const [code, setCode] = useState('');
  const [percent, setPercent] = useState('20');
  const [uses, setUses] = useState('');
  const act = useAct();
  const create = async (): Promise<void> => {
    const body: Record<string, unknown> = { code: code.trim(), percent_ppm: Math.round(Number(percent) * PPM_PER_PERCENT) };
    if (uses.trim() !== '') body['max_uses'] = Number(uses);
    await call('POST', '/v1/codes', body);
    setCode('');
    await list.again();
  };
  return (
    <section aria-labelledby="codes">
      <h2 id="codes">{t('codes.title')}</h2>
      <p class="lead">{t('codes.lead')}</p>
      {list.value === undefined ? <Waiting problem={list.problem} /> : (
        <Table
          caption={t('codes.title')}
          rows={list.value}
          keyOf={({ code_id }) => code_id}
          empty={t('codes.none')}
          columns={[
            { head: t('codes.code'), cell: (row) => <code>{row.code}</code> },
            { head: t('codes.off'), cell: (row) => t('codes.percent', { percent: (row.percent_ppm ?? 0) / PPM_PER_PERCENT }), end: true },
            { head: t('codes.uses'), cell: (row) => row.max_uses ?? t('unlimited'), end: true },
            { head: t('column.expires'), cell: (row) => (row.expires_at_ms === null ? t('never') : <Time at={row.expires_at_ms} as="date" />) },
            {
              head: t('column.act'),
              quiet: true,
              end: true,
              cell: (row) => (
                <Sure label={t('delete')} about={row.code} question={t('codes.sure', { code: row.code })} act={async () => {
                  await act.run(() => call('DELETE', `/v1/codes/${row.code_id}`));
                  await list.again();
                }} />
              ),
            },
          ]}
        />
      )}
      <form class="inline" onSubmit={(event) => {
        event.preventDefault();
        void act.run(create);
      }}>
        <Field label={t('codes.code')} value={code} onValue={setCode} required placeholder="SPRING" />
        <Field label={t('codes.off')} type="number" value={percent} onValue={setPercent} required />
        <Field label={t('codes.uses')} type="number" value={uses} onValue={setUses} placeholder="∞" />
        <button class="main" disabled={act.busy || code.trim() === ''}>{t('codes.new')}</button>
      </form>
      {act.problem !== undefined && <Notice>{act.problem}</Notice>}
    </section>
  );
}
