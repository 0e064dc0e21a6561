import type { Design } from './model';

/** What this browser keeps of a draft until the server has it: through lost connections, closed tabs, ended sessions. */
export type Kept = {
  /** The revision of the draft that it began from. */
  revision: number;
  design: Design;
  /** When it was typed. */
  at: string;
};

const keyOf = (bar: string) => `contactbar.draft.${bar}`;

/** Answers whether it could be kept. */
export function keep(bar: string, kept: Kept): boolean {
  try {
    localStorage.setItem(keyOf(bar), JSON.stringify(kept));
    return true;
  } catch {
    return false;
  }
}

export function findKept(bar: string): Kept | undefined {
  try {
    const kept = JSON.parse(localStorage.getItem(keyOf(bar)) ?? 'null') as Kept | null;
    return kept && Array.isArray(kept.design?.variants) ? kept : undefined;
  } catch {
    return undefined;
  }
}

export function forgetKept(bar: string) {
  localStorage.removeItem(keyOf(bar));
}
