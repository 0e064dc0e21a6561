// Where the tests play: an embed host that records what it is told, a site of another origin, and a browser.
// Everything runs against dist/bar.js, the script that ships.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

const script = await readFile(new URL('../dist/bar.js', import.meta.url), 'utf8');

async function listen(handler) {
  const server = createServer(handler);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, origin: `http://127.0.0.1:${server.address().port}` };
}

async function bodyOf(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** The embed host. `answers.e` and `answers.contacts` say what it does with the next requests. */
export async function openEmbedHost() {
  const bars = new Map();
  const host = { events: [], posts: [], tries: 0, answers: {}, bars, closed: false };
  const { server, origin } = await listen(async (request, response) => {
    // On a used connection the browser itself would try once more, and hide the failure.
    response.setHeader('Connection', 'close');
    const { pathname } = new URL(request.url, 'http://host');
    const key = pathname.match(/^\/b\/([^/.]+)\.js$/)?.[1];
    if (key) {
      const json = JSON.stringify(bars.get(key)).replaceAll('<', '\\u003c');
      response.setHeader('Content-Type', 'text/javascript; charset=utf-8');
      response.end(script.replace('"__CONTACTBAR__"', () => json));
      return;
    }
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Expose-Headers', 'Retry-After');
    const body = await bodyOf(request);
    const kind = pathname === '/e' ? 'e' : 'contacts';
    if (kind === 'e') host.tries++;
    const answer = host.answers[kind]?.shift();
    if (answer === 'fail') return request.socket.destroy();
    if (!answer || answer.status < 300) {
      if (kind === 'e') host.events.push(...[JSON.parse(body)].flat());
      else host.posts.push({ ...JSON.parse(body), key: pathname.split('/')[2] });
    }
    response.statusCode = answer?.status ?? (kind === 'e' ? 204 : 200);
    for (const [name, value] of Object.entries(answer?.headers ?? {})) response.setHeader(name, value);
    response.end(JSON.stringify(answer?.body ?? { message: 'Thank you, Ada!' }));
  });
  host.origin = origin;
  host.close = () => server.close();
  return host;
}

/** A site of somebody else: each path is a page with headers of its own. */
export async function openSite() {
  const pages = new Map();
  const { server, origin } = await listen((request, response) => {
    const page = pages.get(new URL(request.url, 'http://site').pathname);
    response.statusCode = page ? 200 : 404;
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    for (const [name, value] of Object.entries(page?.headers ?? {})) response.setHeader(name, value);
    response.end(page?.html ?? 'Not here');
  });
  return { origin, pages, close: () => server.close() };
}

export function openBrowser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
    args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
  });
}

/** Looks into closed shadow roots, and holds on to them: what the page itself can't do. */
export function openShadows() {
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    globalThis.askedMode = options.mode;
    return attach.call(this, { ...options, mode: 'open' });
  };
}

export const STRICT = (embed) => ({
  'Content-Security-Policy':
    `default-src 'none'; script-src ${embed}; connect-src ${embed}; ` +
    "require-trusted-types-for 'script'; trusted-types 'none'",
});

// ── Configurations, as src/bars/configuration/runtime.rs writes them ─────────────────────────────────────

const COLOURS = { c: ['#312e81', '#ffffff', '#fde68a', '#312e81'] };
const BASE = { v: 'a', l: 'en', z: 16, r: 8, x: true, a: 7, s: true, p: true, q: true, ...COLOURS };

export const link = (k, more) => ({
  ...BASE,
  k,
  g: { u: 'https://example.com/' },
  t: { en: { m: 'Something new is here, and it’s worth a look.', b: 'See what’s new', x: 'Close' } },
  ...more,
});

export const notice = (k, more) => ({
  ...BASE,
  k,
  g: {},
  t: { en: { m: 'Good to know: our opening hours change next week.', x: 'Close' } },
  ...more,
});

const WORDS = {
  m: 'Have a question? Leave us a line and we’ll get back to you today.',
  b: 'Get in touch',
  s: 'Thank you!',
  e: 'That could not be sent. Please try again.',
  x: 'Close',
};

export const contact = (k, more) => ({
  ...BASE,
  k,
  b: true,
  g: {
    f: [
      ['name', 1, 0],
      ['email', 0, 1],
    ],
  },
  t: { en: { ...WORDS, l: ['Your name', 'Your email'] } },
  ...more,
});

/** Every kind of field, and consent. */
export const everything = (k, more) => ({
  ...BASE,
  k,
  b: true,
  g: {
    f: [
      ['name', 1, 0],
      ['email', 0, 1],
      ['phone', 2, 0],
      ['topic', 5, 1, ['sales', 'help']],
      ['company', 4, 0],
      ['message', 3, 0],
      ['news', 6, 0],
      ['source', 7, 0, 'bar'],
    ],
    c: [1, 'https://example.com/privacy'],
  },
  t: {
    en: {
      ...WORDS,
      l: ['Your name', 'Your email', 'Your phone', 'Topic', 'Company', 'Your message', 'Send me news', ''],
      o: { 3: ['Sales', 'Help & support'] },
      c: 'I agree that my details are used to answer me.',
      p: 'Privacy policy',
    },
    he: {
      ...WORDS,
      m: 'יש לכם שאלה? השאירו פרטים ונחזור אליכם היום.',
      b: 'צרו קשר',
      x: 'סגירה',
      r: 1,
      l: ['השם שלך', 'האימייל שלך', 'טלפון', 'נושא', 'חברה', 'ההודעה שלך', 'שלחו לי חדשות', ''],
      o: { 3: ['מכירות', 'תמיכה'] },
      c: 'אני מסכים שהפרטים ישמשו למענה.',
      p: 'מדיניות פרטיות',
    },
  },
  ...more,
});
