/**
 * The editor of one offer, with the price as payers will see it while it is typed.
 */

import type { ComponentChildren, JSX } from 'preact';
import { useState } from 'preact/hooks';

import type { Asset } from '../../order.js';
import { money, units } from '../../amount.js';
import { call, read } from '../call.js';
import { assetOf, nameOf, payees, titleOfOffer, type Account, type Offer } from '../data.js';
import { bodyOf, changeOf, draftOf, faults, nextPass, NEW, type Draft } from '../draft.js';
import { currentLanguage, t, wordsFor } from '../language.js';
import { useAct, useLoad } from '../load.js';
import { go } from '../place.js';
import { Check, Choose, Field, Head, Notice, Sure, Waiting } from '../ui.js';

const CLASSES = ['person', 'program', 'agent', 'crawler', 'device'];
const METHODS: [string, string][] = ['GET', 'POST', 'PUT', 'DELETE'].map((name) => [name, name]);

export function OfferPage({ offer }: { offer: string }): JSX.Element {
  const isNew = offer === 'new';
  const { value, problem } = useLoad(async () => {
    const [accounts, found] = await Promise.all([
      payees(),
      isNew ? undefined : read<Offer>(`/v1/offers/${offer}`),
    ]);
    return { accounts, found };
  }, [offer]);
  const title = isNew ? t('offers.new') : (value?.found === undefined ? t('offers.title') : titleOfOffer(value.found));
  return (
    <>
      <Head title={title} lead={t('offer.lead')} />
      {value === undefined ? <Waiting problem={problem} /> : <Editor accounts={value.accounts} found={value.found} />}
    </>
  );
}

function Editor({ accounts, found }: { accounts: Account[]; found: Offer | undefined }): JSX.Element {
  const [draft, setDraft] = useState<Draft>(() => (
    found === undefined ? { ...NEW, payee: accounts[0]?.account ?? '' } : draftOf(found)));
  const act = useAct();
  const payee = accounts.find(({ account }) => account === draft.payee) ?? accounts[0];
  const asset: Asset = found === undefined ? (payee === undefined ? { code: 'USD', scale: 9 } : assetOf(payee)) : assetOf(found);
  const wrong = faults(draft, asset);
  const set = (change: Partial<Draft>): void => setDraft({ ...draft, ...change });
  const names = accounts.map((one): [string, string] => [one.account, nameOf(one)]);
  const sharers = accounts
    .filter(({ account, asset: code }) => account !== draft.payee && code === asset.code)
    .map((one): [string, string] => [one.account, nameOf(one)]);
  const save = async (): Promise<void> => {
    await (found === undefined
      ? call('POST', '/v1/offers', bodyOf(draft, asset))
      : call('PATCH', `/v1/offers/${found.offer}`, changeOf(draft, asset)));
    go('/app/offers');
  };
  return (
    <div class="editor">
      <form onSubmit={(event) => {
        event.preventDefault();
        if (wrong.size === 0) void act.run(save);
      }}>
        <Field
          label={t('offer.description')} value={draft.description} required
          onValue={(description) => set({ description })}
        />
        {found === undefined ? <Place draft={draft} wrong={wrong} set={set} names={names} /> : (
          <p><code dir="ltr">{found.methods.join(' ')} {found.path}{found.tool === null ? '' : ` · ${found.tool}`}</code></p>
        )}
        <div class="pair">
          <Field
            label={t('offer.price', { asset: asset.code })} amount required value={draft.price}
            onValue={(price) => set({ price })}
            problem={draft.price !== '' && wrong.has('price') ? t('offer.price_wrong') : undefined}
          />
          <Field
            label={t('offer.access')} type="number" required value={draft.accessSeconds} hint={t('offer.access_hint')}
            onValue={(accessSeconds) => set({ accessSeconds })}
          />
        </div>
        <Check label={t('offer.active')} value={draft.active} onValue={(active) => set({ active })} />
        <Check label={t('offer.listed')} value={draft.listed} onValue={(listed) => set({ listed })} />
        {(sharers.length > 0 || draft.splits.length > 0) && <Splits draft={draft} wrong={wrong} set={set} names={sharers} />}
        <Prices draft={draft} wrong={wrong} set={set} />
        <Passes draft={draft} wrong={wrong} set={set} />
        <fieldset>
          <legend>{t('offer.free')}</legend>
          <div class="pair">
            <Field
              label={t('offer.free_count')} type="number" value={draft.freeCount} hint={t('offer.free_hint')}
              onValue={(freeCount) => set({ freeCount })}
              problem={wrong.has('free') ? t('offer.free_wrong') : undefined}
            />
            {draft.freeCount.trim() !== '' && (
              <Field
                label={t('offer.free_seconds')} type="number" value={draft.freeSeconds} hint={t('offer.free_seconds_hint')}
                onValue={(freeSeconds) => set({ freeSeconds })}
              />
            )}
          </div>
        </fieldset>
        <fieldset>
          <legend>{t('offer.tips')}</legend>
          <Check label={t('offer.tips_on')} value={draft.tips} onValue={(tips) => set({ tips })} />
          {draft.tips && (
            <div class="pair">
              <Field label={t('offer.tips_min', { asset: asset.code })} amount value={draft.tipMin} onValue={(tipMin) => set({ tipMin })} />
              <Field
                label={t('offer.suggested')} hint={t('offer.suggested_hint')} amount value={draft.suggested}
                onValue={(suggested) => set({ suggested })}
                problem={wrong.has('suggested') ? t('offer.price_wrong') : undefined}
              />
            </div>
          )}
        </fieldset>
        {act.problem !== undefined && <Notice>{act.problem}</Notice>}
        <div class="actions">
          <button class="main" disabled={act.busy || wrong.size > 0}>{t('save')}</button>
          <a class="button" href="/app/offers">{t('cancel')}</a>
          {found !== undefined && (
            <Sure label={t('delete')} question={t('offer.sure', { title: titleOfOffer(found) })} act={() => act.run(async () => {
              await call('DELETE', `/v1/offers/${found.offer}`);
              go('/app/offers');
            })} />
          )}
        </div>
      </form>
      <Preview draft={draft} asset={asset} payee={payee} />
    </div>
  );
}

