/** The entry: the first script on a page makes the API, each adds its bar, the same one twice is one. */

import type { Api, Command, Detail, EventName } from './api';
import { type Bar, createBar } from './bar';
import { flush } from './beacon';
import type { Runtime } from './runtime';
import { optedOut, silent } from './visitor';

interface Hub extends Api {
  /** Adds the bar of a script. */
  add(bar: Runtime, base: string, locale?: string): void;
}

type Listener = (detail: Detail) => void;

function createHub(): Hub {
  const bars = new Map<string, Bar>();
  const asked = new Set<string | undefined>();
  const listeners: [EventName, Listener, (event: CustomEvent<Detail>) => void][] = [];
  const chosen = (key?: string) => [...bars.values()].filter((bar) => !key || bar.config.k === key);

  const hub: Hub = {
    add(config, base, locale) {
      if (bars.has(config.k)) return;
      const bar = createBar(config, base, locale);
      bars.set(config.k, bar);
      const start = () => (asked.has(config.k) || asked.has(undefined) ? bar.open() : bar.start());
      if (document.body) start();
      else addEventListener('DOMContentLoaded', start, { once: true });
    },
    push(...commands) {
      for (const [name, ...rest] of commands) {
        (hub as unknown as Record<string, ((...rest: unknown[]) => void) | undefined>)[name]?.(...rest);
      }
    },
    open(key) {
      const found = chosen(key);
      if (!found.length) asked.add(key);
      for (const bar of found) bar.open();
    },
    close(key) {
      for (const bar of chosen(key)) bar.close();
    },
    optOut() {
      optedOut(true);
    },
    optIn() {
      optedOut(false);
    },
    optedOut() {
      return optedOut() || chosen().some((bar) => silent(bar.config));
    },
    on(event, listener) {
      const hear = ({ detail }: CustomEvent<Detail>) => listener(detail);
      listeners.push([event, listener, hear]);
      document.addEventListener(`contactbar:${event}`, hear);
    },
    off(event, listener) {
      for (const [name, known, hear] of listeners) {
        if (name === event && known === listener) document.removeEventListener(`contactbar:${name}`, hear);
      }
    },
    destroy(key) {
      for (const bar of chosen(key)) {
        bar.destroy();
        bars.delete(bar.config.k);
      }
      if (key) return;
      for (const [name, known] of listeners) hub.off(name, known);
      flush();
      removeEventListener('pagehide', flush);
      delete window.contactbar;
    },
  };
  addEventListener('pagehide', flush);
  return hub;
}

const script = document.currentScript as HTMLScriptElement | null;
const config = '__CONTACTBAR__' as unknown as Runtime;

let hub = window.contactbar as Hub | Command[] | undefined;
if (!hub || !('add' in hub)) {
  const queue = hub;
  hub = createHub();
  window.contactbar = hub;
  // Before the first bar is added: a queued optOut precedes whatever it would send.
  if (Array.isArray(queue)) hub.push(...queue);
}
hub.add(config, config.h ?? (script?.src ?? '').replace(/\/b\/[^/]*$/, ''), script?.dataset.locale);
