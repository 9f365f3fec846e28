/**
 * Discount codes: made, shared, taken back.
 */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { units } from '../../amount.js';
import { call } from '../call.js';
import { all, assetOf, titleOfOffer, type Code, type Offer } from '../data.js';
import { t } from '../language.js';
import { useAct, useLoad } from '../load.js';
import { Choose, Dialog, Field, Head, Money, Notice, Sure, Table, Time, Waiting } from '../ui.js';

const DAY_MS = 86_400_000;
/** Parts per million of a percent, in digits. */
const PERCENT_DIGITS = 4;
const WHOLE_PPM = 1_000_000n;

export function CodesPage(): JSX.Element {
  const { value, problem, again } = useLoad(async () => {
    const [codes, offers] = await Promise.all([all<Code>('/v1/codes'), all<Offer>('/v1/offers')]);
    return { codes, offers };
  }, []);
  const [asking, setAsking] = useState(false);
  const act = useAct();
  const offers = value?.offers ?? [];
  const named = (id: string): string => {
    const found = offers.find(({ offer }) => offer === id);
    return found === undefined ? id : titleOfOffer(found);
  };
  const worth = (code: Code): JSX.Element => {
    const offer = offers.find(({ offer: id }) => id === code.offers?.[0]);
    if (code.price !== null && offer !== undefined) return <Money units={code.price} asset={assetOf(offer)} />;
    return <bdi>{code.percent_ppm === null ? code.price : `−${code.percent_ppm / 10_000} %`}</bdi>;
  };
  return (
    <>
      <Head title={t('codes.title')} lead={t('codes.lead')}>
        <button type="button" class="main" onClick={() => setAsking(true)}>{t('codes.new')}</button>
      </Head>
      {act.problem !== undefined && <Notice>{act.problem}</Notice>}
      {value === undefined ? <Waiting problem={problem} /> : (
        <Table
          caption={t('codes.title')}
          rows={value.codes}
          keyOf={({ code_id }) => code_id}
          empty={t('codes.none')}
          columns={[
            { head: t('codes.code'), cell: (row) => <code>{row.code}</code> },
            { head: t('codes.worth'), cell: worth },
            { head: t('nav.offers'), cell: (row) => (row.offers === null ? t('all') : row.offers.map(named).join(', ')) },
            { head: t('codes.uses'), cell: (row) => (row.max_uses === null ? '∞' : String(row.max_uses)), end: true },
            { head: t('column.expires'), cell: (row) => <Time at={row.expires_at_ms} as="date" /> },
            {
              head: t('column.act'),
              quiet: true,
              end: true,
              cell: (row) => (
                <Sure label={t('delete')} about={row.code} question={t('codes.sure', { code: row.code })} act={async () => {
                  await act.run(() => call('DELETE', `/v1/codes/${row.code_id}`));
                  await again();
                }} />
              ),
            },
          ]}
        />
      )}
      {asking && (
        <NewCode offers={offers} onClose={() => setAsking(false)} onDone={() => {
          setAsking(false);
          void again();
        }} />
      )}
    </>
  );
}

function NewCode({ offers, onClose, onDone }: { offers: Offer[]; onClose(): void; onDone(): void }): JSX.Element {
  const [code, setCode] = useState('');
  const [offer, setOffer] = useState('');
  const [percent, setPercent] = useState('10');
  const [most, setMost] = useState('');
  const [each, setEach] = useState('1');
  const [days, setDays] = useState('30');
  const act = useAct();
  const ppm = units(percent, PERCENT_DIGITS);
  const isFine = ppm !== undefined && ppm > 0n && ppm <= WHOLE_PPM
    && [most, each].every((text) => /^\d{0,9}$/.test(text.trim())) && /^\d{1,3}$/.test(days.trim());
  const create = async (): Promise<void> => {
    await call('POST', '/v1/codes', {
      ...(code.trim() !== '' && { code: code.trim() }),
      ...(offer !== '' && { offers: [offer] }),
      percent_ppm: Number(ppm),
      ...(most.trim() !== '' && { max_uses: Number(most) }),
      ...(each.trim() !== '' && { per_payer: Number(each) }),
      expires_at_ms: Date.now() + Number(days) * DAY_MS,
    });
    onDone();
  };
  return (
    <Dialog title={t('codes.new')} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        if (isFine) void act.run(create);
      }}>
        <Field label={t('codes.code')} value={code} onValue={setCode} hint={t('codes.code_hint')} />
        <Choose
          label={t('codes.for')} value={offer} onValue={setOffer}
          options={[['', t('all')], ...offers.map((one): [string, string] => [one.offer, titleOfOffer(one)])]}
        />
        <Field label={t('codes.percent')} amount value={percent} onValue={setPercent} required />
        <Field label={t('codes.max')} type="number" value={most} onValue={setMost} hint={t('codes.max_hint')} />
        <Field label={t('codes.each')} type="number" value={each} onValue={setEach} hint={t('codes.max_hint')} />
        <Field label={t('codes.days')} type="number" value={days} onValue={setDays} required />
        {act.problem !== undefined && <Notice>{act.problem}</Notice>}
        <div class="actions">
          <button type="button" onClick={onClose}>{t('cancel')}</button>
          <button class="main" disabled={act.busy || !isFine}>{t('create')}</button>
        </div>
      </form>
    </Dialog>
  );
}
