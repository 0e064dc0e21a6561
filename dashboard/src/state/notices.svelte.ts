import { api, ask } from '../api/client';
import type { Notice } from '../api/schema';

let asking = $state.raw<Notice[]>([]);

/** What was announced to the current member and asks to be shown on every page; shared by the banner and the page. */
export const notices = {
  /** Newest first. Changes of policies have a banner of their own. */
  get asking(): Notice[] {
    return asking;
  },
  async load(signal?: AbortSignal): Promise<void> {
    const { items } = await ask(api.GET('/api/v1/notices', { params: { query: { limit: 50 } }, signal }));
    asking = items.filter((notice) => notice.asks && notice.kind !== 'policy_change');
  },
  /** The user has read it: it is shown on no other page any more. */
  async markRead(notice: Notice): Promise<void> {
    await ask(api.POST('/api/v1/notices/{notice_id}/read', { params: { path: { notice_id: notice.id } } }));
    asking = asking.filter((other) => other.id !== notice.id);
  },
  forget(): void {
    asking = [];
  },
};
