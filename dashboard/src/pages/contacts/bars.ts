import { api, ask } from '../../api/client';
import type { BarListItem } from '../../api/schema';

/** The member's bars, for choosing one and for naming them: all of them, page by page. */
export async function readBars(signal: AbortSignal): Promise<BarListItem[]> {
  const all: BarListItem[] = [];
  let after: string | undefined;
  do {
    const page = await ask(api.GET('/api/v1/bars', { params: { query: { after, limit: 200 } }, signal }));
    all.push(...page.items);
    after = page.next_cursor ?? undefined;
  } while (after);
  return all;
}
