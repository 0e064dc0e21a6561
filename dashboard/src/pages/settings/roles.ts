import type { Role } from '../../api/schema';

const ROLES: readonly Role[] = ['viewer', 'editor', 'admin', 'owner'];

/** The roles that somebody of this role may give: up to their own. */
export function rolesUpTo(own: Role | undefined): Role[] {
  return ROLES.slice(0, own ? ROLES.indexOf(own) + 1 : 0);
}
