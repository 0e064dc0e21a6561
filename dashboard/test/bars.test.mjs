// Bars as members handle them: begun, listed, looked after, installed, returned to, set up.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible } from './axe.mjs';
import { caller, linkIn, member, openBrowser, openPage, openProduct, PASSWORD } from './stage.mjs';

let product;
let browser;

before(async () => {
  product = await openProduct();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await product?.close();
});

/** A test with a member, and a page of theirs; nothing must be wrong at its end. */
function of(what, act, options = {}) {
  test(what, { timeout: 120_000 }, async () => {
    const anna = await member(product, options.member);
    const page = await openPage(browser, product, { as: anna, ...options.page });
    try {
      await act(page, anna);
      assert.deepEqual(page.faults, []);
    } finally {
      await page.context().close();
    }
  });
}

const id = () => crypto.randomUUID().replaceAll('-', '');
const VISITOR =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36';

async function view(bar, host) {
  const body = JSON.stringify({ b: bar.key, i: id(), k: 'view', v: 'a', u: `https://${host}/` });
  const answer = await fetch(`${product.url}/e`, {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain', 'User-Agent': VISITOR },
    body,
  });
  assert.equal(answer.status, 204);
  assert.equal(answer.headers.get('x-contactbar-dropped'), null);
}

async function published(anna, name, goal = 'contact') {
  const bar = await anna.call('POST', '/bars', { name, goal });
  if (goal === 'link') {
    const { configuration, revision } = bar.draft;
    configuration.variants[0].goal.url = 'https://harbour-cycles.example/shop';
    await anna.call('PUT', `/bars/${bar.id}/draft`, { configuration, revision });
  }
  return anna.call('POST', `/bars/${bar.id}/publish`, { note: 'First' });
}

async function changed(anna, bar, change) {
  const { configuration, revision } = await anna.call('GET', `/bars/${bar.id}/draft`);
  change(configuration);
  await anna.call('PUT', `/bars/${bar.id}/draft`, { configuration, revision });
}

const row = (page, name) =>
  page.getByRole('listitem').filter({ has: page.getByRole('heading', { name, exact: true }) });
const toast = (page, text) => page.getByRole('status').filter({ hasText: text });

of('the first visit leads to a bar with one choice', async (page) => {
  await page.goto('/');
  await page.getByRole('heading', { name: 'Your first bar, in two minutes' }).waitFor();
  const templates = page.getByRole('button').filter({ hasText: 'Newsletter' });
  await templates.first().waitFor();
  await accessible(page);
  await templates.first().click();
  await page.waitForURL(/\/bars\/bar_\w+\/edit/);
});

of('the list is found through, filtered and ordered by its address', async (page, anna) => {
  await published(anna, 'Ask the workshop');
  const sale = await published(anna, 'Spring sale', 'link');
  await anna.call('POST', `/bars/${sale.id}/pause`);
  await anna.call('POST', '/bars', { name: 'Test rides', goal: 'contact' });
  await page.goto('/bars');
  await row(page, 'Test rides').getByText('Draft').waitFor();
  await row(page, 'Spring sale').getByText('Paused').waitFor();
  await row(page, 'Ask the workshop').getByText('Live').waitFor();
  await accessible(page);

  await page.getByRole('searchbox', { name: 'Search bars' }).fill('work');
  await row(page, 'Test rides').waitFor({ state: 'detached' });
  await page.waitForURL(/search=work/);
  await page.reload();
  await row(page, 'Ask the workshop').waitFor();
  assert.equal(await row(page, 'Spring sale').count(), 0);

  await page.getByRole('searchbox', { name: 'Search bars' }).fill('');
  await row(page, 'Spring sale').waitFor();
  for (const [state, name] of [
    ['Paused', 'Spring sale'],
    ['Draft', 'Test rides'],
    ['Live', 'Ask the workshop'],
  ]) {
    await page.getByLabel('State').selectOption(state);
    await row(page, name).waitFor();
    await page.waitForFunction(() => document.querySelectorAll('main li h2').length === 1);
  }
  await page.getByLabel('State').selectOption('All states');
  await page.getByLabel('Order').selectOption('By name');
  await page.waitForURL(/sort=name/);
  await page.waitForFunction(
    () =>
      [...document.querySelectorAll('main li h2')].map((name) => name.textContent).join() ===
      'Ask the workshop,Spring sale,Test rides',
  );
  await page.getByRole('searchbox', { name: 'Search bars' }).fill('nothing is called so');
  await page.getByRole('link', { name: 'Show all bars' }).click();
  await row(page, 'Spring sale').waitFor();
});

