import { createRouter } from 'sv-router';
import { waysIn } from './pages/entry/ways-in';
import { session } from './state/session.svelte';

/** Where somebody goes who is logged in, and nobody else. */
function membersOnly({ pathname }: { pathname: string }) {
  if (session.current) return;
  const search = pathname === '/' ? undefined : { next: pathname + location.search };
  throw navigate('/login', { search, replace: true });
}

function onTo(path: '/settings/leave') {
  throw navigate(path, { replace: true });
}

const nowhere = () => import('./pages/MissingPage.svelte');

export const { p, navigate, isActive, route, preload } = createRouter({
  '/': {
    hooks: { beforeLoad: membersOnly },
    layout: () => import('./shell/Shell.svelte'),
    '/': () => import('./pages/bars/BarsPage.svelte'),
    '/bars': {
      '/': () => import('./pages/bars/BarsPage.svelte'),
      '/new': () => import('./pages/bars/NewBarPage.svelte'),
      '/:bar': {
        layout: () => import('./pages/bars/BarLayout.svelte'),
        '/': () => import('./pages/bars/OverviewPage.svelte'),
        '/statistics': () => import('./pages/statistics/StatisticsPage.svelte'),
        '/history': () => import('./pages/bars/HistoryPage.svelte'),
        '/install': () => import('./pages/bars/InstallPage.svelte'),
        '/settings': () => import('./pages/bars/BarSettingsPage.svelte'),
      },
    },
    '/contacts': {
      '/': () => import('./pages/contacts/ContactsPage.svelte'),
      '/:contact': () => import('./pages/contacts/ContactPage.svelte'),
    },
    '/notices': () => import('./pages/notices/NoticesPage.svelte'),
    '/settings': {
      layout: () => import('./pages/settings/SettingsLayout.svelte'),
      '/': () => import('./pages/settings/ProfilePage.svelte'),
      '/profile': () => import('./pages/settings/ProfilePage.svelte'),
      '/member': () => import('./pages/settings/MemberPage.svelte'),
      '/team': () => import('./pages/settings/TeamPage.svelte'),
      '/security': () => import('./pages/settings/SecurityPage.svelte'),
      '/sessions': () => import('./pages/settings/SessionsPage.svelte'),
      '/tokens': () => import('./pages/settings/TokensPage.svelte'),
      '/webhooks': () => import('./pages/settings/WebhooksPage.svelte'),
      '/webhooks/:webhook': () => import('./pages/settings/WebhookPage.svelte'),
      '/mail': () => import('./pages/settings/MailPage.svelte'),
      '/messages': () => import('./pages/settings/MessagesPage.svelte'),
      '/audit-log': () => import('./pages/settings/AuditLogPage.svelte'),
      '/billing': () => import('./pages/settings/BillingPage.svelte'),
      '/policies': () => import('./pages/settings/PoliciesPage.svelte'),
      '/leave': () => import('./pages/settings/LeavePage.svelte'),
      // What mails call them.
      '/account': { hooks: { beforeLoad: () => onTo('/settings/leave') }, '/': nowhere },
    },
  },
  // The editor takes the whole window.
  '/bars/:bar/edit': {
    hooks: { beforeLoad: membersOnly },
    '/': () => import('./pages/bars/EditorPage.svelte'),
  },
  ...waysIn,
  '*': () => import('./pages/MissingPage.svelte'),
});
