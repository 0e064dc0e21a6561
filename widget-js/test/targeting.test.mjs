// The script decides as the server says that it does: both are held to targeting.json, which the server's tests read too
// (src/bars/configuration/runtime/verdict.rs; they say what to put into it).

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { notice } from './render.mjs';
import { openBrowser, openEmbedHost } from './stage.mjs';

const scenes = JSON.parse(await readFile(new URL('targeting.json', import.meta.url), 'utf8'));

const EMBED = 'https://embed.example';
const HELD = {
  desktop: { viewport: { width: 1280, height: 800 } },
  phone: { viewport: { width: 390, height: 700 }, isMobile: true, hasTouch: true },
  tablet: { viewport: { width: 820, height: 1180 }, isMobile: true, hasTouch: true },
};

let browser;
let embed;

before(async () => {
  browser = await openBrowser();
  embed = await openEmbedHost();
});

after(async () => {
  await browser.close();
  embed.close();
});

/** Which bars the page shows; every address is a page, and nothing is asked of anybody. */
async function shownTo({ page: address, referrer, device, language, returns, at }, bars) {
  const context = await browser.newContext({ ...HELD[device], locale: language, reducedMotion: 'reduce' });
  try {
    await context.addInitScript((back) => {
      globalThis.shown = [];
      document.addEventListener('contactbar:show', ({ detail }) => globalThis.shown.push(detail.key));
      if (back) localStorage.setItem('contactbar.first', '1');
    }, returns);
    const tags = bars.map(({ k }) => `<script async src="${EMBED}/b/${k}.js"></script>`).join('');
    await context.route('**/*', async (route) => {
      const { origin, pathname } = new URL(route.request().url());
      if (origin !== EMBED)
        return route.fulfill({
          contentType: 'text/html; charset=utf-8',
          body: `<!doctype html><title>Shop</title><meta name="viewport" content="width=device-width"><p>Tea</p>${tags}`,
        });
      if (!pathname.startsWith('/b/')) return route.fulfill({ status: 204 });
      const script = await fetch(embed.origin + pathname);
      return route.fulfill({ contentType: 'text/javascript; charset=utf-8', body: await script.text() });
    });
    const page = await context.newPage();
    await page.clock.setFixedTime(at);
    await page.goto(address, { referer: referrer ?? undefined });
    await page.waitForFunction((count) => globalThis.contactbar?.bars?.size === count, bars.length);
    return await page.evaluate(
      () => new Promise((resolve) => setTimeout(() => setTimeout(() => resolve(globalThis.shown)))),
    );
  } finally {
    await context.close();
  }
}

for (const { visit, cases } of scenes) {
  test(`a ${visit.device} on ${visit.page}`, async () => {
    const bars = cases.map(({ t }, index) =>
      notice(`c${index}`, { t: Object.keys(t).length ? t : undefined, h: EMBED }),
    );
    for (const bar of bars) embed.bars.set(bar.k, bar);
    const shown = new Set(await shownTo(visit, bars));
    const wrong = cases.filter(({ misses }, index) => shown.has(`c${index}`) !== !misses);
    assert.deepEqual(
      wrong.map(({ targeting, misses }) => [targeting, misses]),
      [],
    );
  });
}
