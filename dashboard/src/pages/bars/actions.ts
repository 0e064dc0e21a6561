import { api, ask, once } from '../../api/client';
import { ApiProblem } from '../../api/problem';
import type { Bar } from '../../api/schema';
import { t } from '../../i18n/index.svelte';
import { explain } from '../../i18n/problems';
import { toasts } from '../../state/toasts.svelte';
import { confirm } from '../../ui/confirm.svelte';

type Named = { id: string; name: string };
const of = (id: string) => ({ params: { path: { bar_id: id } } });

/** Does what no form stands for: what goes wrong is said in a toast, and answers `undefined`. */
export async function attempt<T>(act: () => Promise<T>): Promise<T | undefined> {
  try {
    return await act();
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    toasts.bad(explain(error));
    return undefined;
  }
}

export async function pause(bar: Named): Promise<Bar | undefined> {
  const paused = await attempt(() => ask(api.POST('/api/v1/bars/{bar_id}/pause', of(bar.id))));
  if (paused) toasts.good(t().bars.done.paused(bar.name));
  return paused;
}

export async function resume(bar: Named): Promise<Bar | undefined> {
  const resumed = await attempt(() => ask(api.POST('/api/v1/bars/{bar_id}/resume', of(bar.id))));
  if (resumed) toasts.good(t().bars.done.resumed(bar.name));
  return resumed;
}

export async function duplicate(bar: Named): Promise<Bar | undefined> {
  const name = t().bars.copyOf(bar.name).slice(0, 100);
  const request = { ...of(bar.id), headers: once(), body: { name } };
  const copy = await attempt(() => ask(api.POST('/api/v1/bars/{bar_id}/duplicate', request)));
  if (copy) toasts.good(t().bars.done.duplicated(copy.name));
  return copy;
}

/** Asks first. Answers whether it is gone. */
export async function remove(bar: Named): Promise<boolean> {
  const words = t().bars.deletion;
  const sure = await confirm({
    title: words.title(bar.name),
    text: words.text,
    action: words.action,
    danger: true,
  });
  if (!sure) return false;
  const gone = await attempt(async () => {
    await ask(api.DELETE('/api/v1/bars/{bar_id}', of(bar.id)));
    return true;
  });
  if (gone) toasts.good(t().bars.done.deleted(bar.name));
  return gone === true;
}
