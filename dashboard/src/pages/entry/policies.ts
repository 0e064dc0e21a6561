import { api, ask } from '../../api/client';
import type { Document } from '../../api/schema';

export type Agreed = { privacy_version: number; terms_version: number };

/** The versions that stand on the site now: what somebody who ticks the box agrees to. */
export async function currentPolicies(signal?: AbortSignal): Promise<Agreed> {
  const { items } = await ask(api.GET('/api/v1/policies', { signal }));
  const newest = (document: Document) =>
    Math.max(...items.filter((version) => version.document === document).map(({ version }) => version));
  return { privacy_version: newest('privacy'), terms_version: newest('terms') };
}
