// How often bars show, which variant of them, and what the browser keeps of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contact, link, notice } from './render.mjs';
import { addPage, context, gone, kinds, page, ready, said, shown, site, until, visit } from './scene.mjs';

const DEBUG = { search: '?contactbar=debug' };
/** The page's clock moves only when a test moves it on. */
const CLOCK = { prepare: () => page.clock.install({ time: '2026-06-01T12:00:00Z' }) };
const at = (time) => ({ ...DEBUG, prepare: () => page.clock.setFixedTime(time) });

const saying = (lines) => until(() => said.length === lines).then(() => said.toSorted());
/** What is kept of this site, in this browser and in this session. */
const storedNames = () => page.evaluate(() => Object.keys({ ...localStorage, ...sessionStorage }).sort());
const close = () => page.locator('.close').click();
const reload = async (bars = 1) => {
  said.length = 0;
  await page.reload();
  await ready(bars);
};

test('on every page', async () => {
  await visit([notice('every', { f: {}, s: 1 })], DEBUG);
  await shown();
  await close();
  await gone();
  await reload();
  await shown();
});

test('once a session', async () => {
  await visit([notice('once', { f: { s: -1 }, s: 1 })], DEBUG);
  await shown();
  await reload();
  assert.deepEqual(await saying(1), ['once: not shown: frequency']);
  const another = await context.newPage();
  await another.goto(page.url());
  await another.locator('section').waitFor();
});

test('every so many days', async () => {
  await visit([notice('days', { f: { s: 3 }, s: 1 })], at('2026-06-01T12:00:00Z'));
  await shown();
  await page.clock.setFixedTime('2026-06-04T11:59:00Z');
  await reload();
  assert.deepEqual(await saying(1), ['days: not shown: frequency']);
  await page.clock.setFixedTime('2026-06-04T12:01:00Z');
  await page.reload();
  await shown();
});

test('how often it showed is kept only once the visitor has acted', async () => {
  await visit([notice('quiet', { f: { s: 3, c: -1 } })], DEBUG);
  await shown();
  assert.deepEqual(await storedNames(), []);
  await page.reload();
  await shown();
  await close();
  await gone();
  await reload();
  await until(() => said.includes('quiet: not shown: frequency'));
});

test('not after converting, closed or not, however long ago', async () => {
  await visit([link('done', { f: { c: 1, o: 1 } }, { apart: true })], at('2026-06-01T12:00:00Z'));
  await page.locator('a.main').click();
  await close();
  await gone();
  await page.clock.setFixedTime('2046-06-01T12:00:00Z');
  await reload();
  assert.deepEqual(await saying(1), ['done: not shown: frequency']);
});

test('a form that was sent is not shown again', async () => {
  await visit(
    [contact('sent', { f: { o: 1 } }, { layout: { kind: 'slide_in', corner: 'top_left' } })],
    DEBUG,
  );
  await page.getByLabel('Your email').fill('ada@example.com');
  await page.locator('form .main').click();
  await page.getByText('Thank you, Ada!').waitFor();
  await reload();
  assert.deepEqual(await saying(1), ['sent: not shown: frequency']);
});

test('between bars of one member lies a gap; those of others do not wait', async () => {
  await visit(
    [
      notice('first', { f: { g: 600 } }),
      notice('second', { f: { g: 600 }, w: [[0, 60]] }),
      notice('theirs', { m: 'other', f: { g: 600 } }),
    ],
    { ...DEBUG, ...CLOCK },
  );
  await page.locator('section').nth(1).waitFor();
  await page.clock.fastForward(60_000);
  await until(() => said.includes('second: not shown: gap'));
  assert.deepEqual(said.filter((line) => line.endsWith(': shown')).toSorted(), [
    'first: shown',
    'theirs: shown',
  ]);
  await page.evaluate("contactbar.close('first')");
  await page.clock.fastForward(550_000);
  assert.equal(said.includes('second: shown'), false);
  await page.clock.fastForward(600_000);
  await until(() => said.includes('second: shown'));
});

test('a bar that waits for the gap begins anew where a router moves on', async () => {
  const half = notice('half', { f: { g: 600 }, w: [[1, 50]] });
  await visit([notice('first', { f: { g: 600, s: 1 } }), half], { ...DEBUG, ...CLOCK });
  await shown();
  const scrollTo = (share) =>
    page.evaluate((part) => scrollTo(0, document.documentElement.scrollHeight * part), share);
  await scrollTo(1);
  await until(() => said.includes('half: not shown: gap'));
  await scrollTo(0);
  await page.evaluate("contactbar.close('first'), history.pushState({}, '', '/there')");
  await page.clock.fastForward(1_200_000);
  await ready(2);
  assert.equal(await page.locator('section').count(), 0);
  await scrollTo(1);
  await shown();
});

test('who asks for a bar does not wait for the gap', async () => {
  await visit([notice('first', { f: { g: 600 } }), contact('asked', { f: { g: 600 }, w: [[4, '#before']] })]);
  await shown();
  await page.locator('#before').click();
  await page.locator('section').nth(1).waitFor();
});

