// A view's query is what the API takes; the page's address says the same in days of the member's time zone.

import { api, ask } from '../../api/client';
import type { ContactQuery, ContactView } from '../../api/schema';
import { Query } from '../../state/query.svelte';
import { session } from '../../state/session.svelte';
import { dayIn } from '../statistics/period';

/** The list's part of an address that shows this query. */
export function addressOf(query: ContactQuery, zone: string): string {
  const params = new URLSearchParams();
  const put = (name: string, value: string | null | undefined) => value && params.set(name, value);
  put('search', query.search);
  put('status', query.status);
  put('tag', query.tag);
  put('bar', query.bar);
  put('from', query.from && dayIn(zone, Date.parse(query.from)));
  // It ends before this instant: the day before is the last one in it.
  put('to', query.to && dayIn(zone, Date.parse(query.to) - 1));
  if (query.sort !== 'newest') put('sort', query.sort);
  return params.toString();
}

export class Views extends Query<ContactView[]> {
  /** Each with its address. */
  placed = $derived(
    (this.data ?? []).map((view) => ({ view, text: addressOf(view.query, session.timeZone) })),
  );

  constructor() {
    super(async (signal) => (await ask(api.GET('/api/v1/contact-views', { signal }))).items);
  }

  /** A view as it is now, among the others by its name. */
  take(view: ContactView) {
    const others = (this.data ?? []).filter(({ id }) => id !== view.id);
    this.data = [...others, view].sort((a, b) => a.name.localeCompare(b.name));
  }

  drop(id: string) {
    this.data = (this.data ?? []).filter((view) => view.id !== id);
  }
}
