import { t } from '../../i18n/index.svelte';

type Name = keyof ReturnType<typeof t>['settings']['places'];
export type Place = { href: string; label: string; adminsOnly: boolean };

/** What only admins and owners may see; the server holds it too. */
const ADMINS: readonly Name[] = ['billing', 'tokens', 'webhooks', 'messages', 'audit'];
const paths: Partial<Record<Name, string>> = { audit: 'audit-log' };

function place(name: Name): Place {
  return {
    href: `/settings/${paths[name] ?? name}`,
    label: t().settings.places[name],
    adminsOnly: ADMINS.includes(name),
  };
}

/** The parts of the settings, in their groups. */
export function groups(): { label: string; places: Place[] }[] {
  const words = t().settings;
  return [
    { label: words.you, places: (['profile', 'mail', 'security', 'sessions'] as const).map(place) },
    {
      label: words.ofMember,
      places: (
        ['member', 'team', 'billing', 'tokens', 'webhooks', 'messages', 'audit', 'policies', 'leave'] as const
      ).map(place),
    },
  ];
}
