/**
 * What a page shows of the node: asked for when it is drawn, and again when it should be.
 *
 * Keeps: an answer that is late is dropped, not shown over a newer one; a hidden page asks nothing.
 */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { call, newKey, read, sentence, type Method, type Page } from './call.js';
import { go } from './place.js';

export interface Loaded<T> {
  value: T | undefined;
  problem: string | undefined;
  again(): Promise<void>;
}

/** `inputs` are what the question depends on; `everyMs` asks again and again. */
export function useLoad<T>(ask: () => Promise<T>, inputs: unknown[], everyMs?: number): Loaded<T> {
  const [value, setValue] = useState<T>();
  const [problem, setProblem] = useState<string>();
  const turn = useRef(0);
  const again = useCallback(async () => {
    const mine = (turn.current += 1);
    try {
      const answer = await ask();
      if (mine !== turn.current) return;
      setValue(answer);
      setProblem(undefined);
    } catch (error) {
      if (mine === turn.current) setProblem(sentence(error));
    }
  }, inputs);
  useEffect(() => {
    void again();
    if (everyMs === undefined) return;
    const timer = setInterval(() => {
      if (!document.hidden) void again();
    }, everyMs);
    return () => clearInterval(timer);
  }, [again]);
  return { value, problem, again };
}

export interface Pages<T> {
  rows: T[];
  isEnd: boolean;
  problem: string | undefined;
  more(): void;
  again(): void;
}

/** A list that grows page by page, and starts anew when its question changes. */
export function usePages<T>(path: string, query: Record<string, string | undefined>): Pages<T> {
  const [rows, setRows] = useState<T[]>([]);
  const [cursor, setCursor] = useState<string | null>();
  const [problem, setProblem] = useState<string>();
  const asked = JSON.stringify([path, query]);
  const load = async (from: string | undefined): Promise<void> => {
    try {
      const page = await read<Page<T>>(path, { ...query, limit: 50, cursor: from });
      setRows((before) => (from === undefined ? page.data : [...before, ...page.data]));
      setCursor(page.next_cursor);
      setProblem(undefined);
    } catch (error) {
      setProblem(sentence(error));
    }
  };
  useEffect(() => {
    setRows([]);
    setCursor(undefined);
    void load(undefined);
  }, [asked]);
  return {
    rows,
    problem,
    isEnd: cursor === null,
    more: () => void load(cursor ?? undefined),
    again: () => void load(undefined),
  };
}

export interface Act {
  busy: boolean;
  problem: string | undefined;
  param: string | undefined;
  run(work: () => Promise<void>): Promise<void>;
}

/** One thing at a time that the reader asks for, and what the node said if it refused. */
export function useAct(): Act {
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string>();
  const [param, setParam] = useState<string>();
  const run = async (work: () => Promise<void>): Promise<void> => {
    if (busy) return;
    setBusy(true);
    setProblem(undefined);
    setParam(undefined);
    try {
      await work();
    } catch (error) {
      setProblem(sentence(error));
      setParam((error as { param?: string }).param);
    } finally {
      setBusy(false);
    }
  };
  return { busy, problem, param, run };
}

/** A call that moves money: pressed again after a failure, it is the same purchase, not a second. */
export function useSafeCall(): <T>(method: Method, path: string, body?: unknown) => Promise<T> {
  const last = useRef({ content: '', key: '' });
  return async (method, path, body) => {
    const content = JSON.stringify([method, path, body]);
    if (last.current.content !== content) last.current = { content, key: newKey() };
    const answer = await call(method, path, body, last.current.key);
    last.current = { content: '', key: '' };
    return answer as never;
  };
}

/** A parameter of the address, so that a view can be bookmarked and survives a reload. */
export function setQuery(name: string, value: string): void {
  const url = new URL(location.href);
  if (value === '') url.searchParams.delete(name);
  else url.searchParams.set(name, value);
  go(url.pathname + url.search, 'replace');
}
