// The bar on pages of all sorts: those of `test/pages`.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contact, everything, link, notice } from './render.mjs';
import {
  bar,
  boxOf,
  complaints,
  context,
  embed,
  gone,
  kinds,
  page,
  ready,
  room,
  said,
  shown,
  stickingOut,
  still,
  until,
  visit,
  watchShifts,
} from './scene.mjs';

const DESKTOP = { width: 1280, height: 720 };
const PHONE = {
  viewport: { width: 320, height: 568 },
  hasTouch: true,
  isMobile: true,
};
const SLIDE = { layout: { kind: 'slide_in', corner: 'bottom_right' } };
const MODAL = { layout: { kind: 'modal' } };
const INLINE = { layout: { kind: 'inline', selector: '#place' } };

const both = () => page.locator('section, dialog').nth(1).waitFor();
const close = () => page.locator('.close').click();

// ── Pages that do as they like ───────────────────────────────────────────────────────────────────────────

for (const [name, layout] of [
  ['bar', {}],
  ['slide-in', SLIDE],
  ['modal', MODAL],
]) {
  test(`rules that reach everything do not reach a ${name}`, async () => {
    await visit([contact('main', {}, layout)], { file: 'hostile', viewport: DESKTOP });
    const ours = page.locator('section, dialog');
    await ours.waitFor();
    await until(() => kinds().includes('view'));
    const look = await ours.locator('.message').evaluate((node) => {
      const { color, textTransform, visibility } = getComputedStyle(node);
      return { color, textTransform, visibility };
    });
    assert.deepEqual(look, { color: 'rgb(255, 255, 255)', textTransform: 'none', visibility: 'visible' });
    await page.getByLabel('Your email').fill('ada@example.com');
    await ours.locator('form .main').click();
    await page.getByText('Thank you, Ada!').waitFor();
    assert.deepEqual(complaints, []);
  });
}

test('a bar at the top stands above what has the greatest z-index', async () => {
  await visit([notice('main')], {
    html: '<div style="position: fixed; inset: 0; z-index: 2147483647">Cookies?</div>',
  });
  await shown();
  assert.equal(await page.evaluate('!!document.elementFromPoint(640, 20).shadowRoot'), true);
});

test('a bar at the bottom stands there where the root is transformed', async () => {
  await visit([contact('main')], {
    head: '<style>html { transform: translateZ(0) }</style>',
    viewport: { width: 1280, height: 300 },
  });
  await shown();
  const { y, height } = await boxOf();
  assert.equal(y + height, 300);
});

for (const [name, layout] of [
  ['bar', {}],
  ['slide-in with a tab', { ...SLIDE, tab: { edge: 'left' } }],
  ['modal', MODAL],
  ['inline bar', INLINE],
]) {
  test(`a ${name} works where the policy lets nothing else in, under Trusted Types`, async () => {
    await visit([everything('main', {}, layout), notice('second')], {
      file: 'strict',
      viewport: { width: 1280, height: 1000 },
    });
    await both();
    const opener = page.locator('.opener');
    if (await opener.isVisible()) await opener.click();
    await page.getByLabel('Your email').fill('ada@example.com');
    await page.getByLabel('Topic').selectOption('help');
    await page.getByLabel('I agree').check();
    await page.locator('form .main').click();
    await page.getByText('Thank you, Ada!').waitFor();
    await page.evaluate('contactbar.destroy()');
    assert.deepEqual(complaints, []);
  });
}

test('a page without a doctype', async () => {
  await visit([everything('main')], { file: 'quirks', viewport: DESKTOP });
  await shown();
  assert.equal(await page.evaluate('document.compatMode'), 'BackCompat');
  const { x, y, width, height } = await boxOf();
  assert.ok(x === 0 && y + height === 720 && width >= 1260, `${x} ${y} ${width} ${height}`);
  await page.locator('.opener').click();
  assert.equal(await page.locator('select').evaluate((node) => getComputedStyle(node).fontSize), '16px');
});

test('a page from right to left', async () => {
  await visit([everything('main')], { file: 'rtl', locale: 'he-IL', viewport: DESKTOP });
  await shown();
  assert.equal(await bar().evaluate((node) => getComputedStyle(node).direction), 'rtl');
  assert.deepEqual(await stickingOut(), []);
});

test('a bar from left to right on a page from right to left', async () => {
  await visit([link('main')], { file: 'rtl', locale: 'en', viewport: DESKTOP });
  await shown();
  assert.equal(await bar().evaluate((node) => getComputedStyle(node).direction), 'ltr');
});

test('a page for phones, with two bars', async () => {
  await visit([link('main'), everything('second')], { file: 'phone', ...PHONE });
  await both();
  await until(() => kinds().length === 2);
  assert.deepEqual(await stickingOut(), []);
  assert.equal(await page.evaluate('document.documentElement.scrollWidth'), 320);
  const [first, second] = [
    await page.locator('section').nth(0).boundingBox(),
    await page.locator('section').nth(1).boundingBox(),
  ];
  assert.ok(Math.abs(first.y - second.y) >= Math.min(first.height, second.height));
});

// ── A host that is slow, or fails ────────────────────────────────────────────────────────────────────────

