// The questions that the page asks, under the filters of its address.

import { api, ask } from '../../api/client';
import type { By, Interval, RankBy } from '../../api/schema';
import type { Filters } from './address.svelte';
import type { Span } from './period';

export type Question = { bar: string; span: Span; filters: Filters };

const wrap = ({ bar, span, filters }: Question) => ({
  path: { bar_id: bar },
  query: { ...span, ...filters },
});

export function readTotals(question: Question, signal: AbortSignal) {
  return ask(api.GET('/api/v1/bars/{bar_id}/stats', { params: wrap(question), signal }));
}

export function readSeries(question: Question, interval: Interval, signal: AbortSignal) {
  const { path, query } = wrap(question);
  const params = { path, query: { ...query, interval } };
  return ask(api.GET('/api/v1/bars/{bar_id}/stats/series', { params, signal }));
}

export function readBreakdown(question: Question, by: By, sort: RankBy, limit: number, signal: AbortSignal) {
  const { path, query } = wrap(question);
  const params = { path, query: { ...query, by, sort, limit } };
  return ask(api.GET('/api/v1/bars/{bar_id}/stats/breakdown', { params, signal }));
}

export function readDrops(bar: string, span: Span, signal: AbortSignal) {
  const params = { path: { bar_id: bar }, query: span };
  return ask(api.GET('/api/v1/bars/{bar_id}/stats/drops', { params, signal }));
}