of('a bar is renamed, paused, resumed, copied and deleted by keyboard', async (page, anna) => {
  await published(anna, 'Spring sale', 'link');
  await page.goto('/bars');
  const press = async (name, item) => {
    const opener = page.getByRole('button', { name: `Actions for “${name}”` });
    await opener.focus();
    await page.keyboard.press('Enter');
    const wanted = page.getByRole('menuitem', { name: item, exact: true });
    await wanted.waitFor();
    while (!(await wanted.evaluate((one) => one === document.activeElement)))
      await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
  };
  await press('Spring sale', 'Rename');
  await page.getByRole('dialog').getByLabel('Name').fill('Summer sale');
  await page.keyboard.press('Enter');
  await row(page, 'Summer sale').waitFor();

  await press('Summer sale', 'Pause');
  await row(page, 'Summer sale').getByText('Paused').waitFor();
  await press('Summer sale', 'Resume');
  await row(page, 'Summer sale').getByText('Live').waitFor();

  await press('Summer sale', 'Duplicate');
  await row(page, 'Summer sale (copy)').getByText('Draft').waitFor();
  await press('Summer sale (copy)', 'Delete');
  const question = page.getByRole('dialog', { name: 'Delete “Summer sale (copy)”?' });
  await question.waitFor();
  await accessible(page, 'the question');
  await page.keyboard.press('Escape');
  await question.waitFor({ state: 'hidden' });
  await row(page, 'Summer sale (copy)').waitFor();
  await press('Summer sale (copy)', 'Delete');
  await question.getByRole('button', { name: 'Delete the bar' }).click();
  await row(page, 'Summer sale (copy)').waitFor({ state: 'detached' });
  assert.deepEqual(
    (await anna.call('GET', '/bars')).items.map((bar) => bar.name),
    ['Summer sale'],
  );
});

of('a new bar keeps what was typed when the server says no', async (page, anna) => {
  await page.goto('/bars/new');
  await page.getByRole('button').filter({ hasText: 'Newsletter' }).first().waitFor();
  await accessible(page);
  await page.getByRole('button').filter({ hasText: 'Collect contacts' }).click();
  const dialog = page.getByRole('dialog', { name: 'Name and place' });
  await dialog.getByLabel('Name').fill('Call me back');
  await dialog.getByLabel('Only on these websites').fill('shop.example\nnot a host!');
  await dialog.getByRole('button', { name: 'Make the bar' }).click();
  const hosts = dialog.getByLabel('Only on these websites');
  await page.waitForFunction(
    () => document.querySelector('dialog textarea')?.getAttribute('aria-invalid') === 'true',
  );
  assert.equal(await hosts.inputValue(), 'shop.example\nnot a host!');
  await accessible(page, 'the dialogue with an error');

  await page.reload();
  await dialog.getByLabel('Name').fill('Call me back');
  await hosts.fill('shop.example');
  await dialog.getByRole('button', { name: 'Make the bar' }).click();
  await page.waitForURL(/\/bars\/bar_\w+\/edit/);
  const [bar] = (await anna.call('GET', '/bars')).items;
  assert.deepEqual((await anna.call('GET', `/bars/${bar.id}`)).allowed_hosts, ['shop.example']);
});

