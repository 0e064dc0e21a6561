import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { contact, everything, link, notice } from './render.mjs';
import {
  assertAccessible,
  bar,
  boxOf,
  complaints,
  context,
  embed,
  gone,
  kinds,
  page,
  room,
  shown,
  site,
  until,
  visit,
} from './scene.mjs';
import { STRICT } from './stage.mjs';

// ── Showing ──────────────────────────────────────────────────────────────────────────────────────────────

test('a bar stands at the top, pushes the page, and reports one view', async () => {
  await visit([link('top')], { viewport: { width: 1280, height: 720 } });
  await shown();
  await until(() => kinds().length === 1);
  const { x, y, width, height } = await boxOf();
  assert.deepEqual([x, y], [0, 0]);
  assert.ok(width >= 1260 && height >= 60 && height < 80, `${width} × ${height}`);
  assert.equal(await room(), height);
  const { i, t, ...view } = embed.events[0];
  assert.match(i, /^[0-9a-f]{32}$/);
  assert.ok(Number.isInteger(t) && t >= 0);
  assert.deepEqual(view, { b: 'top', k: 'view', v: 'a', u: `${site.origin}/`, l: 'en-GB', w: true });
  assert.deepEqual(complaints, []);
});

test('an overlaid bar at the bottom moves nothing', async () => {
  await visit([notice('bottom', {}, { layout: { kind: 'bar', position: 'bottom', push: false } })], {
    viewport: { width: 800, height: 600 },
    reducedMotion: 'no-preference',
    init: () => {
      globalThis.shifts = 0;
      new PerformanceObserver((list) => {
        globalThis.shifts += list.getEntries().length;
      }).observe({ type: 'layout-shift', buffered: true });
    },
  });
  await shown();
  await page.waitForFunction(
    () => !document.querySelector('html > div').shadowRoot.firstChild.getAnimations().length,
  );
  assert.equal(await page.evaluate('shifts'), 0);
  const { y, height } = await boxOf();
  assert.equal(y + height, 600);
  assert.equal(await room(), 0);
});

test('the shadow root is closed', async () => {
  await visit([link('closed')]);
  await shown();
  assert.equal(await page.evaluate('askedMode'), 'closed');
});

test('a bar that is not sticky scrolls away; at the end of the page it is seen when one gets there', async () => {
  await visit([
    link('away', {}, { layout: { kind: 'bar', sticky: false } }),
    notice('end', {}, { layout: { kind: 'bar', position: 'bottom', sticky: false } }),
  ]);
  await page.locator('section').nth(1).waitFor();
  await until(() => kinds().length === 1);
  assert.equal(embed.events[0].b, 'away');
  await page.evaluate(() => scrollTo(0, document.documentElement.scrollHeight));
  await until(() => kinds().length === 2);
  assert.equal(embed.events[1].b, 'end');
  assert.ok((await page.locator('section').first().boundingBox()).y < 0);
});

test('a bar waits for its time', async () => {
  await visit([link('late', { w: [[0, 60]] })], {
    init: () => {
      const real = setTimeout;
      globalThis.waits = [];
      globalThis.setTimeout = (act, milliseconds, ...rest) => {
        if (milliseconds !== 60000) return real(act, milliseconds, ...rest);
        return globalThis.waits.push(act);
      };
    },
  });
  await page.waitForFunction('waits.length');
  assert.equal(await bar().count(), 0);
  await page.evaluate('waits[0]()');
  await shown();
});

test('a bar for code shows when it is opened, also before it is there', async () => {
  await visit([link('code', { w: [[5]] })]);
  await page.waitForFunction('contactbar.open');
  assert.equal(await bar().count(), 0);
  await page.evaluate("contactbar.open('code')");
  await shown();
  await context.close();
  await visit([link('code', { w: [[5]] })], {
    head: "<script>contactbar = window.contactbar || []; contactbar.push(['open', 'code'])</script>",
  });
  await shown();
});

