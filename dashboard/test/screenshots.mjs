// Pictures of every page of the dashboard, light and dark, on a phone and on a desktop, of a member with some weeks
// behind them: into .build/screenshots/dashboard. To be looked at; nothing is compared.

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fill } from './content.mjs';
import { member, openBrowser, openPage, openProduct } from './stage.mjs';

/** `node test/screenshots.mjs [folder/] [beginnings of pages’ names …]` */
const only = process.argv.slice(2);
const FOLDER = only[0]?.includes('/')
  ? resolve(only.shift())
  : new URL('../../.build/screenshots/dashboard/', import.meta.url).pathname;
const VIEWS = [
  { name: 'desktop-light' },
  { name: 'desktop-dark', dark: true },
  { name: 'phone-light', phone: true },
  { name: 'phone-dark', phone: true, dark: true },
];

/** Each page by its name: where it is, who looks (nobody, somebody new, or who has been here for weeks), what is done first. */
function pagesOf({ contact, spring, notice, callback }, { contactId, webhookId }) {
  const of = (bar, path = '') => `/bars/${bar.id}${path}`;
  return {
    login: { path: '/login', who: 'nobody' },
    register: { path: '/register', who: 'nobody' },
    'forgot-password': { path: '/forgot-password', who: 'nobody' },
    'remind-me': { path: '/remind-me', who: 'nobody' },
    'reset-password': { path: '/reset-password?token=none', who: 'nobody' },
    verify: { path: '/verify?token=none', who: 'nobody' },
    'confirm-address': { path: '/confirm-address?token=none', who: 'nobody' },
    invitation: { path: '/invitation?token=none', who: 'nobody' },
    missing: { path: '/nowhere', who: 'nobody' },

    'first-steps': { path: '/bars', who: 'newcomer' },
    'first-contacts': { path: '/contacts', who: 'newcomer' },
    bars: { path: '/bars' },
    'bars-none-fits': { path: '/bars?search=nothing' },
    'bars-menu': {
      path: '/bars',
      act: (page) => page.getByRole('button', { name: /^Actions for “Ask/ }).click(),
    },
    'bar-new': { path: '/bars/new' },
    'bar-new-dialog': { path: '/bars/new?from=contact' },
    'bar-overview': { path: of(contact) },
    'bar-overview-draft': { path: of(callback) },
    'bar-overview-paused': { path: of(notice) },
    'bar-publish': {
      path: of(contact),
      act: (page) => page.getByRole('button', { name: 'Publish' }).click(),
    },
    'bar-statistics': { path: of(contact, '/statistics') },
    'bar-statistics-link': { path: of(spring, '/statistics') },
    'bar-install': { path: of(contact, '/install') },
    'bar-history': { path: of(contact, '/history') },
    'bar-history-compare': { path: of(contact, '/history?compare=1..draft') },
    'bar-history-version': { path: of(contact, '/history?version=1') },
    'bar-history-return': { path: of(contact, '/history?restore=1') },
    'bar-settings': { path: of(contact, '/settings') },
    'bar-editor': { path: of(contact, '/edit') },
    'bar-editor-draft': { path: of(callback, '/edit') },

    contacts: { path: '/contacts' },
    contact: { path: `/contacts/${contactId}` },

    'settings-profile': { path: '/settings/profile' },
    'settings-mail': { path: '/settings/mail' },
    'settings-member': { path: '/settings/member' },
    'settings-team': { path: '/settings/team' },
    'settings-billing': { path: '/settings/billing' },
    'settings-security': { path: '/settings/security' },
    'settings-sessions': { path: '/settings/sessions' },
    'settings-tokens': { path: '/settings/tokens' },
    'settings-webhooks': { path: '/settings/webhooks' },
    'settings-webhook': { path: `/settings/webhooks/${webhookId}` },
    'settings-messages': { path: '/settings/messages' },
    'settings-audit-log': { path: '/settings/audit-log' },
    'settings-policies': { path: '/settings/policies' },
    'settings-leave': { path: '/settings/leave' },

    notices: { path: '/notices', who: 'told' },
    'notices-banner': { path: '/bars', who: 'told' },
    // From here on a new version of the privacy policy asks everybody.
    'policies-banner': { path: '/bars', before: postPolicy },
    'policies-open': { path: '/settings/policies' },
  };
}

const NOTICES = {
  feature: `kind = "feature"
title = { en = "Compare two variants of a bar", de = "Zwei Varianten einer Leiste vergleichen" }
+++
Which of two texts brings **more contacts**? Make a variant in the editor, and your visitors are shared out.

- The statistics say how sure the difference is.
- Nothing changes on your pages.
+++ de
Welcher von zwei Texten bringt **mehr Kontakte**? Legen Sie im Editor eine Variante an.
`,
  release: `kind = "point_release"
release = "1.4.2"
title = { en = "Fonts of the page, where you want them", de = "Die Schrift der Seite, wo Sie sie wollen" }
+++
A bar can now take on the font of the page that it stands on. [All changes](https://contactbar.example/changes).
+++ de
Eine Leiste kann nun die Schrift der Seite annehmen.
`,
  outage: `kind = "outage"
stage = "planned"
starts_at = "2026-12-01T02:00:00Z"
ends_at = "2026-12-01T02:45:00Z"
title = { en = "Maintenance on Tuesday night", de = "Wartung in der Nacht zum Dienstag" }
+++
The dashboard is away for some minutes. Your bars stay on, and every contact and every count is kept.
+++ de
Das Dashboard ist einige Minuten nicht da. Ihre Leisten bleiben an.
`,
};

