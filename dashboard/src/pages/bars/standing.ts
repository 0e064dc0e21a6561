import type { Bar, BarState } from '../../api/schema';

/** How a bar stands towards its visitors: not yet, switched on, switched off. */
export type Standing = 'draft' | 'live' | 'paused';
export type BarStanding = { state: BarState; published_version?: number | null; has_changes: boolean };

export function standing(bar: BarStanding): Standing {
  if (bar.published_version == null) return 'draft';
  return bar.state === 'paused' ? 'paused' : 'live';
}

/** The same of a bar that was read whole. */
export function standingOf(bar: Bar): BarStanding {
  return {
    state: bar.state,
    published_version: bar.published?.version,
    has_changes: bar.draft.has_changes,
  };
}