of('the overview waits for the first view, and counts', async (page, anna) => {
  const bar = await published(anna, 'Ask the workshop');
  await page.goto(`/bars/${bar.id}`);
  await page.getByText('Waiting for the first view of your bar').waitFor();
  await accessible(page, 'the overview of a new bar');
  await view(bar, 'harbour-cycles.example');
  await page.getByText('We’ve seen your bar on harbour-cycles.example').waitFor();
  await page.reload();
  await page
    .getByRole('figure', { name: 'Views by day' })
    .getByText(/: 1 view$/)
    .waitFor();
  await page.getByText('Nobody has left details yet.').waitFor();
  await page.getByText('30 days').click();
  await page.waitForURL(/days=30/);
  await page.waitForFunction(() => document.querySelectorAll('figure li').length === 30);
  await accessible(page, 'the overview');

  await page.getByRole('button', { name: 'Actions for “Ask the workshop”' }).click();
  await page.getByRole('menuitem', { name: 'Pause' }).click();
  await page.getByText('This bar is paused').waitFor();
  await page.getByRole('button', { name: 'Resume' }).click();
  await page.getByText('This bar is paused').waitFor({ state: 'detached' });
});

of('a bar is installed, checked, and kept to its hosts', async (page, anna) => {
  const bar = await published(anna, 'Ask the workshop');
  await page.goto(`/bars/${bar.id}/install`);
  const code = page.getByRole('region', { name: 'Code to paste' });
  await code.getByText(bar.key).waitFor();
  await accessible(page);
  await page.getByRole('button', { name: 'Copy' }).click();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await code.textContent());
  const kinds = page.getByRole('navigation', { name: 'Kinds of website' });
  await kinds.getByRole('link', { name: 'WordPress' }).click();
  await page.waitForURL(/for=wordpress/);
  await page.reload();
  await kinds.getByRole('link', { name: 'WordPress' }).and(page.locator('[aria-current=page]')).waitFor();

  await page.getByText('Waiting for the first view of your bar').waitFor();
  await view(bar, 'www.harbour-cycles.example');
  await page.getByText('We’ve seen your bar on www.harbour-cycles.example').waitFor();

  await page.getByLabel('Address of the page').fill('ftp://nowhere');
  await page.getByRole('button', { name: 'Check' }).click();
  await page.waitForFunction(
    () => document.querySelector('input[inputmode=url]')?.getAttribute('aria-invalid') === 'true',
  );
  await page.getByLabel('Address of the page').fill('https://nowhere.example/');
  await page.getByRole('button', { name: 'Check' }).click();
  await page.getByText('We can’t tell').waitFor();
  await page.waitForURL(/check=/);
  await accessible(page, 'the result of a check');

  const hosts = page.getByLabel('Only on these websites');
  await hosts.fill('*.harbour-cycles.example');
  await page.getByRole('button', { name: 'Save' }).click();
  await toast(page, 'Saved.').waitFor();
  assert.deepEqual((await anna.call('GET', `/bars/${bar.id}`)).allowed_hosts, ['*.harbour-cycles.example']);

  await page.getByRole('button', { name: 'Show the pinned snippet' }).click();
  await code.filter({ hasText: 'integrity="sha384-' }).waitFor();
});

