// When, where and to whom bars show. Under `?contactbar=debug` they say why they don't.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contact, notice } from './render.mjs';
import { bar, context, gone, page, ready, said, shown, until, visit } from './scene.mjs';

const DEBUG = { search: '?contactbar=debug' };
/** The page's clock moves only when a test moves it on. */
const CLOCK = { prepare: () => page.clock.install({ time: '2026-06-01T12:00:00Z' }) };
const at = (time) => ({ ...DEBUG, prepare: () => page.clock.setFixedTime(time) });

const saying = (lines) => until(() => said.length === lines).then(() => said.toSorted());
const hidden = async () => assert.equal(await bar().count(), 0);
const close = () => page.locator('.close').click();
const reload = async (bars = 1) => {
  said.length = 0;
  await page.reload();
  await ready(bars);
};

// ── Triggers ─────────────────────────────────────────────────────────────────────────────────────────────

test('after some seconds', async () => {
  await visit([notice('late', { w: [[0, 600]] })], CLOCK);
  await ready();
  await page.clock.fastForward(500_000);
  await hidden();
  await page.clock.fastForward(100_000);
  await shown();
});

test('at so much of the page', async () => {
  await visit([notice('half', { w: [[1, 50]] })]);
  await ready();
  const scrollTo = (share) =>
    page.evaluate(async (part) => {
      const scrolled = new Promise((resolve) => addEventListener('scroll', resolve, { once: true }));
      window.scrollTo(0, (document.documentElement.scrollHeight - innerHeight) * part);
      await scrolled;
    }, share);
  await scrollTo(0.4);
  await hidden();
  await scrollTo(0.6);
  await shown();
});

test('at so much of a page that does not scroll', async () => {
  await visit([notice('short', { w: [[1, 50]] })], { viewport: { width: 1280, height: 6000 } });
  await shown();
});

test('when the pointer leaves the window at its top, not at its side', async () => {
  await visit([notice('exit', { w: [[2]] })]);
  await ready();
  const leaveAt = (clientX, clientY, relatedTarget) =>
    page.locator('body').dispatchEvent('mouseout', { bubbles: true, clientX, clientY, relatedTarget });
  await leaveAt(-1, 300);
  await hidden();
  await leaveAt(300, -1);
  await shown();
});

test('by touch, at a fast scroll up', async () => {
  await visit([notice('flick', { w: [[2]] })], {
    hasTouch: true,
    isMobile: true,
    viewport: { width: 390, height: 700 },
    head: '<meta name="viewport" content="width=device-width">',
  });
  await ready();
  const scrollTo = (y) =>
    page.evaluate(async (to) => {
      const scrolled = new Promise((resolve) => addEventListener('scroll', resolve, { once: true }));
      window.scrollTo(0, to);
      await scrolled;
    }, y);
  await scrollTo(1200);
  await scrollTo(1195);
  await hidden();
  await scrollTo(600);
  await shown();
});

test('when the visitor rests, counted from when they last did something', async () => {
  await visit([notice('idle', { w: [[3, 600]] })], CLOCK);
  await ready();
  await page.clock.fastForward(500_000);
  await page.mouse.move(100, 100);
  await page.clock.fastForward(500_000);
  await page.keyboard.press('Shift');
  await page.clock.fastForward(500_000);
  await hidden();
  await page.clock.fastForward(100_000);
  await shown();
});

test('at a press on an element of the page, also after closing, also on the next page', async () => {
  await visit([contact('press', { w: [[4, '#before, .ask']] })], {
    html: '<button class="ask"><b>Ask</b></button>',
  });
  await ready();
  await hidden();
  await page.locator('.ask b').click();
  await shown();
  await close();
  await gone();
  await page.locator('#before').click();
  await shown();
  await close();
  await gone();
  await reload();
  await page.locator('#before').click();
  await shown();
});

test('any of several triggers is enough', async () => {
  await visit(
    [
      notice('any', {
        w: [
          [0, 600],
          [4, '#before'],
        ],
      }),
    ],
    CLOCK,
  );
  await ready();
  await hidden();
  await page.clock.fastForward(600_000);
  await shown();
});

test('all of several triggers, in whatever order', async () => {
  await visit(
    [
      notice('all', {
        a: 1,
        w: [
          [0, 600],
          [4, '#before'],
        ],
      }),
    ],
    CLOCK,
  );
  await ready();
  await page.locator('#before').click();
  await page.locator('#before').click();
  await hidden();
  await page.clock.fastForward(600_000);
  await shown();
});

test('all of several triggers, code among them', async () => {
  await visit([notice('code', { a: 1, j: 1, w: [[5], [4, '#before']] })]);
  await ready();
  await page.evaluate("contactbar.open('code')");
  await hidden();
  await page.locator('#before').click();
  await shown();
});

// ── Targeting ────────────────────────────────────────────────────────────────────────────────────────────

const rule = (key, ...rules) => notice(key, { t: { r: rules } });

