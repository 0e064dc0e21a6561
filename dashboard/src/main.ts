import './theme.css';
import './state/appearance.svelte';
import { mount } from 'svelte';
import App from './App.svelte';
import { browsersLanguage, setLanguage } from './i18n/index.svelte';
import { preload } from './router';
import { session } from './state/session.svelte';

/** The ways in: nobody is expected to be logged in there. */
const ENTRY = /^\/(login|register|verify|confirm-address|forgot-password|reset-password|invitation)\/?$/;

async function start() {
  const entering = ENTRY.test(location.pathname);
  // The page's own code comes meanwhile; if it does not, the router asks again, and says so.
  if (entering || session.isLikely) preload(location.pathname as '/').catch(() => {});
  // Who is there decides the language; nobody, or no answer, leaves it to the browser. A question that is bound to be
  // refused would be noted by the browser as an error.
  const worthAsking = session.isLikely || !entering;
  const current = worthAsking && (await session.load().catch(() => null));
  if (!current) await setLanguage(browsersLanguage());
  mount(App, { target: document.getElementById('app')! });
}

void start();
