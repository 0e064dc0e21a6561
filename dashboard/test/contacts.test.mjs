// Contacts as members work through them: found, changed, one by one and many at a time, read as a story, had as a file.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accessible } from './axe.mjs';
import { caller, databases, linkIn, member, openBrowser, openPage, openProduct, PASSWORD } from './stage.mjs';

const VISITOR = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0';
const PEOPLE = [
  ['Mia Lindqvist', 'mia@visitor.example', 'Can you true a wheel while I wait?'],
  ['Jonas Weber', 'jonas@visitor.example', 'How long does a service take?'],
  ['Priya Raman', 'priya@visitor.example', 'Do you repair cargo bikes, too?'],
  ['Tom Okafor', 'tom@visitor.example', 'Is the workshop open on Saturday?'],
];

const id = () => crypto.randomUUID().replaceAll('-', '');

async function formed(anna) {
  const bar = await anna.call('POST', '/bars', { name: 'Ask the workshop', goal: 'contact' });
  const { configuration, revision } = bar.draft;
  configuration.variants[0].goal.fields = [
    { kind: 'name', name: 'name' },
    { kind: 'email', name: 'email', required: true },
    { kind: 'phone', name: 'phone' },
    { kind: 'message', name: 'message' },
  ];
  configuration.variants[0].goal.consent = { required: true };
  for (const texts of Object.values(configuration.variants[0].texts)) texts.consent = 'You may answer me.';
  await anna.call('PUT', `/bars/${bar.id}/draft`, { configuration, revision });
  await anna.call('POST', `/bars/${bar.id}/publish`, {});
  return bar;
}