of('the history is read, compared, and returned to', async (page, anna) => {
  const bar = await published(anna, 'Ask the workshop');
  await changed(anna, bar, (configuration) => {
    configuration.variants[0].texts.en.message = 'Squeaking brakes?';
    configuration.theme.colours.background = '#0f3d5c';
  });
  await anna.call('POST', `/bars/${bar.id}/publish`, { note: 'Friendlier words' });
  await page.goto(`/bars/${bar.id}/history`);
  const first = page.getByRole('listitem').filter({ hasText: 'Version 1' });
  const second = page.getByRole('listitem').filter({ hasText: 'Version 2' });
  await second.getByText('Friendlier words').waitFor();
  await second.getByText('Anna Berg').waitFor();
  await accessible(page);

  await second.getByRole('button', { name: 'Compare' }).click();
  const comparison = page.getByRole('dialog', { name: 'Compare two versions' });
  await comparison.getByText('Squeaking brakes?').waitFor();
  await comparison.getByText('#0f3d5c').waitFor();
  await comparison.getByRole('heading', { name: 'Look' }).waitFor();
  await accessible(page, 'the comparison');
  await page.goBack();
  await comparison.waitFor({ state: 'hidden' });

  await first.getByRole('button', { name: 'Look at it' }).click();
  await page.getByRole('dialog', { name: 'Version 1' }).locator('iframe').waitFor();
  await page.keyboard.press('Escape');

  await first.getByRole('button', { name: 'Return to it' }).click();
  const dialog = page.getByRole('dialog', { name: 'Return to version 1' });
  await accessible(page, 'the return');
  await dialog.getByRole('button', { name: 'Return', exact: true }).click();
  await toast(page, 'The draft is as in version 1.').waitFor();
  await page.getByText('Changes that nobody sees yet.').waitFor();
  await first.getByRole('button', { name: 'Return to it' }).click();
  await dialog.getByText('Published at once').click();
  await dialog.getByLabel('Note').fill('As it was');
  await dialog.getByRole('button', { name: 'Return', exact: true }).click();
  await page.getByRole('listitem').filter({ hasText: 'Version 3' }).getByText('As it was').waitFor();
  const whole = await anna.call('GET', `/bars/${bar.id}`);
  assert.equal(whole.published.version, 3);
  // The draft says the same: there is nothing left to publish.
  await page.getByText('Changes that nobody sees yet.').waitFor({ state: 'detached' });
  assert.equal(await page.getByText('Unpublished changes').count(), 0);
});

of('what was changed is published with a look at the difference', async (page, anna) => {
  const bar = await published(anna, 'Ask the workshop');
  await changed(anna, bar, (configuration) => {
    configuration.layout.position = configuration.layout.position === 'top' ? 'bottom' : 'top';
  });
  await page.goto(`/bars/${bar.id}`);
  await page.getByText('Unpublished changes').waitFor();
  await page.getByRole('button', { name: 'Publish' }).click();
  const dialog = page.getByRole('dialog', { name: 'Publish' });
  await dialog.getByRole('heading', { name: 'Place' }).waitFor();
  await accessible(page, 'the publishing');
  await dialog.getByLabel('Note').fill('Elsewhere');
  await dialog.getByRole('button', { name: 'Publish' }).click();
  await toast(page, '“Ask the workshop” is published.').waitFor();
  await page.getByText('Unpublished changes').waitFor({ state: 'detached' });
  assert.equal((await anna.call('GET', `/bars/${bar.id}`)).published.note, 'Elsewhere');
});