test('twice on a page is once; several bars stand side by side', async () => {
  await visit([link('one'), notice('two'), link('one')], { viewport: { width: 1000, height: 600 } });
  await page.locator('section').nth(1).waitFor();
  await until(() => kinds().length === 2);
  assert.equal(await bar().count(), 2);
  const boxes = [await bar().nth(0).boundingBox(), await bar().nth(1).boundingBox()].sort(
    (a, b) => a.y - b.y,
  );
  assert.equal(boxes[0].y, 0);
  assert.equal(boxes[1].y, boxes[0].height);
  assert.equal(await room(), boxes[0].height + boxes[1].height);
});

test('the page can not harm the bar', async () => {
  await visit([link('hostile', {}, { colours: ['#115e59', '#ffffff', '#ffffff', '#115e59'] })], {
    head: `<style>
      * { all: unset !important; display: none !important }
      html, body { display: block !important }
      html > div { position: static !important; opacity: 0 !important; visibility: hidden !important;
        transform: scale(0) !important; width: 0 !important; height: 0 !important; z-index: -1 !important;
        font: 40px cursive !important; color: red !important; direction: rtl !important;
        letter-spacing: 9px !important; text-transform: uppercase !important; pointer-events: none !important }
    </style>`,
    viewport: { width: 1000, height: 600 },
  });
  await shown();
  await until(() => kinds().length === 1);
  const { y, width, height } = await boxOf();
  assert.equal(y, 0);
  assert.ok(width >= 980 && height >= 60 && height < 80, `${width} × ${height}`);
  const look = await bar().evaluate((node) => {
    const { color, backgroundColor, fontSize, letterSpacing, textTransform, direction } =
      getComputedStyle(node);
    return { color, backgroundColor, fontSize, letterSpacing, textTransform, direction };
  });
  assert.deepEqual(look, {
    color: 'rgb(255, 255, 255)',
    backgroundColor: 'rgb(17, 94, 89)',
    fontSize: '16px',
    letterSpacing: 'normal',
    textTransform: 'none',
    direction: 'ltr',
  });
  assert.equal(await room(), height);
  await bar().locator('.close').click();
  await gone();
});

test('the bar works under a strict policy and Trusted Types', async () => {
  await visit([everything('strict')], { headers: STRICT(embed.origin) });
  await shown();
  await until(() => kinds().includes('view'));
  assert.equal(await bar().evaluate((node) => getComputedStyle(node).backgroundColor), 'rgb(49, 46, 129)');
  await bar().locator('.opener').click();
  await page.getByLabel('Your email').fill('ada@example.com');
  await page.getByLabel('Topic').selectOption('help');
  await page.getByLabel('I agree').check();
  await bar().locator('form .main').click();
  await page.getByText('Thank you, Ada!').waitFor();
  assert.deepEqual(complaints, []);
});

test('hostile words stay words', async () => {
  const words = '<img src=x onerror=alert(1)></script>';
  await visit([link('words', {}, { texts: { en: { message: words, button: words, close: words } } })]);
  await shown();
  assert.equal(await page.locator('section .message').textContent(), words);
  assert.equal(await page.locator('section img').count(), 0);
});

test('the visitor reads their language, right to left where it is written so', async () => {
  await visit([everything('words')], { locale: 'he-IL' });
  await shown();
  assert.equal(await bar().getAttribute('lang'), 'he');
  assert.equal(await bar().getAttribute('dir'), 'rtl');
  const { x } = await bar().locator('.close').boundingBox();
  assert.ok(x < 40, `${x}`);
  await context.close();
  await visit([everything('words')], { locale: 'he-IL', attributes: 'data-locale="en-US"' });
  await shown();
  assert.equal(await bar().getAttribute('lang'), 'en');
});

