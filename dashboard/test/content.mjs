// A member as they are after some weeks: bars in every state, visitors of all kinds, contacts with a story. Everything
// comes by the API and by beacons; only the past is written into the database, because the server counts by its clock.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15',
  'Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0',
  'Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0',
];
const PAGES = [
  '/',
  '/',
  '/shop',
  '/shop/city-bikes',
  '/shop/cargo-bikes',
  '/repair',
  '/about',
  '/journal/first-ride',
];
const REFERRERS = [
  'https://www.google.com/',
  'https://www.google.com/',
  'https://duckduckgo.com/',
  'https://www.instagram.com/',
  'https://velo-news.example/',
  undefined,
  undefined,
];
const LANGUAGES = ['en-GB', 'en-US', 'de-DE', 'de-DE', 'fr-FR', 'nl-NL'];
const PEOPLE = [
  ['Mira Solberg', 'mira.solberg@example.com', 'Do you repair cargo bikes, too?'],
  ['Jonas Weber', 'jonas.weber@example.org', 'I’d like to try the Harbour 7 on Saturday.'],
  ['Amélie Laurent', 'amelie@atelier-laurent.example', 'Is the blue one back in size M?'],
  ['Tom Okafor', 'tom.okafor@example.net', 'How long does a service take at the moment?'],
  ['Lena Brandt', 'lena.brandt@example.com', 'Please call me about a bike for work.'],
  ['Sofia Rossi', 'sofia.rossi@example.org', 'Do you ship to Italy?'],
  ['Ned Ashworth', 'ned@ashworth-design.example', 'Group order for eight people: whom do I talk to?'],
  ['Ida Holm', 'ida.holm@example.com', ''],
  ['Paul Nowak', 'paul.nowak@example.org', 'The newsletter, please.'],
  ['Grace Lim', 'grace.lim@example.net', 'Which lights fit the City 3?'],
  ['Emil Fischer', 'emil.fischer@example.com', ''],
  ['Noor de Vries', 'noor@devries.example', 'Can I lease through my employer?'],
];

/** Always the same visitors: a picture should differ only where the dashboard does. */
function dice(seed) {
  let state = seed;
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return {
    chance: (of) => next() < of,
    of: (list) => list[Math.floor(next() * list.length)],
    to: (most) => Math.floor(next() * most),
  };
}

const id = () => randomBytes(16).toString('hex');

/** The configuration that a bar of this goal begins with, changed as wanted. */
async function make(call, name, goal, change) {
  const bar = await call('POST', '/bars', { name, goal });
  const configuration = structuredClone(bar.draft.configuration);
  change(configuration);
  await call('PUT', `/bars/${bar.id}/draft`, { revision: bar.draft.revision, configuration });
  return { ...bar, configuration };
}

function say(configuration, texts) {
  for (const variant of configuration.variants) variant.texts = { en: { ...variant.texts.en, ...texts } };
}

async function send(product, headers, events) {
  const answer = await fetch(`${product.url}/e`, {
    method: 'POST',
    headers: { 'Content-Type': 'text/plain', ...headers },
    body: JSON.stringify(events),
  });
  if (!answer.ok) throw new Error(`beacon: ${answer.status} ${await answer.text()}`);
}

/** Visitors of a bar: they see it, and some do what it is for. */
async function visit(product, bar, { visitors, host, seed, clicks = 0.08, closes = 0.15, variants = ['a'] }) {
  const by = dice(seed);
  for (let visitor = 0; visitor < visitors; visitor += 1) {
    const v = by.of(variants);
    const r = by.of(REFERRERS);
    const event = {
      b: bar.key,
      v,
      u: `https://${host}${by.of(PAGES)}`,
      l: by.of(LANGUAGES),
      ...(r && { r }),
    };
    const events = [{ ...event, i: id(), k: 'view', t: 0 }];
    if (by.chance(0.3)) events.push({ ...event, i: id(), k: 'view', t: 0 });
    if (by.chance(v === 'b' ? clicks * 1.6 : clicks)) events.push({ ...event, i: id(), k: 'click', t: 4000 });
    else if (by.chance(closes)) events.push({ ...event, i: id(), k: 'close', t: 2500 });
    const headers = {
      'User-Agent': by.of(AGENTS),
      'X-Forwarded-For': `203.0.${by.to(250)}.${1 + by.to(250)}`,
    };
    await send(product, headers, events);
  }
}

async function write(product, bar, [name, email, message], v, by) {
  const headers = {
    'Content-Type': 'text/plain',
    'User-Agent': by.of(AGENTS),
    'X-Forwarded-For': `198.51.100.${1 + by.to(250)}`,
  };
  const f = { name, email, ...(message && { message }) };
  const body = { i: id(), v, u: `https://harbour-cycles.example${by.of(PAGES)}`, t: 21_000, l: 'en', f };
  const answer = await fetch(`${product.url}/b/${bar.key}/contacts`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`form: ${answer.status} ${await answer.text()}`);
}

