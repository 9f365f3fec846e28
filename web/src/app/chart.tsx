/**
 * Figures: money over time as bars, and shares as ranked bars; each with its table and its CSV.
 *
 * Keeps: what a figure shows is in the table beside it, exactly; positions alone are computed in
 * floats. Time runs in the direction of the language.
 */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import type { Asset } from '../order.js';
import { decimal, money } from '../amount.js';
import { csv, save } from './file.js';
import { currentLanguage, t } from './language.js';
import { Money, Table } from './ui.js';

const HEIGHT = 220;
const BOTTOM = 26;
const TOP = 8;
const AXIS = 64;
const LABEL_WIDTH = 76;

export interface Bar {
  at: number;
  label: string;
  units: bigint;
  count: number;
}

/** A heading, the figure, and beside it the choice of table and file. */
function Figure({ title, table, file, children }: {
  title: string;
  table: JSX.Element;
  file(): void;
  children: ComponentChildren;
}): JSX.Element {
  const [asTable, setAsTable] = useState(false);
  const id = useId();
  return (
    <section class="figure" aria-labelledby={id}>
      <div class="row">
        <h2 id={id}>{title}</h2>
        <div class="tools">
          <button type="button" class="text" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
            {t('figure.table')}<span class="unseen">: {title}</span>
          </button>
          <button type="button" class="text" onClick={file}>CSV<span class="unseen">: {title}</span></button>
        </div>
      </div>
      {asTable ? table : children}
    </section>
  );
}

export function Bars({ title, name, bars, asset }: {
  title: string;
  /** Of the file. */
  name: string;
  bars: Bar[];
  asset: Asset;
}): JSX.Element {
  const table = (
    <Table
      caption={title}
      rows={bars.filter(({ count, units }) => count > 0 || units !== 0n)}
      keyOf={({ at }) => String(at)}
      columns={[
        { head: t('column.when'), cell: ({ label }) => label },
        { head: t('column.payments'), cell: ({ count }) => count, end: true },
        { head: t('column.income'), cell: ({ units }) => <Money units={units} asset={asset} />, end: true },
      ]}
    />
  );
  const file = (): void => save(`${name}.csv`, csv([
    ['from', 'payments', 'income', 'asset'],
    ...bars.map(({ at, count, units }) => [
      new Date(at).toISOString(), count, decimal(units, asset.scale), asset.code,
    ]),
  ]), 'text/csv');
  return <Figure title={title} table={table} file={file}><Plot title={title} bars={bars} asset={asset} /></Figure>;
}

