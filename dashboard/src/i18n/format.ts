import { session } from '../state/session.svelte';
import { currentLanguage } from './index.svelte';

const made = new Map<string, Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>();

function keep<F extends Intl.NumberFormat | Intl.DateTimeFormat | Intl.RelativeTimeFormat>(
  key: string,
  make: () => F,
): F {
  const known = made.get(key) as F | undefined;
  if (known) return known;
  const fresh = make();
  made.set(key, fresh);
  return fresh;
}

function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
  const language = currentLanguage();
  return keep(`n${language}${JSON.stringify(options)}`, () => new Intl.NumberFormat(language, options));
}

function dateFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const language = currentLanguage();
  const all = { timeZone: session.timeZone, ...options };
  return keep(`d${language}${JSON.stringify(all)}`, () => new Intl.DateTimeFormat(language, all));
}

export function number(value: number): string {
  return numberFormat({}).format(value);
}

/** Short where room is short: 12,4 k. */
export function compact(value: number): string {
  return numberFormat({ notation: 'compact', maximumFractionDigits: 1 }).format(value);
}

/** A share between 0 and 1; a dash where there is none. */
export function percent(value: number | null | undefined, digits = 1): string {
  return value == null
    ? '–'
    : numberFormat({ style: 'percent', maximumFractionDigits: digits }).format(value);
}

/** By how much it has changed: `+12 %`; nothing where there was nothing to compare with. */
export function change(now: number, before: number): string | undefined {
  if (before === 0) return undefined;
  return numberFormat({ style: 'percent', maximumFractionDigits: 0, signDisplay: 'exceptZero' }).format(
    now / before - 1,
  );
}

/** An amount in its currency's smallest unit, as people write it. */
export function money({ amount, currency }: { amount: number; currency: string }): string {
  const format = numberFormat({ style: 'currency', currency: currency.toUpperCase() }) as Intl.NumberFormat;
  return format.format(amount / 10 ** (format.resolvedOptions().maximumFractionDigits ?? 2));
}

export function bytes(value: number): string {
  return numberFormat({ style: 'unit', unit: 'byte', unitDisplay: 'narrow' }).format(value);
}

/** A moment's day, in the member's time zone. */
export function day(at: string | Date): string {
  return dateFormat({ dateStyle: 'medium' }).format(new Date(at));
}

export function moment(at: string | Date): string {
  return dateFormat({ dateStyle: 'medium', timeStyle: 'short' }).format(new Date(at));
}

/** `3 hours ago`, `in 2 days`. */
export function relative(at: string | Date, now = Date.now()): string {
  const seconds = Math.round((new Date(at).getTime() - now) / 1000);
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [
    ['year', 31_536_000],
    ['month', 2_592_000],
    ['week', 604_800],
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
  ];
  const language = currentLanguage();
  const format = keep(`r${language}`, () => new Intl.RelativeTimeFormat(language, { numeric: 'auto' }));
  const step = steps.find(([, size]) => Math.abs(seconds) >= size);
  return step ? format.format(Math.trunc(seconds / step[1]), step[0]) : format.format(0, 'minute');
}
