// The package in a browser, under the policies that pages have: it is imported as a module, and the bar is a stand-in.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { openBrowser } from '../test/stage.mjs';

const SHOP = 'https://shop.example';
const HOST = 'https://bars.example';
const KEY = '7m2k9x4qtz';
const BAR = `window.contactbar = { key: '${KEY}', manual: document.currentScript.dataset.manual };`;

let browser;

before(async () => {
  browser = await openBrowser();
});
after(() => browser?.close());

/** What load() came to on a page with this policy. */
async function load(policy, options = {}) {
  const page = await browser.newPage();
  const code = await readFile(new URL('../index.js', import.meta.url), 'utf8');
  await page.route('**/*', (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname === '/index.js') return route.fulfill({ contentType: 'text/javascript', body: code });
    if (pathname.startsWith('/b/')) return route.fulfill({ contentType: 'text/javascript', body: BAR });
    return route.fulfill({
      contentType: 'text/html',
      headers: { 'content-security-policy': policy },
      body: '<!doctype html><title>Shop</title>',
    });
  });
  await page.goto(SHOP);
  try {
    return await page.evaluate(
      async ([options]) => {
        const { load } = await import('/index.js');
        return load(options).then(
          (api) => ({ api }),
          (error) => ({ error: error.message }),
        );
      },
      [{ key: KEY, host: HOST, ...options }],
    );
  } finally {
    await page.close();
  }
}

test('a strict policy that names the host is enough', async () => {
  const { api } = await load(`default-src 'none'; script-src 'self' ${HOST}`, { manual: true });
  assert.deepEqual(api, { key: KEY, manual: '' });
});

test('under strict-dynamic a trusted script may load it', async () => {
  const { api } = await load("script-src 'nonce-R4' 'strict-dynamic'");
  assert.equal(api.key, KEY);
});

test('a policy that does not let it in is told', async () => {
  const { error } = await load("script-src 'self'");
  assert.match(error, /did not load.*Content-Security-Policy/);
});

test('Trusted Types need no more than the policy by its name', async () => {
  const required = "require-trusted-types-for 'script'; trusted-types";
  assert.equal((await load(`${required} contactbar`)).api.key, KEY);
  assert.match((await load(`${required} other`)).error, /allow the policy “contactbar”/i);
});
