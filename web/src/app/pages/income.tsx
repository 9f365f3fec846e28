/**
 * What a payee earned: over time, by offer, by country, by kind of payer; and the statement.
 */

import type { JSX } from 'preact';

import { read, withQuery } from '../call.js';
import { Bars, Shares, type Bar, type Share } from '../chart.js';
import { assetOf, nameOf, payees, type Account, type Income, type IncomeRow } from '../data.js';
import { currentLanguage, t, wordsFor, type Key } from '../language.js';
import { setQuery, useLoad } from '../load.js';
import { usePlace } from '../place.js';
import { Choose, Head, Money, Notice, Tabs, Waiting } from '../ui.js';

const DAY_MS = 86_400_000;
const RANKED_MAX = 8;

type Step = 'hour' | 'day' | 'month';
type By = 'offer' | 'country' | 'class';

const PERIODS: Record<string, { days: number; step: Step; words: Key }> = {
  day: { days: 1, step: 'hour', words: 'period.day' },
  week: { days: 7, step: 'day', words: 'period.week' },
  month: { days: 30, step: 'day', words: 'period.month' },
  year: { days: 365, step: 'month', words: 'period.year' },
};

export function IncomePage(): JSX.Element {
  const { searchParams } = usePlace();
  const found = useLoad(payees, []);
  const period = searchParams.get('period') ?? 'month';
  if (found.value === undefined) return <><Head title={t('income.title')} /><Waiting problem={found.problem} /></>;
  const wanted = searchParams.get('account');
  const account = found.value.find((one) => one.account === wanted) ?? found.value[0];
  return (
    <>
      <Head title={t('income.title')} lead={account === undefined ? t('income.nobody') : nameOf(account)}>
        {found.value.length > 1 && account !== undefined && (
          <Choose
            hidden
            label={t('column.account')}
            value={account.account}
            onValue={(next) => setQuery('account', next)}
            options={found.value.map((one) => [one.account, nameOf(one)])}
          />
        )}
        <Tabs
          label={t('period')}
          value={period}
          onValue={(next) => setQuery('period', next)}
          options={Object.entries(PERIODS).map(([name, { words }]) => [name, t(words)])}
        />
      </Head>
      {account !== undefined && <Report account={account} period={PERIODS[period] ?? PERIODS['month']!} />}
    </>
  );
}

function Report({ account, period }: { account: Account; period: { days: number; step: Step } }): JSX.Element {
  const asset = assetOf(account);
  const range = rangeOf(period.days, period.step);
  const { value, problem } = useLoad(async () => {
    const ask = (by: string): Promise<Income> => read('/v1/reports/income', {
      account: account.account, from_ms: range.from, to_ms: range.to, step: period.step, by,
      time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    });
    const [time, offer, country, kind] = await Promise.all(['time', 'offer', 'country', 'class'].map(ask));
    return { totals: time?.totals, time: rows(time), offer: rows(offer), country: rows(country), class: rows(kind) };
  }, [account.account, period.days], 30_000);
  if (value === undefined) return <Waiting problem={problem} />;
  const { net = '0', refunded = '0', payments = 0 } = value.totals ?? {};
  return (
    <>
      {problem !== undefined && <Notice>{problem}</Notice>}
      <dl class="totals">
        <div class="first"><dt>{t('income.net')}</dt><dd><Money units={net} asset={asset} /></dd></div>
        <div><dt>{t('column.payments')}</dt><dd>{new Intl.NumberFormat(currentLanguage()).format(payments)}</dd></div>
        <div><dt>{t('income.refunded')}</dt><dd><Money units={refunded} asset={asset} /></dd></div>
        <div><dt>{t('income.available')}</dt><dd><Money units={account.available} asset={asset} /></dd></div>
      </dl>
      <Bars title={t('income.over_time')} name="income" bars={bars(value.time, period.step)} asset={asset} />
      <div class="columns">
        {(['offer', 'country', 'class'] as const).map((by) => (
          <Shares
            key={by}
            title={t(`income.by_${by}`)}
            name={by}
            shares={shares(value[by], by)}
            asset={asset}
            empty={t('income.none')}
          />
        ))}
      </div>
      <Statement account={account} range={range} />
    </>
  );
}

function Statement({ account, range }: { account: Account; range: { from: number; to: number } }): JSX.Element {
  const link = (format: string): string => withQuery('/v1/statements', {
    account: account.account, from_ms: range.from, to_ms: range.to, format,
  });
  return (
    <section aria-labelledby="statement">
      <h2 id="statement">{t('statement.title')}</h2>
      <p class="lead">{t('statement.lead', { from: range.from, to: range.to })}</p>
      <p class="downloads">
        <a href={link('csv')} download="statement.csv">CSV</a>
        <a href={link('jsonl')} download="statement.jsonl">JSON Lines</a>
        <a href={link('camt053')} download="statement.xml">camt.053</a>
      </p>
    </section>
  );
}

/** Whole steps up to the end of the present one, in the reader's time zone. */
function rangeOf(days: number, step: Step): { from: number; to: number } {
  const end = new Date();
  if (step === 'hour') end.setHours(end.getHours() + 1, 0, 0, 0);
  else end.setHours(24, 0, 0, 0);
  const start = new Date(end.getTime() - days * DAY_MS);
  if (step !== 'hour') start.setHours(0, 0, 0, 0);
  if (step === 'month') start.setDate(1);
  return { from: start.getTime(), to: end.getTime() };
}

function rows(income: Income | undefined): IncomeRow[] {
  return income?.rows ?? [];
}


const LABELS: Record<Step, Intl.DateTimeFormatOptions> = {
  hour: { hour: 'numeric' },
  day: { day: 'numeric', month: 'short' },
  month: { month: 'short', year: '2-digit' },
};

function bars(all: IncomeRow[], step: Step): Bar[] {
  const label = new Intl.DateTimeFormat(currentLanguage(), LABELS[step]);
  return all.map((row) => {
    const at = row.from_ms ?? 0;
    return { at, label: label.format(at), units: BigInt(row.net), count: row.payments };
  });
}

function shares(all: IncomeRow[], by: By): Share[] {
  const ranked = all
    .map((row) => ({
      key: String(row[by] ?? ''), name: wording(row, by), units: BigInt(row.net), count: row.payments,
    }))
    .sort((one, other) => (one.units < other.units ? 1 : -1));
  const rest = ranked.splice(RANKED_MAX);
  if (rest.length > 0) {
    ranked.push({
      key: 'rest',
      name: t('income.rest', { count: rest.length }),
      units: rest.reduce((total, { units }) => total + units, 0n),
      count: rest.reduce((total, { count }) => total + count, 0),
    });
  }
  return ranked;
}

function wording(row: IncomeRow, by: By): string {
  if (by === 'offer') return (row.title === '' ? null : row.title) ?? row.offer ?? t('income.no_offer');
  if (by === 'class') return wordsFor('class', row.class ?? 'unknown') ?? row.class ?? '';
  if (row.country === null) return t('income.no_country');
  return new Intl.DisplayNames(currentLanguage(), { type: 'region' }).of(row.country) ?? row.country;
}
