// What the page shows, as its address says it: so that it can be linked, reloaded, and gone back from.

import { searchParams } from 'sv-router';
import type { By, Interval } from '../../api/schema';
import { navigate, route } from '../../router';
import { session } from '../../state/session.svelte';
import {
  type Days,
  dayIn,
  daysBefore,
  daysOf,
  intervalsFor,
  isDate,
  lengthOf,
  MAX_DAYS,
  PRESETS,
  type Preset,
  type Span,
  upToNow,
} from './period';

export const DIMENSIONS = [
  'page',
  'site',
  'referrer',
  'utm_source',
  'utm_medium',
  'utm_campaign',
  'browser',
  'system',
  'device',
  'language',
  'country',
  'variant',
] as const satisfies readonly By[];

export const MEASURES = [
  'views',
  'visitors',
  'clicks',
  'submissions',
  'closes',
  'click_rate',
  'conversion_rate',
] as const;
export type Measure = (typeof MEASURES)[number];
export type Filters = Partial<Record<By, string>>;

function oneOf<T extends string>(known: readonly T[], text: string | null, otherwise: T): T {
  return known.includes(text as T) ? (text as T) : otherwise;
}

export class Address {
  /** When the questions are asked: they are asked again when it changes. */
  now = $state(Date.now());
  #params = $derived(searchParams.toURLSearchParams());

  preset = $derived<Preset>(oneOf(PRESETS, this.#params.get('period'), '30d'));
  measure = $derived<Measure>(oneOf(MEASURES, this.#params.get('measure'), 'views'));
  by = $derived<By>(oneOf(DIMENSIONS, this.#params.get('by'), 'page'));
  compares = $derived(this.#params.get('compare') !== 'no');
  today = $derived(dayIn(session.timeZone, this.now));
  #own = $derived.by((): Partial<Days> => {
    const [first, last] = [this.#params.get('from'), this.#params.get('to')];
    const days = { first: isDate(first) ? first : undefined, last: isDate(last) ? last : undefined };
    return days.first && days.last && lengthOf(days as Days) > MAX_DAYS ? {} : days;
  });
  days = $derived(daysOf(this.preset, this.#own, this.today));
  before = $derived(daysBefore(this.preset, this.days));
  intervals = $derived(intervalsFor(this.days));
  interval = $derived<Interval>(oneOf(this.intervals, this.#params.get('interval'), this.intervals[0]!));
  filters = $derived.by((): Filters => {
    const found: Filters = {};
    for (const by of DIMENSIONS) {
      const value = this.#params.get(by);
      if (value !== null) found[by] = value;
    }
    return found;
  });
  filterCount = $derived(Object.keys(this.filters).length);

  /** As the API takes it. */
  span = $derived<Span>({ from: this.days.first, to: this.days.last });
  wholeBefore = $derived<Span>({ from: this.before.first, to: this.before.last });
  spanBefore = $derived(upToNow(this.before, this.days, session.timeZone, this.now));

  /** The same page with something else: `undefined` takes a parameter away. */
  with(changes: Record<string, string | undefined>): string {
    const params = new URLSearchParams(this.#params);
    for (const [name, value] of Object.entries(changes)) {
      if (value === undefined) params.delete(name);
      else params.set(name, value);
    }
    const search = params.toString();
    return search ? `?${search}` : '';
  }

  go(changes: Record<string, string | undefined>) {
    const search = this.with(changes);
    return navigate(route.pathname as '/bars', { search, scrollToTop: false });
  }

  /** As `go`, for what is only looked at differently: nothing to go back to. */
  adjust(changes: Record<string, string | undefined>) {
    const search = this.with(changes);
    return navigate(route.pathname as '/bars', { search, scrollToTop: false, replace: true });
  }

  filter(by: By, value: string) {
    return this.go({ [by]: value });
  }

  unfilter(...dimensions: By[]) {
    return this.go(Object.fromEntries(dimensions.map((by) => [by, undefined])));
  }

  /** Where the numbers are as CSV, under the same filters. */
  csv(bar: string, more: Record<string, string>): string {
    const params = new URLSearchParams({ ...this.span, ...this.filters, ...more });
    return `/api/v1/bars/${bar}/stats.csv?${params}`;
  }
}
