// Lighthouse on the pages that members see most: accessibility and best practices, 100 each.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import lighthouse, { desktopConfig } from 'lighthouse';
import { chromium } from 'playwright-core';
import { FLAGS, freePort, member, openProduct } from './stage.mjs';

const CATEGORIES = ['accessibility', 'best-practices'];
let product;
let anna;
let bar;
let browser;
let port;

before(async () => {
  product = await openProduct();
  anna = await member(product);
  bar = await anna.call('POST', '/bars', { name: 'Call me back', goal: 'contact' });
  await anna.call('POST', `/bars/${bar.id}/publish`, {});
  port = await freePort();
  browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...FLAGS, `--remote-debugging-port=${port}`],
  });
});

after(async () => {
  await browser?.close();
  await product?.close();
});

const pages = {
  'log-in': { path: () => '/login', anybody: true },
  bars: { path: () => '/bars' },
  editor: { path: () => `/bars/${bar.id}/edit` },
  statistics: { path: () => `/bars/${bar.id}/statistics` },
  contacts: { path: () => '/contacts' },
};

for (const [name, { path, anybody }] of Object.entries(pages)) {
  test(`${name} is without fault`, async () => {
    const result = await lighthouse(
      product.url + path(),
      {
        port,
        onlyCategories: CATEGORIES,
        extraHeaders: anybody ? undefined : { Cookie: anna.cookie },
        disableStorageReset: true,
        logLevel: 'error',
      },
      desktopConfig,
    );
    const { categories, audits } = result.lhr;
    const faults = CATEGORIES.flatMap((category) =>
      categories[category].auditRefs
        .filter(({ id, weight }) => weight > 0 && audits[id].score !== null && audits[id].score < 1)
        .map(
          ({ id }) => `${id}: ${audits[id].title} ${JSON.stringify(audits[id].details?.items?.slice(0, 3))}`,
        ),
    );
    assert.deepEqual(faults, []);
    for (const category of CATEGORIES) assert.equal(categories[category].score, 1, category);
  });
}