/** The ticket that a payer sees. */
function Preview({ draft, asset, payee }: { draft: Draft; asset: Asset; payee: Account | undefined }): JSX.Element {
  const said = (typed: string): string => {
    const some = units(typed, asset.scale);
    return some === undefined ? '–' : money(some, asset, currentLanguage());
  };
  return (
    <aside class="ticket" aria-label={t('offer.preview_title')}>
      <p class="eyebrow">{t('offer.preview_title')}</p>
      <h2>{draft.description === '' ? draft.path : draft.description}</h2>
      <p class="amount-large" role="status"><bdi>{said(draft.price)}</bdi></p>
      {payee !== undefined && <p class="small">{t('offer.goes_to', { payee: nameOf(payee) })}</p>}
      <dl class="facts">
        {draft.passes.map(({ title, price }, i) => (
          <div key={`pass-${i}`}><dt>{title}</dt><dd><bdi>{said(price)}</bdi></dd></div>
        ))}
        {draft.prices.map(({ country, class: kind, price }, i) => (
          <div key={i}>
            <dt>{[country.toUpperCase(), kind === '' ? '' : wordsFor('class', kind)].filter((word) => word !== '').join(' · ')}</dt>
            <dd><bdi>{said(price)}</bdi></dd>
          </div>
        ))}
      </dl>
      {draft.tips && <p class="small">{t('offer.tips_said', { min: said(draft.tipMin) })}</p>}
    </aside>
  );
}

interface PartProps {
  draft: Draft;
  wrong: Set<string>;
  set(change: Partial<Draft>): void;
}

/** What is sold and who is paid: fixed once the offer is made. */
function Place({ draft, wrong, set, names }: PartProps & { names: [string, string][] }): JSX.Element {
  return (
    <>
      <div class="pair">
        <Field label={t('offer.site')} value={draft.site} required onValue={(site) => set({ site })} />
        <Choose label={t('offer.payee')} value={draft.payee} onValue={(payee) => set({ payee, splits: [] })} options={names} />
      </div>
      <Field
        label={t('offer.path')} hint={t('offer.path_hint')} value={draft.path} required
        onValue={(path) => set({ path })} problem={wrong.has('path') ? t('offer.path_wrong') : undefined}
      />
      <div class="pair">
        <Field label={t('offer.tool')} hint={t('offer.tool_hint')} value={draft.tool} onValue={(tool) => set({ tool })} />
        {draft.tool.trim() === '' && (
          <Choose label={t('offer.method')} value={draft.method} onValue={(method) => set({ method })} options={METHODS} />
        )}
      </div>
    </>
  );
}