of('mails about a bar are set, and faults are said at their fields', async (page, anna) => {
  const bar = await published(anna, 'Ask the workshop');
  await page.goto(`/bars/${bar.id}/settings`);
  await accessible(page);
  const card = (title) => page.getByRole('region', { name: title });
  await card('Name and place').getByLabel('Name').fill('Ask us');
  await card('Name and place').getByRole('button', { name: 'Save' }).click();
  await page.getByRole('heading', { level: 1, name: 'Ask us' }).waitFor();

  const mails = card('Mail about contacts');
  await mails.getByText('Once a day').click();
  await mails.getByLabel('To whom').fill('desk@harbour-cycles.example\nnobody');
  await mails.getByRole('button', { name: 'Save' }).click();
  await page.waitForFunction(() => document.querySelector('textarea[aria-invalid=true]'));
  assert.equal(await mails.getByLabel('To whom').inputValue(), 'desk@harbour-cycles.example\nnobody');
  await mails.getByLabel('To whom').fill('desk@harbour-cycles.example');
  await mails.getByRole('button', { name: 'Save' }).click();
  await page.waitForFunction(() => !document.querySelector('textarea[aria-invalid=true]'));
  await toast(page, 'Saved.').first().waitFor();

  const thanks = card('Thank-you mail to the visitor');
  await thanks.getByRole('switch', { name: 'Send it' }).check();
  await thanks.getByLabel('Subject').fill('We have got your question');
  await thanks.getByLabel('Text', { exact: true }).fill('Thank you! We write back today.');
  await thanks.getByLabel('Add a language').selectOption('German');
  await thanks.getByRole('group', { name: 'German' }).getByLabel('Subject').fill('Ihre Frage ist da');
  await thanks
    .getByRole('group', { name: 'German' })
    .getByLabel('Text', { exact: true })
    .fill('Vielen Dank!');
  await accessible(page, 'the settings, filled in');
  const answered = page.waitForResponse((answer) => answer.request().method() === 'PATCH');
  await thanks.getByRole('button', { name: 'Save' }).click();
  await answered;
  const { settings } = await anna.call('GET', `/bars/${bar.id}`);
  assert.deepEqual(settings.notification, { mode: 'daily', recipients: ['desk@harbour-cycles.example'] });
  assert.equal(settings.autoresponse.enabled, true);
  assert.deepEqual(Object.keys(settings.autoresponse.texts).sort(), ['de', 'en']);

  await page.getByRole('button', { name: 'Delete the bar' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Delete the bar' }).click();
  await page.getByRole('heading', { name: 'Your first bar, in two minutes' }).waitFor();
});

of('a viewer sees everything and changes nothing', async (_page, anna) => {
  const bar = await published(anna, 'Ask the workshop');
  const email = `vera.${id().slice(0, 8)}@example.com`;
  await anna.call('POST', `/members/${anna.session.member.member_id}/invitations`, { email, role: 'viewer' });
  const mail = await product.mail(email, '/invitation');
  const token = new URL(linkIn(mail, '/invitation')).searchParams.get('token');
  const anybody = caller(product);
  await anybody('POST', '/invitations/accept', {
    token,
    account: { password: PASSWORD, privacy_version: 1, terms_version: 1 },
  });
  const { cookie } = await anybody('POST', '/session', { email, password: PASSWORD });
  const theirs = await openPage(browser, product, { as: { cookie } });
  await theirs.goto('/bars');
  await row(theirs, 'Ask the workshop').waitFor();
  assert.equal(await theirs.getByRole('link', { name: 'New bar' }).count(), 0);
  await theirs.goto(`/bars/${bar.id}`);
  await theirs.getByRole('heading', { name: 'Key figures' }).waitFor();
  assert.equal(await theirs.getByRole('link', { name: 'Edit' }).count(), 0);
  assert.equal(await theirs.getByRole('link', { name: 'Settings', exact: true }).count(), 1);
  await theirs.goto(`/bars/${bar.id}/history`);
  await theirs.getByText('Version 1').waitFor();
  assert.equal(await theirs.getByRole('button', { name: 'Return to it' }).count(), 0);
  assert.deepEqual(theirs.faults, []);
  await theirs.context().close();
});

of(
  'a bar that is not there says so, and an address of 320 pixels holds every page',
  async (page, anna) => {
    const bar = await published(
      anna,
      'A bar with quite a long name that has to go somewhere on a small telephone',
    );
    await page.goto('/bars/bar_01m81bhaxqekxbkwgndxq5acgc');
    await page.getByRole('heading', { name: 'There is no such bar' }).waitFor();
    for (const path of [
      '/bars',
      '/bars/new',
      `/bars/${bar.id}`,
      `/bars/${bar.id}/install?pinned=1`,
      `/bars/${bar.id}/history`,
      `/bars/${bar.id}/settings`,
    ]) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('networkidle');
      assert.ok(
        await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth),
        `${path} scrolls sideways`,
      );
    }
  },
  { page: { size: [320, 640] } },
);

of(
  'auf Deutsch',
  async (page, anna) => {
    const bar = await published(anna, 'Werkstatt');
    await page.goto('/bars');
    await page.getByRole('heading', { name: 'Leisten' }).waitFor();
    await page.goto(`/bars/${bar.id}/install`);
    await page.getByText('Warten auf den ersten Aufruf Ihrer Leiste').waitFor();
    await accessible(page);
  },
  { member: { language: 'de' } },
);
