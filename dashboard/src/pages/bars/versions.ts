import { api, ask } from '../../api/client';
import type { Configuration } from '../../api/schema';
import type { CurrentBar } from './bar.svelte';

/** A published version, or what is being worked on. */
export type Which = number | 'draft';

/** What the address says of a version; nothing, if it says something else. */
export function whichIn(text: string | null | undefined): Which | undefined {
  if (text === 'draft') return 'draft';
  return text && /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

export async function configurationOf(
  bar: CurrentBar,
  which: Which,
  signal: AbortSignal,
): Promise<Configuration> {
  if (which === 'draft') return bar.whole.draft.configuration;
  const params = { path: { bar_id: bar.id, version: which } };
  const version = await ask(api.GET('/api/v1/bars/{bar_id}/versions/{version}', { params, signal }));
  return version.configuration;
}
