// One's account and one's member: profile, team, security, sessions, tokens, webhooks, mails, the record, leaving.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { accessible } from './axe.mjs';
import {
  caller,
  databases,
  linkIn,
  member,
  openBrowser,
  openPage,
  openProduct,
  PASSWORD,
  until,
} from './stage.mjs';
import { totp } from './totp.mjs';

const products = {};
let browser;

before(async () => {
  for (const database of databases)
    products[database] = await openProduct(database, { CONTACTBAR_WEBHOOKS_ALLOW_PRIVATE: 'on' });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  for (const product of Object.values(products)) await product.close();
});

/** A test with a member and a page of theirs; nothing must be wrong at its end. */
function of(what, act, { database = databases[0], ...options } = {}) {
  test(what, { timeout: 120_000 }, async () => {
    const product = products[database];
    const anna = await member(product);
    anna.id = anna.session.member.member_id;
    const page = await openPage(browser, product, { as: anna, ...options });
    try {
      await act(page, anna, product);
      assert.deepEqual(page.faults, []);
    } finally {
      await page.context().close();
    }
  });
}

/** Another person in Anna's team, logged in and working for it. */
async function colleague(product, anna, role) {
  const ben = await member(product, { name: 'Ben’s Books' });
  await anna.call('POST', `/members/${anna.id}/invitations`, { email: ben.email, role });
  const link = linkIn(await product.mail(ben.email, '/invitation'), '/invitation');
  await ben.call('POST', '/invitations/accept', { token: new URL(link).searchParams.get('token') });
  await ben.call('PATCH', '/session', { member_id: anna.id });
  return ben;
}

const dialog = (page) => page.getByRole('dialog');
const item = (page, text) => page.getByRole('listitem').filter({ hasText: text });
const confirmed = (page, name) => dialog(page).getByRole('button', { name, exact: true }).click();

