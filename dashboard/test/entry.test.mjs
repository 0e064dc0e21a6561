// Coming in: registering, a mail's links, logging in with all that can be asked for, invitations.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible } from './axe.mjs';
import { caller, databases, linkIn, member, openBrowser, openPage, openProduct, PASSWORD } from './stage.mjs';
import { totp } from './totp.mjs';

const products = {};
let browser;

before(async () => {
  for (const database of databases) products[database] = await openProduct(database);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  for (const product of Object.values(products)) await product.close();
});

/** A test with a page of a browser of its own; nothing must be wrong at its end. */
function of(what, act, { database = databases[0], ...options } = {}) {
  test(what, { timeout: 120_000 }, async () => {
    const product = products[database];
    const page = await openPage(browser, product, options);
    try {
      await act(page, product);
      assert.deepEqual(page.faults, []);
    } finally {
      await page.context().close();
    }
  });
}

const newcomer = () => `ben.${crypto.randomUUID().slice(0, 8)}@example.com`;

async function register(page, email, password = PASSWORD) {
  await page.goto('/register');
  await page.getByLabel('Email address').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('checkbox', { name: /I agree to the/ }).check();
  await page.getByRole('button', { name: 'Register' }).click();
}

async function logIn(page, email, password = PASSWORD) {
  await page.getByLabel('Email address').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
}

for (const database of databases) {
  of(
    `somebody registers, proves the address and is in (${database})`,
    async (page, product) => {
      const email = newcomer();
      await register(page, email);
      await page.getByRole('heading', { name: 'Look into your inbox' }).waitFor();
      const link = linkIn(await product.mail(email, '/verify'), '/verify');

      await page.goto(link);
      await page.getByRole('button', { name: 'Yes, confirm it' }).click();
      await page.getByText('Your address is confirmed').waitFor();
      await logIn(page, email);
      await page.waitForURL('**/bars');
      await page.getByRole('button', { name: 'Your account' }).waitFor();
    },
    { database },
  );
}

of('looking at a link of a mail changes nothing', async (page, product) => {
  const email = newcomer();
  await register(page, email);
  await page.getByText('Nothing there?').waitFor();
  const link = linkIn(await product.mail(email, '/verify'), '/verify');
  await page.goto(link);
  await page.getByRole('button', { name: 'Yes, confirm it' }).waitFor();

  await page.goto('/login');
  await logIn(page, email);
  await page.getByRole('alert').getByText('isn’t confirmed yet').waitFor();
  await page.getByRole('button', { name: 'Send another link' }).click();
  await page.getByText('Another link is on its way.').waitFor();
});

of('who does not register now leaves an address to be reminded', async (page) => {
  await page.goto('/register');
  await page.getByRole('link', { name: 'Have us remind you' }).click();
  await page.getByLabel('Email address').fill('no address');
  await page.getByRole('button', { name: 'Remind me' }).click();
  const email = newcomer();
  await page.getByLabel('Email address').fill(email);
  await page.getByRole('button', { name: 'Remind me' }).click();
  await page.getByText(`We write to ${email} in a day.`).waitFor();
  await page.goBack();
  assert.equal(await page.getByLabel('Email address').inputValue(), email);
});

of('what is wrong stands at its field, and what was typed stays', async (page) => {
  const email = newcomer();
  await register(page, email, 'short');
  await page.getByText('That is shorter than 10 characters.').waitFor();
  assert.equal(await page.getByLabel('Email address').inputValue(), email);
  await page.getByLabel('Password', { exact: true }).fill('password123');
  await page.getByRole('button', { name: 'Register' }).click();
  await page.getByText('among the passwords that are tried first').waitFor();

  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Register' }).click();
  await page.getByText('Nothing there?').waitFor();
  await page.goBack();
  assert.equal(await page.getByLabel('Email address').inputValue(), email);
});

