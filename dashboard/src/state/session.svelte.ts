import { api, ask } from '../api/client';
import { ApiProblem } from '../api/problem';
import type { Member, Role, Session } from '../api/schema';
import { setLanguage } from '../i18n/index.svelte';

/** That somebody was logged in in this browser: the cookie itself is not for scripts to see. */
const HINT = 'contactbar.session';

const RANK: Record<Role, number> = { viewer: 0, editor: 1, admin: 2, owner: 3 };

let current = $state.raw<Session | null>();
let member = $state.raw<Member>();

/** Who is logged in, and as whose member. */
export const session = {
  /** `undefined`: not asked yet; `null`: nobody. */
  get current() {
    return current;
  },
  get user() {
    return current?.user;
  },
  /** The member that the pages are about. */
  get member() {
    return member;
  },
  get memberId(): string {
    return current?.member?.member_id ?? '';
  },
  get timeZone(): string {
    return member?.time_zone ?? 'UTC';
  },
  get role(): Role | undefined {
    return current?.member?.role;
  },
  /** Whether the role allows at least what this one does. */
  atLeast(role: Role): boolean {
    return RANK[this.role ?? 'viewer'] >= RANK[role];
  },

  /** Whether it is worth asking: nobody who was never here is logged in. */
  get isLikely(): boolean {
    return localStorage.getItem(HINT) !== null;
  },
  async load(): Promise<Session | null> {
    try {
      await this.set(await ask(api.GET('/api/v1/session')));
    } catch (error) {
      if (!(error instanceof ApiProblem) || error.status !== 401) throw error;
      this.forget();
    }
    return current ?? null;
  },
  async set(fresh: Session): Promise<void> {
    const id = fresh.member?.member_id;
    const read = id && id !== member?.id ? this.readMember(id) : undefined;
    await Promise.all([read, setLanguage(fresh.user.language)]);
    current = fresh;
    localStorage.setItem(HINT, 'was here');
  },
  async readMember(id = current?.member?.member_id ?? ''): Promise<void> {
    member = await ask(api.GET('/api/v1/members/{member_id}', { params: { path: { member_id: id } } }));
  },
  async logOut(): Promise<void> {
    await ask(api.DELETE('/api/v1/session'));
    this.forget();
  },
  forget(): void {
    current = null;
    member = undefined;
    localStorage.removeItem(HINT);
  },
};