of('the language switches at once, and is the same the next time', async (page) => {
  await page.goto('/settings');
  await page.getByRole('radio', { name: 'Deutsch' }).check({ force: true });
  await page.getByRole('heading', { name: 'Ihr Profil' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Ihr Profil' }).waitFor();
});

of('the name and the appearance are kept', async (page) => {
  await page.goto('/settings/profile');
  await page.getByLabel('Name').fill('Anna Blume');
  await page.getByRole('button', { name: 'Save' }).click();
  await page.getByText('Saved.').waitFor();
  await page.getByRole('radio', { name: 'Dark' }).check({ force: true });
  await page.reload();
  await page.getByRole('heading', { name: 'Your profile' }).waitFor();
  assert.equal(await page.getByLabel('Name').inputValue(), 'Anna Blume');
  assert.equal(await page.locator('html').getAttribute('data-theme'), 'dark');
});

of('a change of address asks for the password and sends a link', async (page, _, product) => {
  const email = `new.${crypto.randomUUID().slice(0, 8)}@example.com`;
  await page.goto('/settings/profile');
  await page.getByRole('button', { name: 'Change the address' }).click();
  await page.getByLabel('New address').fill(email);
  await page.getByLabel('Your password').fill('not my password');
  await page.getByRole('button', { name: 'Send the link' }).click();
  await page.getByText('The password is wrong.').waitFor();
  assert.equal(await page.getByLabel('New address').inputValue(), email);
  await page.getByLabel('Your password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Send the link' }).click();
  await page.getByText(`A link is on its way to ${email}`).waitFor();
  await page.goto(linkIn(await product.mail(email, '/confirm-address'), '/confirm-address'));
  await page.getByRole('button', { name: 'Yes, use it' }).click();
  await page.waitForURL('**/settings/profile');
  await page.getByRole('main').getByText(email).waitFor();
});

for (const database of databases) {
  of(
    `the member is what it says it is, each field with its day (${database})`,
    async (page, anna) => {
      await page.goto('/settings/member');
      await page.getByLabel('Name', { exact: true }).fill('Harbour Cycles & Co');
      await page.getByLabel('Time zone').fill('Nowhere/Land');
      await page.getByRole('button', { name: 'Save' }).first().click();
      await page.getByText('There is no such time zone.').waitFor();
      await page.getByLabel('Time zone').fill('Europe/Berlin');
      await page.getByRole('button', { name: 'Save' }).first().click();
      await page.getByText('Saved.').waitFor();
      const kept = await anna.call('GET', `/members/${anna.id}`);
      assert.deepEqual([kept.name, kept.time_zone], ['Harbour Cycles & Co', 'Europe/Berlin']);

      await page.getByLabel('City').fill('Bern');
      await page.getByLabel('Country').selectOption({ label: 'Switzerland' });
      await page.getByLabel('Phone', { exact: true }).fill('not a number at all');
      await page.getByRole('button', { name: 'Save' }).last().click();
      await page.getByText('This can’t be right.').waitFor();
      assert.equal(await page.getByLabel('City').inputValue(), 'Bern');
      await page.getByLabel('Phone', { exact: true }).fill('+41 31 000 00 00');
      await page.getByRole('button', { name: 'Save' }).last().click();
      await page.getByText('Collected on').first().waitFor();
      assert.equal((await anna.call('GET', `/members/${anna.id}/profile`)).country.value, 'CH');

      await page.getByRole('button', { name: 'Delete: City' }).click();
      await confirmed(page, 'Delete');
      await page.getByText('Deleted.').waitFor();
      assert.equal((await anna.call('GET', `/members/${anna.id}/profile`)).city, undefined);
    },
    { database },
  );
}

of('what of one’s own visits is not counted, is chosen', async (page, anna) => {
  await page.goto('/settings/member');
  const addresses = page.getByLabel('Don’t count visits from these addresses');
  const save = page.locator('form', { has: addresses }).getByRole('button', { name: 'Save' });
  await page.getByRole('button', { name: 'Add yours: 127.0.0.1' }).click();
  await addresses.fill(`${await addresses.inputValue()}\nthe office`);
  await save.click();
  await page.getByText('Is neither an address such as 192.0.2.7').waitFor();
  await addresses.fill('127.0.0.1\n192.0.2.7/24');
  await page.getByLabel('Don’t count visits of the team').check();
  await save.click();
  await page.getByText('Saved.').waitFor();
  const own = await anna.call('GET', `/members/${anna.id}/own-visits`);
  assert.deepEqual([own.addresses, own.users], [['127.0.0.1', '192.0.2.0/24'], true]);
  assert.equal(await addresses.inputValue(), '127.0.0.1\n192.0.2.0/24');
});

of('another member is made, and one works for it', async (page) => {
  await page.goto('/settings/member');
  await page.getByRole('button', { name: 'Make another member' }).click();
  await dialog(page).getByLabel('Name').fill('Anna’s Atelier');
  await dialog(page).getByRole('checkbox').check();
  await dialog(page).getByRole('button', { name: 'Make another member' }).click();
  await page.waitForURL('**/bars');
  await page.getByText('Anna’s Atelier', { exact: true }).waitFor();
});

of('what the server refuses is said in the reader’s language', async (page, anna) => {
  await anna.call('PATCH', '/users/me', { language: 'de' });
  const bar = await anna.call('POST', '/bars', { name: 'Rückruf', goal: 'contact' });
  await page.goto(`/bars/${bar.id}/install`);
  await page.getByLabel('Adresse der Seite').fill('http://anna:secret@example.org/');
  await page.getByRole('button', { name: 'Prüfen' }).click();
  await page.getByText('Ohne Benutzernamen und Passwort.').waitFor();
});

of('somebody is invited, reminded of it, and not any more', async (page, _, product) => {
  const email = `carl.${crypto.randomUUID().slice(0, 8)}@example.com`;
  await page.goto('/settings/team');
  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await dialog(page).getByLabel('Email address').fill(email);
  await dialog(page).getByText('Viewer', { exact: true }).click();
  await page.keyboard.press('Enter');
  await page.getByText(`The invitation to ${email} is on its way.`).waitFor();
  await product.mail(email, '/invitation');
  await item(page, email).getByText('Viewer · good until').waitFor();

  await page.getByRole('button', { name: 'Invite somebody' }).click();
  await dialog(page).getByLabel('Email address').fill(email);
  await dialog(page).getByRole('button', { name: 'Send the invitation' }).click();
  await dialog(page).getByText('has an open invitation').waitFor();
  await page.keyboard.press('Escape');

  await item(page, email).getByRole('button', { name: 'Revoke' }).click();
  await confirmed(page, 'Revoke');
  await item(page, email).getByText('Revoked').waitFor();
});

of('a colleague gets another role, and goes', async (page, anna, product) => {
  const ben = await colleague(product, anna, 'viewer');
  await page.goto('/settings/team');
  await page.getByLabel('Role of Anna Berg').selectOption('Editor');
  await page.getByText('Anna Berg is now: Editor.').waitFor();
  const team = await anna.call('GET', `/members/${anna.id}/users`);
  assert.equal(team.items.find(({ email }) => email === ben.email).role, 'editor');
  await page.getByRole('button', { name: 'Remove from the team' }).click();
  await confirmed(page, 'Remove from the team');
  const people = page.getByRole('list', { name: 'Team' });
  await people.getByText(ben.email).waitFor({ state: 'detached' });

  // The last owner can't go.
  await page.getByRole('button', { name: 'Leave the team' }).click();
  await confirmed(page, 'Leave the team');
  await page.getByText('A member must keep an owner.').waitFor();
});

test('who is no admin sees what their role allows, and can leave', { timeout: 120_000 }, async () => {
  const product = products[databases[0]];
  const anna = await member(product);
  anna.id = anna.session.member.member_id;
  const ben = await colleague(product, anna, 'viewer');
  const page = await openPage(browser, product, { as: ben });
  await page.goto('/settings/team');
  await page.getByText(anna.email).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Invite somebody' }).count(), 0);
  assert.equal(await page.getByRole('link', { name: 'API tokens' }).count(), 0);
  await page.goto('/settings/tokens');
  await page.getByText('For admins and owners').waitFor();
  await page.goto('/settings/member');
  await page.getByText('Only admins and owners can change this.').waitFor();
  assert.ok(await page.getByLabel('Name', { exact: true }).isDisabled());
  await page.goto('/settings/team');
  await page.getByRole('button', { name: 'Leave the team' }).click();
  await confirmed(page, 'Leave the team');
  await page.getByText('You have left Harbour Cycles.').waitFor();
  await page.getByText('Ben’s Books').waitFor();
  assert.deepEqual(page.faults, []);
  await page.context().close();
});

of('a new password ends the other sessions', async (page, anna, product) => {
  await caller(product)('POST', '/session', { email: anna.email, password: PASSWORD });
  await page.goto('/settings/security');
  await page.getByLabel('Current password').fill('not my password');
  await page.getByLabel('New password').fill('another nine herons');
  await page.getByRole('button', { name: 'Change the password' }).click();
  await page.getByText('The password is wrong.').waitFor();
  await page.getByLabel('Current password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Change the password' }).click();
  await page.getByText('Your password is changed.').waitFor();
  assert.equal((await anna.call('GET', '/users/me/sessions')).items.length, 1);
});

