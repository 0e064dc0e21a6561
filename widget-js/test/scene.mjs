// What every test has: an embed host, a site of somebody else, and a visitor's page on it.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, afterEach, before, beforeEach } from 'node:test';
import { openBrowser, openEmbedHost, openShadows, openSite } from './stage.mjs';

export let browser;
export let embed;
export let site;
export let context;
export let page;
export let complaints;

before(async () => {
  browser = await openBrowser();
  site = await openSite();
});

after(async () => {
  await browser.close();
  site.close();
});

beforeEach(async () => {
  embed = await openEmbedHost();
  site.pages.clear();
  site.pages.set('/favicon.ico', { html: '' });
  site.pages.set('/next', { html: 'The next page' });
  complaints = [];
});

afterEach(async () => {
  await context.close();
  embed.close();
});

export const TEXT = `<p>${'Fine teas since 1921. '.repeat(300)}</p>`;

export const tag = (key, attributes = '') =>
  `<script async src="${embed.origin}/b/${key}.js" ${attributes}></script>`;

/** Opens a page with these bars, as a visitor who has no taste for motion unless `options` say otherwise. */
export async function visit(
  bars,
  { html = '', head = '', headers = {}, attributes = '', init, path = '/', ...options } = {},
) {
  for (const bar of bars) embed.bars.set(bar.k, bar);
  site.pages.set(path, {
    headers,
    html:
      `<!doctype html><html lang="en"><head><title>Shop</title>${head}</head><body>` +
      `<main><h1>Shop</h1><a href="#x" id="before">Teas</a>${html}${TEXT}</main>` +
      `${bars.map((bar) => tag(bar.k, attributes)).join('')}</body></html>`,
  });
  context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB', ...options });
  await context.addInitScript(openShadows);
  if (init) await context.addInitScript(init);
  // What the tests type is not sent elsewhere.
  await context.route('https://example.com/**', (route) => route.fulfill({ body: 'Elsewhere' }));
  page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (line) => line.type() === 'error' && complaints.push(line.text()));
  await page.goto(site.origin + path);
}

export const bar = () => page.locator('section');
export const shown = () => bar().waitFor({ state: 'visible' });
export const gone = () => bar().waitFor({ state: 'detached' });
export const kinds = () => embed.events.map((event) => event.k);

/** Waits until what the server has seen fits. */
export async function until(fits) {
  for (let turn = 0; turn < 500; turn++) {
    if (await fits()) return;
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  }
  assert.ok(await fits(), `not in time: ${fits}`);
}

export async function assertAccessible() {
  const axe = await readFile(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document);
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join(' | ')}`);
  });
  assert.deepEqual(found, []);
}

export const boxOf = () => bar().boundingBox();

/** The height of the room that the page makes at its top. */
export const room = () =>
  page.evaluate(() => parseFloat(getComputedStyle(document.documentElement).marginTop));
