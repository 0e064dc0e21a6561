// How bars stand in the page: in a corner, over it, in it, and as a tab.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contact, everything, link, notice } from './render.mjs';
import {
  assertAccessible,
  bar,
  complaints,
  context,
  embed,
  kinds,
  page,
  ready,
  room,
  shown,
  stickingOut,
  until,
  visit,
} from './scene.mjs';

const DESKTOP = { width: 1280, height: 720 };
const PHONE = { width: 320, height: 568 };

const slide = (corner = 'bottom_right') => ({ layout: { kind: 'slide_in', corner } });
const MODAL = { layout: { kind: 'modal' } };
const inline = (selector = '#place') => ({ layout: { kind: 'inline', selector } });
const tabbed = (edge, starts_collapsed = true) => ({ tab: { edge, starts_collapsed } });

const card = () => page.locator('.card');
const tab = () => page.locator('.tab');
const tabButton = () => tab().locator('button');
const close = () => page.locator('.close').click();
const focused = (locator) => locator.evaluate((node) => node.matches(':focus, :focus-within'));
/** The id of the page's element that has the focus. */
const active = () => page.evaluate('document.activeElement.id');

// ── In a corner ──────────────────────────────────────────────────────────────────────────────────────────

test('a slide-in stands in its corner, and makes the page no room', async () => {
  const corners = ['top_left', 'top_right', 'bottom_left', 'bottom_right'];
  await visit(
    corners.map((corner) => notice(corner, {}, slide(corner))),
    { viewport: DESKTOP },
  );
  await card().nth(3).waitFor();
  for (const corner of corners) {
    const [edge, side] = corner.split('_');
    const classes = `.slide${edge === 'bottom' ? '.bottom' : ':not(.bottom)'}${side === 'left' ? '.left' : ':not(.left)'}`;
    const { x, y, width, height } = await page.locator(classes).boundingBox();
    const wide = await page.evaluate('document.documentElement.clientWidth');
    assert.equal(edge === 'top' ? y : 720 - y - height, 16, corner);
    assert.equal(side === 'left' ? x : wide - x - width, 16, corner);
  }
  assert.equal(await room(), 0);
});

test('a slide-in stands beyond the bar at its edge, and beyond another in its corner', async () => {
  await visit([link('edge'), notice('near', {}, slide('top_right')), notice('far', {}, slide('top_right'))], {
    viewport: DESKTOP,
  });
  await card().nth(1).waitFor();
  await page.locator('.bar').waitFor();
  const boxes = async () => {
    const all = await Promise.all([bar().nth(0), bar().nth(1), bar().nth(2)].map((one) => one.boundingBox()));
    return all.sort((one, other) => one.y - other.y);
  };
  await until(async () => (await boxes())[1].y > 0);
  const [edge, near, far] = await boxes();
  assert.equal(edge.y, 0);
  assert.ok(near.y >= edge.height + 8, `${near.y}`);
  assert.ok(far.y >= near.y + near.height + 8, `${far.y}`);
});

// ── Over the page ────────────────────────────────────────────────────────────────────────────────────────

test('a modal is a dialog with a name; the focus goes in and stays in; what is behind is inert', async () => {
  await visit([contact('ask', { w: [[4, '#before']] }, MODAL)], { viewport: DESKTOP });
  await ready();
  await page.locator('#before').click();
  const dialog = page.getByRole('dialog', { name: /Have a question/ });
  await dialog.waitFor();
  assert.equal(await dialog.evaluate((node) => node.matches(':modal')), true);
  assert.equal(await focused(dialog), true);
  for (const key of ['Tab', 'Tab', 'Tab', 'Tab', 'Tab', 'Tab', 'Shift+Tab', 'Shift+Tab']) {
    await page.keyboard.press(key);
    assert.notEqual(await active(), 'before', key);
  }
  await page.evaluate("document.querySelector('#before').focus()");
  assert.notEqual(await active(), 'before');
});

for (const [way, leave] of [
  ['Escape', () => page.keyboard.press('Escape')],
  ['its button', close],
  ['a click beside it', () => page.mouse.click(20, 700)],
  ['the page', () => page.evaluate('contactbar.close()')],
]) {
  test(`a modal is closed by ${way}, and the focus returns`, async () => {
    await visit([contact('shut', { w: [[5]] }, MODAL)], { viewport: DESKTOP });
    await ready();
    await page.locator('#before').focus();
    await page.evaluate('contactbar.open()');
    await card().waitFor();
    await leave();
    await card().waitFor({ state: 'detached' });
    assert.equal(await active(), 'before');
    if (way !== 'the page') await until(() => kinds().filter((kind) => kind === 'close').length === 1);
  });
}

