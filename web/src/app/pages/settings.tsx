/**
 * Settings of the node that change while it runs: who runs it, and where help is.
 */

import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { call, read } from '../call.js';
import { t } from '../language.js';
import { useAct, useLoad } from '../load.js';
import { Field, Head, Notice, Waiting } from '../ui.js';

interface Settings {
  name: string | null;
  contact: string | null;
}

export function SettingsPage(): JSX.Element {
  const { value, problem } = useLoad(() => read<Settings>('/v1/settings'), []);
  return (
    <>
      <Head title={t('settings.title')} lead={t('settings.lead')} />
      {value === undefined ? <Waiting problem={problem} /> : <Form settings={value} />}
    </>
  );
}

function Form({ settings }: { settings: Settings }): JSX.Element {
  const [name, setName] = useState(settings.name ?? '');
  const [contact, setContact] = useState(settings.contact ?? '');
  const [saved, setSaved] = useState(false);
  const act = useAct();
  useEffect(() => setSaved(false), [name, contact]);
  const save = async (): Promise<void> => {
    // What is empty is taken back.
    await call('PATCH', '/v1/settings', { name: name.trim() || null, contact: contact.trim() || null });
    setSaved(true);
  };
  return (
    <form class="narrow" onSubmit={(event) => {
      event.preventDefault();
      void act.run(save);
    }}>
      <Field
        label={t('settings.name')}
        value={name}
        onValue={setName}
        hint={t('settings.name_hint')}
        problem={act.param === 'name' ? act.problem : undefined}
      />
      <Field
        label={t('settings.contact')}
        value={contact}
        onValue={setContact}
        hint={t('settings.contact_hint')}
        problem={act.param === 'contact' ? act.problem : undefined}
      />
      {act.problem !== undefined && act.param === undefined && <Notice>{act.problem}</Notice>}
      <div class="actions">
        <button class="main" disabled={act.busy}>{t('save')}</button>
        <span role="status">{saved ? t('settings.saved') : ''}</span>
      </div>
    </form>
  );
}
