/** What the visitor has decided, and what the browser remembers of it: in storage only once it may be. */

import type { Runtime } from './runtime';

const PREFIX = 'contactbar.';

/** Not in storage yet: that of this browser, that of this session. */
const kept: Record<string, string>[] = [{}, {}];
let mayStore: boolean | undefined;

/** Browsers may refuse storage altogether; then nothing is remembered. */
function storage<T>(session: number | undefined, use: (storage: Storage) => T): T | undefined {
  try {
    return use(session ? sessionStorage : localStorage);
  } catch {
    return;
  }
}

export function recall(name: string, session?: number): string | null | undefined {
  return kept[session ?? 0]![name] ?? storage(session, (found) => found.getItem(PREFIX + name));
}

export function remember(name: string, value: string, session?: number): void {
  kept[session ?? 0]![name] = value;
  if (mayStore) store();
}

/** The visitor has acted, or the member lets it: from now on things are remembered. */
export function store(): void {
  mayStore = true;
  kept.forEach((values, session) => {
    for (const name in values) storage(session, (found) => found.setItem(PREFIX + name, values[name]!));
  });
}

/** What was remembered, or else `make`s up: the same from now on. */
export function sticky(name: string, make: () => unknown): string {
  const found = recall(name) ?? `${make()}`;
  remember(name, found);
  return found;
}

/** Keeps the visitor's own choice. */
export function choose(out: boolean): boolean {
  remember('optout', out ? '1' : '');
  store();
  return out;
}

/** May nothing about this visitor leave the browser? `out`: what they chose on this page. */
export function silent(bar: Runtime | undefined, out?: boolean): boolean {
  const { globalPrivacyControl, doNotTrack } = navigator as Navigator & { globalPrivacyControl?: boolean };
  return !!((out ?? recall('optout')) || (bar?.g && globalPrivacyControl) || (bar?.q && doNotTrack === '1'));
}