test('a modal that may not be closed stays, whatever is pressed', async () => {
  await visit([contact('stay', {}, { ...MODAL, closable: false })], { viewport: DESKTOP });
  await card().waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Escape');
  await page.mouse.click(20, 700);
  await page.keyboard.press('Escape');
  assert.equal(await card().isVisible(), true);
  assert.equal(await page.locator('.close').count(), 0);
});

// ── In the page ──────────────────────────────────────────────────────────────────────────────────────────

test('an inline bar stands in its place', async () => {
  await visit([contact('here', {}, inline())], { html: '<div id="place" style="width: 500px"></div>' });
  await shown();
  const { width } = await bar().boundingBox();
  assert.equal(width, 500);
  assert.equal(await page.locator('#place section').count(), 1);
  await until(() => kinds().includes('view'));
});

test('an inline bar comes when its place does, and stays when that is replaced', async () => {
  await visit([notice('later', {}, inline())]);
  await ready();
  assert.equal(await bar().count(), 0);
  await page.evaluate(() =>
    document.querySelector('main').insertAdjacentHTML('afterbegin', '<p id="place"></p>'),
  );
  await page.locator('#place section').waitFor();
  await page.evaluate(() => {
    document.querySelector('#place').outerHTML = '<aside id="place"></aside>';
  });
  await page.locator('aside#place section').waitFor();
  await close();
  await bar().waitFor({ state: 'detached' });
  assert.deepEqual(complaints, []);
});

test('an inline bar without a place is not there, and reports nothing', async () => {
  await visit([notice('nowhere', {}, inline('#missing')), link('other')]);
  await shown();
  await until(() => kinds().includes('view'));
  assert.equal(await bar().count(), 1);
  assert.deepEqual([...new Set(embed.events.map((event) => event.b))], ['other']);
  assert.deepEqual(complaints, []);
});

// ── As a tab ─────────────────────────────────────────────────────────────────────────────────────────────

for (const edge of ['left', 'right', 'bottom']) {
  test(`a tab at the ${edge} stands there, opens its bar, and comes back when that is closed`, async () => {
    await visit([contact('tab', {}, { ...slide(), ...tabbed(edge) })], { viewport: DESKTOP });
    await tabButton().waitFor();
    const { x, y, width, height } = await tabButton().boundingBox();
    const wide = await page.evaluate('document.documentElement.clientWidth');
    const gap = { left: x, right: wide - x - width, bottom: 720 - y - height }[edge];
    assert.ok(Math.abs(gap) < 1, `${gap}`);
    assert.equal(await card().count(), 0);
    assert.equal(await tabButton().getAttribute('aria-expanded'), 'false');
    await tabButton().press('Enter');
    await card().waitFor();
    assert.equal(await focused(card()), true);
    assert.equal(await tab().count(), 0);
    await page.keyboard.press('Escape');
    await tabButton().waitFor();
    await card().waitFor({ state: 'detached' });
    assert.deepEqual(complaints, []);
  });
}

test('a tab that does not start collapsed comes after closing, and on the next page', async () => {
  await visit([notice('open', {}, { ...slide(), ...tabbed('right', false) })]);
  await card().waitFor();
  assert.equal(await tab().count(), 0);
  await close();
  await tabButton().waitFor();
  await page.reload();
  await tabButton().waitFor();
  assert.equal(await card().count(), 0);
});

test('who converted gets no tab', async () => {
  await visit([contact('done', {}, { ...slide(), ...tabbed('right', false) })]);
  await page.getByLabel('Your email').fill('ada@example.com');
  await card().locator('form .main').click();
  await page.getByText('Thank you, Ada!').waitFor();
  await close();
  await card().waitFor({ state: 'detached' });
  assert.equal(await tab().count(), 0);
  await page.reload();
  await ready();
  assert.equal(await tab().count(), 0);
});

test('a tab at the bottom stands beyond the bar there', async () => {
  await visit([notice('tab', {}, { ...slide(), ...tabbed('bottom') }), contact('bottom')], {
    viewport: DESKTOP,
  });
  await tabButton().waitFor();
  await page.locator('.bar').waitFor();
  const top = async () => (await page.locator('.bar').boundingBox()).y;
  await until(async () => {
    const { y, height } = await tabButton().boundingBox();
    return y + height <= (await top()) + 1;
  });
});

