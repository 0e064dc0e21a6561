// How numbers and values are said.

import type { By, Numbers } from '../../api/schema';
import { change, compact, number, percent } from '../../i18n/format';
import { currentLanguage, t } from '../../i18n/index.svelte';
import type { Measure } from './address.svelte';
import type { Days } from './period';

/** Where values go that are too many to be told apart. */
const OTHER = '(other)';

export const isRate = (measure: Measure) => measure === 'click_rate' || measure === 'conversion_rate';

/** Nothing where there were no views to make a rate of. */
export function figureOf(numbers: Numbers, measure: Measure): number | null {
  return numbers[measure] ?? null;
}

export function say(value: number | null, measure: Measure): string {
  if (value === null) return '–';
  return isRate(measure) ? percent(value) : number(value);
}

/** Where room is short, as on an axis. */
export function sayShort(value: number, measure: Measure): string {
  if (isRate(measure)) return percent(value);
  return value < 10_000 ? number(value) : compact(value);
}

/** `+12 %`; of rates too. */
export function changeOf(now: number | null, before: number | null): string | undefined {
  return now === null || !before ? undefined : change(now, before);
}

/** A value of a dimension, as people say it. */
export function nameOf(by: By, value: string): string {
  const words = t().statistics;
  if (value === OTHER) return words.tooMany;
  if (value === '')
    return by === 'referrer' ? words.noReferrer : by.startsWith('utm') ? words.noCampaign : words.unknown;
  if (by === 'device') return words.devices[value as keyof typeof words.devices] ?? value;
  if (by === 'language') return nameIn('language', value);
  if (by === 'country') return nameIn('region', value);
  if (by === 'variant') return words.variant(value);
  return value;
}

function nameIn(type: 'language' | 'region', code: string): string {
  try {
    return new Intl.DisplayNames(currentLanguage(), { type }).of(code) ?? code;
  } catch {
    return code;
  }
}

const dates = (options: Intl.DateTimeFormatOptions) =>
  new Intl.DateTimeFormat(currentLanguage(), { timeZone: 'UTC', ...options });

/** `1–30 Nov 2026`. */
export function sayDays({ first, last }: Days): string {
  return dates({ dateStyle: 'medium' }).formatRange(new Date(first), new Date(last));
}

/** A point's name, such as `2026-11-22` or `2026-11-22T14:00:00+01:00`: what the clocks there show. */
export function pointName(local: string): string {
  if (local.length === 10)
    return dates({ ...DAY, weekday: 'short', year: 'numeric' }).format(new Date(local));
  return dates({ ...DAY, ...HOUR, weekday: 'short' }).format(wallClock(local));
}

/** Shorter, for an axis of hours of one day, or of days. */
export function axisName(local: string, oneDay: boolean): string {
  return dates(oneDay ? HOUR : DAY).format(local.length === 10 ? new Date(local) : wallClock(local));
}

const DAY = { day: 'numeric', month: 'short' } as const;
const HOUR = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const;
const wallClock = (local: string) => new Date(`${local.slice(0, 16)}Z`);