for (const database of databases) {
  of(
    `the second factor is set up, its codes renewed, and switched off (${database})`,
    async (page, anna) => {
      await page.goto('/settings/security');
      await page.getByRole('button', { name: 'Set it up' }).click();
      await page.getByLabel('Your password').fill(PASSWORD);
      await page.keyboard.press('Enter');
      await page.getByRole('img', { name: 'QR code' }).waitFor();
      const secret = await page.getByRole('region', { name: 'Or type this secret' }).textContent();
      await page.getByLabel('Code from the app').fill('000000');
      await page.getByRole('button', { name: 'Switch it on' }).click();
      await page.getByText('The code is wrong').waitFor();
      await page.getByLabel('Code from the app').fill(totp(secret));
      await page.getByRole('button', { name: 'Switch it on' }).click();

      const codes = dialog(page).getByRole('listitem');
      await codes.first().waitFor();
      assert.equal(await codes.count(), 10);
      const first = await codes.first().textContent();
      await dialog(page).getByRole('button', { name: 'Copy' }).click();
      assert.match(await page.evaluate(() => navigator.clipboard.readText()), new RegExp(first));
      const downloading = page.waitForEvent('download');
      await dialog(page).getByRole('button', { name: 'Download' }).click();
      assert.equal((await downloading).suggestedFilename(), 'contactbar-recovery-codes.txt');
      await accessible(page, 'recovery codes');
      await page.getByRole('button', { name: 'I have kept them' }).click();
      await page.getByText('10 recovery codes left').waitFor();

      await page.getByRole('button', { name: 'New recovery codes' }).click();
      await page.getByLabel('Your password').fill(PASSWORD);
      await dialog(page).getByRole('button', { name: 'New recovery codes' }).click();
      await codes.first().waitFor();
      assert.notEqual(await codes.first().textContent(), first);
      await page.getByRole('button', { name: 'I have kept them' }).click();

      await page.getByRole('button', { name: 'Switch it off' }).click();
      await page.getByLabel('Your password').fill(PASSWORD);
      await dialog(page).getByRole('button', { name: 'Switch it off' }).click();
      await page.getByText('The second factor is off.').waitFor();
      assert.equal((await anna.call('GET', '/users/me')).totp, false);
    },
    { database },
  );
}

