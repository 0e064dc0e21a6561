/** The entry: the first script on a page makes the API, each adds its bar, the same one twice is one. */

import type { Api, Command } from './api';
import { type Bar, createBar, type Shared } from './bar';
import type { Runtime } from './runtime';
import { choose, recall } from './visitor';

/** The API with what the scripts of a page share. Another build may have made it: names are added, never changed. */
interface Hub extends Api, Shared {
  add(key: string, create: () => Bar): void;
}

type Told = 'start' | 'open' | 'close' | 'toggle' | 'destroy';

function createHub(): Hub {
  const bars = new Map<string, Bar>();
  /** What was asked of bars that are not there yet. */
  const asked: [method: Told, key: string | undefined][] = [];
  const chosen = (key?: string) => [...bars.values()].filter((bar) => !key || bar.key === key);
  const tell = (method: Told) => (key?: string) => {
    const found = chosen(key);
    if (!found.length) asked.push([method, key]);
    for (const bar of found) bar[method]();
  };
  const ended = new AbortController();
  const { signal } = ended;

  const hub: Hub = {
    bars,
    places: new Set(),
    sheet: new CSSStyleSheet(),
    known: {},
    last: {},
    add(key, create) {
      if (bars.has(key)) return;
      const bar = create();
      bars.set(key, bar);
      /** In a task of its own, and not before there is something to look at. */
      const begin = () => {
        if (!document.body) return void setTimeout(begin, 50);
        bar.move();
        for (const [method, other] of asked) if (!other || other === key) bars.get(key)?.[method]();
      };
      setTimeout(begin);
    },
    push(...commands) {
      for (const [name, ...rest] of commands) {
        (hub as unknown as Record<string, ((...rest: unknown[]) => void) | undefined>)[name]?.(...rest);
      }
    },
    open: tell('open'),
    close: tell('close'),
    toggle: tell('toggle'),
    start: tell('start'),
    identify(known) {
      Object.assign(hub.known, known);
      for (const bar of chosen()) bar.renew(known);
    },
    setLocale(tag) {
      hub.locale = tag;
      for (const bar of chosen()) bar.renew();
    },
    optOut() {
      hub.out = choose(true);
    },
    optIn() {
      hub.out = choose(false);
    },
    optedOut() {
      return !!(hub.out ?? recall('optout')) || chosen().some((bar) => bar.silent());
    },
    on(event, listener) {
      document.addEventListener(`contactbar:${event}`, listener as EventListener, { signal });
    },
    off(event, listener) {
      document.removeEventListener(`contactbar:${event}`, listener as EventListener);
    },
    destroy(key) {
      for (const bar of chosen(key)) {
        bar.destroy();
        bars.delete(bar.key);
      }
      if (key) return;
      ended.abort();
      delete window.contactbar;
    },
  };

  let at = location.href;
  const moved = () => {
    if (at === location.href || signal.aborted) return;
    at = location.href;
    for (const bar of chosen()) bar.move();
  };
  for (const name of ['pushState', 'replaceState'] as const) {
    const original = history[name];
    const followed: typeof original = (...state) => {
      original.apply(history, state);
      moved();
    };
    history[name] = followed;
    signal.addEventListener('abort', () => {
      if (history[name] === followed) history[name] = original;
    });
  }
  addEventListener('popstate', moved, { signal });
  document.addEventListener(
    'click',
    ({ target }) => {
      const opener = (target as Element).closest?.<HTMLElement>('[data-contactbar-open]');
      if (opener) hub.open(opener.dataset.contactbarOpen);
    },
    { signal },
  );
  return hub;
}

const script = document.currentScript as HTMLScriptElement | null;
const config = '__CONTACTBAR__' as unknown as Runtime;

let hub = window.contactbar as Hub;
if (!hub?.add) {
  const queue = hub as unknown as Command[] | undefined;
  hub = createHub();
  window.contactbar = hub;
  // Before the first bar is added: a queued optOut precedes whatever it would send.
  // An element of the page with the id `contactbar` is no queue.
  if (Array.isArray(queue)) hub.push(...queue);
}
hub.add(config.k, () => createBar(hub, config, script?.dataset ?? {}));