test('the starters of the server are shown as they are meant', async () => {
  const starters = JSON.parse(await readFile(new URL('starters.json', import.meta.url), 'utf8'));
  await visit(Object.values(starters), { locale: 'de-AT', viewport: { width: 1280, height: 720 } });
  await page.locator('section').nth(2).waitFor();
  for (const starter of Object.values(starters)) await page.getByText(starter.v[0][2].de[0][2][2]).waitFor();
  await page.getByRole('textbox', { name: 'Ihre E-Mail-Adresse' }).fill('ada@example.com');
  await assertAccessible();
  await page.getByRole('button', { name: 'Kontakt aufnehmen' }).click();
  await page.getByText('Vielen Dank!').waitFor();
  assert.deepEqual(complaints, []);
});

test('dark schemes get dark colours', async () => {
  await visit([notice('dark', {}, { dark: ['#000000', '#eeeeee', '#ffffff', '#000000'] })], {
    colorScheme: 'dark',
  });
  await shown();
  assert.equal(await bar().evaluate((node) => getComputedStyle(node).backgroundColor), 'rgb(0, 0, 0)');
});

test('motion is only for those who want it', async () => {
  await visit([notice('still')]);
  await shown();
  assert.equal(await bar().evaluate((node) => node.getAnimations().length), 0);
  await context.close();
  await visit([notice('moving')], { reducedMotion: 'no-preference' });
  await shown();
  await page.waitForFunction(
    () => !document.querySelector('html > div').shadowRoot.firstChild.getAnimations().length,
  );
  assert.equal((await boxOf()).y, 0);
});

test('everything fits a phone of 320 pixels', async () => {
  await visit([everything('phone'), link('phone2')], {
    viewport: { width: 320, height: 568 },
    head: '<meta name="viewport" content="width=device-width">',
  });
  await page.locator('section').nth(1).waitFor();
  await page.locator('section.bottom .opener').click();
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll('html > div')].flatMap((host) =>
      [...host.shadowRoot.querySelectorAll('*')]
        .filter((node) => node.getBoundingClientRect().right > 320 || node.getBoundingClientRect().left < 0)
        .map((node) => node.outerHTML),
    ),
  );
  assert.deepEqual(wide, []);
  const { y, height } = await page.locator('section.bottom').boundingBox();
  assert.ok(y >= 0 && height <= 568, `${y} + ${height}`);
  await page.locator('section.bottom form .main').scrollIntoViewIfNeeded();
});

// ── Doing ────────────────────────────────────────────────────────────────────────────────────────────────

test('a link that leaves the page loses neither the view nor the click', async () => {
  await visit([link('leave')]);
  await shown();
  await bar().locator('a').click();
  await page.waitForURL('https://example.com/');
  await until(() => kinds().includes('click') && kinds().includes('view'));
  assert.equal(new Set(embed.events.map((event) => event.i)).size, 2);
});

test('a showing has one click, however often the button is pressed', async () => {
  await visit([link('often', {}, { apart: true })]);
  await shown();
  const link1 = bar().locator('a');
  assert.equal(await link1.getAttribute('rel'), 'noopener');
  for (let time = 0; time < 3; time++) {
    const [tab] = await Promise.all([context.waitForEvent('page'), link1.click()]);
    await tab.close();
  }
  await bar().locator('.close').click();
  await until(() => kinds().includes('close'));
  assert.deepEqual(kinds().sort(), ['click', 'close', 'view']);
});

test('a closed bar stays closed as long as it should, and nothing is stored before', async () => {
  await visit([notice('shut')]);
  await shown();
  assert.equal(await page.evaluate('localStorage.length + sessionStorage.length'), 0);
  await bar().locator('.close').click();
  await gone();
  await until(() => kinds().includes('close'));
  const until7Days = await page.evaluate("+localStorage['contactbar.shut'] - Date.now()");
  assert.ok(Math.abs(until7Days - 7 * 864e5) < 6e4);
  await page.reload();
  await page.waitForFunction('contactbar.open');
  assert.equal(await bar().count(), 0);
  await page.evaluate("localStorage['contactbar.shut'] = Date.now() - 1");
  await page.reload();
  await shown();
});

