// Which contacts the list shows, as its address says it.

import { searchParams } from 'sv-router';
import type { ContactQuery, ContactSort, ContactStatus } from '../../api/schema';
import { navigate } from '../../router';
import { session } from '../../state/session.svelte';
import { addDays, isDate, startOf } from '../statistics/period';

export const STATUSES = ['new', 'open', 'done', 'spam'] as const satisfies readonly ContactStatus[];
export const SORTS = ['newest', 'oldest', 'changed'] as const satisfies readonly ContactSort[];

/** The parameters that tell contacts apart; the order comes on top. */
const FILTERS = ['search', 'status', 'tag', 'bar', 'from', 'to'] as const;
type Name = (typeof FILTERS)[number] | 'sort';

export class ListAddress {
  #params = $derived(searchParams.toURLSearchParams());

  /** Only what is a question, in one order: two addresses of the same list are the same text. */
  text = $derived.by(() => {
    const kept = new URLSearchParams();
    for (const name of [...FILTERS, 'sort'] as const) {
      const value = this.#params.get(name);
      if (value) kept.set(name, value);
    }
    return kept.toString();
  });
  filterCount = $derived(FILTERS.filter((name) => name !== 'search' && this.get(name)).length);
  narrowed = $derived(FILTERS.some((name) => this.get(name)));
  query = $derived(queryOf(this.text, session.timeZone));

  get(name: Name): string {
    return this.#params.get(name) ?? '';
  }

  go(changes: Partial<Record<Name, string>>, how: { replace?: boolean } = {}) {
    const params = new URLSearchParams(this.text);
    for (const [name, value] of Object.entries(changes)) {
      if (value) params.set(name, value);
      else params.delete(name);
    }
    return this.open(params.toString(), how);
  }

  open(text: string, how: { replace?: boolean } = {}) {
    return navigate('/contacts', { search: text ? `?${text}` : '', scrollToTop: false, ...how });
  }
}

/** What is given is something: the API takes `null`, a list's parameters don't. */
export type Given = { [Name in keyof ContactQuery]?: NonNullable<ContactQuery[Name]> };

/** Dates of the address are days of the member's time zone; both are included. */
function queryOf(text: string, zone: string): Given {
  const params = new URLSearchParams(text);
  const get = (name: Name) => params.get(name) || undefined;
  const [from, to] = [get('from'), get('to')];
  const iso = (date: string) => new Date(startOf(date, zone)).toISOString();
  return {
    search: get('search')?.slice(0, 200),
    status: STATUSES.find((status) => status === get('status')),
    tag: get('tag'),
    bar: get('bar'),
    from: isDate(from) ? iso(from) : undefined,
    to: isDate(to) ? iso(addDays(to, 1)) : undefined,
    sort: SORTS.find((sort) => sort === get('sort')),
  };
}
