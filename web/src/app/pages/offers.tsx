/**
 * What is for sale: every offer with its price, which is changed in place.
 */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { decimal, money, units } from '../../amount.js';
import { call } from '../call.js';
import { all, assetOf, titleOfOffer, type Offer } from '../data.js';
import { currentLanguage, t } from '../language.js';
import { useAct, useLoad } from '../load.js';
import { Dialog, Field, Head, Money, Notice, State, Table, Waiting } from '../ui.js';

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
    </>
  );
}

function OfferName({ offer }: { offer: Offer }): JSX.Element {
  const name = titleOfOffer(offer);
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
        {t('offers.change_price')}<span class="unseen"> {titleOfOffer(offer)}</span>
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
            <p>{titleOfOffer(offer)}</p>
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
