// Where the tests play: an embed host that records what it is told, a site of another origin, and a browser.
// Everything runs against the script that ships, cut down to what each bar needs as the server does it.

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

/** What old snippets load; the server fills in its own address. */
const old = await readFile(new URL('../../src/install/old.js', import.meta.url), 'utf8');
const pieces = JSON.parse(await readFile(new URL('../dist/bar.json', import.meta.url), 'utf8'));

/** The parts that a bar needs, as src/bars/configuration/runtime/parts.rs finds them. */
function partsOf({ v: variants, d: tab, w: triggers, t: target }) {
  const trees = JSON.stringify(variants);
  const kinds = new Set(triggers.map(([kind]) => kind));
  const layout = ['slide', 'modal', 'inline'].find((name) => trees.includes(`"card ${name}`));
  return new Set(
    [
      layout ?? 'bar',
      layout && 'card',
      trees.includes('["form"') && 'form',
      tab && 'tab',
      target && 'target',
      target?.s && 'schedule',
      variants.length > 1 && 'variants',
      ...[undefined, 'scroll', 'exit', 'idle', 'click'].filter((_, kind) => kinds.has(kind)),
    ].filter(Boolean),
  );
}

function assemble(bar, origin) {
  const parts = partsOf(bar);
  const json = JSON.stringify({ h: origin, ...bar }).replaceAll('<', '\\u003c');
  return pieces
    .map(([part, text]) => (!part || parts.has(part) ? text : '""'))
    .join('')
    .replace('"__CONTACTBAR__"', () => json);
}

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

/**
 * The embed host. `answers.e` and `answers.contacts` say what it does with the next requests; scripts wait for `slow`,
 * and come with the status `broken`, or not at all. Events wait for `busy` before they are kept, and are lost if the
 * browser gives them up meanwhile.
 */
export async function openEmbedHost() {
  const bars = new Map();
  const host = { events: [], posts: [], tries: 0, answers: {}, bars, closed: false };
  const { server, origin } = await listen(async (request, response) => {
    // On a used connection the browser itself would try once more, and hide the failure.
    response.setHeader('Connection', 'close');
    const { pathname } = new URL(request.url, 'http://host');
    const key = pathname.match(/^\/b\/([^/.]+)\.js$/)?.[1];
    if (key) {
      response.setHeader('Content-Type', 'text/javascript; charset=utf-8');
      await host.slow;
      if (host.broken === 'fail') return request.socket.destroy();
      response.statusCode = host.broken ?? 200;
      const bar = bars.get(key) ?? '';
      response.end(typeof bar === 'string' ? bar : assemble(bar, origin));
      return;
    }
    if (pathname.startsWith('/assets/')) {
      response.setHeader('Content-Type', 'text/javascript');
      return response.end(old.replace('BASE', JSON.stringify(`${origin}/b/`)));
    }
    response.setHeader('Access-Control-Allow-Origin', '*');
    response.setHeader('Access-Control-Expose-Headers', 'Retry-After');
    const body = await bodyOf(request);
    const kind = pathname === '/e' ? 'e' : 'contacts';
    if (kind === 'e') {
      host.tries++;
      await host.busy;
      if (request.socket.destroyed) return;
    }
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
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      // Nobody types into its address bar: its suggestions, and what it keeps ready, cost each context most of a second.
      '--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,SpareRendererForSitePerProcess,' +
        'HttpsUpgrades,Translate,MediaRouter',
    ],
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
