// The editor: what is typed is seen, kept, taken back, tried and published.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accessible } from './axe.mjs';
import { databases, member, openBrowser, openPage, openProduct, PASSWORD, until } from './stage.mjs';

const products = {};
let browser;

before(async () => {
  for (const database of databases) products[database] = await openProduct(database);
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  for (const product of Object.values(products)) await product.close();
});

/** A test with a member who has a bar, and its editor open; nothing must be wrong at its end. */
function of(what, act, { database = databases[0], goal = 'contact', address = '', ...options } = {}) {
  test(`${what} (${database})`, { timeout: 120_000 }, async () => {
    const product = products[database];
    const anna = await member(product, options.member);
    const bar = await anna.call('POST', '/bars', { name: 'Ask us anything', goal });
    const page = await openPage(browser, product, { as: anna, ...options.page });
    const draft = () => anna.call('GET', `/bars/${bar.id}/draft`).then((found) => found.configuration);
    try {
      await page.goto(`/bars/${bar.id}/edit${address}`);
      await act(page, { anna, bar, draft, product });
      assert.deepEqual(page.faults, []);
    } finally {
      await page.context().close();
    }
  });
}

const shown = (page) => page.frameLocator('iframe');
const panel = (page, name) => page.getByRole('tab', { name, exact: true }).click();
const saved = (page) => page.getByRole('banner').getByText('Saved', { exact: true }).waitFor();
const message = (page) => page.getByLabel('Message', { exact: true });
const toast = (page, text) => page.getByRole('status').filter({ hasText: text });

/** Until the draft on the server is so. */
const kept = (draft, what, condition) => until(what, async () => condition(await draft()));

for (const database of databases)
  of(
    'what is typed is seen at once, saved, and published',
    async (page, { anna, bar, draft, product }) => {
      await message(page).fill('Ask our workshop anything.');
      await shown(page).getByText('Ask our workshop anything.').waitFor();
      await kept(
        draft,
        'the text',
        ({ variants }) => variants[0].texts.en.message === 'Ask our workshop anything.',
      );
      await saved(page);
      await page.reload();
      await shown(page).getByText('Ask our workshop anything.').waitFor();

      await page.getByRole('button', { name: 'Publish' }).click();
      const dialog = page.getByRole('dialog', { name: 'Publish' });
      await dialog.getByLabel('What is new?').fill('The first one');
      await dialog.getByRole('button', { name: 'Publish' }).click();
      await page.getByText('Version 1 is what visitors see now.').waitFor();
      const script = await (await fetch(`${product.url}/b/${bar.key}.js`)).text();
      assert.match(script, /Ask our workshop anything\./);
      await page.getByRole('button', { name: 'Go on editing' }).click();

      // The second time, what is different is said in words.
      await message(page).fill('Ask our mechanics anything.');
      await page.getByRole('button', { name: 'Publish' }).click();
      await dialog.getByText('Ask our workshop anything.').waitFor();
      await dialog.getByText('Ask our mechanics anything.').waitFor();
      await accessible(page, 'publishing');
      await dialog.getByRole('button', { name: 'Publish' }).click();
      await page.getByText('Version 2 is what visitors see now.').waitFor();
      const { items } = await anna.call('GET', `/bars/${bar.id}/versions`);
      assert.deepEqual(
        items.map(({ note }) => note),
        ['', 'The first one'],
      );
      await page.getByRole('link', { name: 'Install it on your site' }).click();
      await page.waitForURL(`**/bars/${bar.id}/install`);
    },
    { database },
  );

of('undoing takes back what was typed in one go, and redoing brings it', async (page, { draft }) => {
  const before = await message(page).inputValue();
  // On a busy machine too, nobody pauses between two letters.
  await page.clock.setFixedTime(new Date());
  await message(page).fill('');
  await message(page).pressSequentially('Hello there');
  await page.getByLabel('Button', { exact: true }).fill('Say hello');
  await page.keyboard.press('Control+z');
  await page.waitForFunction(() => document.querySelector('[data-path$=".button"]').value === 'Get in touch');
  assert.equal(await message(page).inputValue(), 'Hello there');
  await page.keyboard.press('Control+z');
  await until('the message of before', async () => (await message(page).inputValue()) === before);
  assert.ok(await page.getByRole('button', { name: 'Undo' }).isDisabled());
  await page.keyboard.press('Control+Shift+z');
  await page.getByRole('button', { name: 'Redo' }).click();
  await kept(
    draft,
    'both again',
    ({ variants: [{ texts }] }) => texts.en.message === 'Hello there' && texts.en.button === 'Say hello',
  );
});