/** Announces to one member what members are told now and then. */
async function announce(product, { session }) {
  for (const [name, text] of Object.entries(NOTICES)) {
    const path = join(folder, `${name}.md`);
    await writeFile(path, `+++\nmembers = ["${session.member.member_id}"]\n${text}`);
    const [, id] = (await product.run('notice', 'write', path)).match(/Written: (ntc_\w+)/);
    await product.run('notice', 'send', id, '--yes');
  }
}

async function postPolicy(product) {
  const change = (key, rest, en, words) => `[[changes]]
key = "${key}"
purpose = "${key}"
material = true
${rest}
title = { en = "${en}", de = "${en}" }
summary = { en = "${words}", de = "${words}" }
`;
  const path = join(folder, 'privacy.md');
  const changes = [
    change(
      'benchmarking',
      'per_account = true',
      'Benchmarks by industry',
      'We compare how often bars are clicked, by industry and never by name.',
    ),
    change('promotion', 'marketing = true', 'News by mail', 'Once a month we write what is new.'),
    change('transfer', '', 'Support by a partner', 'A partner in the EU answers requests at night.'),
  ];
  await writeFile(
    path,
    `+++\ntitle = "Privacy policy"\n${changes.join('')}+++\n# Privacy policy\n\nThe second version.\n`,
  );
  await product.run('policy', 'draft', 'privacy', path);
  await product.run('policy', 'post', 'privacy', '--yes');
}

/** What the other pages show: a team, a webhook, tokens, tags and notes. */
async function furnish({ call, session }) {
  const memberId = session.member.member_id;
  await call('POST', `/members/${memberId}/invitations`, {
    email: 'jo@harbour-cycles.example',
    role: 'editor',
  });
  await call('POST', '/tokens', { name: 'Nightly export', scopes: ['contacts:read', 'stats:read'] }).catch(
    complain,
  );
  const webhook = await call('POST', '/webhooks', {
    url: 'https://crm.harbour-cycles.example/hooks/contactbar',
    description: 'Our CRM',
    event_types: ['contact.created', 'submission.created'],
  }).catch(complain);
  const { items } = await call('GET', '/contacts');
  for (const [index, one] of items.entries()) {
    if (index % 3 === 0) await call('PUT', `/contacts/${one.id}/tags/test-ride`).catch(complain);
    if (index % 4 === 1) await call('PATCH', `/contacts/${one.id}`, { status: 'done' }).catch(complain);
  }
  await call('POST', `/contacts/${items[0].id}/notes`, {
    text: 'Called back: comes on Saturday at ten.',
  }).catch(complain);
  return { contactId: items[0].id, webhookId: webhook?.webhook?.id ?? webhook?.id };
}

function complain(error) {
  process.stderr.write(`${error.message}\n`);
}

async function picture(browser, product, as, page, view, name) {
  const opened = await openPage(browser, product, { as, ...view });
  try {
    await opened.goto(page.path);
    await opened.locator('h1, main, header').first().waitFor();
    // Some pages go on asking: they are as they are by then.
    await opened.waitForLoadState('networkidle', { timeout: 5000 }).catch(() => undefined);
    await page.act?.(opened);
    // As long as the page is: what stands at the window's foot stands at the picture's, and every preview is drawn.
    const { width, height } = opened.viewportSize();
    const long = await opened.evaluate(() => document.documentElement.scrollHeight);
    await opened.setViewportSize({ width, height: Math.min(Math.max(height, long), 8000) });
    await opened.waitForTimeout(500);
    await opened.screenshot({ path: join(FOLDER, `${name}.${view.name}.png`) });
    for (const fault of opened.faults) process.stderr.write(`${name}.${view.name}: ${fault}\n`);
    const over = await opened.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    if (over > 0) process.stderr.write(`${name}.${view.name}: ${over} px too wide\n`);
  } catch (error) {
    process.stderr.write(`${name}.${view.name}: ${error.message}\n`);
    process.exitCode = 1;
  } finally {
    await opened.context().close();
  }
}

const folder = await mkdtemp(join(tmpdir(), 'contactbar-screenshots-'));
const databaseFile = join(folder, 'contactbar.db');
const product = await openProduct('sqlite', {
  CONTACTBAR_DATABASE_URL: `sqlite:${databaseFile}`,
  CONTACTBAR_TRUSTED_PROXIES: '127.0.0.1/32,::1/128',
});
const browser = await openBrowser();
try {
  await mkdir(FOLDER, { recursive: true });
  const anna = await member(product);
  const bars = await fill(product, anna, databaseFile);
  const pages = pagesOf(bars, await furnish(anna));
  const whos = {
    nobody: undefined,
    newcomer: await member(product, { name: 'Fresh Bakery' }),
    told: await member(product, { name: 'Bloom & Petal' }),
  };
  await announce(product, whos.told);
  for (const [name, page] of Object.entries(pages)) {
    if (only.length > 0 && !only.some((start) => name.startsWith(start))) continue;
    await page.before?.(product);
    for (const view of VIEWS)
      await picture(browser, product, page.who ? whos[page.who] : anna, page, view, name);
  }
} finally {
  await browser.close();
  await product.close();
  await rm(folder, { recursive: true, force: true });
}