of('a new link comes when it is asked for', async (page, product) => {
  const email = newcomer();
  await register(page, email);
  const first = linkIn(await product.mail(email, '/verify'), '/verify');
  await page.getByRole('button', { name: 'Send another link' }).click();
  await page.getByText('Another link is on its way.').waitFor();
  const links = async () =>
    (await product.mails())
      .filter((mail) => mail.to?.[0]?.address === email)
      .map((mail) => linkIn(mail, '/verify'));
  while ((await links()).length < 2) await page.evaluate(() => new Promise(requestAnimationFrame));
  const second = (await links()).find((link) => link !== first);
  await page.goto(second);
  await page.getByRole('button', { name: 'Yes, confirm it' }).click();
  await page.getByText('Your address is confirmed').waitFor();
});

of('a dead link says so, and what to do', async (page) => {
  await page.goto('/verify?token=nothing');
  await page.getByRole('button', { name: 'Yes, confirm it' }).click();
  await page.getByRole('alert').getByText('This link doesn’t work any more.').waitFor();
  await page.goto('/invitation?token=nothing');
  await page.getByText('This invitation is unknown').waitFor();
  await page.goto('/reset-password?token=nothing');
  await page.getByLabel('New password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Set the password' }).click();
  await page.getByRole('link', { name: 'Have another link sent' }).click();
  await page.getByRole('heading', { name: 'Forgotten your password?' }).waitFor();
});

of('a forgotten password is replaced by a mail’s link', async (page, product) => {
  const anna = await member(product);
  await page.goto('/login');
  await page.getByRole('link', { name: 'Forgotten your password?' }).click();
  await page.getByLabel('Email address').fill(anna.email);
  await page.getByRole('button', { name: 'Send the link' }).click();
  await page.getByText('If there is an account').waitFor();

  await page.goto(linkIn(await product.mail(anna.email, '/reset-password'), '/reset-password'));
  await page.getByLabel('New password').fill('another nine herons');
  await page.getByRole('button', { name: 'Set the password' }).click();
  await page.getByText('Your password is changed').waitFor();
  await logIn(page, anna.email);
  await page.getByRole('alert').getByText('The address or the password is wrong.').waitFor();
  await logIn(page, anna.email, 'another nine herons');
  await page.waitForURL('**/bars');
});

of('the second factor is asked for, and a recovery code stands in for it', async (page, product) => {
  const anna = await member(product);
  const { secret } = await anna.call('POST', '/users/me/totp', { password: PASSWORD });
  const { recovery_codes: codes } = await anna.call('POST', '/users/me/totp/confirm', { code: totp(secret) });

  await page.goto('/login?next=/contacts');
  await logIn(page, anna.email);
  await page.getByRole('heading', { name: 'One more step' }).waitFor();
  await page.keyboard.type('000000');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('The code is wrong').waitFor();
  await page.getByLabel('Code').fill(totp(secret, 1));
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.waitForURL('**/contacts');

  await page.getByRole('button', { name: 'Your account' }).click();
  await page.getByRole('menuitem', { name: 'Log out' }).click();
  await logIn(page, anna.email);
  await page.getByRole('button', { name: 'Use a recovery code' }).click();
  await page.getByLabel('Recovery code').fill(codes[0]);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
  await page.waitForURL('**/bars');
});

of('one is led to where one wanted to go, and never to another host', async (page, product) => {
  const anna = await member(product);
  await page.goto('/settings/messages?message=none');
  await page.waitForURL('**/login?next=*');
  await logIn(page, anna.email);
  await page.waitForURL('**/settings/messages?message=none');
  await page.context().clearCookies();
  await page.goto('/login?next=//evil.example/');
  await logIn(page, anna.email);
  await page.waitForURL(`${product.url}/bars`);
});

of('who is logged in already goes on', async (page, product) => {
  const anna = await member(product);
  await page.goto('/login');
  await logIn(page, anna.email);
  await page.waitForURL('**/bars');
  for (const path of ['/login', '/register']) {
    await page.goto(path);
    await page.waitForURL('**/bars');
  }
});

async function invited(product, email) {
  const anna = await member(product);
  const id = anna.session.member.member_id;
  await anna.call('POST', `/members/${id}/invitations`, { email, role: 'editor' });
  return linkIn(await product.mail(email, '/invitation'), '/invitation');
}

