import { api, ask } from '../api/client';
import type { PolicyChange } from '../api/schema';

let items = $state.raw<PolicyChange[]>();

/** The changes of policies that were announced to the current member, shared by the banner and the page. */
export const policies = {
  /** Newest first; `undefined` while nobody has asked yet. */
  get items() {
    return items;
  },
  /** Those that have to be shown on every page. */
  get asking(): PolicyChange[] {
    return (items ?? []).filter((item) => item.asks);
  },
  async load(signal?: AbortSignal): Promise<void> {
    items = (await ask(api.GET('/api/v1/policy-changes', { signal }))).items;
  },
  /** One of them, as it stands after an answer. */
  replace(fresh: PolicyChange): void {
    items = items?.map((item) => (item.policy_version_id === fresh.policy_version_id ? fresh : item));
  },
  forget(): void {
    items = undefined;
  },
};