test('closing for the session, and for nothing', async () => {
  await visit([notice('session', { f: { c: -1 } }), link('again', { f: {} })]);
  await page.locator('section').nth(1).waitFor();
  await page.evaluate(() => {
    for (const host of document.querySelectorAll('html > div'))
      host.shadowRoot.querySelector('.close').click();
  });
  await gone();
  await page.reload();
  await shown();
  assert.equal(await bar().count(), 1);
  assert.equal(await page.locator('section a').count(), 1);
  assert.equal(await page.evaluate("'contactbar.session' in localStorage"), false);
});

test('who followed the link is not asked again', async () => {
  await visit([link('followed')]);
  await bar().locator('a').click();
  await page.waitForURL('https://example.com/');
  await page.goto(`${site.origin}/`);
  await page.waitForFunction('contactbar.open');
  assert.equal(await bar().count(), 0);
});

test('Escape closes, and the focus returns to where it was', async () => {
  await visit([contact('keys')], { viewport: { width: 1280, height: 720 } });
  await shown();
  await page.locator('#before').focus();
  await page.getByLabel('Your name').focus();
  await page.keyboard.press('Tab');
  assert.equal(await page.getByLabel('Your email').evaluate((node) => node.matches(':focus')), true);
  await page.keyboard.press('Escape');
  await gone();
  assert.equal(await page.evaluate('document.activeElement.id'), 'before');
});

test('what is typed into the bar is no shortcut of the page', async () => {
  await visit([contact('typed')], {
    viewport: { width: 1280, height: 720 },
    head: "<script>keys = ''; document.addEventListener('keydown', ({ key }) => { keys += key })</script>",
  });
  await page.getByLabel('Your name').pressSequentially('Ada');
  await page.locator('#before').press('x');
  assert.equal(await page.evaluate('keys'), 'x');
});

test('the page hears what happens, and can do what the visitor can', async () => {
  await visit([link('heard')], {
    head: `<script>
      heard = [];
      for (const name of ['show', 'click', 'close'])
        document.addEventListener('contactbar:' + name, ({ type, detail }) => heard.push([type, detail.key, detail.variant]));
      contactbar = [['on', 'show', ({ detail }) => heard.push(['on', detail.key])]];
    </script>`,
  });
  await shown();
  await page.evaluate("contactbar.close('heard')");
  await gone();
  await page.evaluate('contactbar.push(["open"])');
  await shown();
  assert.deepEqual(await page.evaluate('heard'), [
    ['contactbar:show', 'heard', 'a'],
    ['on', 'heard'],
    ['contactbar:close', 'heard', 'a'],
    ['contactbar:show', 'heard', 'a'],
    ['on', 'heard'],
  ]);
  await until(() => kinds().length === 2);
  assert.deepEqual(kinds(), ['view', 'view']);
});

test('destroy leaves nothing behind', async () => {
  await visit([contact('destroyed')]);
  await shown();
  await page.evaluate('contactbar.destroy()');
  await gone();
  await page.waitForFunction(() => !document.adoptedStyleSheets.length);
  assert.equal(await page.evaluate("'contactbar' in window"), false);
  assert.equal(await page.evaluate("document.querySelectorAll('html > :not(head, body)').length"), 0);
  assert.equal(await page.evaluate('localStorage.length'), 0);
});

// ── Manners ──────────────────────────────────────────────────────────────────────────────────────────────

for (const [name, init] of [
  ['Global Privacy Control', () => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true })],
  ['Do Not Track', () => Object.defineProperty(navigator, 'doNotTrack', { value: '1' })],
  ['an earlier opt-out', () => localStorage.setItem('contactbar.optout', '1')],
  ['an opt-out in the queue', () => Object.assign(globalThis, { contactbar: [['optOut']] })],
]) {
  test(`no beacon leaves the browser under ${name}, and the form still works`, async () => {
    await visit([contact('silent')], { init, viewport: { width: 1280, height: 720 } });
    await shown();
    assert.equal(await page.evaluate('contactbar.optedOut()'), true);
    await page.getByLabel('Your email').fill('ada@example.com');
    await bar().locator('form .main').click();
    await page.getByText('Thank you, Ada!').waitFor();
    await bar().locator('.close').click();
    await gone();
    await page.goto('about:blank');
    assert.equal(embed.posts[0].o, true);
    assert.equal(embed.tries, 0);
  });
}