test('the gap is kept from page to page once the visitor has acted', async () => {
  await visit([notice('first', { f: { g: 600, c: 1 } })], { ...DEBUG, ...CLOCK });
  await close();
  await gone();
  said.length = 0;
  await addPage('/another', [notice('second', { f: { g: 600 } })]);
  await page.goto(`${site.origin}/another?contactbar=debug`);
  assert.deepEqual(await saying(1), ['second: not shown: gap']);
  await page.clock.fastForward(600_000);
  await shown();
});

// ── Variants ─────────────────────────────────────────────────────────────────────────────────────────────

const NOTICE = { kind: 'notice' };
const words = (message) => ({ en: { message } });
const VARIANTS = [
  ['a', 50, NOTICE, words('Good morning')],
  ['b', 30, NOTICE, words('Good evening')],
  ['c', 20, NOTICE, words('Good night')],
];
/** `Math.random` gives these, one after the other. */
const drawing = (numbers) => ({
  init: `{ const drawn = ${JSON.stringify(numbers)}; Math.random = () => drawn.push(drawn[0]) && drawn.shift(); }`,
});

test('variants come as often as they weigh', async () => {
  const bars = Array.from({ length: 20 }, (_, index) => notice(`bar${index}`, {}, { variants: VARIANTS }));
  await visit(bars, {
    ...drawing(bars.map((_, index) => (index + 0.5) / 20)),
    head: `<script>
      chosen = []
      document.addEventListener('contactbar:can-show', (event) => {
        event.preventDefault()
        chosen.push(event.detail.variant)
      })
    </script>`,
  });
  await page.waitForFunction('chosen.length === 20');
  const drawn = await page.evaluate("chosen.sort().join('')");
  assert.equal(drawn, 'aaaaaaaaaabbbbbbcccc');
});

test('the variant stays the visitor’s once they have acted', async () => {
  await visit(
    [
      link(
        'ab',
        { f: {} },
        {
          variants: VARIANTS.map(([key, weight, , texts]) => [
            key,
            weight,
            { kind: 'link', url: 'https://example.com/', new_tab: true },
            { en: { ...texts.en, button: 'Go' } },
          ]),
        },
      ),
    ],
    drawing([0.6, 0.9]),
  );
  await page.getByText('Good evening').waitFor();
  assert.deepEqual(await storedNames(), []);
  await page.locator('a.main').click();
  await page.evaluate("document.title = 'acted'");
  await until(() => kinds().includes('click'));
  assert.deepEqual(await page.evaluate("localStorage['contactbar.ab.v']"), 'b');
  await addPage('/another', [link('ab', {}, { variants: VARIANTS })]);
  await page.goto(`${site.origin}/another`);
  await page.getByText('Good evening').waitFor();
});

test('a visitor whose variant has gone gets another', async () => {
  await visit([notice('ab', { s: 1 }, { variants: VARIANTS })], drawing([0.9]));
  await page.getByText('Good night').waitFor();
  await addPage('/another', [notice('ab', { s: 1 }, { variants: VARIANTS.slice(0, 2) })]);
  await page.goto(`${site.origin}/another`);
  await page.getByText('Good evening').waitFor();
  assert.equal(await page.evaluate("localStorage['contactbar.ab.v']"), 'b');
});

// ── What is kept ─────────────────────────────────────────────────────────────────────────────────────────

const CURIOUS = { f: { s: 3, c: 7, o: 1, g: 5 }, t: { v: 1, n: 100 } };
const PIECES = [
  'contactbar.first',
  'contactbar.keep',
  'contactbar.keep.luck',
  'contactbar.keep.v',
  'contactbar.last.member01',
];

test('nothing is stored before the visitor acts, whatever the bar would like to know', async () => {
  await visit([notice('keep', CURIOUS, { variants: VARIANTS })]);
  await shown();
  await until(() => kinds().includes('view'));
  await page.evaluate('contactbar.close()');
  await gone();
  await page.evaluate("contactbar.open(), contactbar.identify({ email: 'ada@example.com' })");
  await shown();
  assert.deepEqual(await storedNames(), []);
  assert.equal(await page.evaluate('document.cookie'), '');
  await close();
  assert.deepEqual(await storedNames(), PIECES);
});

test('where the member lets it, things are stored from the start', async () => {
  await visit([notice('keep', { ...CURIOUS, s: 1 }, { variants: VARIANTS })]);
  await shown();
  assert.deepEqual(await storedNames(), PIECES);
});

test('a browser that refuses storage shows the bar all the same', async () => {
  await visit([notice('keep', { ...CURIOUS, s: 1 }, { variants: VARIANTS })], {
    init: () => {
      for (const name of ['localStorage', 'sessionStorage']) {
        Object.defineProperty(globalThis, name, {
          get() {
            throw new DOMException('refused', 'SecurityError');
          },
        });
      }
    },
  });
  await shown();
  await close();
  await gone();
});
