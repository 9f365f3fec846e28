/**
 * The parts that pages are made of: amounts, times, fields, notices, dialogs, tables.
 *
 * Keeps: text from outside is text; every control has a name; a state is never told by colour
 * alone. No style is set here that the sheet of styles could set.
 */

import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useId, useRef, useState } from 'preact/hooks';

import type { Asset } from '../order.js';
import { money } from '../amount.js';
import { currentLanguage, t, wordsFor } from './language.js';

export function Money({ units, asset }: { units: string | bigint; asset: Asset }): JSX.Element {
  return <bdi class="money">{money(units, asset, currentLanguage())}</bdi>;
}

const TIMES: Record<'date' | 'moment' | 'clock', Intl.DateTimeFormatOptions> = {
  date: { dateStyle: 'medium' },
  moment: { dateStyle: 'medium', timeStyle: 'short' },
  clock: { timeStyle: 'medium' },
};

export function Time({ at, as = 'moment' }: { at: number; as?: keyof typeof TIMES }): JSX.Element {
  const date = new Date(at);
  const text = new Intl.DateTimeFormat(currentLanguage(), TIMES[as]).format(date);
  return <time dateTime={date.toISOString()}>{text}</time>;
}

/** A long id: its ends are seen, the whole of it is copied and read out. */
export function Id({ id }: { id: string }): JSX.Element {
  const short = id.length > 16 ? `${id.slice(0, 9)}…${id.slice(-4)}` : id;
  return <code class="id" title={id}>{short}</code>;
}

export function State({ state }: { state: string }): JSX.Element {
  return <span class={`state ${state}`}>{wordsFor('state', state) ?? state}</span>;
}

