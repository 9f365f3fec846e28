/**
 * Budgets: what sites, programs and devices may spend without asking, as trees, each with the
 * buttons that stop it.
 */

import type { JSX } from 'preact';

import { nodeNow, pauseMandate, revokeMandate, type MandateState } from '../../node.js';
import { currentLanguage, t } from '../language.js';
import { money } from '../../amount.js';
import { State, Time } from '../ui.js';
import type { PartProps } from './main.js';

type Ending = 'revoked' | 'expired' | 'used_up';

export function Budgets(props: PartProps): JSX.Element {
  const mandates = props.state?.mandates ?? [];
  const now = nodeNow(props.purse.facts);
  const roots = mandates.filter(({ parent }) => !mandates.some(({ mandate }) => mandate === parent));
  const active = roots.filter((mandate) => ending(mandate, now) === undefined);
  const ended = roots.filter((mandate) => ending(mandate, now) !== undefined);
  const tree = (list: MandateState[]): JSX.Element => (
    <ul class="budgets">
      {list.map((mandate) => <Budget key={mandate.mandate} {...props} mandate={mandate} all={mandates} now={now} />)}
    </ul>
  );
  return (
    <section aria-labelledby="budgets">
      <h2 id="budgets">{t('budgets.title')}</h2>
      <p class="lead">{t('budgets.lead')}</p>
      {active.length === 0 ? <p class="empty">{t('budgets.none')}</p> : tree(active)}
      {ended.length > 0 && (
        <details>
          <summary id="ended-title">{t('budgets.ended', { count: ended.length })}</summary>
          {tree(ended)}
        </details>
      )}
    </section>
  );
}

function Budget(props: PartProps & { mandate: MandateState; all: MandateState[]; now: number }): JSX.Element {
  const { purse, act, mandate, all, now } = props;
  const { asset } = purse;
  const said = (units: string): string => money(units, asset, currentLanguage());
  const name = mandate.label.replace(/^https?:\/\//, '');
  const end = ending(mandate, now);
  const children = all.filter(({ parent }) => parent === mandate.mandate);
  const revoke = (): Promise<void> => act(async () => {
    await revokeMandate(purse.facts, purse.key, mandate.mandate);
    return t('budgets.revoked', { name: mandate.label });
  });
  const pause = (paused: boolean): Promise<void> => act(async () => {
    await pauseMandate(purse.facts, purse.key, mandate.mandate, paused);
    return t(paused ? 'budgets.paused' : 'budgets.resumed', { name: mandate.label });
  });
  return (
    <li class="budget">
      <div class="row">
        <h3>{name === '' ? mandate.mandate : name}</h3>
        <p>{t('budgets.spent', { spent: said(mandate.spent), total: said(mandate.total) })}</p>
      </div>
      <progress value={share(mandate)} max={1000} aria-label={t('budgets.spent_at', { name })} />
      <div class="row">
        <p class="small">
          {t('budgets.per_payment', { amount: said(mandate.per_payment) })}
          {mandate.per_day !== null && <>, {t('budgets.per_day', { amount: said(mandate.per_day) })}</>}
          {mandate.per_month !== null && <>, {t('budgets.per_month', { amount: said(mandate.per_month) })}</>}
          {end === undefined && <>, {t('budgets.until')} <Time at={mandate.expires_at_ms} as="date" /></>}
        </p>
        {end !== undefined ? <State state={end} /> : (
          <div class="acts">
            {mandate.paused && <State state="paused" />}
            <button type="button" class="quiet" onClick={() => void pause(!mandate.paused)}>
              {t(mandate.paused ? 'budgets.resume' : 'budgets.pause')}<span class="unseen"> {name}</span>
            </button>
            <button type="button" class="quiet" onClick={() => void revoke()}>
              {t('budgets.revoke')}<span class="unseen"> {name}</span>
            </button>
          </div>
        )}
      </div>
      {children.length > 0 && (
        <ul class="budgets" aria-label={t('budgets.below', { name })}>
          {children.map((child) => <Budget key={child.mandate} {...props} mandate={child} />)}
        </ul>
      )}
    </li>
  );
}

/** Why a budget cannot be spent from any more; nothing while it can. */
function ending(mandate: MandateState, nowMs: number): Ending | undefined {
  if (mandate.revoked) return 'revoked';
  if (mandate.expires_at_ms <= nowMs) return 'expired';
  return BigInt(mandate.spent) >= BigInt(mandate.total) ? 'used_up' : undefined;
}

function share(mandate: MandateState): number {
  const total = BigInt(mandate.total);
  return total === 0n ? 1000 : Number((BigInt(mandate.spent) * 1000n) / total);
}