function Plot({ title, bars, asset }: { title: string; bars: Bar[]; asset: Asset }): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(640);
  const [near, setNear] = useState<number>();
  useEffect(() => {
    const element = frame.current;
    if (element === null) return;
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const ticks = scale(bars.reduce((most, { units }) => (units > most ? units : most), 0n));
  const top = ticks[ticks.length - 1] ?? 1n;
  const isMirrored = document.documentElement.dir === 'rtl';
  const step = (width - AXIS) / Math.max(bars.length, 1);
  const x = (index: number): number => (isMirrored ? width - AXIS - (index + 1) * step : AXIS + index * step);
  const y = (units: bigint): number => TOP + (HEIGHT - TOP - BOTTOM) * (1 - Number(units) / Number(top));
  const every = Math.ceil(LABEL_WIDTH / step);
  const shown = near === undefined ? undefined : bars[near];
  return (
    <div class="plot" ref={frame} onPointerLeave={() => setNear(undefined)} onPointerMove={(event) => {
      const from = event.clientX - (frame.current?.getBoundingClientRect().left ?? 0);
      const index = Math.floor((isMirrored ? width - AXIS - from : from - AXIS) / step);
      setNear(index >= 0 && index < bars.length ? index : undefined);
    }}>
      <svg width={width} height={HEIGHT} role="img" aria-label={spoken(title, bars, asset)}>
        {ticks.map((tick) => (
          <g key={String(tick)} class="tick">
            <line x1={isMirrored ? 0 : AXIS} x2={isMirrored ? width - AXIS : width} y1={y(tick)} y2={y(tick)} />
            <text x={isMirrored ? width - AXIS + 8 : AXIS - 8} y={y(tick) + 4} class={isMirrored ? 'start' : 'end'}>
              {money(tick, asset, currentLanguage())}
            </text>
          </g>
        ))}
        {bars.map(({ at, units, label }, index) => (
          <g key={at}>
            {units > 0n && (
              <rect
                class={index === near ? 'near' : ''}
                x={x(index) + step * 0.14}
                width={Math.max(step * 0.72, 1)}
                y={y(units)}
                height={Math.max(HEIGHT - BOTTOM - y(units), 1)}
              />
            )}
            {index % every === 0 && (
              <text class="middle" x={x(index) + step / 2} y={HEIGHT - 6}>{label}</text>
            )}
          </g>
        ))}
      </svg>
      <p class="reading" aria-hidden="true">
        {shown === undefined ? ' ' : (
          <><span>{shown.label}</span> <Money units={shown.units} asset={asset} /> <span>{t('count.payments', { count: shown.count })}</span></>
        )}
      </p>
    </div>
  );
}

function spoken(title: string, bars: Bar[], asset: Asset): string {
  const sum = bars.reduce((total, { units }) => total + units, 0n);
  const best = bars.reduce<Bar | undefined>((most, bar) => (bar.units > (most?.units ?? 0n) ? bar : most), undefined);
  if (best === undefined) return t('figure.nothing', { title });
  const said = (units: bigint): string => money(units, asset, currentLanguage());
  return t('figure.spoken', { title, sum: said(sum), best: best.label, most: said(best.units) });
}

/** Round values from zero to at least the largest, three to five of them. */
export function scale(most: bigint): bigint[] {
  if (most <= 0n) return [0n, 1n];
  const rough = (most + 2n) / 3n;
  const power = 10n ** BigInt(rough.toString().length - 1);
  const step = [1n, 2n, 5n, 10n].map((times) => times * power).find((size) => size >= rough) ?? rough;
  const ticks = [0n];
  for (let tick = step; ; tick += step) {
    ticks.push(tick);
    if (tick >= most) return ticks;
  }
}

export interface Share {
  key: string;
  name: string;
  units: bigint;
  count: number;
}

/** A table whose rows carry their bars: nothing to toggle but the numbers' company. */
export function Shares({ title, name, shares, asset, empty }: {
  title: string;
  name: string;
  shares: Share[];
  asset: Asset;
  empty: string;
}): JSX.Element {
  const id = useId();
  const most = shares.reduce((top, { units }) => (units > top ? units : top), 1n);
  const file = (): void => save(`${name}.csv`, csv([
    [name, 'payments', 'income', 'asset'],
    ...shares.map(({ name: who, count, units }) => [who, count, decimal(units, asset.scale), asset.code]),
  ]), 'text/csv');
  return (
    <section class="figure shares" aria-labelledby={id}>
      <div class="row">
        <h2 id={id}>{title}</h2>
        <div class="tools">
          <button type="button" class="text" onClick={file}>CSV<span class="unseen">: {title}</span></button>
        </div>
      </div>
      {shares.length === 0 ? <p class="empty">{empty}</p> : (
        <table aria-labelledby={id}>
          <thead class="unseen">
            <tr><th scope="col">{title}</th><th scope="col">{t('column.income')}</th></tr>
          </thead>
          <tbody>
            {shares.map(({ key, name: who, units, count }) => (
              <tr key={key}>
                <th scope="row">
                  <span>{who}</span>
                  <meter min={0} max={1000} value={Math.max(Number((units * 1000n) / most), 0)} aria-hidden="true" />
                </th>
                <td class="end">
                  <Money units={units} asset={asset} />
                  <span class="small">{t('count.payments', { count })}</span>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
