/**
 * Where events are sent, how the deliveries went, and sending one again.
 */

import type { JSX } from 'preact';
import { useState } from 'preact/hooks';

import { call } from '../call.js';
import { all, type Delivery, type WebhookEndpoint } from '../data.js';
import { t } from '../language.js';
import { useAct, useLoad, usePages } from '../load.js';
import { Check, Dialog, Field, Head, Notice, Secret, State, Sure, Table, Time, Waiting } from '../ui.js';

const EVENTS = [
  'payment.settled', 'payment.held', 'payment.released', 'refund.settled', 'channel.opened',
  'channel.settled', 'channel.closed', 'payout.requested', 'payout.paid',
];

/** `limitedTo` is what a payee's sign-in is limited to; null for all accounts. */
export function WebhooksPage({ limitedTo }: { limitedTo: string[] | null }): JSX.Element {
  const list = useLoad(() => all<WebhookEndpoint>('/v1/webhook-endpoints'), []);
  const [asking, setAsking] = useState(false);
  const [secret, setSecret] = useState<string>();
  return (
    <>
      <Head title={t('webhooks.title')} lead={t('webhooks.lead')}>
        <button type="button" class="main" onClick={() => setAsking(true)}>{t('webhooks.new')}</button>
      </Head>
      {secret !== undefined && <><Notice kind="good">{t('webhooks.secret_once')}</Notice><Secret label={t('webhooks.secret')} value={secret} /></>}
      {list.value === undefined ? <Waiting problem={list.problem} /> : (
        list.value.length === 0
          ? <p class="empty">{t('webhooks.none')}</p>
          : list.value.map((endpoint) => (
            <Endpoint key={endpoint.webhook_endpoint} endpoint={endpoint} onSecret={setSecret} onChange={() => void list.again()} />
          ))
      )}
      {asking && (
        <NewEndpoint limitedTo={limitedTo} onClose={() => setAsking(false)} onDone={(made) => {
          setAsking(false);
          setSecret(made.secret);
          void list.again();
        }} />
      )}
    </>
  );
}

function Endpoint({ endpoint, onSecret, onChange }: {
  endpoint: WebhookEndpoint;
  onSecret(secret: string): void;
  onChange(): void;
}): JSX.Element {
  const path = `/v1/webhook-endpoints/${endpoint.webhook_endpoint}`;
  const act = useAct();
  const [open, setOpen] = useState(false);
  return (
    <section class="sheet" aria-label={endpoint.url}>
      <div class="row">
        <h2><bdi dir="ltr">{endpoint.url}</bdi></h2>
        <State state={endpoint.active ? 'active' : 'inactive'} />
      </div>
      <p class="small">{endpoint.events.join(', ')}</p>
      <div class="acts">
        <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>{t('webhooks.deliveries')}</button>
        <button type="button" class="quiet" disabled={act.busy} onClick={() => void act.run(async () => {
          await call('PATCH', path, { active: !endpoint.active });
          onChange();
        })}>{t(endpoint.active ? 'webhooks.stop' : 'webhooks.start')}</button>
        <Sure label={t('webhooks.rotate')} question={t('webhooks.rotate_sure')} act={() => act.run(async () => {
          const made = await call<WebhookEndpoint>('POST', `${path}/rotate-secret`);
          if (made.secret !== undefined) onSecret(made.secret);
        })} />
        <Sure label={t('delete')} about={endpoint.url} question={t('webhooks.sure', { url: endpoint.url })} act={() => act.run(async () => {
          await call('DELETE', path);
          onChange();
        })} />
      </div>
      {act.problem !== undefined && <Notice>{act.problem}</Notice>}
      {open && <Deliveries path={path} />}
    </section>
  );
}

function Deliveries({ path }: { path: string }): JSX.Element {
  const list = usePages<Delivery>(`${path}/deliveries`, {});
  const act = useAct();
  return (
    <>
      {(act.problem ?? list.problem) !== undefined && <Notice>{act.problem ?? list.problem}</Notice>}
      {(list.isEnd || list.rows.length > 0) && (
        <Table
          caption={t('webhooks.deliveries')}
          rows={list.rows}
          keyOf={({ delivery }) => delivery}
          empty={t('webhooks.no_deliveries')}
          columns={[
            { head: t('webhooks.event'), cell: (row) => <code>{row.type}</code> },
            { head: t('column.when'), cell: (row) => <Time at={row.since_ms} /> },
            { head: t('webhooks.attempts'), cell: (row) => row.failures, end: true },
            { head: t('column.state'), cell: (row) => <><State state={row.state} />{row.status !== null && ` · ${row.status}`}</> },
            {
              head: t('column.act'),
              quiet: true,
              end: true,
              cell: (row) => (
                <button type="button" class="quiet" disabled={act.busy} onClick={() => void act.run(async () => {
                  await call('POST', `/v1/deliveries/${row.delivery}/redeliver`);
                  list.again();
                })}>{t('webhooks.again')}<span class="unseen"> {row.type}</span></button>
              ),
            },
          ]}
        />
      )}
      {!list.isEnd && list.rows.length > 0 && <p class="more"><button type="button" onClick={list.more}>{t('more')}</button></p>}
    </>
  );
}

function NewEndpoint({ limitedTo, onClose, onDone }: {
  limitedTo: string[] | null;
  onClose(): void;
  onDone(made: WebhookEndpoint): void;
}): JSX.Element {
  const [url, setUrl] = useState('https://');
  const [events, setEvents] = useState(new Set(['payment.settled']));
  const act = useAct();
  const turn = (name: string, isOn: boolean): void => {
    const next = new Set(events);
    if (isOn) next.add(name);
    else next.delete(name);
    setEvents(next);
  };
  return (
    <Dialog title={t('webhooks.new')} onClose={onClose}>
      <form onSubmit={(event) => {
        event.preventDefault();
        void act.run(async () => onDone(await call('POST', '/v1/webhook-endpoints', { url, events: [...events], accounts: limitedTo })));
      }}>
        <Field label="URL" type="url" value={url} onValue={setUrl} required />
        <fieldset class="checks">
          <legend>{t('webhooks.events')}</legend>
          {EVENTS.map((name) => (
            <Check key={name} label={name} value={events.has(name)} onValue={(isOn) => turn(name, isOn)} />
          ))}
        </fieldset>
        {act.problem !== undefined && <Notice>{act.problem}</Notice>}
        <div class="actions">
          <button type="button" onClick={onClose}>{t('cancel')}</button>
          <button class="main" disabled={act.busy || events.size === 0}>{t('create')}</button>
        </div>
      </form>
    </Dialog>
  );
}
