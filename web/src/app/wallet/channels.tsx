/**
 * What runs now: open channels, each with what is set aside and spent, and the button that closes it.
 */

import type { JSX } from 'preact';

import { closeChannel, type ChannelState } from '../../node.js';
import { money } from '../../amount.js';
import { currentLanguage, t } from '../language.js';
import { Time } from '../ui.js';
import type { PartProps } from './main.js';

export function Channels({ purse, state, act }: PartProps): JSX.Element | null {
  const channels = state?.channels ?? [];
  if (channels.length === 0) return null;
  const said = (units: string): string => money(units, purse.asset, currentLanguage());
  const close = (channel: ChannelState): Promise<void> => act(async () => {
    const { closes_at_ms } = await closeChannel(purse.key, channel);
    return closes_at_ms === null ? t('channels.closing') : t('channels.closing_by', { at: closes_at_ms });
  });
  return (
    <section aria-labelledby="channels">
      <h2 id="channels">{t('channels.title')}</h2>
      <p class="lead">{t('channels.lead')}</p>
      <ul class="budgets">
        {channels.map((channel) => {
          const name = channel.description === '' ? channel.payee : channel.description;
          return (
            <li class="budget" key={channel.channel}>
              <div class="row">
                <h3>{name}</h3>
                <p>{t('budgets.spent', { spent: said(channel.spent), total: said(channel.deposit) })}</p>
              </div>
              <progress value={Number((BigInt(channel.spent) * 1000n) / BigInt(channel.deposit))} max={1000} aria-label={t('budgets.spent_at', { name })} />
              <div class="row">
                <p class="small">
                  {channel.state === 'closing' && channel.closes_at_ms !== null
                    ? <>{t('channels.back_by')} <Time at={channel.closes_at_ms} as="clock" /></>
                    : t('channels.open')}
                </p>
                {channel.state === 'open' && (
                  <button type="button" class="quiet" onClick={() => void close(channel)}>
                    {t('channels.close')}<span class="unseen"> {name}</span>
                  </button>
                )}
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