test('a slow host does not hold up the page', async () => {
  let answer;
  const opened = visit([notice('main')], {
    file: 'plain',
    waitUntil: 'domcontentloaded',
    prepare: () => {
      embed.slow = new Promise((resolve) => {
        answer = resolve;
      });
    },
  });
  await opened;
  await page.getByRole('heading', { name: 'Ready' }).waitFor();
  assert.equal(await bar().count(), 0);
  answer();
  await shown();
  assert.deepEqual(await page.evaluate('heard'), ['main']);
});

for (const broken of [500, 404, 'fail']) {
  test(`a host that fails (${broken}) does no harm to the page`, async () => {
    await visit([notice('main')], {
      file: 'plain',
      prepare: () => {
        embed.broken = broken;
      },
    });
    await page.getByRole('heading', { name: 'Ready' }).waitFor();
    assert.equal(await page.evaluate("contactbar.push(['open', 'main'])"), 2);
    assert.deepEqual(
      complaints.filter((line) => !line.includes('Failed to load resource')),
      [],
    );
    assert.equal(await room(), 0);
  });
}

// ── Pages that change without loading ────────────────────────────────────────────────────────────────────

const SHOP = { t: { r: [['page', 0, '/shop$']] }, f: {} };

test('a router moves on: the bar goes where it does not belong, and comes where it does', async () => {
  await visit([notice('main', SHOP)], { file: 'router', search: '?contactbar=debug' });
  await ready();
  await page.getByText('Shop').click();
  await shown();
  await page.getByText('Imprint').click();
  await gone();
  await page.goBack();
  await shown();
  await page.evaluate("history.replaceState({}, '', '/elsewhere')");
  await gone();
  assert.equal(said[0], 'main: not shown: page');
  assert.deepEqual(complaints, []);
});

test('a bar that was closed stays so while the page moves on', async () => {
  await visit([link('main')], { file: 'router' });
  await close();
  await gone();
  await page.getByText('Shop').click();
  assert.equal(await bar().count(), 0);
});

for (const [name, layout] of [
  ['bar', {}],
  ['slide-in', SLIDE],
  ['modal', MODAL],
  ['inline bar', INLINE],
]) {
  for (const file of ['turbo', 'astro']) {
    test(`a ${name} stays, with what was entered, while the page is swapped as by ${file}`, async () => {
      await visit([contact('main', {}, layout)], { file, viewport: DESKTOP });
      await page.getByLabel('Your email').fill('ada@example.com');
      await page.evaluate("visitPage('/next-page')");
      await page
        .getByRole('heading', { name: '/next-page', includeHidden: true })
        .waitFor({ state: 'attached' });
      await page.getByLabel('Your email').waitFor();
      assert.equal(await page.getByLabel('Your email').inputValue(), 'ada@example.com');
      if (name === 'modal') {
        assert.equal(await page.locator('dialog').evaluate((node) => node.matches(':modal')), true);
      }
      await close();
      await page.locator('section, dialog').waitFor({ state: 'detached' });
      assert.deepEqual(complaints, []);
    });
  }
}

// ── Leaving, and standing still ──────────────────────────────────────────────────────────────────────────

test('who leaves at once by the link loses nothing, though the host is slow to answer', async () => {
  let answer;
  embed.busy = new Promise((resolve) => {
    answer = resolve;
  });
  await visit([link('main')], { file: 'plain' });
  await bar().locator('a').click();
  await page.waitForURL('https://example.com/');
  assert.deepEqual(kinds(), []);
  answer();
  await until(() => kinds().includes('click') && kinds().includes('view'));
  assert.equal(new Set(embed.events.map((event) => event.i)).size, 2);
});

for (const [name, layout] of [
  ['overlaid bar', { layout: { kind: 'bar', push: false } }],
  ['slide-in', SLIDE],
  ['modal', MODAL],
]) {
  test(`a ${name} shifts nothing, coming or going`, async () => {
    await visit([notice('main', {}, layout)], {
      file: 'plain',
      viewport: DESKTOP,
      reducedMotion: 'no-preference',
      init: watchShifts,
    });
    await page.locator('section, dialog').waitFor();
    await still();
    await page.evaluate('contactbar.close()');
    await page.locator('section, dialog').waitFor({ state: 'detached' });
    assert.deepEqual(await page.evaluate('shifts'), []);
  });
}

for (const reducedMotion of ['reduce', 'no-preference']) {
  test(`a bar that pushes shifts the page once (${reducedMotion} motion)`, async () => {
    await visit([notice('main')], { file: 'plain', viewport: DESKTOP, reducedMotion, init: watchShifts });
    await shown();
    const { height } = await boxOf();
    // While it moves, its box is measured in fractions.
    await page.waitForFunction(
      (pixels) => getComputedStyle(document.documentElement).marginTop === `${pixels}px`,
      Math.round(height),
    );
    // What glides in small steps is no shift to the browser.
    if (reducedMotion === 'reduce') await page.waitForFunction('shifts.length');
    const [first, last] = await page.evaluate('[shifts.at(0)?.[0] ?? 0, shifts.at(-1)?.[0] ?? 0]');
    assert.ok(last - first < 1000, `${last - first}`);
    assert.equal(await page.evaluate('scrollY'), 0);
    await context.close();
  });
}