// ── For everybody ────────────────────────────────────────────────────────────────────────────────────────

const LAYOUTS = [
  ['slide-in', slide()],
  ['modal', MODAL],
  ['inline', inline()],
];
const HTML = '<section aria-label="Ask us"><div id="place"></div></section>';
const DARK = ['#0b1020', '#f1f5f9', '#fde68a', '#1e1b4b'];

for (const [name, layout] of LAYOUTS) {
  test(`axe finds nothing in the layout ${name}: open, with faults, thanking`, async () => {
    await visit([everything('axe', {}, layout)], { viewport: { width: 1280, height: 1000 }, html: HTML });
    await card().waitFor();
    await assertAccessible();
    await page.getByLabel('Your email').fill('not an address');
    await card().locator('form .main').click();
    await page.locator('[aria-invalid]').first().waitFor();
    await assertAccessible();
    await page.getByLabel('Your email').fill('ada@example.com');
    await page.getByLabel('Topic').selectOption('sales');
    await page.getByLabel('I agree').check();
    await card().locator('form .main').click();
    await page.getByText('Thank you, Ada!').waitFor();
    assert.equal(await focused(page.locator('.done')), true);
    await assertAccessible();
  });

  test(`the layout ${name} fits a phone of 320 pixels, right to left and dark`, async () => {
    await visit([everything('phone', {}, { ...layout, dark: DARK })], {
      viewport: PHONE,
      hasTouch: true,
      isMobile: true,
      locale: 'he-IL',
      colorScheme: 'dark',
      head: '<meta name="viewport" content="width=device-width">',
      html: HTML,
    });
    await card().waitFor();
    assert.deepEqual(await stickingOut(), []);
    const { dir, top, bottom, background, closeAt } = await card().evaluate((node) => ({
      dir: getComputedStyle(node).direction,
      top: node.getBoundingClientRect().top,
      bottom: node.getBoundingClientRect().bottom,
      background: getComputedStyle(node).backgroundColor,
      closeAt: node.querySelector('.close').getBoundingClientRect().left,
    }));
    assert.equal(dir, 'rtl');
    assert.equal(background, 'rgb(11, 16, 32)');
    assert.ok(closeAt < 160, `${closeAt}`);
    if (name !== 'inline') assert.ok(top >= 0 && bottom <= PHONE.height, `${top} … ${bottom}`);
    await card().locator('form .main').scrollIntoViewIfNeeded();
    await assertAccessible();
  });
}

for (const edge of ['left', 'right', 'bottom']) {
  test(`a tab at the ${edge} fits a phone, right to left, and axe finds nothing`, async () => {
    await visit([everything('tab', {}, { ...slide(), ...tabbed(edge) })], {
      viewport: PHONE,
      hasTouch: true,
      isMobile: true,
      locale: 'he-IL',
      head: '<meta name="viewport" content="width=device-width">',
    });
    await tabButton().waitFor();
    assert.deepEqual(await stickingOut(), []);
    await assertAccessible();
    const { width, height } = await tabButton().boundingBox();
    assert.ok(Math.min(width, height) >= 40, `${width} × ${height}`);
  });
}

test('a bar that is closed leaves a page in which axe finds nothing', async () => {
  await visit([everything('shut', {}, slide())]);
  await card().waitFor();
  await close();
  await card().waitFor({ state: 'detached' });
  await assertAccessible();
});

test('motion in every layout is only for those who want it', async () => {
  const bars = [
    notice('slides', {}, { ...slide(), ...tabbed('right', false) }),
    notice('stands', {}, inline()),
    notice('asks', {}, MODAL),
  ];
  const running = (anew) =>
    page.evaluate((anew) => {
      if (anew) globalThis.contactbar.push(['close'], ['open']);
      const ours = [...document.querySelectorAll('div')].filter((node) => node.shadowRoot);
      return ours.flatMap(({ shadowRoot }) => shadowRoot.firstChild.getAnimations()).length;
    }, anew);
  await visit(bars, { html: HTML });
  await card().nth(2).waitFor();
  assert.equal(await running(), 0);
  assert.equal(
    await page.evaluate(() => getComputedStyle(document.documentElement).transitionDuration),
    '0s',
  );
  await page.emulateMedia({ reducedMotion: 'no-preference' });
  assert.ok((await running(true)) >= 3);
  await context.close();
});