export function Notice({ children, kind = 'bad' }: {
  children: ComponentChildren;
  kind?: 'bad' | 'good';
}): JSX.Element {
  return <p class={`notice ${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>{children}</p>;
}

/** What a page shows until, and unless, the node has answered. */
export function Waiting({ problem }: { problem: string | undefined }): JSX.Element {
  return problem === undefined ? <p class="waiting">{t('waiting')}</p> : <Notice>{problem}</Notice>;
}

export function Head({ title, lead, children }: {
  title: string;
  lead?: string;
  children?: ComponentChildren;
}): JSX.Element {
  useEffect(() => {
    document.title = `${title} · Farthing`;
  }, [title]);
  return (
    <header class="head">
      <div>
        <h1 tabIndex={-1}>{title}</h1>
        {lead !== undefined && <p class="lead">{lead}</p>}
      </div>
      {children !== undefined && <div class="actions">{children}</div>}
    </header>
  );
}

interface FieldProps {
  label: string;
  value: string;
  onValue(value: string): void;
  hint?: ComponentChildren;
  problem?: string | undefined;
  type?: 'text' | 'password' | 'url' | 'number' | 'date';
  required?: boolean;
  /** What may be typed is an amount of money. */
  amount?: boolean;
  autoComplete?: string;
  placeholder?: string;
  lines?: number;
  disabled?: boolean;
}

export function Field(props: FieldProps): JSX.Element {
  const id = useId();
  const { label, value, hint, problem } = props;
  const told = hint !== undefined || problem !== undefined;
  const shared = {
    id,
    value,
    required: props.required ?? false,
    disabled: props.disabled ?? false,
    placeholder: props.placeholder ?? '',
    'aria-invalid': problem === undefined ? undefined : ('true' as const),
    'aria-describedby': told ? `${id}-told` : undefined,
    onInput: (event: Event) => props.onValue((event.target as HTMLInputElement).value),
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {props.lines !== undefined ? (
        <textarea {...shared} rows={props.lines} />
      ) : (
        <input
          {...shared}
          // The types of JSX want one known type at a time.
          type={(props.type ?? 'text') as 'text'}
          inputMode={props.amount === true ? 'decimal' : undefined}
          dir={props.amount === true || props.type === 'url' ? 'ltr' : undefined}
          autoComplete={props.autoComplete ?? 'off'}
        />
      )}
      {told && (
        <p class={problem === undefined ? 'hint' : 'hint bad'} id={`${id}-told`}>{problem ?? hint}</p>
      )}
    </div>
  );
}

export function Choose({ label, value, onValue, options, hidden = false }: {
  label: string;
  value: string;
  onValue(value: string): void;
  options: [value: string, text: string][];
  /** The label is read out, not shown. */
  hidden?: boolean;
}): JSX.Element {
  const id = useId();
  return (
    <div class="field">
      <label for={id} class={hidden ? 'unseen' : ''}>{label}</label>
      <select id={id} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
        {options.map(([name, text]) => <option key={name} value={name}>{text}</option>)}
      </select>
    </div>
  );
}

export function Check({ label, value, onValue }: {
  label: string;
  value: boolean;
  onValue(value: boolean): void;
}): JSX.Element {
  return (
    <label class="check">
      <input type="checkbox" checked={value} onChange={(event) => onValue(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}

/** A choice of few, all in sight. */
export function Tabs({ label, value, onValue, options }: {
  label: string;
  value: string;
  onValue(value: string): void;
  options: [value: string, text: string][];
}): JSX.Element {
  return (
    <div class="tabs" role="group" aria-label={label}>
      {options.map(([name, text]) => (
        <button type="button" key={name} aria-pressed={name === value} onClick={() => onValue(name)}>
          {text}
        </button>
      ))}
    </div>
  );
}

/** A dialog that is open as long as it is drawn. */
export function Dialog({ title, onClose, children }: {
  title: string;
  onClose(): void;
  children: ComponentChildren;
}): JSX.Element {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog ref={dialog} aria-labelledby={id} onClose={onClose}>
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

/** A button that asks once more before it acts. */
export function Sure({ label, about, question, act, kind = 'quiet', busy = false }: {
  label: string;
  /** What the button is about, for those who do not see where it stands. */
  about?: string;
  question: string;
  act(): Promise<void>;
  kind?: string;
  busy?: boolean;
}): JSX.Element {
  const [asking, setAsking] = useState(false);
  return (
    <>
      <button type="button" class={kind} disabled={busy} onClick={() => setAsking(true)}>
        {label}{about !== undefined && <span class="unseen"> {about}</span>}
      </button>
      {asking && (
        <Dialog title={label} onClose={() => setAsking(false)}>
          <p>{question}</p>
          <div class="actions">
            <button type="button" onClick={() => setAsking(false)}>{t('cancel')}</button>
            <button type="button" class="main" disabled={busy} onClick={() => {
              void act().then(() => setAsking(false));
            }}>{label}</button>
          </div>
        </Dialog>
      )}
    </>
  );
}

export interface Column<T> {
  head: string;
  cell(row: T): ComponentChildren;
  /** Numbers stand at the end of their column. */
  end?: boolean;
  /** Its heading is read out only. */
  quiet?: boolean;
}

/** Rows that stack on a narrow screen; the first column names the row. */
export function Table<T>({ caption, columns, rows, keyOf, empty }: {
  caption: string;
  columns: Column<T>[];
  rows: T[];
  keyOf(row: T): string;
  empty?: string;
}): JSX.Element {
  if (rows.length === 0) return <p class="empty">{empty ?? t('empty')}</p>;
  return (
    <table role="table" class="rows">
      <caption class="unseen">{caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {columns.map(({ head, end, quiet }) => (
            <th role="columnheader" scope="col" key={head} class={end === true ? 'end' : ''}>
              <span class={quiet === true ? 'unseen' : ''}>{head}</span>
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <tr role="row" key={keyOf(row)}>
            {columns.map((column, index) => cellOf(column, row, index === 0))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function cellOf<T>(column: Column<T>, row: T, names: boolean): JSX.Element {
  const look = column.end === true ? 'end' : '';
  if (names) return <th role="rowheader" scope="row" key={column.head} class={look}>{column.cell(row)}</th>;
  const label = column.quiet === true ? undefined : column.head;
  return <td role="cell" key={column.head} class={look} data-label={label}>{column.cell(row)}</td>;
}

/** Text that is shown once, to be copied. */
export function Secret({ label, value }: { label: string; value: string }): JSX.Element {
  const [copied, setCopied] = useState(false);
  return (
    <div class="secret">
      <p class="eyebrow">{label}</p>
      <code>{value}</code>
      <button type="button" class="quiet" onClick={() => {
        void navigator.clipboard.writeText(value).then(() => setCopied(true));
      }}>{t('copy')}</button>
      <span role="status">{copied ? t('copied') : ''}</span>
    </div>
  );
}
