import type { Scope } from '../../api/schema';

export type Area = 'bars' | 'stats' | 'contacts' | 'members' | 'webhooks' | 'messages' | 'audit' | 'billing';

/** What a token may be allowed, by area: to read, and where there is something to change, to change. */
export const AREAS: readonly { area: Area; read: Scope; write?: Scope }[] = [
  { area: 'bars', read: 'bars:read', write: 'bars:write' },
  { area: 'stats', read: 'stats:read' },
  { area: 'contacts', read: 'contacts:read', write: 'contacts:write' },
  { area: 'members', read: 'members:read', write: 'members:write' },
  { area: 'webhooks', read: 'webhooks:read', write: 'webhooks:write' },
  { area: 'messages', read: 'messages:read' },
  { area: 'audit', read: 'audit:read' },
  { area: 'billing', read: 'billing:read' },
];