/** Rows of one kind, each with a button that takes it away, and one that adds another. */
function Rows<T>({ title, hint, rows, add, drop, draw, problem }: {
  title: string;
  hint: string;
  rows: T[];
  add(): void;
  drop(at: number): void;
  draw(row: T, at: number): ComponentChildren;
  problem?: string | undefined;
}): JSX.Element {
  return (
    <fieldset>
      <legend>{title}</legend>
      <p class="hint">{hint}</p>
      {rows.map((row, at) => (
        <div class="entry" key={at}>
          {draw(row, at)}
          <button type="button" class="text" onClick={() => drop(at)}>
            {t('remove')}<span class="unseen"> {title} {at + 1}</span>
          </button>
        </div>
      ))}
      {problem !== undefined && <p class="hint bad">{problem}</p>}
      <button type="button" class="quiet" onClick={add}>{t('add')}<span class="unseen"> {title}</span></button>
    </fieldset>
  );
}

function Splits({ draft, wrong, set, names }: PartProps & { names: [string, string][] }): JSX.Element {
  const { splits } = draft;
  const put = (at: number, change: object): void => set({ splits: changed(splits, at, change) });
  return (
    <Rows
      title={t('offer.splits')} hint={t('offer.splits_hint')} rows={splits}
      add={() => set({ splits: [...splits, { account: names[0]?.[0] ?? '', percent: '' }] })}
      drop={(at) => set({ splits: without(splits, at) })}
      problem={wrong.has('splits') ? t('offer.splits_wrong') : undefined}
      draw={(row, at) => (
        <>
          <Choose label={t('column.account')} value={row.account} onValue={(account) => put(at, { account })} options={names} />
          <Field label={t('offer.percent')} amount value={row.percent} onValue={(percent) => put(at, { percent })} />
        </>
      )}
    />
  );
}

function Prices({ draft, set }: PartProps): JSX.Element {
  const { prices } = draft;
  const put = (at: number, change: object): void => set({ prices: changed(prices, at, change) });
  const classes = CLASSES.map((name): [string, string] => [name, wordsFor('class', name) ?? name]);
  return (
    <Rows
      title={t('offer.prices')} hint={t('offer.prices_hint')} rows={prices}
      add={() => set({ prices: [...prices, { country: '', class: '', price: '' }] })}
      drop={(at) => set({ prices: without(prices, at) })}
      draw={(row, at) => (
        <>
          <Field label={t('offer.country')} value={row.country} onValue={(country) => put(at, { country })} placeholder="IN" />
          <Choose
            label={t('payment.class')} options={[['', t('all')], ...classes]} value={row.class}
            onValue={(kind) => put(at, { class: kind })}
          />
          <Field label={t('offers.price')} amount value={row.price} onValue={(price) => put(at, { price })} />
        </>
      )}
    />
  );
}

function Passes({ draft, set }: PartProps): JSX.Element {
  const { passes } = draft;
  const put = (at: number, change: object): void => set({ passes: changed(passes, at, change) });
  return (
    <Rows
      title={t('offer.passes')} hint={t('offer.passes_hint')} rows={passes}
      add={() => set({ passes: [...passes, { pass: nextPass(passes), title: '', price: '', seconds: '', uses: '' }] })}
      drop={(at) => set({ passes: without(passes, at) })}
      draw={(row, at) => (
        <>
          <Field label={t('offer.pass_title')} value={row.title} onValue={(title) => put(at, { title })} />
          <Field label={t('offers.price')} amount value={row.price} onValue={(price) => put(at, { price })} />
          <Field label={t('offer.pass_seconds')} type="number" value={row.seconds} onValue={(seconds) => put(at, { seconds })} />
          <Field label={t('offer.pass_uses')} type="number" value={row.uses} onValue={(uses) => put(at, { uses })} />
        </>
      )}
    />
  );
}

function changed<T>(rows: T[], at: number, change: object): T[] {
  return rows.map((row, index) => (index === at ? { ...row, ...change } : row));
}

function without<T>(rows: T[], at: number): T[] {
  return rows.filter((_, index) => index !== at);
}
