// The main path, by somebody who has never seen the product: registers, proves the address, makes a bar from a template,
// publishes it, pastes one line into a site on another origin; a visitor sees the bar and writes; and the member sees
// where the bar is, who wrote, and what was counted. All of it in browsers, against the real binary.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { databases, linkIn, openBrowser, openPage, openProduct, openSite, PASSWORD } from './stage.mjs';
import { openVisitor } from './visitor.mjs';

const VISITOR = 'vi.visitor@example.org';
const MESSAGE = 'News of the harbour, once a month.';
const TWO_MINUTES_MS = 120_000;
let browser;

before(async () => {
  browser = await openBrowser();
});

after(() => browser?.close());

const site = (snippet) => `<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>Harbour Cycles</title><style>p { margin: 40vh 2rem; font: 1rem/1.6 serif; }</style></head>
  <body><h1>Harbour Cycles</h1><p>Bicycles.</p><p>Repairs.</p><p>Rides.</p>
  ${snippet}
  </body>
</html>`;

async function register(page, product, email) {
  await page.goto('/');
  await page.getByRole('link', { name: 'Register' }).click();
  await page.getByRole('heading', { name: 'Make your first contact bar' }).waitFor();
  await page.getByLabel('Email address').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByLabel('Name of your business').fill('Harbour Cycles');
  await page.getByRole('checkbox', { name: /I agree to the/ }).check();
  await page.getByRole('button', { name: 'Register' }).click();
  await page.getByRole('heading', { name: 'Look into your inbox' }).waitFor();
  await page.goto(linkIn(await product.mail(email, '/verify'), '/verify'));
  await page.getByRole('button', { name: 'Yes, confirm it' }).click();
  await page.getByText('Your address is confirmed').waitFor();
  await page.getByLabel('Email address').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in', exact: true }).click();
}

/** From the first page to the snippet, which is copied. */
async function makeBar(page) {
  await page.getByRole('heading', { name: 'Your first bar, in two minutes' }).waitFor();
  await page.getByRole('button').filter({ hasText: 'Newsletter' }).click();
  await page.waitForURL(/\/bars\/bar_\w+\/edit/);
  await page.getByLabel('Message', { exact: true }).fill(MESSAGE);
  await page.getByRole('button', { name: 'Publish' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByRole('button', { name: 'Publish' }).click();
  await dialog.getByRole('link', { name: 'Install it on your site' }).click();
  await page.getByText('Waiting for the first view of your bar').waitFor();
  await page.getByRole('button', { name: 'Copy' }).click();
  return page.evaluate(() => navigator.clipboard.readText());
}

async function visit(address) {
  const visitor = await openVisitor(address);
  try {
    await visitor.page.mouse.move(400, 300);
    await visitor.page.mouse.wheel(0, 700);
    await visitor.heard('show');
    assert.ok((await visitor.text()).includes(MESSAGE));
    // A form that is too tall for a bar waits behind its button.
    if (await visitor.has('.shut')) await visitor.press('.opener');
    await visitor.write('input[type=email]', VISITOR);
    if (await visitor.has('input[type=checkbox]')) await visitor.press('input[type=checkbox]');
    await visitor.press('button[type=submit], form button:not([type=button])');
    await visitor.heard('submit');
    await visitor.page.waitForLoadState('networkidle');
  } finally {
    await visitor.close();
  }
}

for (const database of databases)
  test(`from registering to the first contact within two minutes (${database})`, {
    timeout: 240_000,
  }, async () => {
    const product = await openProduct(database);
    const page = await openPage(browser, product);
    let pasted;
    try {
      const began = Date.now();
      await register(page, product, 'anna.newcomer@example.com');
      const snippet = await makeBar(page);
      assert.match(snippet, /^<script async src="[^"]+\/b\/\w+\.js"><\/script>$/);
      pasted = await openSite(site(snippet));
      await visit(pasted.url);
      await page.getByText(`We’ve seen your bar on ${pasted.host}`).waitFor();
      const took = Date.now() - began;
      assert.ok(took < TWO_MINUTES_MS, `it took ${Math.round(took / 1000)} s`);

      await page.getByRole('link', { name: 'See its statistics' }).click();
      const figure = (name) => page.locator('label', { has: page.getByRole('radio', { name }) });
      await figure(/^Submissions/)
        .getByText('1', { exact: true })
        .waitFor();
      await figure(/^Views/)
        .getByText('1', { exact: true })
        .waitFor();

      await page.getByRole('link', { name: 'Contacts' }).click();
      await page.getByText(VISITOR).first().waitFor();

      await page.getByRole('link', { name: 'Bars', exact: true }).click();
      const row = page
        .getByRole('listitem')
        .filter({ has: page.getByRole('heading', { name: 'Newsletter' }) });
      await row.getByText('Live').waitFor();
      await row.getByText('100%').waitFor();
      assert.deepEqual(page.faults, []);
    } finally {
      await page.context().close();
      pasted?.close();
      await product.close();
    }
  });