test('rules for the page, the referrer, the query and the language', async () => {
  await visit(
    [
      rule('exact', ['page', 0, '^http://[^/]+/shop/tea\\?[^#]*$']),
      rule('starts', ['page', 0, '^http://127']),
      rule('elsewhere', ['page', 0, '/coffee']),
      rule('but', ['page', 0, '/shop/', '/tea']),
      rule('from', ['referrer', 1, '^https://news\\.example/']),
      rule('other', ['referrer', 1, '^https://search\\.example/']),
      rule('campaign', ['utm', 2, '[?&]utm_source=letter(&|$)']),
      rule('none', ['utm', 2, '[?&]utm_source=none(&|$)']),
      rule('english', ['language', 3, '^en(-|$)']),
      rule('german', ['language', 3, '^de(-|$)']),
      rule('both', ['page', 0, '/tea'], ['language', 3, '^de(-|$)']),
    ],
    {
      path: '/shop/tea',
      search: '?utm_source=letter&contactbar=debug#top',
      referer: 'https://news.example/today',
    },
  );
  assert.deepEqual(await saying(11), [
    'both: not shown: language',
    'but: not shown: page',
    'campaign: shown',
    'elsewhere: not shown: page',
    'english: shown',
    'exact: shown',
    'from: shown',
    'german: not shown: language',
    'none: not shown: utm',
    'other: not shown: referrer',
    'starts: shown',
  ]);
});

test('devices are a media query', async () => {
  await visit(
    [notice('phone', { t: { d: '(max-width:719px)' } }), notice('desk', { t: { d: '(min-width:720px)' } })],
    DEBUG,
  );
  assert.deepEqual(await saying(2), ['desk: shown', 'phone: not shown: device']);
});

test('who is new stays so for the session, and returns in the next', async () => {
  const bars = [notice('new', { t: { v: 1 }, s: 1 }), notice('back', { t: { v: 2 }, s: 1 })];
  await visit(bars, DEBUG);
  assert.deepEqual(await saying(2), ['back: not shown: visitors', 'new: shown']);
  await reload(2);
  assert.deepEqual(await saying(2), ['back: not shown: visitors', 'new: shown']);
  said.length = 0;
  const another = await context.newPage();
  another.on('console', (line) => said.push(line.text()));
  await another.goto(page.url());
  assert.deepEqual(await saying(2), ['contactbar back shown', 'contactbar new not shown: visitors']);
});

test('a share of the visitors, and the same ones again', async () => {
  const bars = [notice('few', { t: { n: 30 }, s: 1 }), notice('more', { t: { n: 31 }, s: 1 })];
  await visit(bars, { ...DEBUG, init: 'Math.random = () => +(localStorage.draw ?? 0.3)' });
  assert.deepEqual(await saying(2), ['few: not shown: percentage', 'more: shown']);
  await page.evaluate("localStorage.draw = '0.99'");
  await reload(2);
  assert.deepEqual(await saying(2), ['few: not shown: percentage', 'more: shown']);
});

/** Bars that show in these schedules: `[zone, from, until, weekdays, start, end]`. */
const schedules = (all) => Object.entries(all).map(([key, s]) => notice(key, { t: { s } }));
const shownOf = async (lines) => {
  const found = (await saying(lines)).map((line) => line.split(': '));
  for (const [, ...why] of found) assert.match(why.join(': '), /^(shown|not shown: schedule)$/);
  return found.filter(([, is]) => is === 'shown').map(([key]) => key);
};

test('a schedule counts in its own time zone: dates, weekdays, hours', async () => {
  // Monday, 1 June 2026, 00:30 in Auckland, and Sunday, 12:30 in London; 05:30 in Los Angeles… is Sunday as well.
  await visit(
    schedules({
      auckland: ['Pacific/Auckland', '2026-06-01', '', '1', '', ''],
      london: ['Europe/London', '2026-06-01', '', '', '', ''],
      sunday: ['Europe/London', '', '', '0', '13:00', '13:31'],
      monday: ['America/Los_Angeles', '', '', '1', '', ''],
      over: ['Europe/London', '', '2026-05-30', '', '', ''],
      last: ['Europe/London', '2026-05-01', '2026-05-31', '', '', ''],
      until: ['Europe/London', '', '', '', '09:00', '13:30'],
      from: ['Europe/London', '', '', '', '13:30', '17:00'],
    }),
    { ...at('2026-05-31T12:30:00Z'), timezoneId: 'Asia/Tokyo' },
  );
  assert.deepEqual(await shownOf(8), ['auckland', 'from', 'last', 'sunday']);
});

test('hours past midnight belong to the day on which they began', async () => {
  const bars = schedules({
    saturday: ['Europe/Madrid', '', '', '6', '22:00', '02:00'],
    sunday: ['Europe/Madrid', '', '', '0', '22:00', '02:00'],
    dated: ['Europe/Madrid', '', '2026-06-06', '', '22:00', '02:00'],
    dawn: ['Europe/Madrid', '', '', '', '02:00', '06:00'],
  });
  // Sunday, 7 June 2026, 01:59 in Madrid.
  await visit(bars, at('2026-06-06T23:59:00Z'));
  assert.deepEqual(await shownOf(4), ['dated', 'saturday']);
  await page.clock.setFixedTime('2026-06-07T00:00:00Z');
  await reload(4);
  assert.deepEqual(await shownOf(4), ['dawn']);
  await page.clock.setFixedTime('2026-06-07T20:00:00Z');
  await reload(4);
  assert.deepEqual(await shownOf(4), ['sunday']);
});
