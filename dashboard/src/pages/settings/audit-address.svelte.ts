// Which entries of the audit log are shown, as the address says it.

import { searchParams } from 'sv-router';
import type { AuditEntry, operations } from '../../api/schema';
import { navigate } from '../../router';
import { session } from '../../state/session.svelte';
import { addDays, isDate, startOf } from '../statistics/period';

/** What actions are about: what stands before their dot. */
export const AREAS = [
  'bar',
  'contact',
  'contact_view',
  'member',
  'profile',
  'team',
  'invitation',
  'token',
  'webhook',
  'policy',
] as const;
export type Area = (typeof AREAS)[number];

/** Those who are no persons and no programs. */
export const OTHERS = ['anonymous', 'system'] as const satisfies readonly AuditEntry['actor'][];

type Query = NonNullable<operations['list_audit_log']['parameters']['query']>;
type Name = 'area' | 'who' | 'target' | 'from' | 'to';

export class AuditAddress {
  #params = $derived(searchParams.toURLSearchParams());
  query = $derived(this.#query());
  narrowed = $derived(Object.values(this.query).some((value) => value !== undefined));

  get(name: Name): string {
    return this.#params.get(name) ?? '';
  }

  go(changes: Partial<Record<Name, string>>) {
    const params = new URLSearchParams(this.#params);
    for (const [name, value] of Object.entries(changes)) {
      if (value) params.set(name, value);
      else params.delete(name);
    }
    return navigate('/settings/audit-log', { search: params.size ? `?${params}` : '', scrollToTop: false });
  }

  reset() {
    return navigate('/settings/audit-log', { search: '', scrollToTop: false });
  }

  /** Dates are days of the member's time zone; both are included. */
  #query(): Query {
    const [who, from, to] = [this.get('who'), this.get('from'), this.get('to')];
    const iso = (date: string) => new Date(startOf(date, session.timeZone)).toISOString();
    return {
      area: AREAS.find((area) => area === this.get('area')),
      target: this.get('target') || undefined,
      user_id: who.startsWith('usr_') ? who : undefined,
      token_id: who.startsWith('tok_') ? who : undefined,
      actor: OTHERS.find((kind) => kind === who),
      from: isDate(from) ? iso(from) : undefined,
      to: isDate(to) ? iso(addDays(to, 1)) : undefined,
    };
  }
}
