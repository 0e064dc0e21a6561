import './theme.css';
import './state/appearance.svelte';
import { mount } from 'svelte';
import App from './App.svelte';
import { browsersLanguage, setLanguage } from './i18n/index.svelte';
import { session } from './state/session.svelte';

async function start() {
  // Who is there decides the language; nobody, or no answer, leaves it to the browser.
  const asked = session.load().catch(() => null);
  if (!(await asked)) await setLanguage(browsersLanguage());
  mount(App, { target: document.getElementById('app')! });
}

void start();