of('fields come, go and are put in order, by keys and by drag', async (page, { draft }) => {
  const names = ({ variants: [{ goal }] }) => goal.fields.map(({ name }) => name).join();
  await page.getByRole('button', { name: 'Add a field' }).click();
  await page.getByRole('menuitem', { name: 'Choice' }).click();
  await page.getByLabel('Label (English)').fill('Which bike?');
  await page.getByLabel('Option 1', { exact: true }).fill('City');
  await page.getByLabel('Option 2', { exact: true }).fill('Cargo');
  await page.getByRole('checkbox', { name: 'Required' }).check();
  await shown(page).getByText('Which bike?').waitFor({ state: 'attached' });
  await kept(draft, 'the choice', ({ variants: [{ goal, texts }] }) => {
    const field = goal.fields.at(-1);
    return (
      field.required && field.options?.join() === 'City,Cargo' && texts.en.labels.choice === 'Which bike?'
    );
  });

  const up = page.getByRole('button', { name: 'Move Which bike? up' });
  await up.focus();
  await page.keyboard.press('Enter');
  await kept(draft, 'the choice in the middle', (found) => names(found) === 'name,choice,email');
  await page.keyboard.press('Enter');
  await kept(draft, 'the choice in front', (found) => names(found) === 'choice,name,email');

  await page.getByRole('button', { name: 'Which bike? Choice' }).click();
  const grips = page.locator('#fields .grip');
  const [from, to] = [await grips.first().boundingBox(), await grips.last().boundingBox()];
  await page.mouse.move(from.x + 8, from.y + 20);
  await page.mouse.down();
  for (let step = 1; step <= 12; step++)
    await page.mouse.move(from.x + 8, from.y + 20 + ((to.y - from.y) * step) / 12);
  // What is seen to move is a copy; where it would land is in the list.
  await until('the choice dragged to the end', async () => {
    await page.mouse.move(from.x + 8, to.y + 20 + Math.random());
    return (await page.locator('#fields > li').last().textContent()).includes('Which bike?');
  });
  await page.mouse.up();
  await kept(draft, 'the choice at the end', (found) => names(found) === 'name,email,choice');

  await page.getByRole('button', { name: 'Remove Name' }).click();
  await kept(draft, 'one less', (found) => names(found) === 'email,choice');
  await toast(page, 'Name is gone.').getByRole('button', { name: 'Undo' }).click();
  await kept(draft, 'all of them', (found) => names(found) === 'name,email,choice');

  await page.getByRole('button', { name: 'Add a field' }).click();
  await page.getByRole('menuitem', { name: 'Hidden value' }).click();
  await page.getByLabel('Value', { exact: true }).fill('spring');
  await page.getByLabel('Name in your data').fill('Campaign Name');
  await page.getByLabel('Name in your data').press('Tab');
  await kept(draft, 'the hidden one', ({ variants: [{ goal }] }) => {
    const { name, kind, value } = goal.fields.at(-1);
    return name === 'campaign_name' && kind === 'hidden' && value === 'spring';
  });
  await saved(page);
});

of('variants share the traffic by their weights', async (page, { draft }) => {
  await page.getByRole('button', { name: 'Add a variant' }).click();
  await page.getByRole('radio', { name: 'B · 50%' }).waitFor();
  await message(page).fill('The other one');
  await shown(page).getByText('The other one').waitFor();
  await page.getByLabel('Weight').fill('300');
  await page.getByRole('radio', { name: 'B · 75%' }).waitFor();
  await kept(
    draft,
    'two variants',
    ({ variants: [a, b] }) =>
      b?.weight === 300 &&
      b.texts.en.message === 'The other one' &&
      a.texts.en.message !== b.texts.en.message,
  );
  // The place is in the address.
  await page.reload();
  await until('the second variant', async () => (await message(page).inputValue()) === 'The other one');
  await page.getByText('A · 25%').click();
  await shown(page).getByText('Have a question?').waitFor();
  await page.getByText('B · 75%').click();
  await page.getByRole('button', { name: 'Remove B' }).click();
  await kept(draft, 'one variant', ({ variants }) => variants.length === 1);
});

