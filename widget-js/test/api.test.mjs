// What a page can do with bars: its commands, attributes and events, and how it gets rid of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { contact, everything, link, notice } from './render.mjs';
import {
  bar,
  complaints,
  embed,
  gone,
  kinds,
  page,
  ready,
  said,
  shown,
  site,
  tag,
  until,
  visit,
} from './scene.mjs';

const DESKTOP = { width: 1280, height: 720 };
const SLIDE = { layout: { kind: 'slide_in', corner: 'bottom_right' } };
const CODE = { w: [[5]] };
const DEBUG = { search: '?contactbar=debug' };

const queue = (...commands) => `<script>contactbar = ${JSON.stringify(commands)}</script>`;
const field = (name) => page.locator(`[name=${name}]`);
/** The id of the page's element that has the focus. */
const active = () => page.evaluate('document.activeElement.id');

// ── Commands ─────────────────────────────────────────────────────────────────────────────────────────────

test('commands before the script is there are done when it is, in their order', async () => {
  await visit([everything('early', CODE)], {
    head: queue(['setLocale', 'he'], ['identify', { email: 'ada@example.com' }], ['open', 'early']),
    viewport: DESKTOP,
  });
  await shown();
  assert.equal(await bar().getAttribute('lang'), 'he');
  assert.equal(await field('email').inputValue(), 'ada@example.com');
});

test('open, close and toggle, with the focus', async () => {
  await visit([contact('code', CODE)], { viewport: DESKTOP });
  await ready();
  await page.locator('#before').focus();
  await page.evaluate("contactbar.toggle('code')");
  await shown();
  assert.equal(await bar().evaluate((node) => node.matches(':focus')), true);
  await page.evaluate("contactbar.toggle('code')");
  await gone();
  assert.equal(await active(), 'before');
  await page.evaluate("contactbar.open('code'), contactbar.open('code')");
  await shown();
  await page.evaluate("contactbar.close('unknown')");
  assert.equal(await bar().count(), 1);
  await page.evaluate("contactbar.push(['close', 'code'])");
  await gone();
  await until(() => kinds().length === 2);
  assert.deepEqual(kinds(), ['view', 'view']);
});

test('identify fills in by name and by kind, also later, and nothing that was entered', async () => {
  await visit([everything('known', {}, SLIDE)], { viewport: { width: 1280, height: 900 } });
  await field('name').fill('Countess');
  await page.evaluate(() =>
    contactbar.identify({
      name: 'Ada',
      email: 'ada@example.com',
      company: 'Engines',
      topic: 'help',
      news: true,
    }),
  );
  const entered = await page.evaluate(() =>
    [...document.querySelectorAll('html > div')].flatMap(({ shadowRoot }) =>
      ['name', 'email', 'company', 'topic', 'phone'].map(
        (name) => shadowRoot.querySelector(`[name=${name}]`).value,
      ),
    ),
  );
  assert.deepEqual(entered, ['Countess', 'ada@example.com', 'Engines', 'help', '']);
  assert.equal(await field('news').isChecked(), true);
  assert.equal(await field('consent').isChecked(), false);
});

test('identify knows fields of another name by their kind', async () => {
  const fields = [{ name: 'business_email', kind: 'email', required: true }];
  const texts = {
    en: { message: 'Ask us', button: 'Send', error: 'No', labels: { business_email: 'Email at work' } },
  };
  await visit([contact('kinds', {}, { goal: { kind: 'contact', fields }, texts })], { viewport: DESKTOP });
  await shown();
  await page.evaluate("contactbar.identify({ email: 'ada@example.com' })");
  assert.equal(await field('business_email').inputValue(), 'ada@example.com');
});

test('another language keeps what was entered and the focus, and is no other view', async () => {
  await visit([everything('words', {}, SLIDE)], { viewport: { width: 1280, height: 900 } });
  await until(() => kinds().length === 1);
  await field('email').fill('ada@example.com');
  await field('topic').selectOption('help');
  await field('consent').check();
  await page.locator('#before').focus();
  await page.evaluate("contactbar.setLocale('he-IL')");
  await page.getByText('מדיניות פרטיות').waitFor();
  assert.equal(await bar().count(), 1);
  assert.equal(await field('email').inputValue(), 'ada@example.com');
  assert.equal(await field('topic').inputValue(), 'help');
  assert.equal(await field('consent').isChecked(), true);
  assert.equal(await active(), 'before');
  await page.locator('.close').click();
  await until(() => kinds().includes('close'));
  assert.deepEqual(
    kinds().filter((kind) => kind === 'view'),
    ['view'],
  );
});

