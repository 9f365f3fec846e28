/**
 * The application of payees and operators: who is signed in, where they are, what is shown.
 *
 * Keeps: nothing of the node is asked for before the reader is known; what a reader may not do has
 * no place in the navigation (the node decides anyway).
 */

import { render, type JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';

import { findSession, onSignedOut, sentence, signOut, type Session } from './call.js';
import { Frame, type Door } from './frame.js';
import { loadLanguage, t } from './language.js';
import { AccountsPage } from './pages/accounts.js';
import { CodesPage } from './pages/codes.js';
import { ConsolePage } from './pages/console.js';
import { IncomePage } from './pages/income.js';
import { KeysPage } from './pages/keys.js';
import { LoginPage } from './pages/login.js';
import { OfferPage } from './pages/offer.js';
import { OffersPage } from './pages/offers.js';
import { PaymentPage } from './pages/payment.js';
import { PaymentsPage } from './pages/payments.js';
import { PayoutsPage } from './pages/payouts.js';
import { SettingsPage } from './pages/settings.js';
import { WebhooksPage } from './pages/webhooks.js';
import { followLinks, go, usePlace } from './place.js';
import { Head, Notice } from './ui.js';

function App({ found }: { found: Session | undefined }): JSX.Element {
  const [session, setSession] = useState(found);
  const { pathname } = usePlace();
  useEffect(() => onSignedOut(() => setSession(undefined)), []);
  useEffect(() => document.querySelector<HTMLElement>('main')?.focus(), [pathname]);
  const isAsked = session === undefined || pathname === '/app/login';
  if (isAsked) {
    return (
      <Frame doors={[]} place={pathname}>
        <LoginPage onSession={(next) => {
          setSession(next);
          if (pathname === '/app/login') go('/app', 'replace');
        }} />
      </Frame>
    );
  }
  const leave = (): void => {
    void signOut().finally(() => setSession(undefined));
  };
  return (
    <Frame doors={doors(session)} place={pathname} onLeave={leave}>
      {pageOf(pathname, session)}
    </Frame>
  );
}

function doors(session: Session): Door[] {
  const all: Door[] = [
    { path: '/app', name: t('nav.income') },
    { path: '/app/offers', name: t('nav.offers') },
    { path: '/app/codes', name: t('nav.codes') },
    { path: '/app/payments', name: t('nav.payments') },
    { path: '/app/payouts', name: t('nav.payouts') },
    { path: '/app/accounts', name: t('nav.accounts') },
    { path: '/app/webhooks', name: t('nav.webhooks') },
    { path: '/app/keys', name: t('nav.keys') },
  ];
  if (session.operator) {
    all.push({ path: '/app/console', name: t('nav.console') }, { path: '/app/settings', name: t('nav.settings') });
  }
  return all;
}

function pageOf(path: string, session: Session): JSX.Element {
  const [, , page = '', id] = path.split('/');
  switch (page) {
    case '':
      return <IncomePage />;
    case 'offers':
      return id === undefined ? <OffersPage /> : <OfferPage key={id} offer={id} />;
    case 'codes':
      return <CodesPage />;
    case 'payments':
      return id === undefined ? <PaymentsPage limitedTo={session.accounts} /> : (
        <PaymentPage key={id} payment={id} isLimited={session.accounts !== null} />
      );
    case 'payouts':
      return <PayoutsPage isOperator={session.operator} limitedTo={session.accounts} />;
    case 'accounts':
      return <AccountsPage mayOpen={session.operator} />;
    case 'webhooks':
      return <WebhooksPage limitedTo={session.accounts} />;
    case 'keys':
      return <KeysPage />;
    case 'console':
      return <ConsolePage />;
    case 'settings':
      return <SettingsPage />;
    default:
      return <Head title={t('lost.title')} lead={t('lost.lead')} />;
  }
}

async function start(): Promise<void> {
  const root = document.getElementById('app');
  if (root === null) return;
  const [, found] = await Promise.all([
    loadLanguage(),
    findSession().catch((error: unknown) => error as Error),
  ]);
  followLinks();
  root.replaceChildren();
  if (found instanceof Error) {
    render(<Frame doors={[]} place=""><Notice>{sentence(found)}</Notice></Frame>, root);
  } else {
    render(<App found={found} />, root);
  }
}

void start();
