import './state/appearance.svelte';
import { mount } from 'svelte';
import App from './App.svelte';
import { browsersLanguage, setLanguage } from './i18n/index.svelte';
import { wayIn } from './pages/entry/ways-in';
import { preload } from './router';
import { session } from './state/session.svelte';

/** Shows the page of the address. */
export async function start() {
  const entering = wayIn(location.pathname) !== undefined;
  // The page's own code comes meanwhile; if it does not, the router asks again, and says so.
  if (!entering && session.isLikely) preload(location.pathname as '/').catch(() => {});
  // Who is there decides the language; nobody, or no answer, leaves it to the browser. A question that is bound to be
  // refused would be noted by the browser as an error.
  const worthAsking = session.isLikely || !entering;
  const current = worthAsking && (await session.load().catch(() => null));
  if (!current) await setLanguage(browsersLanguage());
  mount(App, { target: document.getElementById('app')! });
}
