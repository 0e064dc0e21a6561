// Statistics as members read them: what was counted, narrowed down by clicks, linked by addresses, had as CSV.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { accessible } from './axe.mjs';
import { databases, member, openBrowser, openPage, openProduct } from './stage.mjs';

const DESKTOP = 'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0';
const PHONE =
  'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36';
const ROBOT = 'Googlebot/2.1 (+http://www.google.com/bot.html)';

const id = () => crypto.randomUUID().replaceAll('-', '');

async function beacon(product, bar, kind, { agent = DESKTOP, path = '/', ...event } = {}) {
  const body = { b: bar.key, i: id(), k: kind, v: 'a', u: `https://harbour.example${path}`, ...event };
  const answer = await fetch(`${product.url}/e`, {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain', 'User-Agent': agent },
    body: JSON.stringify(body),
  });
  assert.equal(answer.status, 204);
}

async function published(anna, name) {
  const bar = await anna.call('POST', '/bars', { name, goal: 'contact' });
  await anna.call('POST', `/bars/${bar.id}/publish`, {});
  return bar;
}

/** Three views of the home page on a desktop, two of the prices on a phone with one click, and a robot. */
async function visited(product, anna) {
  const bar = await published(anna, 'Ask the workshop');
  for (let view = 0; view < 3; view += 1)
    await beacon(product, bar, 'view', { r: 'https://news.example/today' });
  for (let view = 0; view < 2; view += 1)
    await beacon(product, bar, 'view', { agent: PHONE, path: '/prices?utm_source=flyer' });
  await beacon(product, bar, 'click', { agent: PHONE, path: '/prices?utm_source=flyer' });
  await beacon(product, bar, 'view', { agent: ROBOT });
  return bar;
}

const figure = (page, name) => page.locator('label', { has: page.getByRole('radio', { name }) });
const inTable = (page, name) =>
  page.getByRole('row').filter({ has: page.getByRole('button', { name, exact: true }) });
const settled = (page, name, value) => figure(page, name).getByText(value, { exact: true }).waitFor();

