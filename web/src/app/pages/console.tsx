/**
 * How the node is: alarms first, then what it does, what it holds, what it owes.
 *
 * Keeps: an alarm is told in words and stands above all; figures are the node's, asked again every
 * two seconds, and only the short lines of the last minutes are kept in this page.
 */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { read } from '../call.js';
import { assetOf, type Status } from '../data.js';
import { currentLanguage, t, wordsFor } from '../language.js';
import { Line } from '../line.js';
import { useLoad } from '../load.js';
import { Head, Money, Notice, State, Table, Time, Waiting } from '../ui.js';

const REFRESH_MS = 2000;
const KEPT_COUNT = 45;

export function ConsolePage(): JSX.Element {
  const { value, problem } = useLoad(() => read<Status>('/v1/status'), [], REFRESH_MS);
  return (
    <>
      <Head title={t('console.title')} lead={t('console.lead')} />
      {problem !== undefined && value !== undefined && <Notice>{problem}</Notice>}
      {value === undefined ? <Waiting problem={problem} /> : <Board status={value} />}
    </>
  );
}

function Board({ status }: { status: Status }): JSX.Element {
  return (
    <>
      <Alarms status={status} />
      <Work status={status} />
      <Owed status={status} />
      <Health status={status} />
      <Witnesses status={status} />
    </>
  );
}

function Alarms({ status }: { status: Status }): JSX.Element {
  if (status.alarms.length === 0) return <Notice kind="good">{t('console.no_alarms')}</Notice>;
  return (
    <>
      {status.alarms.map(({ code, detail }) => (
        <Notice key={code}>{wordsFor('alarm', code) ?? code} <span class="small">{detail}</span></Notice>
      ))}
    </>
  );
}

function Work({ status }: { status: Status }): JSX.Element {
  const { rates, latencies } = useHistory(status);
  return (
    <dl class="totals gauges">
      <Gauge name={t('console.throughput')} text={t('console.per_second', { count: round(rates.at(-1) ?? 0) })}>
        <Line values={rates} />
      </Gauge>
      <Gauge name={t('console.latency')} text={t('console.ms', { count: round(latencies.at(-1) ?? 0) })}>
        <Line values={latencies} />
      </Gauge>
      <Gauge name={t('console.queue')} text={number(status.writer.queue_commands)} />
      <Gauge name={t('console.holds')} text={number(status.holds_open)} />
      <Gauge name={t('console.channels')} text={number(status.channels_open)} />
    </dl>
  );
}

function Gauge({ name, text, children }: { name: string; text: string; children?: ComponentChildren }): JSX.Element {
  return <div><dt>{name}</dt><dd>{text}{children}</dd></div>;
}

function Owed({ status }: { status: Status }): JSX.Element {
  return (
    <section aria-labelledby="owed">
      <h2 id="owed">{t('console.liabilities')}</h2>
      <Table
        caption={t('console.liabilities')}
        rows={status.assets}
        keyOf={({ asset }) => asset}
        columns={[
          { head: t('console.asset'), cell: ({ asset }) => asset },
          { head: t('console.owed'), cell: (row) => <Money units={row.liabilities} asset={assetOf(row)} />, end: true },
          { head: t('console.held'), cell: (row) => <Money units={row.held} asset={assetOf(row)} />, end: true },
          { head: t('console.exposure'), cell: (row) => <Money units={row.exposure} asset={assetOf(row)} />, end: true },
        ]}
      />
    </section>
  );
}

function Health({ status }: { status: Status }): JSX.Element {
  const { writer, log } = status;
  return (
    <section aria-labelledby="health">
      <h2 id="health">{t('console.health')}</h2>
      <dl class="facts">
        <div><dt>{t('console.journal')}</dt><dd><State state={writer.stopped ? 'bad' : 'good'} /> · {bytes(writer.journal_bytes)}</dd></div>
        <div><dt>{t('console.fsync')}</dt><dd>{t('console.ms', { count: round((writer.sync_p99_us ?? 0) / 1000) })}</dd></div>
        {status.books_balanced !== null && (
          <div><dt>{t('console.books')}</dt><dd><State state={status.books_balanced ? 'balanced' : 'unbalanced'} /></dd></div>
        )}
        {writer.snapshot_at_ms !== null && <div><dt>{t('console.snapshot')}</dt><dd><Time at={writer.snapshot_at_ms} /></dd></div>}
        {log !== null && (
          <>
            <div><dt>{t('console.log')}</dt><dd><State state={log.halted === null ? 'good' : 'bad'} /> · {number(log.leaves)}</dd></div>
            <div><dt>{t('console.published')}</dt><dd>{number(log.published_leaves)}</dd></div>
          </>
        )}
        {status.machine.data_free_bytes !== null && <div><dt>{t('console.free')}</dt><dd>{bytes(status.machine.data_free_bytes)}</dd></div>}
        <div><dt>{t('console.since')}</dt><dd><Time at={status.started_at_ms} /></dd></div>
        <div><dt>{t('console.version')}</dt><dd>{status.version}</dd></div>
      </dl>
    </section>
  );
}

function Witnesses({ status }: { status: Status }): JSX.Element {
  return (
    <section aria-labelledby="witnesses">
      <h2 id="witnesses">{t('console.witnesses')}</h2>
      <Table
        caption={t('console.witnesses')}
        rows={status.log?.witnesses ?? []}
        keyOf={({ name }) => name}
        empty={t('console.no_witnesses')}
        columns={[
          { head: t('console.witness'), cell: ({ name }) => name },
          { head: t('column.state'), cell: ({ state, alarm, detail }) => <><State state={alarm ?? state} />{state !== 'cosigned' && <span class="small"> {detail}</span>}</> },
          { head: t('console.cosigned'), cell: ({ cosigned_size }) => number(cosigned_size), end: true },
        ]}
      />
    </section>
  );
}

/** Payments a second and latency in milliseconds, of the last answers. */
function useHistory(status: Status): { rates: number[]; latencies: number[] } {
  const [kept, setKept] = useState<{ rates: number[]; latencies: number[] }>({ rates: [], latencies: [] });
  useEffect(() => {
    const { payments, window_ms, gateway_p99_us } = status.throughput;
    setKept(({ rates, latencies }) => ({
      rates: [...rates, (payments * 1000) / Math.max(window_ms, 1)].slice(-KEPT_COUNT),
      latencies: [...latencies, (gateway_p99_us ?? 0) / 1000].slice(-KEPT_COUNT),
    }));
  }, [status]);
  return kept;
}

/** As exact as somebody can see in passing. */
function round(value: number): number {
  return value < 100 ? Math.round(value * 10) / 10 : Math.round(value);
}

function number(value: number | null): string {
  return value === null ? '–' : new Intl.NumberFormat(currentLanguage()).format(value);
}

const UNITS = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte'];

function bytes(count: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(count, 1)) / 3), UNITS.length - 1);
  return new Intl.NumberFormat(currentLanguage(), {
    style: 'unit', unit: UNITS[power] ?? 'byte', unitDisplay: 'short', maximumFractionDigits: 1,
  }).format(count / 1000 ** power);
}