/** Makes it all; answers the bars by what they are for. `databaseFile` is the product's SQLite file. */
export async function fill(product, { call }, databaseFile) {
  const contact = await make(call, 'Ask the workshop', 'contact', (configuration) => {
    say(configuration, {
      message: 'A question about your bike? We answer today.',
      button: 'Ask us',
      success: 'Thank you! We write back today.',
    });
    const [first] = configuration.variants;
    first.goal.fields.push({ kind: 'message', name: 'message', required: false, options: [] });
    const second = structuredClone(first);
    second.key = 'b';
    second.texts.en.message = 'Squeaking brakes? Tell our workshop.';
    configuration.variants.push(second);
  });
  await call('POST', `/bars/${contact.id}/publish`, { note: 'First version' });
  const spring = await make(call, 'Spring sale', 'link', (configuration) => {
    say(configuration, {
      message: 'Spring is here: 15 % off all city bikes until Sunday.',
      button: 'See the bikes',
    });
    const [first] = configuration.variants;
    first.goal.url = 'https://harbour-cycles.example/shop';
    const second = structuredClone(first);
    second.key = 'b';
    second.texts.en.button = 'Save 15 % now';
    configuration.variants.push(second);
  });
  await call('POST', `/bars/${spring.id}/publish`, { note: 'Prices of May' });
  const notice = await make(call, 'Holiday hours', 'notice', (configuration) =>
    say(configuration, { message: 'We are closed from 24 December until 2 January.' }),
  );
  await call('POST', `/bars/${notice.id}/publish`, {});
  const callback = await make(call, 'Test rides', 'contact', (configuration) => {
    configuration.layout = { kind: 'slide_in', corner: 'bottom_right' };
    configuration.theme.colours = {
      background: '#ffffff',
      text: '#0f172a',
      button: '#0f766e',
      button_text: '#ffffff',
    };
    say(configuration, {
      message: 'Ride it before you buy it: we call you for a date.',
      button: 'Book a test ride',
    });
  });

  const site = 'harbour-cycles.example';
  await visit(product, contact, { visitors: 150, host: site, seed: 7, variants: ['a', 'b'] });
  await visit(product, contact, {
    visitors: 30,
    host: 'journal.harbour-cycles.example',
    seed: 11,
    variants: ['a', 'b'],
  });
  await visit(product, spring, {
    visitors: 110,
    host: site,
    seed: 23,
    clicks: 0.17,
    variants: ['a', 'b'],
  });
  await visit(product, notice, { visitors: 40, host: site, seed: 31, closes: 0.4 });
  const by = dice(5);
  for (const person of PEOPLE) await write(product, contact, person, by.of(['a', 'b']), by);
  await call('POST', `/bars/${notice.id}/pause`);
  if (databaseFile) await past(databaseFile);

  const draft = await call('GET', `/bars/${contact.id}/draft`);
  draft.configuration.variants[0].texts.en.message =
    'A question about your bike? The workshop answers today.';
  draft.configuration.theme.colours.background = '#0f3d5c';
  await call('PUT', `/bars/${contact.id}/draft`, {
    revision: draft.revision,
    configuration: draft.configuration,
  });
  await call('POST', `/bars/${contact.id}/publish`, { note: 'Friendlier words' });
  const again = await call('GET', `/bars/${contact.id}/draft`);
  again.configuration.variants[0].texts.en.button = 'Ask the workshop';
  again.configuration.layout.position = 'top';
  await call('PUT', `/bars/${contact.id}/draft`, {
    revision: again.revision,
    configuration: again.configuration,
  });
  return { contact, spring, notice, callback };
}

/** Seven weeks before today: what was counted now, again and again, over the hours of a day, and a little more each week. */
async function past(databaseFile) {
  const week = [0.62, 0.86, 1, 0.93, 0.97, 0.55, 0.48];
  const hours = { '-9': 0.4, '-7': 0.9, '-5': 1.2, '-3': 1, '-1': 1.4, 1: 1.1, 3: 0.6 };
  const names = ['views', 'visitors', 'clicks', 'closes', 'submissions'];
  const again = (table, time, back, since, factor) =>
    `insert or ignore into ${table} select member_id, bar_id, dimension, ${time} - ${back}, value, ` +
    `${names.map((name) => `cast(round(${name} * ${factor.toFixed(3)}) as integer)`).join(', ')} ` +
    `from ${table} where ${time} >= ${since};`;
  const hour = Math.floor(Date.now() / 3_600_000) - 1;
  const statements = [];
  for (let ago = 1; ago <= 49; ago += 1) {
    const factor = week[ago % 7] * (0.86 + 0.14 * Math.sin(ago * 1.7)) * (1 - ago / 90);
    statements.push(again('daily_counts', 'day', ago, Math.floor(hour / 24), factor));
    for (const [offset, share] of Object.entries(hours))
      statements.push(
        again('hourly_counts', 'hour', 24 * ago - Number(offset), hour, (factor * share) / 6.6),
      );
  }
  const sql = `pragma busy_timeout = 10000; begin immediate; ${statements.join(' ')} commit;`;
  const done = promisify(execFile)('sqlite3', ['-bail', databaseFile]);
  done.child.stdin.end(sql);
  await done;
}
