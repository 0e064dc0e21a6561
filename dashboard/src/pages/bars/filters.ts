import type { Sort } from '../../api/schema';

export const STATE_FILTERS = ['all', 'live', 'draft', 'paused'] as const;
export type StateFilter = (typeof STATE_FILTERS)[number];
export const SORTS = ['newest', 'oldest', 'name', 'changed'] as const satisfies readonly Sort[];

/** What the address says, or what is meant if it says nothing that we know. */
export function stateFilterIn(value: string | null): StateFilter {
  return STATE_FILTERS.find((one) => one === value) ?? 'all';
}

export function sortIn(value: string | null): Sort {
  return SORTS.find((one) => one === value) ?? 'newest';
}