for (const database of databases) {
  of(
    `somebody invited makes an account and is in the team (${database})`,
    async (page, product) => {
      const email = newcomer();
      await page.goto(await invited(product, email));
      await page.getByRole('heading', { name: 'Join Harbour Cycles' }).waitFor();
      await page.getByText('Your role will be: Editor.').waitFor();
      await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
      await page.getByRole('checkbox', { name: /I agree to the/ }).check();
      await page.getByRole('button', { name: 'Make an account and join' }).click();
      await page.waitForURL('**/bars');
      await page.getByText('Welcome to Harbour Cycles.').waitFor();
    },
    { database },
  );
}

of('somebody invited who has an account logs in and joins', async (page, product) => {
  const ben = await member(product, { name: 'Ben’s Books' });
  await page.goto(await invited(product, ben.email));
  await page.getByRole('link', { name: 'Log in to join' }).click();
  await logIn(page, ben.email);
  await page.getByRole('button', { name: 'Join the team' }).click();
  await page.waitForURL('**/bars');
  const session = await ben.call('GET', '/session');
  assert.deepEqual(session.members.map(({ name }) => name).sort(), ['Ben’s Books', 'Harbour Cycles']);
});

of('an invitation for somebody else asks to log out first', async (page, product) => {
  const carl = await member(product, { name: 'Carl' });
  const email = newcomer();
  const link = await invited(product, email);
  await page.goto('/login');
  await logIn(page, carl.email);
  await page.waitForURL('**/bars');
  await page.goto(link);
  await page.getByText(`you are logged in as ${carl.email}`).waitFor();
  await page.getByRole('button', { name: 'Log out and go on' }).click();
  await page.getByRole('button', { name: 'Make an account and join' }).waitFor();
});

of('a changed address is confirmed by its link', async (page, product) => {
  const anna = await member(product);
  const email = newcomer();
  await anna.call('POST', '/users/me/address-change', { email, password: PASSWORD });
  const link = linkIn(await product.mail(email, '/confirm-address'), '/confirm-address');
  await page.goto(link);
  await page.getByRole('button', { name: 'Yes, use it' }).click();
  await page.getByText('This is your address now.').waitFor();
  await logIn(page, email);
  await page.waitForURL('**/bars');
});

of(
  'it speaks German, by the browser’s wish and by a click',
  async (page) => {
    await page.goto('/register');
    await page.getByRole('button', { name: 'Registrieren' }).waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), 'de');
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('button', { name: 'Register' }).waitFor();
    await page.reload();
    await page.getByRole('button', { name: 'Register' }).waitFor();
  },
  { language: 'de' },
);

of('everything is done by keyboard alone', async (page, product) => {
  const email = newcomer();
  await page.goto('/register');
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.keyboard.press('Tab');
  await page.keyboard.type(email);
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  for (let i = 0; i < 4; i++) await page.keyboard.press('Tab');
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  await page.getByText('Nothing there?').waitFor();
  assert.ok(await product.mail(email, '/verify'));
});

of(
  'it fits the smallest phone, and axe finds nothing',
  async (page, product) => {
    const invitation = await invited(product, newcomer());
    const paths = [
      '/login',
      '/register',
      '/forgot-password',
      '/remind-me',
      '/reset-password?token=x',
      '/verify?token=x',
      '/confirm-address?token=x',
      '/invitation?token=x',
      invitation.replace(product.url, ''),
    ];
    for (const path of paths) {
      await page.goto(path);
      await page.getByRole('button').last().waitFor();
      await page.getByRole('heading', { level: 1 }).waitFor();
      const sideways = await page.evaluate(
        () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
      );
      assert.ok(!sideways, `${path} scrolls sideways`);
      await accessible(page, path);
    }
  },
  { size: [320, 640] },
);

test('an account that exists is not given away by registering again', async () => {
  const product = products[databases[0]];
  const anna = await member(product);
  const page = await openPage(browser, product);
  await register(page, anna.email);
  await page.getByRole('heading', { name: 'Look into your inbox' }).waitFor();
  await caller(product)('POST', '/session', { email: anna.email, password: PASSWORD });
  assert.deepEqual(page.faults, []);
  await page.context().close();
});
