// What old ManyContacts snippets load (`src/install/old.js`; the server fills in its own address), in a browser.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';

const HOST = 'https://bars.example';
const ID = '53a149b780df1a843f68e6d3';
const LOADER = await readFile(new URL('../../src/install/old.js', import.meta.url), 'utf8');

/** As people pasted it. */
const snippet = (id, endpoint = HOST) => `<script type="text/javascript">
(function(){
    window._EP   = "${endpoint}";
    window.__bID = ${JSON.stringify(id)};
    document.body.appendChild(
        document.createElement("script")
    ).src = window._EP + "/assets/js/manycontacts.min.js";
})();
</script>`;

let browser;

before(async () => {
  const executablePath = process.env.CHROMIUM || '/usr/bin/chromium';
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
});
after(() => browser?.close());

/** Which scripts a page loads, apart from the loader; and what goes wrong. */
async function loaded(html) {
  const page = await browser.newPage();
  const [scripts, errors] = [[], []];
  page.on('pageerror', (error) => errors.push(error.message));
  await page.route('**/*', (route) => {
    const { href, pathname } = new URL(route.request().url());
    const contentType = pathname.endsWith('.js') ? 'text/javascript' : 'text/html';
    if (pathname === '/assets/js/manycontacts.min.js') {
      return route.fulfill({ contentType, body: LOADER.replace('BASE', JSON.stringify(`${HOST}/b/`)) });
    }
    if (contentType === 'text/javascript') scripts.push(href);
    return route.fulfill({ contentType, body: contentType === 'text/html' ? html : '' });
  });
  await page.goto('https://shop.example/', { waitUntil: 'networkidle' });
  await page.close();
  assert.deepEqual(errors, []);
  return scripts;
}

test('an old snippet loads its bar', async () => {
  assert.deepEqual(await loaded(`<!doctype html><body>${snippet(ID)}`), [`${HOST}/b/${ID}.js`]);
  assert.deepEqual(await loaded(`<body>${snippet(17)}`), [`${HOST}/b/17.js`]);
});

test('twice is once', async () => {
  assert.deepEqual(await loaded(`<body>${snippet(ID)}${snippet(ID)}`), [`${HOST}/b/${ID}.js`]);
});

test('the host is ours, whatever the page says', async () => {
  const old = snippet(ID, 'https://www.manycontacts.com');
  assert.deepEqual(await loaded(`<body>${old}`), [`${HOST}/b/${ID}.js`]);
});

test('without an id, or with a strange one, nothing happens', async () => {
  for (const id of [null, '', '../../x', 'a b', '<b>', {}])
    assert.deepEqual(await loaded(`<body>${snippet(id)}`), []);
});