async function write(product, bar, [name, email, message, phone]) {
  const f = { name, email, message, ...(phone && { phone }) };
  const body = {
    i: id(),
    v: 'a',
    u: 'https://harbour.example/service',
    r: 'https://news.example/',
    t: 20_000,
    l: 'en',
    c: true,
    f,
  };
  const answer = await fetch(`${product.url}/b/${bar.key}/contacts`, {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain', 'User-Agent': VISITOR },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 200, await answer.text());
}

async function withPeople(product, anna, people = PEOPLE) {
  const bar = await formed(anna);
  for (const person of people) await write(product, bar, person);
  return bar;
}

/** Somebody of this role in Anna's team. */
async function colleague(product, anna, role) {
  const email = `${role}.${id().slice(0, 8)}@example.com`;
  const memberId = anna.session.member.member_id;
  await anna.call('POST', `/members/${memberId}/invitations`, { email, role });
  const mail = await product.mail(email, '/invitation');
  const token = new URL(linkIn(mail, '/invitation')).searchParams.get('token');
  const anybody = caller(product);
  const account = { password: PASSWORD, privacy_version: 1, terms_version: 1 };
  await anybody('POST', '/invitations/accept', { token, account });
  const session = await anybody('POST', '/session', { email, password: PASSWORD });
  return { email, cookie: session.cookie, session, call: caller(product, session.cookie) };
}

const row = (page, name) =>
  page.getByRole('row').filter({ has: page.getByRole('link', { name, exact: true }) });
const toast = (page, text) => page.getByRole('status').filter({ hasText: text });
const open = async (page, name) => {
  await page.goto('/contacts');
  await page.getByRole('link', { name, exact: true }).click();
  await page.getByRole('heading', { name, level: 1 }).waitFor();
};

for (const database of databases)
  describe(`contacts on ${database}`, () => {
    let product;
    let browser;
    before(async () => {
      product = await openProduct(database);
      browser = await openBrowser();
    });
    after(async () => {
      await browser?.close();
      await product?.close();
    });

    /** A test with a member, and a page of theirs; nothing must be wrong at its end. */
    function of(what, act, options = {}) {
      test(what, { timeout: 180_000 }, async () => {
        const anna = await member(product);
        const page = await openPage(browser, product, { as: anna, ...options });
        try {
          await act(page, anna);
          assert.deepEqual(page.faults, []);
        } finally {
          await page.context().close();
        }
      });
    }

    of('who has none yet is told where they come from', async (page) => {
      await page.goto('/contacts');
      await page.getByRole('heading', { name: 'No contacts yet' }).waitFor();
      await accessible(page);
      await page.getByRole('link', { name: 'To your bars' }).click();
      await page.waitForURL(/\/bars$/);
    });

    of('they are searched and filtered, and the address says so', async (page, anna) => {
      await withPeople(product, anna);
      await page.goto('/contacts');
      await row(page, 'Mia Lindqvist').getByText('Can you true a wheel while I wait?').waitFor();
      await page.getByText('4 contacts', { exact: true }).waitFor();
      await accessible(page);

      await page.keyboard.press('/');
      await page.keyboard.type('cargo');
      await row(page, 'Mia Lindqvist').waitFor({ state: 'detached' });
      await row(page, 'Priya Raman').waitFor();
      await page.waitForURL(/search=cargo/);
      await page.getByLabel('Status').selectOption('Done');
      await page.getByRole('heading', { name: 'Nobody found' }).waitFor();
      await accessible(page, 'nobody found');
      await page.reload();
      await page.getByRole('heading', { name: 'Nobody found' }).waitFor();
      assert.equal(await page.getByRole('searchbox').inputValue(), 'cargo');
      await page.getByRole('button', { name: 'Show all' }).click();
      await row(page, 'Mia Lindqvist').waitFor();
      await page.goBack();
      await page.getByRole('heading', { name: 'Nobody found' }).waitFor();
    });

    of('searches are kept for the whole team', async (page, anna) => {
      await withPeople(product, anna);
      await page.goto('/contacts?status=new&from=2026-01-01');
      await page.getByRole('button', { name: 'Save as view' }).click();
      await page.getByLabel('Name of the view').fill('To call back');
      await accessible(page, 'saving a view');
      await page.keyboard.press('Enter');
      const views = page.getByRole('navigation', { name: 'Views' });
      await views.getByRole('link', { name: 'To call back' }).waitFor();
      await views.getByRole('link', { name: 'All', exact: true }).click();
      await page.waitForURL(/\/contacts$/);
      await views.getByRole('link', { name: 'To call back' }).click();
      await page.waitForURL(/status=new&from=2026-01-01/);
      await accessible(page, 'with views');
      await page.getByLabel('Status').selectOption('Spam');
      await page.getByRole('heading', { name: 'Nobody found' }).waitFor();
      await page.getByRole('button', { name: 'Save changes to the view' }).click();
      await toast(page, 'The view was changed.').waitFor();
      await page.getByRole('button', { name: 'View “To call back”' }).click();
      await page.getByRole('menuitem', { name: 'Rename' }).click();
      await page.getByLabel('Name of the view').fill('Nonsense');
      await page.keyboard.press('Enter');
      await views.getByRole('link', { name: 'Nonsense' }).waitFor();
      const [kept] = (await anna.call('GET', '/contact-views')).items;
      assert.deepEqual([kept.name, kept.query.status], ['Nonsense', 'spam']);
      await page.getByRole('button', { name: 'View “Nonsense”' }).click();
      await page.getByRole('menuitem', { name: 'Delete the view' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await views.getByRole('link', { name: 'Nonsense' }).waitFor({ state: 'detached' });
    });

    of('many are changed at once, and changed back', async (page, anna) => {
      await withPeople(product, anna);
      await page.goto('/contacts');
      await page.getByLabel('Select Tom Okafor').click();
      await page.getByLabel('Select Jonas Weber').click({ modifiers: ['Shift'] });
      await page.getByText('3 selected').waitFor();
      await accessible(page, 'with a selection');
      await page.getByRole('button', { name: 'Set status' }).click();
      await page.getByRole('menuitem', { name: 'Done' }).click();
      await toast(page, '3 contacts changed.').waitFor();
      await row(page, 'Priya Raman').getByText('Done').waitFor();
      await row(page, 'Mia Lindqvist').getByText('New').waitFor();
      await page.getByRole('button', { name: 'Undo' }).click();
      await toast(page, 'Undone.').waitFor();
      await row(page, 'Priya Raman').getByText('New').waitFor();

      await page.getByRole('button', { name: 'Tag…', exact: true }).click();
      await page.getByRole('dialog').getByLabel('Tag').fill('Spring');
      await accessible(page, 'the tag dialog');
      await page.keyboard.press('Enter');
      await row(page, 'Tom Okafor').getByText('spring', { exact: true }).waitFor();

      await page.getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('dialog').getByText('can’t be undone').waitFor();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await toast(page, '3 contacts deleted.').waitFor();
      await page.getByText('1 contact', { exact: true }).waitFor();
      const left = await anna.call('GET', '/contacts');
      assert.deepEqual(
        left.items.map(({ name }) => name),
        ['Mia Lindqvist'],
      );
    });

    of('the keyboard alone gets through the list', async (page, anna) => {
      await withPeople(product, anna);
      await page.goto('/contacts');
      await row(page, 'Tom Okafor').focus();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('x');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Shift+X');
      await page.getByText('3 selected').waitFor();
      await page.keyboard.press('Escape');
      await page.getByText('3 selected').waitFor({ state: 'detached' });
      await page.keyboard.press('Home');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Priya Raman', level: 1 }).waitFor();
      await page.getByRole('link', { name: 'Next contact' }).click();
      await page.getByRole('heading', { name: 'Jonas Weber', level: 1 }).waitFor();
      await page.getByRole('link', { name: 'Previous contact' }).click();
      await page.getByRole('heading', { name: 'Priya Raman', level: 1 }).waitFor();
    });

    of('a contact is corrected, tagged, noted, and its story told', async (page, anna) => {
      const bar = await withPeople(product, anna);
      await write(product, bar, [
        'Mia Lindqvist',
        'mia@visitor.example',
        'And do you sell lights?',
        '+46 70 123 45 67',
      ]);
      await open(page, 'Mia Lindqvist');
      await page.getByText('And do you sell lights?').waitFor();
      await page.getByText('Can you true a wheel while I wait?').waitFor();
      await page.getByText('You may answer me.').first().waitFor();
      await page.getByRole('link', { name: 'harbour.example/service' }).first().waitFor();
      assert.equal(await page.getByRole('link', { name: 'Call' }).getAttribute('href'), 'tel:+46701234567');
      await accessible(page);

      await page.getByRole('button', { name: 'Change: Name' }).click();
      await page.keyboard.type('Mia Lind');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Mia Lind', level: 1 }).waitFor();
      await page.getByRole('button', { name: 'Change: Email address' }).click();
      await page.getByLabel('Email address').fill('jonas@visitor.example');
      await page.keyboard.press('Enter');
      await page.getByText('Another contact has this email address.').waitFor();
      assert.equal(await page.getByLabel('Email address').inputValue(), 'jonas@visitor.example');
      await accessible(page, 'with an address that is taken');
      await page.keyboard.press('Escape');

      await page.getByLabel('Status').selectOption('Open');
      await page.getByText('Status set to Open').waitFor();
      await page.getByLabel('Add a tag').fill('Regular');
      await page.keyboard.press('Enter');
      await page.getByRole('button', { name: 'Remove the tag regular' }).waitFor();
      await page.getByText('Tagged regular').waitFor();
      await page.getByText('Changed: Name').waitFor();
      await page.getByLabel('Note', { exact: true }).fill('Comes on Tuesday.');
      await page.getByRole('button', { name: 'Add note' }).click();
      await page.getByText('Note by you').waitFor();
      await page.reload();
      await page.getByText('Comes on Tuesday.').waitFor();
      await page.getByRole('button', { name: 'Remove the tag regular' }).waitFor();
      assert.equal(await page.getByLabel('Status').inputValue(), 'open');
      await page.getByRole('button', { name: 'Delete this note' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
      await page.getByText('Comes on Tuesday.').waitFor({ state: 'detached' });
    });

    of('two contacts of one person become one', async (page, anna) => {
      await withPeople(product, anna, [
        ...PEOPLE,
        ['J. Weber', 'weber@work.example', 'Me again.', '+49 30 901820'],
      ]);
      await open(page, 'Jonas Weber');
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Merge with another contact…' }).click();
      await page.getByLabel('Search the other contact').fill('weber@work');
      await page.getByRole('dialog').getByRole('button', { name: 'J. Weber' }).click();
      await page.getByRole('cell', { name: '+49 30 901820' }).first().waitFor();
      await accessible(page, 'merging');
      await page.getByRole('button', { name: 'Merge', exact: true }).click();
      await toast(page, 'The contacts are one now.').waitFor();
      await page.getByText('Me again.').waitFor();
      await page.getByText('+49 30 901820').first().waitFor();
      await page.getByRole('link', { name: 'Contacts' }).first().click();
      await row(page, 'Jonas Weber').waitFor();
      assert.equal(await row(page, 'J. Weber').count(), 0);
    });

    of('a contact is deleted for good', async (page, anna) => {
      await withPeople(product, anna);
      await open(page, 'Tom Okafor');
      await page.getByRole('button', { name: 'More actions' }).click();
      await page.getByRole('menuitem', { name: 'Delete…' }).click();
      await page.getByRole('dialog').getByText('1 submission').waitFor();
      await page.getByRole('button', { name: 'Delete for good' }).click();
      await toast(page, 'The contact was deleted.').waitFor();
      await row(page, 'Mia Lindqvist').waitFor();
      assert.equal(await row(page, 'Tom Okafor').count(), 0);
      await page.goto('/contacts/con_01jd3k8q9x7v2m5n6p4r8s0tbw');
      await page.getByRole('heading', { name: 'There is no such contact' }).waitFor();
      await accessible(page, 'no such contact');
    });

    of('those who are found are had as a file', async (page, anna) => {
      await withPeople(product, anna);
      // The browser's own dialogue for saving can't be answered here.
      await page.addInitScript(() => {
        delete globalThis.showSaveFilePicker;
      });
      await page.goto('/contacts?search=visitor+workshop');
      await row(page, 'Tom Okafor').waitFor();
      await page.getByRole('button', { name: 'Export' }).click();
      await accessible(page, 'the export dialog');
      const [download] = await Promise.all([
        page.waitForEvent('download'),
        page.getByRole('dialog').getByRole('button', { name: 'Export' }).click(),
      ]);
      await toast(page, '1 contact exported.').waitFor();
      assert.equal(download.suggestedFilename(), 'contacts.csv');
      const parts = [];
      for await (const part of await download.createReadStream()) parts.push(part);
      const lines = Buffer.concat(parts).toString().trim().split('\r\n');
      assert.equal(lines.length, 2);
      assert.match(lines[1], /tom@visitor\.example,Tom Okafor/);
    });

    of('a long list comes as one scrolls, and stays where it was', async (page, anna) => {
      const people = Array.from({ length: 230 }, (_, n) => [
        `Guest ${n}`,
        `guest${n}@visitor.example`,
        'Hello',
      ]);
      const bar = await formed(anna);
      for (let at = 0; at < people.length; at += 10)
        await Promise.all(people.slice(at, at + 10).map((person) => write(product, bar, person)));
      await page.goto('/contacts');
      await page.getByText(/^\d+ contacts/).waitFor();
      await page.getByRole('row').nth(3).focus();
      await page.keyboard.press('End');
      await page.getByText('230 contacts', { exact: true }).waitFor();
      assert.ok((await page.getByRole('row').count()) < 60, 'only what is near the window is there');
      await page.keyboard.press('End');
      const last = page.locator('[aria-rowindex="231"]');
      await last.waitFor();
      const place = await page.evaluate(() => scrollY);
      const name = await last.getByRole('link').textContent();
      await last.getByRole('link').click();
      await page.getByRole('heading', { name, level: 1 }).waitFor();
      await page.goBack();
      await last.getByRole('link', { name, exact: true }).waitFor();
      await page.waitForFunction((wanted) => Math.abs(scrollY - wanted) < 2, place);

      await page.getByLabel('Select all that are loaded').first().click();
      await page.getByText('230 selected').waitFor();
      await page.getByRole('button', { name: 'Set status' }).click();
      await page.getByRole('menuitem', { name: 'Spam' }).click();
      await toast(page, '230 contacts changed.').waitFor({ timeout: 60_000 });
    });

    of(
      'on a phone they are cards, and nothing is wider than the window',
      async (page, anna) => {
        await withPeople(product, anna);
        await page.setViewportSize({ width: 320, height: 700 });
        await page.goto('/contacts');
        await row(page, 'Tom Okafor').waitFor();
        await page.getByRole('button', { name: 'Filters' }).click();
        await page.getByLabel('Status').selectOption('New');
        await page.waitForURL(/status=new/);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
        await accessible(page);
        await page.getByLabel('Select Tom Okafor').click();
        await page.getByRole('button', { name: 'More actions' }).click();
        await page.getByRole('menuitem', { name: 'Open' }).click();
        await toast(page, '1 contact changed.').waitFor();
        await page.getByRole('link', { name: 'Tom Okafor' }).click();
        await page.getByRole('heading', { name: 'Story' }).waitFor();
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
        await accessible(page, 'a contact');
      },
      { phone: true },
    );

    test('who may only look is not offered to change', { timeout: 120_000 }, async () => {
      const anna = await member(product);
      await withPeople(product, anna);
      const vera = await colleague(product, anna, 'viewer');
      const page = await openPage(browser, product, { as: vera });
      await page.goto('/contacts');
      await row(page, 'Tom Okafor').waitFor();
      assert.equal(await page.getByRole('checkbox').count(), 0);
      await row(page, 'Tom Okafor').getByRole('link').click();
      await page.getByRole('heading', { name: 'Story' }).waitFor();
      assert.equal(await page.getByRole('button', { name: 'Change: Name' }).count(), 0);
      assert.equal(await page.getByRole('button', { name: 'Add note' }).count(), 0);
      await accessible(page, 'as a viewer');
      assert.deepEqual(page.faults, []);
      await page.context().close();
    });
  });