test('another language leaves a folded form folded, and what was entered in it', async () => {
  await visit([everything('folded')], { viewport: DESKTOP });
  await shown();
  await page.evaluate("contactbar.identify({ email: 'ada@example.com' }), contactbar.setLocale('he')");
  await bar().locator('.opener').getByText('צרו קשר').waitFor();
  assert.equal(await field('email').isVisible(), false);
  await bar().locator('.opener').click();
  assert.equal(await field('email').inputValue(), 'ada@example.com');
  await page.evaluate("contactbar.setLocale('en')");
  await page.getByText('Privacy policy').waitFor();
  assert.equal(await field('email').isVisible(), true);
});

test('another language thanks for the form that was sent in that language', async () => {
  await visit([everything('sent', {}, SLIDE)], { viewport: { width: 1280, height: 900 } });
  await field('email').fill('ada@example.com');
  await field('topic').selectOption('help');
  await field('consent').check();
  await page.locator('form .main').click();
  await page.getByText('Thank you, Ada!').waitFor();
  await page.evaluate("contactbar.setLocale('he')");
  await page.getByText('תודה!').waitFor();
  assert.equal(await page.locator('form').isVisible(), false);
  await until(() => kinds().length === 2);
  assert.deepEqual(kinds().toSorted(), ['click', 'view']);
});

test('another language before a bar was in sight leaves its view to come', async () => {
  await visit([everything('below', {}, { layout: { kind: 'inline', selector: '#place' } })], {
    html: `${'<p>Tea</p>'.repeat(200)}<div id="place"></div>`,
  });
  await shown();
  await page.evaluate("contactbar.setLocale('he')");
  await bar().getByText('מדיניות פרטיות').waitFor();
  assert.deepEqual(kinds(), []);
  await page.locator('#place').scrollIntoViewIfNeeded();
  await until(() => kinds().length === 1);
});

test('another language for a tab', async () => {
  await visit([everything('tab', {}, { ...SLIDE, tab: { edge: 'right', starts_collapsed: true } })]);
  await page.getByRole('button', { name: 'Contact us' }).waitFor();
  await page.evaluate("contactbar.setLocale('he')");
  await page.getByRole('button', { name: 'צרו קשר' }).waitFor();
  assert.equal(await page.locator('.tab').count(), 1);
});

test('a bar that is told to wait begins at start(), also if that was said before', async () => {
  await visit([notice('manual')], { attributes: 'data-manual', ...DEBUG });
  await ready();
  assert.deepEqual(said, ['manual: not shown: start()']);
  assert.deepEqual(embed.tries, 0);
  await page.evaluate('contactbar.start()');
  await shown();
  await page.goto('about:blank');
  site.pages.set('/early', {
    html: `<!doctype html><title>Early</title>${queue(['start'])}<body>${tag('manual', 'data-manual')}`,
  });
  await page.goto(`${site.origin}/early`);
  await shown();
});

test('on and off', async () => {
  await visit([notice('heard', CODE)]);
  await ready();
  const heard = await page.evaluate(() => {
    const names = [];
    const listener = ({ type, detail }) => names.push(type, detail.key, detail.variant);
    contactbar.on('show', listener);
    contactbar.open('heard');
    contactbar.close('heard');
    contactbar.off('show', listener);
    contactbar.open('heard');
    return names;
  });
  assert.deepEqual(heard, ['contactbar:show', 'heard', 'a']);
});

test('a visitor who opts out is left alone on the next page too, until they opt in', async () => {
  await visit([notice('quiet', { w: [[4, '#before']] })]);
  await ready();
  await page.evaluate('contactbar.optOut()');
  await page.reload();
  await ready();
  assert.equal(await page.evaluate('contactbar.optedOut()'), true);
  await page.locator('#before').click();
  await shown();
  await page.evaluate('contactbar.optIn()');
  assert.equal(await page.evaluate('contactbar.optedOut()'), false);
  await page.reload();
  await ready();
  assert.equal(embed.tries, 0);
  await page.locator('#before').click();
  await until(() => kinds().length === 1);
});

// ── Events and attributes ────────────────────────────────────────────────────────────────────────────────

test('a page may keep a bar away', async () => {
  await visit([notice('unwanted'), notice('wanted')], {
    ...DEBUG,
    head: `<script>document.addEventListener('contactbar:can-show', (event) => {
      if (event.detail.key === 'unwanted') event.preventDefault()
    })</script>`,
  });
  await until(() => said.length === 2);
  assert.deepEqual(said.toSorted(), ['unwanted: not shown: can-show', 'wanted: shown']);
  assert.equal(await bar().count(), 1);
});

test('elements of the page open bars by an attribute, also those that come later', async () => {
  await visit([notice('one', CODE), notice('two', CODE)]);
  await ready(2);
  await page.evaluate(() =>
    document
      .querySelector('main')
      .insertAdjacentHTML('afterbegin', '<button data-contactbar-open="two"><b>Ask</b></button>'),
  );
  await page.locator('b').click();
  await shown();
  assert.equal(await bar().count(), 1);
  await until(() => kinds().length === 1);
  assert.equal(embed.events[0].b, 'two');
});

