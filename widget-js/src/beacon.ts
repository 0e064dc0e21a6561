/** Events on their way to the server: sent once each, and again with the same id until they arrive. */

interface Pending {
  /** Where to. */
  to: string;
  body: string;
  /** May it not leave the browser? The visitor may have opted out meanwhile. */
  silent: () => boolean;
  /** How often it failed. */
  failed: number;
}

const pending = new Set<Pending>();

/** The time and 84 random bits, in hex: what comes together stands together in the database. */
export function id(): string {
  return crypto
    .getRandomValues(new Uint8Array(21))
    .reduce((text, byte) => text + (byte % 16).toString(16), Date.now().toString(16));
}

/** What every event and form post tells about the page. */
export function circumstances(variant: string, since: number, language: string): Record<string, unknown> {
  return {
    i: id(),
    v: variant,
    u: location.href.split('#')[0]!.slice(0, 2048),
    r: document.referrer.slice(0, 2048) || undefined,
    t: (performance.now() - since) | 0,
    l: language || undefined,
  };
}

/** Reports an event. `leaving`: the page may be about to go. */
export function report(to: string, about: object, silent: () => boolean, leaving?: boolean): void {
  const body = JSON.stringify({ w: navigator.webdriver || undefined, ...about });
  if (silent() || !leaving || !navigator.sendBeacon(to, body)) deliver({ to, body, silent, failed: 0 });
}

function deliver(event: Pending): void {
  const { to, body, silent } = event;
  pending.delete(event);
  if (silent()) return;
  pending.add(event);
  fetch(to, { method: 'POST', body, keepalive: true, credentials: 'omit' })
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
    if (event.silent() || navigator.sendBeacon(event.to, event.body)) pending.delete(event);
  }
}