test('signals count only where the member lets them, and a choice can be taken back', async () => {
  await visit([link('heedless', { g: 0 })], {
    init: () => Object.defineProperty(navigator, 'globalPrivacyControl', { value: true }),
  });
  await shown();
  await until(() => kinds().length === 1);
  assert.equal(await page.evaluate('contactbar.optOut(), contactbar.optedOut()'), true);
  assert.equal(await page.evaluate('contactbar.optIn(), contactbar.optedOut()'), false);
  assert.equal(await page.evaluate("localStorage['contactbar.optout']"), '');
});

test('a refused beacon is sent again with its id', async () => {
  embed.answers.e = ['fail', { status: 503, headers: { 'Retry-After': '1' } }];
  await visit([link('retry')], {
    init: () => {
      const real = setTimeout;
      globalThis.setTimeout = (act, _milliseconds, ...rest) => real(act, 0, ...rest);
    },
  });
  await until(() => embed.tries === 3);
  assert.deepEqual(kinds(), ['view']);
});

test('what could not be sent goes along when the page goes', async () => {
  embed.answers.e = ['fail'];
  await visit([link('parting')], {
    init: () => {
      globalThis.setTimeout = () => 0;
      const real = fetch;
      globalThis.fetch = (...request) =>
        real(...request).finally(() => {
          globalThis.settled = true;
        });
    },
  });
  await page.evaluate("contactbar.open('parting')");
  await page.waitForFunction('globalThis.settled');
  assert.deepEqual(kinds(), []);
  await page.goto(`${site.origin}/next`);
  await until(() => kinds().length === 1);
  assert.equal(embed.events[0].k, 'view');
});

test('a malformed beacon is not sent again', async () => {
  embed.answers.e = [{ status: 400 }];
  await visit([link('once')], {
    init: () => {
      const real = setTimeout;
      globalThis.setTimeout = (act, _milliseconds, ...rest) => real(act, 0, ...rest);
    },
  });
  await shown();
  await until(() => embed.tries === 1);
  await bar().locator('.close').click();
  await until(() => kinds().includes('close'));
  assert.deepEqual(kinds(), ['close']);
});

// ── The form ─────────────────────────────────────────────────────────────────────────────────────────────

test('every kind of field is sent as it was entered', async () => {
  await visit([everything('kinds')], { viewport: { width: 1280, height: 900 } });
  const opener = bar().locator('.opener');
  await opener.click();
  assert.equal(await page.getByLabel('Your name').evaluate((node) => node.matches(':focus')), true);
  await page.getByLabel('Your name').fill('Ada Lovelace');
  await page.getByLabel('Your email').fill('ada@example.com');
  await page.getByLabel('Topic').selectOption({ label: 'Help & support' });
  await page.getByLabel('Your message').fill('One line\nand another');
  await page.getByLabel('Send me news').check();
  await page.getByLabel('I agree').check();
  assert.equal(
    await page.getByRole('link', { name: 'Privacy policy' }).getAttribute('href'),
    'https://example.com/privacy',
  );
  await bar().locator('form .main').click();
  await page.getByText('Thank you, Ada!').waitFor();
  const { i, t, ...post } = embed.posts[0];
  assert.match(i, /^[0-9a-f]{32}$/);
  assert.ok(Number.isInteger(t));
  assert.deepEqual(post, {
    key: 'kinds',
    v: 'a',
    u: `${site.origin}/`,
    l: 'en',
    c: true,
    h: '',
    o: false,
    f: {
      name: 'Ada Lovelace',
      email: 'ada@example.com',
      phone: '',
      topic: 'help',
      company: '',
      message: 'One line\nand another',
      news: true,
    },
  });
  await until(() => kinds().length === 2);
  assert.deepEqual(kinds().sort(), ['click', 'view']);
  assert.equal(
    await bar()
      .locator('[role=status]')
      .evaluate((node) => node.matches(':focus')),
    true,
  );
});

