/** Events on their way to the server: sent once each, and again with the same id until they arrive. */

import type { Runtime } from './runtime';
import { silent } from './visitor';

export type EventKind = 'view' | 'click' | 'close';

interface Pending {
  /** Where to. */
  to: string;
  bar: Runtime;
  body: object;
  /** How often it failed. */
  failed: number;
}

const pending = new Set<Pending>();

/** 128 random bits in hex. */
export function id(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) =>
    (byte + 256).toString(16).slice(1),
  ).join('');
}

/** What every event and form post tells about the page. */
export function circumstances(bar: Runtime, since: number, language: string): Record<string, unknown> {
  return {
    i: id(),
    v: bar.v,
    u: location.href.split('#')[0]!.slice(0, 2048),
    r: document.referrer.slice(0, 2048) || undefined,
    t: Math.round(performance.now() - since),
    l: language || undefined,
  };
}

/** Reports an event. `leaving`: the page may be about to go. */
export function report(base: string, bar: Runtime, kind: EventKind, since: number, leaving?: boolean): void {
  if (silent(bar)) return;
  const body = {
    b: bar.k,
    k: kind,
    w: navigator.webdriver || undefined,
    ...circumstances(bar, since, navigator.language),
  };
  const to = `${base}/e`;
  if (!leaving || !handOver(to, body)) deliver({ to, bar, body, failed: 0 });
}

function handOver(to: string, body: object): boolean {
  return !!navigator.sendBeacon?.(to, JSON.stringify(body));
}

function deliver(event: Pending): void {
  // Between two attempts the visitor may have opted out.
  if (silent(event.bar)) {
    pending.delete(event);
    return;
  }
  pending.add(event);
  fetch(event.to, {
    method: 'POST',
    body: JSON.stringify(event.body),
    keepalive: true,
    credentials: 'omit',
  })
    .then(({ status, headers }) => {
      if (status === 429 || status > 499) throw +(headers.get('Retry-After') ?? 0);
      pending.delete(event);
    })
    .catch((wait: unknown) => {
      // 1, 4, 16, 64, 256 seconds, or as the server says; then only once more when the page goes.
      const seconds = Math.max(4 ** event.failed++, +(wait as number) || 0);
      if (event.failed < 6) setTimeout(() => pending.has(event) && deliver(event), seconds * 1e3);
    });
}

/** The page goes: what has not been acknowledged is handed to the browser. The ids keep it from counting twice. */
export function flush(): void {
  for (const event of pending) {
    if (silent(event.bar) || handOver(event.to, event.body)) pending.delete(event);
  }
}
