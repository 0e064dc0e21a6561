// What old ManyContacts snippets load (`src/install/old.js`): their bar, through its legacy id.

import assert from 'node:assert/strict';
import { beforeEach, test } from 'node:test';
import { notice } from './render.mjs';
import { bar, complaints, context, embed, kinds, page, read, shown, site, until, visit } from './scene.mjs';

const ID = '53a149b780df1a843f68e6d3';

beforeEach(() => {
  embed.bars.set(ID, notice('main'));
});

/** The page with the snippet, changed. */
async function visitOld(change = (html) => html) {
  const html = change(await read('old'));
  await visit([], { file: 'plain' });
  site.pages.set('/old', { html });
  await page.goto(`${site.origin}/old`);
}

/** The scripts of bars on the page. */
const scripts = () =>
  page.evaluate(() => [...document.scripts].map(({ src }) => src).filter((src) => src.includes('/b/')));

test('an old snippet shows its bar, which is counted', async () => {
  await visit([], { file: 'old' });
  await shown();
  await until(() => kinds().includes('view'));
  assert.deepEqual(await scripts(), [`${embed.origin}/b/${ID}.js`]);
  assert.equal(embed.events[0].b, 'main');
  assert.deepEqual(complaints, []);
});

test('an old snippet with a number shows its bar', async () => {
  embed.bars.set('17', notice('main'));
  await visitOld((html) => html.replace(`"${ID}"`, '17'));
  await shown();
  assert.deepEqual(await scripts(), [`${embed.origin}/b/17.js`]);
});

test('an old snippet twice is once', async () => {
  await visitOld((html) => html.replace(/<script[\s\S]*<\/script>/, '$&$&'));
  await shown();
  assert.deepEqual(await scripts(), [`${embed.origin}/b/${ID}.js`]);
  assert.equal(await bar().count(), 1);
});

test('the host is ours, whatever the old snippet says', async () => {
  const loader = await (await fetch(`${embed.origin}/assets/js/manycontacts.min.js`)).text();
  await visit([], { file: 'plain' });
  const theirs = 'https://www.manycontacts.com/**';
  await context.route(theirs, (route) => route.fulfill({ contentType: 'text/javascript', body: loader }));
  site.pages.set('/old', {
    html: (await read('old')).replace(embed.origin, 'https://www.manycontacts.com'),
  });
  await page.goto(`${site.origin}/old`);
  await shown();
  await context.unroute(theirs);
  assert.deepEqual(await scripts(), [`${embed.origin}/b/${ID}.js`]);
});

for (const id of ['null', '""', '"../../x"', '"a b"', '"<b>"', '{}']) {
  test(`an old snippet with the id ${id} does nothing`, async () => {
    await visitOld((html) => html.replace(`"${ID}"`, id));
    await page.waitForFunction(() => performance.getEntriesByName(document.scripts[1].src).length);
    assert.deepEqual(await scripts(), []);
    assert.deepEqual(complaints, []);
  });
}