test('what the browser finds wrong is said at the field, and nothing is sent', async () => {
  await visit([everything('wrong')], { viewport: { width: 1280, height: 900 } });
  await bar().locator('.opener').click();
  await page.getByLabel('Your email').fill('not an address');
  await bar().locator('form .main').click();
  const email = page.getByLabel('Your email');
  assert.equal(await email.getAttribute('aria-invalid'), 'true');
  assert.equal(await email.evaluate((node) => node.matches(':focus')), true);
  const fault = await email.evaluate(
    (node) => node.getRootNode().getElementById(node.getAttribute('aria-describedby')).textContent,
  );
  assert.match(fault, /@/);
  await assertAccessible();
  await email.fill('ada@example.com');
  assert.equal(await email.getAttribute('aria-invalid'), null);
  assert.equal(embed.posts.length, 0);
});

test('what the server finds wrong is said at the field or below', async () => {
  const errors = (field, message) => ({ status: 422, body: { errors: [{ field, message }] } });
  embed.answers.contacts = [errors('email', 'This address does not exist.'), errors('', 'Not now.')];
  await visit([contact('faults')], { viewport: { width: 1280, height: 720 } });
  await page.getByLabel('Your email').fill('ada@example.com');
  await bar().locator('form .main').click();
  await page.getByText('This address does not exist.').waitFor();
  assert.equal(await page.getByLabel('Your email').evaluate((node) => node.matches(':focus')), true);
  await bar().locator('form .main').click();
  await page.getByRole('alert').getByText('Not now.').waitFor();
});

test('what could not be sent stays, and goes with the same id the next time', async () => {
  embed.answers.contacts = ['fail', { status: 503 }];
  await visit([contact('network')], {
    viewport: { width: 1280, height: 720 },
    head: "<script>failed = []; document.addEventListener('contactbar:error', ({ detail }) => failed.push(detail.status))</script>",
    init: () => {
      const real = fetch;
      globalThis.ids = [];
      globalThis.fetch = (address, request) => {
        if (`${address}`.endsWith('/contacts')) globalThis.ids.push(JSON.parse(request.body).i);
        return real(address, request);
      };
    },
  });
  const email = page.getByLabel('Your email');
  await email.fill('ada@example.com');
  for (let time = 1; time < 3; time++) {
    await bar().locator('form .main').click();
    await page.waitForFunction((count) => globalThis.failed.length === count, time);
    await page.getByRole('alert').getByText('That could not be sent. Please try again.').waitFor();
    assert.equal(await email.inputValue(), 'ada@example.com');
  }
  await bar().locator('form .main').click();
  await page.getByText('Thank you, Ada!').waitFor();
  assert.deepEqual(await page.evaluate('failed'), [0, 503]);
  assert.equal(await page.evaluate('new Set(ids).size'), 1);
});

test('axe finds nothing: waiting, open, thanking, in either direction', async () => {
  await visit([everything('axe')], { viewport: { width: 1280, height: 900 } });
  await shown();
  await assertAccessible();
  await bar().locator('.opener').click();
  await assertAccessible();
  await page.getByLabel('Your email').fill('ada@example.com');
  await page.getByLabel('Topic').selectOption('sales');
  await page.getByLabel('I agree').check();
  await bar().locator('form .main').click();
  await page.getByText('Thank you, Ada!').waitFor();
  await assertAccessible();
  await context.close();
  await visit([everything('rtl'), link('axe2'), notice('axe3')], {
    locale: 'he',
    viewport: { width: 375, height: 700 },
  });
  await page.locator('section').nth(2).waitFor();
  await assertAccessible();
});