of('languages come and go, and one of them is the default', async (page, { draft }) => {
  await page.getByText('German', { exact: true }).click();
  await shown(page).getByText('Noch Fragen?').waitFor();
  await page.getByLabel('Button', { exact: true }).fill('');
  // What is missing is said in the default language.
  assert.equal(await page.getByLabel('Button', { exact: true }).getAttribute('placeholder'), 'Get in touch');
  await page.getByRole('button', { name: 'Add a language' }).click();
  await page.getByRole('dialog').getByLabel('Language', { exact: true }).selectOption('Another language…');
  await page.getByLabel('Language tag').fill('pt-br');
  await page.getByRole('dialog').getByRole('button', { name: 'Add' }).click();
  await message(page).fill('Alguma pergunta?');
  await shown(page).getByText('Alguma pergunta?').waitFor();
  await page.getByRole('button', { name: 'Make it the default' }).click();
  await kept(
    draft,
    'the new default',
    (found) =>
      found.default_language === 'pt-BR' && found.variants[0].texts['pt-BR'].message === 'Alguma pergunta?',
  );
  await page.getByText('German', { exact: true }).click();
  await page.getByRole('button', { name: 'Remove German' }).click();
  await kept(draft, 'no German', ({ variants }) => !('de' in variants[0].texts));
  await saved(page);
});

of('goals are changed without losing what stood there', async (page, { draft }) => {
  await page.getByText('Link', { exact: true }).click();
  await page.getByLabel('Where the button leads').fill('https://shop.example/spring');
  await page.getByRole('checkbox', { name: 'Open in a new tab' }).check();
  await kept(
    draft,
    'the link',
    ({ variants: [{ goal }] }) => goal.url === 'https://shop.example/spring' && goal.new_tab,
  );
  await page.getByText('Contact', { exact: true }).click();
  await kept(draft, 'the form', ({ variants: [{ goal }] }) => goal.fields?.length === 2);
  await page.getByText('Link', { exact: true }).click();
  assert.equal(await page.getByLabel('Where the button leads').inputValue(), 'https://shop.example/spring');
});