test('a page hears of a form that was sent, and of one that was not', async () => {
  embed.answers.contacts = [{ status: 503 }];
  await visit([contact('form')], {
    viewport: DESKTOP,
    head: `<script>
      heard = []
      for (const name of ['click', 'submit', 'error'])
        document.addEventListener('contactbar:' + name, ({ detail }) => heard.push([name, detail]))
    </script>`,
  });
  await field('email').fill('ada@example.com');
  await page.locator('form .main').click();
  await page.waitForFunction('heard.length === 2');
  await page.locator('form .main').click();
  await page.waitForFunction('heard.length === 3');
  assert.deepEqual(await page.evaluate('heard'), [
    ['click', { key: 'form', variant: 'a' }],
    ['error', { key: 'form', variant: 'a', status: 503 }],
    ['submit', { key: 'form', variant: 'a' }],
  ]);
});

test('why each bar shows or not is said in the console, to who asks for it', async () => {
  const bars = [notice('plain'), notice('paged', { t: { r: [['page', 0, '/never']] } })];
  await visit([...bars], { head: queue(['optOut']), ...DEBUG });
  await until(() => said.length === 2);
  assert.deepEqual(said.toSorted(), ['paged: not shown: page', 'plain: shown: opt-out']);
  said.length = 0;
  await page.goto(site.origin);
  await shown();
  assert.deepEqual(said, []);
});

test('a page gets one global more', async () => {
  await visit([contact('one'), notice('two')], {
    head: '<script>names = []; names = Object.getOwnPropertyNames(window)</script>',
  });
  await page.locator('section').nth(1).waitFor();
  const names = await page.evaluate(
    'Object.getOwnPropertyNames(window).filter((name) => !names.includes(name))',
  );
  assert.deepEqual(
    names.filter((name) => !/playwright|askedMode/.test(name)),
    ['contactbar'],
  );
});

// ── Nothing left behind ──────────────────────────────────────────────────────────────────────────────────

test('destroy leaves a page as it was: history, listeners, sheets, elements, storage', async () => {
  await visit(
    [contact('first'), notice('second', { t: { r: [['page', 0, '/shop$']] } }, { tab: { edge: 'left' } })],
    {
      head: `<script>
      was = [history.pushState, history.replaceState]
      page = new CSSStyleSheet()
      document.adoptedStyleSheets = [page]
    </script>`,
    },
  );
  await ready(2);
  await shown();
  await page.evaluate(
    "hub = contactbar, heard = 0, contactbar.on('show', () => heard++), contactbar.destroy()",
  );
  await page.waitForFunction('document.adoptedStyleSheets.length === 1');
  const left = await page.evaluate(() => {
    history.pushState({}, '', '/shop');
    document.dispatchEvent(new CustomEvent('contactbar:show', { detail: {} }));
    return {
      history: was[0] === history.pushState && was[1] === history.replaceState,
      sheet: document.adoptedStyleSheets[0] === globalThis.page,
      heard,
      global: 'contactbar' in globalThis,
      elements: document.querySelectorAll('html > :not(head, body)').length,
      stored: localStorage.length + sessionStorage.length,
      margin: getComputedStyle(document.documentElement).marginTop,
      bars: hub.bars.size,
    };
  });
  assert.deepEqual(left, {
    history: true,
    sheet: true,
    heard: 0,
    global: false,
    elements: 0,
    stored: 0,
    margin: '0px',
    bars: 0,
  });
  assert.deepEqual(complaints, []);
});

test('destroy takes one bar and leaves the other; a script that comes again begins anew', async () => {
  await visit([notice('goes'), link('stays')]);
  await page.locator('section').nth(1).waitFor();
  await page.evaluate("contactbar.destroy('goes')");
  assert.equal(await bar().count(), 1);
  await page.evaluate('contactbar.destroy()');
  assert.equal(await bar().count(), 0);
  await page.evaluate((src) => {
    const script = document.createElement('script');
    script.src = src;
    document.head.append(script);
  }, `${embed.origin}/b/goes.js`);
  await shown();
});

test('a bar that is destroyed on its way never shows, though it was asked for', async () => {
  await visit([notice('gone')], {
    attributes: `onload="contactbar.destroy('gone')"`,
    head: queue(['open', 'gone']),
  });
  await page.waitForFunction('contactbar.bars?.size === 0');
  await page.evaluate(async () => {
    for (let task = 0; task < 5; task++) await new Promise((resolve) => setTimeout(resolve));
  });
  assert.equal(await bar().count(), 0);
});

test('a history that another script has wrapped meanwhile is left to it', async () => {
  await visit([notice('first')]);
  await shown();
  const kept = await page.evaluate(() => {
    const { pushState } = history;
    const wrapped = (...state) => pushState.apply(history, state);
    history.pushState = wrapped;
    contactbar.destroy();
    history.pushState({}, '', '/after');
    return history.pushState === wrapped && location.pathname === '/after';
  });
  assert.equal(kept, true);
  assert.deepEqual(complaints, []);
});
