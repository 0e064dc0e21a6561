// Which days a question is about, and which it is compared with. Pure: dates are `2026-11-22`, of the member's time zone.

import type { Interval } from '../../api/schema';

export const PRESETS = ['today', '7d', '30d', '90d', 'month', 'last_month', 'year', 'own'] as const;
export type Preset = (typeof PRESETS)[number];
export type Days = { first: string; last: string };
/** `from` and `to` as the API takes them. */
export type Span = { from: string; to: string };

const DAY_MS = 86_400_000;
/** Beyond that a line of hours is a hedgehog. */
const MAX_DAYS_BY_HOUR = 31;
/** As far as the API goes. */
export const MAX_DAYS = 1829;

const asUtc = (date: string) => Date.parse(`${date}T00:00:00Z`);
const asDate = (utc: number) => new Date(utc).toISOString().slice(0, 10);

export function isDate(text: string | null | undefined): text is string {
  return (
    /^\d{4}-\d{2}-\d{2}$/.test(text ?? '') && !Number.isNaN(asUtc(text!)) && asDate(asUtc(text!)) === text
  );
}

export function addDays(date: string, days: number): string {
  return asDate(asUtc(date) + days * DAY_MS);
}

/** How many days: both ends included. */
export function lengthOf({ first, last }: Days): number {
  return Math.round((asUtc(last) - asUtc(first)) / DAY_MS) + 1;
}

/** The same day of another month, or the last of that month. */
export function addMonths(date: string, months: number): string {
  const [year, month, day] = date.split('-').map(Number) as [number, number, number];
  const last = new Date(Date.UTC(year, month + months, 0)).getUTCDate();
  return asDate(Date.UTC(year, month - 1 + months, Math.min(day, last)));
}

const beginOfMonth = (date: string) => `${date.slice(0, 8)}01`;

/** The day that it is in a time zone. */
export function dayIn(zone: string, now: number): string {
  return asDate(wallClock(zone, now));
}

/** What the clocks of a time zone show, as if it were UTC. */
function wallClock(zone: string, at: number): number {
  const parts = new Intl.DateTimeFormat('en', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  }).formatToParts(at);
  const of = (type: string) => Number(parts.find((part) => part.type === type)?.value);
  return Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'));
}

/** When a day begins in a time zone. */
export function startOf(date: string, zone: string): number {
  const wanted = asUtc(date);
  let at = wanted;
  // Twice, because the first guess may lie on the other side of a change of the clocks.
  for (let step = 0; step < 2; step++) at += wanted - wallClock(zone, at);
  return at;
}

export function daysOf(preset: Preset, own: Partial<Days>, today: string): Days {
  switch (preset) {
    case 'today':
      return { first: today, last: today };
    case '7d':
      return { first: addDays(today, -6), last: today };
    case '90d':
      return { first: addDays(today, -89), last: today };
    case 'month':
      return { first: beginOfMonth(today), last: today };
    case 'last_month': {
      const first = addMonths(beginOfMonth(today), -1);
      return { first, last: addDays(beginOfMonth(today), -1) };
    }
    case 'year':
      return { first: `${today.slice(0, 4)}-01-01`, last: today };
    case 'own':
      if (own.first && own.last && own.first <= own.last) return { first: own.first, last: own.last };
      return daysOf('30d', own, today);
    default:
      return { first: addDays(today, -29), last: today };
  }
}

/** The days to compare with: those before, or the same of the month or year before. */
export function daysBefore(preset: Preset, days: Days): Days {
  if (preset === 'month') return { first: addMonths(days.first, -1), last: addMonths(days.last, -1) };
  if (preset === 'last_month') return { first: addMonths(days.first, -1), last: addDays(days.first, -1) };
  if (preset === 'year') return { first: addMonths(days.first, -12), last: addMonths(days.last, -12) };
  const length = lengthOf(days);
  return { first: addDays(days.first, -length), last: addDays(days.last, -length) };
}

/** `before` up to the hour that today has come to, so that what is unfinished is compared with as much. */
export function upToNow(before: Days, days: Days, zone: string, now: number): Span {
  const whole = { from: before.first, to: before.last };
  if (dayIn(zone, now) !== days.last) return whole;
  const elapsed = now - startOf(days.last, zone);
  const end = Math.min(startOf(before.last, zone) + elapsed, startOf(addDays(before.last, 1), zone));
  return { from: before.first, to: new Date(end).toISOString() };
}

/** How the days may be divided. */
export function intervalsFor(days: Days): Interval[] {
  const length = lengthOf(days);
  if (length === 1) return ['hour'];
  return length <= MAX_DAYS_BY_HOUR ? ['day', 'hour'] : ['day'];
}