of(
  'colours that read badly are mended by a press',
  async (page, { draft }) => {
    await page.getByLabel('Text, as a hex value').first().fill('#4840a0');
    await page.getByText('hard to read').waitFor();
    await accessible(page, 'look');
    await page.getByRole('button', { name: /^Use #/ }).click();
    await page.getByText('hard to read').waitFor({ state: 'detached' });
    await kept(
      draft,
      'a colour that reads well',
      ({ theme }) => theme.colours.text !== '#4840a0' && theme.colours.text !== '#ffffff',
    );
    await page.getByText('Card', { exact: true }).click();
    await page.getByText('Top left').click();
    await page.getByRole('switch', { name: 'Shrink to a tab' }).check();
    await page.getByLabel('Rounding').fill('16');
    await kept(
      draft,
      'the card',
      ({ layout, tab, theme }) =>
        layout.kind === 'slide_in' &&
        layout.corner === 'top_left' &&
        tab?.edge === 'right' &&
        theme.radius_px === 16,
    );
    await saved(page);
  },
  { address: '?panel=look' },
);

of(
  'when it appears is said by triggers and frequency',
  async (page, { draft }) => {
    await page.getByRole('button', { name: 'Add a trigger' }).click();
    await page.getByRole('menuitem', { name: 'After a time' }).click();
    await page.getByLabel('On the page for').fill('42');
    await page.getByText('all of these have happened').click();
    await page.getByLabel('Trigger 1').selectOption('On the way out');
    await page.getByLabel('Appears', { exact: true }).last().selectOption('once in a number of days');
    await page.getByLabel('Days').first().fill('3');
    await page.getByLabel('Time between two of your bars').fill('60');
    await accessible(page, 'when');
    await kept(draft, 'all of it', ({ triggers, frequency }) => {
      assert.deepEqual(frequency.after_close, { kind: 'days', days: 7 });
      return (
        JSON.stringify(triggers) ===
          '{"mode":"all","on":[{"kind":"exit_intent"},{"kind":"delay","seconds":42}]}' &&
        frequency.show.days === 3 &&
        frequency.gap_seconds === 60
      );
    });
  },
  { address: '?panel=when' },
);

of(
  'who sees it is said by rules, and tried on a page',
  async (page, { draft }) => {
    await page.getByText('Yes, the bar shows.').waitFor();
    await page.getByRole('button', { name: 'Add a rule for pages' }).click();
    await page.getByLabel('Rule 1: Address').fill('/bikes');
    await page.getByText('No, the bar stays away.').waitFor();
    await page.getByLabel('Page', { exact: true }).fill('https://shop.example/bikes/cargo');
    await page.getByText('Yes, the bar shows.').waitFor();
    await page.getByRole('checkbox', { name: 'Phone' }).check();
    await page.getByText('No, the bar stays away.').waitFor();
    await page.getByText('Visitor', { exact: true }).first().click();
    await page.getByLabel('Device', { exact: true }).selectOption('Phone');
    await page.getByText('Yes, the bar shows.').waitFor();
    await page.getByRole('switch', { name: 'Only at certain times' }).check();
    await page.getByLabel('First day').fill('2026-12-01');
    await page.getByRole('checkbox', { name: 'Only at certain hours' }).check();
    await page.getByLabel('Until', { exact: true }).fill('18:30');
    await page.getByLabel('Time zone').selectOption('Europe/Berlin');
    await accessible(page, 'who and where');
    await kept(draft, 'the rules', ({ targeting: { pages, devices, schedule } }) => {
      return (
        pages[0]?.value === '/bikes' &&
        devices.join() === 'phone' &&
        schedule?.from === '2026-12-01' &&
        schedule.hours?.until === '18:30' &&
        schedule.time_zone === 'Europe/Berlin'
      );
    });
    await page.getByLabel('When').fill('2026-11-30T12:00');
    await page.getByText('No, the bar stays away.').waitFor();
  },
  { address: '?panel=who' },
);

of('the preview shows every state, width, scheme and page, and tells nobody', async (page, { bar }) => {
  const told = [];
  page.on('request', (request) => {
    const { pathname } = new URL(request.url());
    if (pathname === '/e' || pathname.startsWith('/b/')) told.push(pathname);
  });
  await panel(page, 'Look');
  await page.getByRole('switch', { name: 'Shrink to a tab' }).check();
  await page.getByText('Thanks', { exact: true }).click();
  await shown(page).getByText('Thank you! We’ll be in touch very soon.').waitFor();
  await page.getByText('Error', { exact: true }).click();
  await shown(page).getByText('That could not be sent. Please try again.').waitFor();
  await page.getByText('Tab', { exact: true }).last().click();
  await shown(page).getByText('Have a question?').waitFor({ state: 'detached' });
  await shown(page).getByRole('button', { name: 'Get in touch' }).waitFor();
  await page.getByText('Open', { exact: true }).click();
  await shown(page).getByText('Have a question?').waitFor();

  const behind = () =>
    shown(page)
      .locator('section')
      .first()
      .evaluate((bar) => getComputedStyle(bar).backgroundColor);
  assert.equal(await behind(), 'rgb(49, 46, 129)');
  await page.getByText('Dark', { exact: true }).last().click();
  await until('the dark colours', async () => (await behind()) === 'rgb(30, 27, 75)');
  await page.getByText('Phone', { exact: true }).click();
  await until('the width of a phone', () =>
    shown(page)
      .locator('html')
      .evaluate(() => innerWidth === 390),
  );
  await page.getByLabel('Address of the page').fill('https://harbour-cycles.example/shop');
  await shown(page).getByText('harbour-cycles.example').waitFor();

  // A picture of the member's own page stays in the browser.
  const pixel = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
    'base64',
  );
  await page
    .locator('input[type=file]')
    .setInputFiles({ name: 'page.png', mimeType: 'image/png', buffer: pixel });
  await shown(page).locator('img.picture').waitFor();
  await page.reload();
  await shown(page).locator('img.picture').waitFor();
  assert.match(page.url(), /width=phone/);
  await shown(page).getByText('Have a question?').waitFor();
  await page.getByRole('button', { name: 'Remove the picture' }).click();
  await shown(page).locator('img.picture').waitFor({ state: 'detached' });
  assert.deepEqual(told, [], bar.key);
});

of('typing keeps the focus while the preview follows', async (page) => {
  await page.getByText('Thanks', { exact: true }).click();
  await shown(page).getByText('We’ll be in touch').waitFor();
  await page.getByLabel('After sending').fill('');
  await page.getByLabel('After sending').pressSequentially('We call you back, ', { delay: 30 });
  await shown(page).getByText('We call you back,').waitFor();
  await page.keyboard.type('promised.');
  assert.equal(await page.getByLabel('After sending').inputValue(), 'We call you back, promised.');
  await panel(page, 'Look');
  await page.getByText('Window', { exact: true }).click();
  await panel(page, 'Content');
  await page.getByText('Open', { exact: true }).click();
  await message(page).fill('');
  await message(page).pressSequentially('Over the page', { delay: 30 });
  await shown(page).getByText('Over the page').waitFor();
  assert.equal(await message(page).inputValue(), 'Over the page');
});

of(
  'problems stand at their fields, lead there, and keep it from being published',
  async (page, { draft }) => {
    await page.getByText('Link', { exact: true }).click();
    await page.getByLabel('Where the button leads').fill('shop');
    await page.getByText('1 thing to fix').waitFor();
    await page
      .getByText('Must be a whole address, beginning with https://, mailto: or tel:', { exact: true })
      .waitFor();
    await panel(page, 'Privacy');
    await page.getByRole('button', { name: 'Publish' }).click();
    const dialog = page.getByRole('dialog');
    assert.ok(await dialog.getByRole('button', { name: 'Publish' }).isDisabled());
    await dialog.getByRole('button', { name: 'Where the button leads' }).click();
    await page.waitForFunction(() => document.activeElement?.dataset.path === 'variants[0].goal.url');
    await page.keyboard.press('Control+a');
    await page.keyboard.type('https://shop.example/');
    await page.getByText('1 thing to fix').waitFor({ state: 'detached' });

    // What the server can't even take is kept here, and said.
    await message(page).fill('');
    await page.getByRole('banner').getByText('Not saved: something needs fixing').waitFor();
    await shown(page).getByText('Have a question?').waitFor();
    await page.getByText('This is how it looked last').waitFor();
    await page.getByLabel('Button', { exact: true }).fill('To the shop');
    await page.reload();
    assert.equal(await page.getByLabel('Button', { exact: true }).inputValue(), 'To the shop');
    await message(page).fill('Spring is here');
    await kept(
      draft,
      'all of it',
      ({ variants: [{ texts }] }) =>
        texts.en.message === 'Spring is here' && texts.en.button === 'To the shop',
    );
    await saved(page);
  },
);

of('what could not be saved is there again in another tab', async (page, { bar, draft }) => {
  const context = page.context();
  await context.route('**/draft', (route) =>
    route.request().method() === 'PUT' ? route.abort() : route.continue(),
  );
  await message(page).fill('Typed on the train');
  await page.getByRole('banner').getByText('Not saved: kept in this browser').waitFor();
  await page.getByText('They are kept in this browser').waitFor();
  await page.close();
  const other = await context.newPage();
  await other.goto(`/bars/${bar.id}/edit`);
  await toast(other, 'What you had typed is back.').waitFor();
  await until('the text', async () => (await message(other).inputValue()) === 'Typed on the train');
  await context.unroute('**/draft');
  await other.getByRole('button', { name: 'Try again' }).click();
  await saved(other);
  await kept(draft, 'the text', ({ variants }) => variants[0].texts.en.message === 'Typed on the train');
  await other.reload();
  assert.equal(await message(other).inputValue(), 'Typed on the train');
});

of('what is typed as the session ends is there after logging in', async (page, { anna, draft }) => {
  await message(page).fill('Before');
  await saved(page);
  await anna.call('DELETE', '/session');
  await message(page).fill('Typed too late');
  await page.getByRole('heading', { name: 'Welcome back' }).waitFor();
  await page.getByLabel('Email address').fill(anna.email);
  await page.getByRole('textbox', { name: 'Password' }).fill(PASSWORD);
  await page.getByRole('button', { name: 'Log in' }).click();
  await until('the text', async () => (await message(page).inputValue()) === 'Typed too late');
  await saved(page);
  const again = await page
    .context()
    .request.get(page.url().replace(/\/bars\/(\w+)\/edit.*/, '/api/v1/bars/$1/draft'));
  assert.equal((await again.json()).configuration.variants[0].texts.en.message, 'Typed too late');
  assert.ok(draft);
});

/** Somebody else saves another text. */
async function meanwhile(anna, bar, text) {
  const { configuration, revision } = await anna.call('GET', `/bars/${bar.id}/draft`);
  configuration.variants[0].texts.en.message = text;
  await anna.call('PUT', `/bars/${bar.id}/draft`, { configuration, revision });
}

of('where two have saved, one of them decides', async (page, { anna, bar, draft }) => {
  const dialog = page.getByRole('dialog', { name: 'Somebody else changed this bar' });
  await message(page).waitFor();
  await meanwhile(anna, bar, 'Theirs');
  await message(page).fill('Mine');
  await dialog.getByText('Theirs', { exact: true }).waitFor();
  await dialog.getByText('Mine', { exact: true }).waitFor();
  await accessible(page, 'a conflict');
  await dialog.getByRole('button', { name: 'Keep mine' }).click();
  await kept(draft, 'mine', ({ variants }) => variants[0].texts.en.message === 'Mine');
  await saved(page);

  await meanwhile(anna, bar, 'Theirs again');
  await message(page).fill('Mine again');
  await dialog.getByRole('button', { name: 'Take theirs' }).click();
  await until('their text', async () => (await message(page).inputValue()) === 'Theirs again');
  await toast(page, 'Undo brings yours back').getByRole('button', { name: 'Undo' }).click();
  await kept(draft, 'mine again', ({ variants }) => variants[0].texts.en.message === 'Mine again');
});

of('changes are discarded, and that can be undone', async (page, { anna, bar, draft }) => {
  await anna.call('POST', `/bars/${bar.id}/publish`, {});
  await page.reload();
  const before = await message(page).inputValue();
  await message(page).fill('On second thought');
  await saved(page);
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Discard changes' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Discard changes' }).click();
  await until('what is published', async () => (await message(page).inputValue()) === before);
  await toast(page, 'The draft is what visitors see.').getByRole('button', { name: 'Undo' }).click();
  await kept(draft, 'the text', ({ variants }) => variants[0].texts.en.message === 'On second thought');
});

