/** What the visitor has decided, and how the browser remembers it: nothing before they act. */

import type { Runtime } from './runtime';

const OUT = 'contactbar.optout';

/** Browsers may refuse storage altogether; then nothing is remembered. */
function stored(name: string, value?: string | null, session?: boolean): string | null {
  try {
    const storage = session ? sessionStorage : localStorage;
    if (value === null) storage.removeItem(name);
    else if (value) storage.setItem(name, value);
    return storage.getItem(name);
  } catch {
    return null;
  }
}

let out: boolean | undefined;

/** Reads or changes the visitor's own choice. */
export function optedOut(choice?: boolean): boolean {
  if (choice !== undefined) stored(OUT, choice ? '1' : null);
  out = choice ?? (out || !!stored(OUT));
  return out;
}

/** May nothing about this visitor leave the browser? */
export function silent(bar: Runtime): boolean {
  const { globalPrivacyControl, doNotTrack } = navigator as Navigator & { globalPrivacyControl?: boolean };
  return optedOut() || !!(bar.p && globalPrivacyControl) || !!(bar.q && doNotTrack === '1');
}

/** Does the bar stay away from this visitor? */
export function away(key: string): boolean {
  const name = `contactbar.${key}`;
  return [false, true].some((session) => Date.now() < +(stored(name, undefined, session) ?? 0));
}

/** Keeps the bar away for so many days; -1: for this session. */
export function stayAway(key: string, days: number): void {
  if (days) stored(`contactbar.${key}`, `${days < 0 ? Infinity : Date.now() + days * 864e5}`, days < 0);
}
