/**
 * What the payer has, as it changes: from the node's stream, and by asking every few seconds where there
 * is none.
 *
 * Keeps: a page that is not seen neither listens nor asks; an answer that is older than the one in view
 * is not shown.
 */

import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

import { payerState, payerStream, type PayerState } from '../../node.js';
import type { Purse } from './main.js';
import { said } from './said.js';

const ASK_MS = 3000;

export interface Watched {
  /** Nothing before the first answer; a key without account has no state in it. */
  value: { state: PayerState | undefined } | undefined;
  problem: string | undefined;
  again(): Promise<void>;
}

export function useWatched({ facts, key }: Purse): Watched {
  const [value, setValue] = useState<Watched['value']>();
  const [problem, setProblem] = useState<string>();
  const turn = useRef(0);
  const show = (state: PayerState | undefined): void => {
    turn.current += 1;
    setValue({ state });
    setProblem(undefined);
  };
  const again = useCallback(async () => {
    const mine = (turn.current += 1);
    try {
      const state = await payerState(facts, key);
      if (mine === turn.current) show(state);
    } catch (error) {
      if (mine === turn.current) setProblem(said(error));
    }
  }, []);
  useEffect(() => {
    let seen = new AbortController();
    const watch = async ({ signal }: AbortController): Promise<void> => {
      while (!signal.aborted) {
        await payerStream(facts, key, signal, show).catch(() => undefined);
        if (signal.aborted) return;
        await again();
        await new Promise((resolve) => { setTimeout(resolve, ASK_MS); });
      }
    };
    const turned = (): void => {
      seen.abort();
      seen = new AbortController();
      if (!document.hidden) void watch(seen);
    };
    turned();
    document.addEventListener('visibilitychange', turned);
    return () => {
      document.removeEventListener('visibilitychange', turned);
      seen.abort();
    };
  }, []);
  return { value, problem, again };
}
