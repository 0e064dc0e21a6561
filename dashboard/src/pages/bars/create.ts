import { api, ask, once } from '../../api/client';
import type { Bar, BarTemplate, CreateBar, GoalKind } from '../../api/schema';
import { currentLanguage } from '../../i18n/index.svelte';
import { navigate } from '../../router';
import { attempt } from './actions';

/** What a bar begins with: a template, or nothing but a goal. */
export function startOf(choice: BarTemplate | GoalKind): Pick<CreateBar, 'draft' | 'goal' | 'language'> {
  return typeof choice === 'string'
    ? { goal: choice, language: currentLanguage() }
    : { draft: choice.configuration };
}

export function postBar(body: Pick<CreateBar, 'name'> & Partial<CreateBar>): Promise<Bar> {
  return ask(api.POST('/api/v1/bars', { headers: once(), body: { allowed_hosts: [], ...body } }));
}

export function toEditor(bar: Bar) {
  return navigate('/bars/:bar/edit', { params: { bar: bar.id } });
}

/** Makes a bar and goes on to the editor; what goes wrong is said in a toast. */
export async function createBar(body: Pick<CreateBar, 'name'> & Partial<CreateBar>): Promise<void> {
  const bar = await attempt(() => postBar(body));
  if (bar) await toEditor(bar);
}