of('a viewer is told that they can’t', async (page, { bar, product }) => {
  await page.route('**/api/v1/session', async (route) => {
    const answer = await route.fetch();
    const session = await answer.json();
    session.member.role = 'viewer';
    await route.fulfill({ response: answer, json: session });
  });
  await page.reload();
  await page.getByText('You can look, but not edit').waitFor();
  await page.getByRole('link', { name: 'Back to the bar' }).click();
  await page.waitForURL(`${product.url}/bars/${bar.id}`);
});

of(
  'on a phone, the halves take turns',
  async (page) => {
    await message(page).waitFor();
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.equal(width, 390);
    for (const name of ['Content', 'Look', 'When', 'Who and where', 'Privacy']) {
      await panel(page, name);
      await accessible(page, name);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390, name);
    }
    await page.getByText('Preview', { exact: true }).click();
    await shown(page).getByText('Have a question?').waitFor();
    await accessible(page, 'preview');
    await page.goBack();
  },
  { page: { phone: true } },
);

of('by keyboard, the panels are tabs', async (page) => {
  await accessible(page, 'content');
  await page.getByRole('tab', { name: 'Content' }).focus();
  await page.keyboard.press('ArrowRight');
  assert.match(page.url(), /panel=look/);
  await page.keyboard.press('End');
  await page.getByRole('checkbox', { name: 'Respect Do Not Track' }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement?.textContent), 'Privacy');
});