of('sessions end one by one or all at once, and failed log-ins are seen', async (page, anna, product) => {
  const anybody = caller(product);
  for (let i = 0; i < 3; i++) await anybody('POST', '/session', { email: anna.email, password: PASSWORD });
  await assert.rejects(anybody('POST', '/session', { email: anna.email, password: 'wrong password' }));
  await page.goto('/settings/sessions');
  await page.getByText('Wrong password').waitFor();
  const open = page.getByRole('list', { name: 'Open sessions' }).getByRole('listitem');
  assert.equal(await open.count(), 4);
  await open.first().getByText('This one').waitFor();
  await page.getByRole('button', { name: 'End the session' }).first().click();
  await page.getByText('The session has ended.').waitFor();
  assert.equal(await open.count(), 3);
  await page.getByRole('button', { name: 'End all others' }).click();
  await confirmed(page, 'End all others');
  await page.getByText('2 sessions have ended.').waitFor();
  assert.equal(await open.count(), 1);
});

for (const database of databases) {
  of(
    `a token is made, shown once, works, and is revoked (${database})`,
    async (page, _, product) => {
      await page.goto('/settings/tokens');
      await page.getByText('No tokens yet').waitFor();
      await page.getByRole('button', { name: 'Make a token' }).click();
      await dialog(page).getByLabel('Name').fill('Nightly export');
      await dialog(page).getByRole('button', { name: 'Make a token' }).click();
      await page.getByText('Choose at least one right.').waitFor();
      await page.getByRole('checkbox', { name: 'Read: Bars' }).check();
      await page.getByLabel('Ends after').selectOption('7 days');
      await dialog(page).getByRole('button', { name: 'Make a token' }).click();
      const token = await page.getByRole('region', { name: 'Your new token' }).textContent();
      const asked = (path) =>
        fetch(`${product.url}/api/v1/${path}`, { headers: { Authorization: `Bearer ${token}` } });
      assert.equal((await asked('bars')).status, 200);
      assert.equal((await asked('contacts')).status, 403);
      await page.getByRole('button', { name: 'I have kept it' }).click();

      await page.reload();
      await item(page, 'Nightly export')
        .getByText(/^Ends (in|next)/)
        .waitFor();
      assert.ok(!(await page.content()).includes(token));
      await page.getByRole('button', { name: 'Revoke: Nightly export' }).click();
      await confirmed(page, 'Revoke');
      await page.getByText('No tokens yet').waitFor();
      await until('the token to be refused', async () => (await asked('bars')).status === 401);
    },
    { database },
  );
}

