// The package in a page that is made of nothing but what it uses, and on a server.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';

const KEY = '7m2k9x4qtz';
const HOST = 'https://bars.example';
const URL_OF_BAR = `${HOST}/b/${KEY}.js`;
const HASH = '5f'.repeat(32);

let page;
let count = 0;

/** A fresh copy: its memory is the module's. */
const fresh = () => import(`../index.js?${count++}`);

/** A page that keeps the tags it is given, until the test says what became of them. */
function browser({ trustedTypes } = {}) {
  const tags = [];
  class Tag {
    dataset = {};
    remove() {
      tags.splice(tags.indexOf(this), 1);
    }
  }
  globalThis.window = { trustedTypes };
  globalThis.document = { createElement: () => new Tag(), head: { append: (tag) => tags.push(tag) } };
  return { tags };
}

/** The script runs, as the one that the server makes would. */
function arrive(tag, api = fakeApi()) {
  if (api && Array.isArray(window.contactbar ?? [])) {
    const queue = window.contactbar ?? [];
    window.contactbar = api;
    api.push(...queue);
  }
  tag.onload();
  return window.contactbar;
}

function fakeApi() {
  const calls = [];
  return {
    calls,
    push: (...commands) => calls.push(...commands),
    destroy: (key) => calls.push(['destroy', key]),
    optedOut: () => false,
  };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

beforeEach(() => {
  page = browser();
});
afterEach(() => {
  delete globalThis.window;
  delete globalThis.document;
});

test('importing does nothing', async () => {
  await fresh();
  assert.equal(page.tags.length, 0);
  assert.equal(window.contactbar, undefined);
});

test('load adds the tag with its options, and answers the API', async () => {
  const { load } = await fresh();
  const loading = load({ key: KEY, host: `${HOST}/`, manual: true, locale: 'de', nonce: 'R4' });
  const [tag] = page.tags;
  assert.equal(tag.src, URL_OF_BAR);
  assert.equal(tag.async, true);
  assert.deepEqual(tag.dataset, { manual: '', locale: 'de' });
  assert.equal(tag.nonce, 'R4');
  assert.equal(tag.integrity, undefined);
  const api = arrive(tag);
  assert.equal(await loading, api);
});

test('the same bar is loaded once, another one too', async () => {
  const { load } = await fresh();
  const first = load({ key: KEY, host: HOST });
  const second = load({ key: KEY, host: HOST });
  load({ key: '0000000000', host: HOST });
  assert.equal(page.tags.length, 2);
  arrive(page.tags[0]);
  assert.equal(await first, await second);
});

test('a pinned version is loaded with its integrity', async () => {
  const { load } = await fresh();
  load({ key: KEY, host: HOST, hash: HASH, integrity: 'sha384-x' });
  const [tag] = page.tags;
  assert.equal(tag.src, `${HOST}/b/${KEY}/${HASH}.js`);
  assert.equal(tag.integrity, 'sha384-x');
  assert.equal(tag.crossOrigin, 'anonymous');
});

test('a script that does not load is told, and may be tried again', async () => {
  const { load } = await fresh();
  const loading = load({ key: KEY, host: HOST });
  page.tags[0].onerror();
  await assert.rejects(loading, /bars\.example\/b\/7m2k9x4qtz\.js did not load.*Content-Security-Policy/);
  assert.equal(page.tags.length, 0);
  load({ key: KEY, host: HOST });
  assert.equal(page.tags.length, 1);
});

test('options that make no sense are refused', async () => {
  const { load } = await fresh();
  for (const options of [
    { key: '../x', host: HOST },
    { key: '', host: HOST },
    { key: KEY, host: 'javascript:alert(1)//' },
    { key: KEY, host: 'bars.example' },
    { key: KEY, host: 'https://bars.example?x' },
    { key: KEY, host: HOST, hash: 'x' },
    { key: KEY, host: HOST, integrity: 'sha384-x' },
  ]) {
    await assert.rejects(load(options), TypeError, JSON.stringify(options));
  }
  assert.equal(page.tags.length, 0);
});

test('a bar that shows nothing answers an API that does nothing', async () => {
  const { load } = await fresh();
  const loading = load({ key: KEY, host: HOST });
  page.tags[0].onload();
  const api = await loading;
  api.open(KEY);
  api.on('show', () => {});
  assert.equal(api.optedOut(), true);
});

test('what is asked for before the script is there waits for it', async () => {
  const { load, contactbar } = await fresh();
  contactbar.optOut();
  contactbar.push(['open', KEY], ['setLocale', 'de']);
  assert.deepEqual(window.contactbar, [['optOut'], ['open', KEY], ['setLocale', 'de']]);
  load({ key: KEY, host: HOST });
  const api = arrive(page.tags[0]);
  contactbar.close(KEY);
  assert.deepEqual(api.calls, [['optOut'], ['open', KEY], ['setLocale', 'de'], ['close', KEY]]);
});

test('a bar that was taken away can be loaded again', async () => {
  const { load, contactbar } = await fresh();
  const loading = load({ key: KEY, host: HOST });
  const api = arrive(page.tags[0]);
  await loading;
  contactbar.destroy(KEY);
  assert.deepEqual(api.calls, [['destroy', KEY]]);
  assert.equal(page.tags.length, 0);
  load({ key: KEY, host: HOST });
  assert.equal(page.tags.length, 1);
});

test('a bar that is taken away on its way never stays', async () => {
  const { load, contactbar } = await fresh();
  const loading = load({ key: KEY, host: HOST });
  contactbar.destroy();
  const api = arrive(page.tags[0]);
  await loading;
  assert.deepEqual(api.calls, [['destroy', KEY]]);
});

test('taken away and asked for again at once, as strict frameworks do, it is loaded once and stays', async () => {
  const { load, contactbar } = await fresh();
  load({ key: KEY, host: HOST });
  contactbar.destroy(KEY);
  const again = load({ key: KEY, host: HOST });
  assert.equal(page.tags.length, 1);
  const api = arrive(page.tags[0]);
  await again;
  await turn();
  assert.deepEqual(api.calls, []);
});

test('with Trusted Types the address goes through a policy that knows no other', async () => {
  let rules;
  page = browser({
    trustedTypes: {
      createPolicy(name, given) {
        assert.equal(name, 'contactbar');
        rules = given;
        return { createScriptURL: (text) => ({ trusted: given.createScriptURL(text) }) };
      },
    },
  });
  const { load } = await fresh();
  load({ key: KEY, host: HOST });
  assert.deepEqual(page.tags[0].src, { trusted: URL_OF_BAR });
  assert.throws(() => rules.createScriptURL('https://evil.example/x.js'), TypeError);
});

test('on a server nothing happens, and nothing breaks', async () => {
  delete globalThis.window;
  delete globalThis.document;
  const { load, contactbar } = await fresh();
  const api = await load({ key: KEY, host: HOST });
  api.open();
  assert.equal(api.optedOut(), true);
  contactbar.push(['open', KEY]);
  contactbar.start();
  contactbar.destroy();
  await assert.rejects(load({ key: KEY, host: 'nowhere' }), TypeError);
});