for (const database of databases)
  describe(`statistics on ${database}`, () => {
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
    function of(what, act, options) {
      test(what, { timeout: 120_000 }, async () => {
        const anna = await member(product);
        const page = await openPage(browser, product, { as: anna, ...options });
        try {
          await act(page, anna, product);
          assert.deepEqual(page.faults, []);
        } finally {
          await page.context().close();
        }
      });
    }

    of('every figure can be narrowed down by a click and linked', async (page, anna) => {
      const bar = await visited(product, anna);
      await page.goto(`/bars/${bar.id}/statistics`);
      await settled(page, /^Views/, '5');
      await settled(page, /^Clicks/, '1');
      await settled(page, /^Click rate/, '20%');
      await page.getByText('Robot', { exact: true }).waitFor();
      await accessible(page);

      await inTable(page, 'harbour.example/prices').getByRole('button').click();
      await settled(page, /^Views/, '2');
      await settled(page, /^Click rate/, '50%');
      assert.equal(new URL(page.url()).searchParams.get('page'), 'harbour.example/prices');
      await page.getByRole('link', { name: 'Devices' }).click();
      await inTable(page, 'Phone').getByRole('button').click();
      await page.getByRole('button', { name: 'Remove the filter Device: Phone' }).waitFor();
      await settled(page, /^Views/, '2');
      await accessible(page, 'under filters');

      await page.reload();
      await settled(page, /^Views/, '2');
      await page.getByRole('button', { name: 'Remove all' }).click();
      await settled(page, /^Views/, '5');
      await page.goBack();
      await settled(page, /^Views/, '2');
    });

    of('every breakdown tells values apart and can be had as CSV', async (page, anna) => {
      const bar = await visited(product, anna);
      await page.goto(`/bars/${bar.id}/statistics`);
      const named = {
        Sites: 'harbour.example',
        Referrers: 'news.example',
        Campaigns: 'flyer',
        Browsers: 'Firefox',
        Systems: 'Linux',
        Devices: 'Desktop',
        Variants: 'Variant A',
        Pages: 'harbour.example/',
      };
      for (const [tab, value] of Object.entries(named)) {
        await page.getByRole('link', { name: tab, exact: true }).click();
        await page.getByRole('table').first().getByText(value, { exact: true }).first().waitFor();
      }
      const link = page.getByRole('link', { name: 'Download as CSV: Page' });
      const [download] = await Promise.all([page.waitForEvent('download'), link.click()]);
      const lines = await text(download);
      assert.match(lines, /harbour\.example\/prices,2,/);
    });

    of('the chart is read by keyboard, and as a table', async (page, anna) => {
      const bar = await visited(product, anna);
      await page.goto(`/bars/${bar.id}/statistics?period=7d`);
      const chart = page.getByRole('slider', { name: /^Views over time/ });
      await chart.focus();
      await page.keyboard.press('End');
      assert.match(await chart.getAttribute('aria-valuetext'), /: 5/);
      await page.keyboard.press('ArrowLeft');
      assert.match(await chart.getAttribute('aria-valuetext'), /: 0/);
      assert.equal(await chart.getAttribute('aria-valuenow'), '5');

      await page.getByRole('button', { name: 'As a table' }).click();
      const table = page.getByRole('region', { name: 'over time, as a table' });
      assert.equal(await table.getByRole('row').count(), 8);
      await accessible(page, 'as a table');
      await page.getByRole('radio', { name: /^Clicks/ }).check({ force: true });
      await page.getByRole('heading', { name: 'Clicks over time' }).waitFor();
      await table.getByRole('cell', { name: '1', exact: true }).waitFor();
      assert.equal(new URL(page.url()).searchParams.get('measure'), 'clicks');
    });

    of('the period is chosen, compared and remembered by the address', async (page, anna) => {
      const bar = await visited(product, anna);
      await page.goto(`/bars/${bar.id}/statistics`);
      await settled(page, /^Views/, '5');
      await page.getByLabel('Period').selectOption('Today');
      await page.waitForURL(/period=today/);
      await settled(page, /^Views/, '5');
      await page.getByLabel('Period').selectOption('Own dates…');
      await page.getByLabel('From', { exact: true }).fill('2024-02-01');
      await page.getByLabel('To', { exact: true }).fill('2024-01-01');
      await page.getByText('The first day must not be after the last.').waitFor();
      await page.getByLabel('To', { exact: true }).fill('2024-02-29');
      await page.getByRole('button', { name: 'Show' }).click();
      await page.getByRole('heading', { name: 'Nothing in this period' }).waitFor();
      assert.match(page.url(), /from=2024-02-01&to=2024-02-29/);
      await page.getByText('compared with').waitFor();
      await accessible(page, 'nothing in this period');
      await page.getByLabel('Compare').uncheck();
      await page.getByText('compared with').waitFor({ state: 'detached' });
      await page.getByRole('button', { name: 'Last 90 days' }).click();
      await settled(page, /^Views/, '5');
      await page.goBack();
      await page.getByRole('heading', { name: 'Nothing in this period' }).waitFor();
    });

    of('it is told which variant is better, and how sure that is', async (page, anna) => {
      const bar = await anna.call('POST', '/bars', { name: 'Ask the workshop', goal: 'contact' });
      const { configuration, revision } = bar.draft;
      const [first] = configuration.variants;
      configuration.variants.push({ ...structuredClone(first), key: 'b' });
      await anna.call('PUT', `/bars/${bar.id}/draft`, { configuration, revision });
      await anna.call('POST', `/bars/${bar.id}/publish`, {});
      for (const v of ['a', 'b', 'b']) await beacon(product, bar, 'view', { v });
      await page.goto(`/bars/${bar.id}/statistics`);
      await page.getByText('Too early to say').waitFor();
      const row = inTable(page, 'Variant B');
      await row.getByText('%').last().waitFor();
      await accessible(page, 'with variants');
      await row.getByRole('button').click();
      await settled(page, /^Views/, '2');
      await page.getByRole('button', { name: 'Remove the filter Variant: Variant B' }).waitFor();
    });

    of('what comes in meanwhile appears by itself', async (page, anna) => {
      const bar = await visited(product, anna);
      await page.clock.install();
      await page.goto(`/bars/${bar.id}/statistics`);
      await settled(page, /^Views/, '5');
      await beacon(product, bar, 'view');
      await page.clock.fastForward(90_000);
      await settled(page, /^Views/, '6');
    });

    of('who has nothing yet is told how to begin', async (page, anna) => {
      const draft = await anna.call('POST', '/bars', { name: 'Test rides', goal: 'contact' });
      await page.goto(`/bars/${draft.id}/statistics`);
      await page.getByRole('heading', { name: 'No statistics yet' }).waitFor();
      await accessible(page, 'not published');
      const bar = await published(anna, 'Ask the workshop');
      await page.goto(`/bars/${bar.id}/statistics`);
      await page.getByRole('heading', { name: 'Not seen on any site yet' }).waitFor();
      await accessible(page, 'not installed');
      await page.getByRole('link', { name: 'Install the bar' }).click();
      await page.waitForURL(/\/install$/);
    });

    of(
      'on a phone nothing is wider than the window',
      async (page, anna) => {
        const bar = await visited(product, anna);
        await page.setViewportSize({ width: 320, height: 700 });
        await page.goto(`/bars/${bar.id}/statistics?period=own&from=2026-01-01&to=2026-02-01&measure=clicks`);
        await page.getByLabel('From', { exact: true }).waitFor();
        await page.goto(`/bars/${bar.id}/statistics?page=harbour.example%2Fprices`);
        await settled(page, /^Views/, '2');
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
        await accessible(page);
      },
      { phone: true },
    );
  });

async function text(download) {
  const parts = [];
  for await (const part of await download.createReadStream()) parts.push(part);
  return Buffer.concat(parts).toString();
}