/** Somebody's system, which is told of things; answers with the status it has. */
async function receiver() {
  const told = [];
  const state = { status: 200 };
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => {
      body += data;
    });
    request.on('end', () => {
      told.push(JSON.parse(body));
      response.writeHead(state.status).end('heard');
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${server.address().port}/hook`;
  return { url, told, state, close: () => server.close() };
}

of('a webhook is made, tested, filtered, retried, changed, deleted', async (page, anna) => {
  const system = await receiver();
  await page.goto('/settings/webhooks');
  await page.getByText('No webhooks yet').waitFor();
  await page.getByRole('button', { name: 'Add a webhook' }).click();
  await dialog(page).getByLabel('Address').fill('ftp://example.com/');
  await dialog(page).getByLabel('Description').fill('Our CRM');
  await dialog(page).getByLabel('New contact').check();
  await dialog(page).getByRole('button', { name: 'Add a webhook' }).click();
  await page.getByText('This can’t be called').waitFor();
  await dialog(page).getByLabel('Address').fill(system.url);
  await dialog(page).getByRole('button', { name: 'Add a webhook' }).click();
  const secret = page.getByRole('region', { name: 'The webhook’s secret' });
  assert.match(await secret.textContent(), /^whsec_/);
  await page.getByRole('button', { name: 'I have kept it' }).click();

  await page.getByRole('heading', { name: 'Our CRM' }).waitFor();
  system.state.status = 500;
  await page.getByRole('button', { name: 'Send a test' }).click();
  await page.getByText('The test failed: Answered 500').waitFor();
  system.state.status = 200;
  await page.getByRole('button', { name: 'Send a test' }).click();
  await page.getByText('The test arrived: your system answered 200.').waitFor();
  assert.equal(system.told.at(-1).type, 'webhook.test');

  const deliveries = page.getByRole('group').filter({ hasText: 'Test' });
  await page.getByText('Failed', { exact: true }).first().click();
  await page.waitForURL('**?state=failed');
  await page.reload();
  await page.locator('summary').first().click();
  await page.getByRole('region', { name: 'What we sent' }).getByText('webhook.test').waitFor();
  await page.getByRole('button', { name: 'Send once more' }).click();
  await page.getByText('It is on its way once more.').waitFor();
  assert.ok((await deliveries.count()) > 0);

  await page.getByRole('switch', { name: 'Switched on' }).click();
  await page.getByText('The webhook is off.').waitFor();
  await page.getByRole('button', { name: 'Replace the secret' }).click();
  await confirmed(page, 'Replace the secret');
  assert.match(await secret.textContent(), /^whsec_/);
  await page.getByRole('button', { name: 'I have kept it' }).click();
  await page.getByRole('button', { name: 'Edit' }).click();
  await dialog(page).getByLabel('Description').fill('Old CRM');
  await dialog(page).getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { name: 'Old CRM' }).waitFor();
  await page.getByRole('button', { name: 'Delete' }).click();
  await confirmed(page, 'Delete');
  await page.getByText('No webhooks yet').waitFor();
  assert.deepEqual((await anna.call('GET', '/webhooks')).items, []);
  system.close();
});

of('mails are chosen kind by kind, and advertising is asked for twice', async (page, anna, product) => {
  const chosen = async (category) =>
    (await anna.call('GET', '/users/me/mail-preferences')).items.find((item) => item.category === category);
  await page.goto('/settings/profile');
  await page.getByRole('link', { name: 'Mails' }).click();
  const news = page.getByRole('switch', { name: 'What is new' });
  await news.click();
  await page.getByText('Saved').waitFor();
  assert.equal((await chosen('features')).wish, 'off');
  await page.getByRole('switch', { name: 'Offers', exact: true }).click();
  await page.getByText(`Look into ${anna.email}: a mail asks you once more.`).waitFor();
  await page.goto(linkIn(await product.mail(anna.email, '/mail/confirm/'), '/mail/confirm/'));
  await page.getByRole('button', { name: 'Yes, please' }).click();
  await page.getByRole('heading', { name: 'Thank you' }).waitFor();
  assert.equal((await chosen('promotion')).wish, 'on');
  await page.goto('/settings/mail');
  assert.equal(await page.getByRole('switch', { name: 'Offers', exact: true }).isChecked(), true);
  assert.equal(await news.isChecked(), false);
  await page.getByRole('switch', { name: 'Each new contact' }).click();
  await page.getByText('Saved').first().waitFor();
  assert.equal((await chosen('contact_notification')).wish, 'off');
  const counted = page.getByRole('switch', { name: 'Count when I open mails and follow their links' });
  assert.equal(await counted.isChecked(), true);
  await counted.click();
  await until('the switch', async () => !(await anna.call('GET', '/users/me')).mail_tracking);
  await page.reload();
  assert.equal(await counted.isChecked(), false);
});

of('every mail is there, with its text where it may be read', async (page, anna) => {
  await anna.call('POST', '/tokens', { name: 'Export', scopes: ['bars:read'] });
  await page.goto('/settings/messages');
  await page.getByRole('button', { name: 'A new API token was made' }).click();
  await dialog(page).getByText('Token: Export').waitFor();
  await page.reload();
  await dialog(page).getByText('Token: Export').waitFor();
  await page.keyboard.press('Escape');
  await page.waitForURL('**/settings/messages');
});

of('the record says who did what', async (page, anna, product) => {
  const ben = await colleague(product, anna, 'editor');
  await anna.call('PATCH', `/members/${anna.id}/profile`, { city: 'Bern' });
  await ben.call('POST', '/bars', { name: 'Spring sale', goal: 'contact' });
  await page.goto('/settings/audit-log');
  await page.getByText('Anna Berg made the bar “Spring sale”.').waitFor();
  await page.getByText('You changed the profile.').waitFor();
  await page.getByText('Changed: City').waitFor();
  await page.getByText('You registered this member.').waitFor();
});

of('the record is narrowed by its address, and says so when nothing fits', async (page, anna, product) => {
  const ben = await colleague(product, anna, 'editor');
  await anna.call('PATCH', `/members/${anna.id}/profile`, { city: 'Bern' });
  await ben.call('POST', '/bars', { name: 'Spring sale', goal: 'contact' });
  await anna.call('POST', '/bars', { name: 'Summer sale', goal: 'contact' });
  await page.goto('/settings/audit-log');
  const entries = page.getByRole('list', { name: 'Audit log' }).getByRole('listitem');
  const shows = (...said) =>
    until(said.join(), async () => {
      const texts = await entries.locator('p:first-child').allTextContents();
      return texts.toSorted().join() === said.toSorted().join();
    });
  const [bens, mine] = ['Anna Berg made the bar “Spring sale”.', 'You made the bar “Summer sale”.'];
  await page.getByText(bens).waitFor();
  await page.getByLabel('Area').selectOption('Bars');
  await shows(bens, mine);
  await page.getByLabel('By').selectOption('Anna Berg (you)');
  await shows(mine);
  await page.reload();
  await shows(mine);
  await page.goBack();
  await shows(bens, mine);
  await entries
    .filter({ hasText: 'Spring sale' })
    .getByRole('button', { name: 'Only entries about Spring sale' })
    .click();
  await shows(bens);
  await accessible(page, 'narrowed');
  await page.getByRole('button', { name: 'Remove the filter About: Spring sale' }).click();
  await shows(bens, mine);
  await page.getByLabel('To').fill('2020-01-01');
  await page.getByRole('heading', { name: 'No entry fits' }).waitFor();
  await accessible(page, 'nothing fits');
  await page.getByRole('button', { name: 'Show all entries' }).click();
  await page.getByText('You changed the profile.').waitFor();
});

for (const database of databases) {
  of(
    `a member ends after typed words and a password, and stays after all (${database})`,
    async (page, anna, product) => {
      await page.goto('/settings/leave');
      const downloading = page.waitForEvent('download');
      await page.getByRole('link', { name: 'Contacts as CSV' }).click();
      await downloading;
      await page.getByRole('button', { name: 'End the member' }).click();
      const end = dialog(page).getByRole('button', { name: 'End the member' });
      await dialog(page).getByLabel('Your password').fill(PASSWORD);
      assert.ok(await end.isDisabled());
      await dialog(page).getByLabel('Type “Harbour Cycles”').fill('Harbour Cycles');
      await end.click();
      const banner = page.getByRole('status').filter({ hasText: 'Harbour Cycles ends on' }).first();
      await banner.waitFor();
      await product.mail(anna.email, 'Harbour Cycles');
      await page.goto('/bars');
      await banner.getByRole('button', { name: 'Keep it after all' }).click();
      await page.getByText('Harbour Cycles stays.').waitFor();
      assert.equal((await anna.call('GET', `/members/${anna.id}`)).ends_at ?? null, null);
    },
    { database },
  );
}

of('a user is deleted, but not as the only owner', async (page, anna, product) => {
  const leave = async (password) => {
    await page.getByRole('button', { name: 'Delete the account' }).first().click();
    await dialog(page).getByLabel(`Type “${anna.email}”`).fill(anna.email);
    await dialog(page).getByLabel('Your password').fill(password);
    await dialog(page).getByRole('button', { name: 'Delete the account' }).click();
  };
  await page.goto('/settings/leave');
  await leave('not my password');
  await dialog(page).getByText('The password is wrong.').waitFor();
  await page.keyboard.press('Escape');
  await leave(PASSWORD);
  await dialog(page).getByText('You are the only owner of “Harbour Cycles”.').waitFor();
  await page.keyboard.press('Escape');

  const ben = await colleague(product, anna, 'owner');
  assert.ok(ben);
  await leave(PASSWORD);
  await page.getByText('Your account is deleted.').waitFor();
  await assert.rejects(caller(product)('POST', '/session', { email: anna.email, password: PASSWORD }), /401/);
});

const PAGES = [
  'profile',
  'mail',
  'security',
  'sessions',
  'member',
  'team',
  'tokens',
  'webhooks',
  'messages',
  'audit-log',
  'policies',
  'leave',
];

of('the keyboard goes through the places, and begins each at its content', async (page) => {
  await page.goto('/settings/profile');
  await page.getByRole('link', { name: 'Sessions' }).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
  await page.locator('#content:focus').waitFor();
  await page.goBack();
  await page.getByRole('heading', { name: 'Your profile' }).waitFor();
});

of(
  'they fit the smallest phone, and axe finds nothing',
  async (page, anna) => {
    await anna.call('POST', '/tokens', { name: 'Export', scopes: ['bars:read', 'bars:write'] });
    await anna.call('POST', `/members/${anna.id}/invitations`, { email: 'dora@example.com', role: 'viewer' });
    await anna.call('PATCH', `/members/${anna.id}/profile`, { city: 'Bern' });
    const hook = { url: 'http://127.0.0.1:9/hook', description: 'CRM', event_types: ['contact.created'] };
    const { webhook } = await anna.call('POST', '/webhooks', hook);
    await anna.call('POST', `/webhooks/${webhook.id}/test`);
    const dialogs = [
      'profile?change=address',
      'member?new=1',
      'team?invite=1',
      'tokens?new=1',
      'webhooks?new=1',
      'leave?end=user',
    ];
    for (const path of [...PAGES, `webhooks/${webhook.id}`, ...dialogs]) {
      await page.goto(`/settings/${path}`);
      await page
        .getByRole('heading', { level: path.includes('?') ? 2 : 1 })
        .first()
        .waitFor();
      await page.locator('.skeleton').first().waitFor({ state: 'detached' });
      const sideways = await page.evaluate(
        () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
      );
      assert.ok(!sideways, `${path} scrolls sideways`);
      await accessible(page, path);
    }
  },
  { size: [320, 700] },
);
