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
/** What the bars have said under `?contactbar=debug`, as `key: why`. */
export let said;

/** Visitors of the same kind, to be used again: each test has a site of its own, so they come to it for the first time. */
const visitors = new Map();

before(async () => {
  browser = await openBrowser();
});

after(() => browser.close());

beforeEach(async () => {
  embed = await openEmbedHost();
  site = await openSite();
  site.pages.set('/favicon.ico', { html: '' });
  site.pages.set('/next', { html: 'The next page' });
  complaints = [];
  said = [];
});

afterEach(async () => {
  if ([...visitors.values()].includes(context)) {
    page.removeAllListeners();
    for (const other of context.pages()) if (other !== page) await other.close();
    await page.goto('about:blank');
  } else await context.close();
  embed.close();
  site.close();
});

export const TEXT = `<p>${'Fine teas since 1921. '.repeat(300)}</p>`;

export const tag = (key, attributes = '') =>
  `<script async src="${embed.origin}/b/${key}.js" ${attributes}></script>`;

/** A page of `test/pages`, as it lies there but for the address of the embed host. */
export const read = async (file) =>
  (await readFile(new URL(`pages/${file}.html`, import.meta.url), 'utf8')).replaceAll(
    'https://embed.example',
    embed.origin,
  );

/** Puts a page with these bars on the site: one of `test/pages` if there is a `file`. */
export async function addPage(path, bars, { file, headers, ...parts } = {}) {
  for (const bar of bars) embed.bars.set(bar.k, bar);
  site.pages.set(path, { headers, html: file ? await read(file) : pageWith(bars, parts) });
}

const pageWith = (bars, { html = '', head = '', attributes = '' }) =>
  `<!doctype html><html lang="en"><head><title>Shop</title>${head}</head><body>` +
  `<main><h1>Shop</h1><a href="#x" id="before">Teas</a>${html}${TEXT}</main>` +
  `${bars.map((bar) => tag(bar.k, attributes)).join('')}</body></html>`;

/**
 * Opens a page with these bars, as a visitor who has no taste for motion unless `options` say otherwise. `prepare` is
 * done before the page is there.
 */
export async function visit(bars, options = {}) {
  const { html, head, attributes, file, headers, init, prepare, path = '/', search = '', ...more } = options;
  const { referer, waitUntil, ...browsing } = more;
  await addPage(path, bars, { html, head, attributes, file, headers });
  const kind = JSON.stringify(browsing);
  context = init || prepare ? undefined : visitors.get(kind);
  if (context) [page] = context.pages();
  else {
    context = await browser.newContext({ reducedMotion: 'reduce', locale: 'en-GB', ...browsing });
    context.setDefaultTimeout(15_000);
    await context.addInitScript(openShadows);
    if (init) await context.addInitScript(init);
    // What the tests type is not sent elsewhere.
    await context.route('https://example.com/**', (route) => route.fulfill({ body: 'Elsewhere' }));
    page = await context.newPage();
    if (!init && !prepare) {
      visitors.set(kind, context);
      context.on('close', () => visitors.delete(kind));
    }
  }
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (line) => {
    if (line.type() === 'error') complaints.push(line.text());
    if (line.text().startsWith('contactbar ')) said.push(line.text().replace(/^contactbar (\S+) /, '$1: '));
  });
  await prepare?.();
  await page.goto(site.origin + path + search, { referer, waitUntil });
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

/** Waits until so many bars are on the page, and what they would do at once is done. */
export async function ready(count = 1) {
  await page.waitForFunction((bars) => globalThis.contactbar?.bars?.size === bars, count);
  // What it does at once takes a few tasks, so as to keep each of them short.
  await page.evaluate(async () => {
    for (let task = 0; task < 5; task++) await new Promise((resolve) => setTimeout(resolve));
  });
}

/** What sticks out of the window at its sides, of all that is ours. */
export const stickingOut = () =>
  page.evaluate(() => {
    const ours = [...document.querySelectorAll('div')].filter((node) => node.shadowRoot);
    return ours
      .flatMap((host) => [...host.shadowRoot.querySelectorAll('*')])
      .filter((node) => {
        const { left, right, width } = node.getBoundingClientRect();
        return width && (right > innerWidth || left < 0);
      })
      .map((node) => node.outerHTML);
  });

/** Records the page's layout shifts: put it into `init`, and read `shifts`. */
export function watchShifts() {
  globalThis.shifts = [];
  new PerformanceObserver((list) => {
    for (const { startTime, value } of list.getEntries()) globalThis.shifts.push([startTime, value]);
  }).observe({ type: 'layout-shift', buffered: true });
}

/** Waits until nothing of ours moves any more. */
export const still = () =>
  page.waitForFunction(() =>
    [...document.querySelectorAll('div')].every(
      ({ shadowRoot }) => !shadowRoot?.firstChild.getAnimations().length,
    ),
  );
