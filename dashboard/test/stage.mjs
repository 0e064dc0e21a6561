// Where the tests play: the real binary with the dashboard in it, on a database of its own; a browser; the mails that
// were sent; and somebody's site on another origin, on which bars are embedded.

import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { chromium } from 'playwright-core';
import PostalMime from 'postal-mime';

const BINARY =
  process.env.CONTACTBAR_BIN ?? new URL('../../target/debug/contactbar', import.meta.url).pathname;
const POSTGRES = process.env.CONTACTBAR_TEST_POSTGRES;
export const PASSWORD = 'seven quiet herons wade';

/** The databases to be tested on: those that are named, else PostgreSQL too, where there is one. */
export const databases =
  process.env.DATABASES?.split(' ') ?? (POSTGRES ? ['sqlite', 'postgres'] : ['sqlite']);

export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Polls until it is true (or something), and gives that back. */
export async function until(what, condition, seconds = 20) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited ${seconds} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function psql(statement, database = POSTGRES) {
  await promisify(execFile)('psql', ['-qX', '-v', 'ON_ERROR_STOP=1', '-d', database, '-c', statement]);
}

/** The product, started. `settings` are `CONTACTBAR_…` variables. */
export async function openProduct(database = databases[0], settings = {}) {
  const folder = await mkdtemp(join(tmpdir(), 'contactbar-dashboard-'));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const name = `contactbar_${randomBytes(6).toString('hex')}`;
  if (database === 'postgres') await psql(`create database ${name}`);
  const databaseUrl =
    database === 'postgres'
      ? `${POSTGRES.replace(/\/[^/]*$/, '')}/${name}`
      : `sqlite:${join(folder, 'contactbar.db')}`;
  const inherited = Object.fromEntries(
    Object.entries(process.env).filter(([key]) => !key.startsWith('CONTACTBAR_')),
  );
  const env = {
    ...inherited,
    CONTACTBAR_LISTEN: `127.0.0.1:${port}`,
    CONTACTBAR_PUBLIC_URL: url,
    CONTACTBAR_DATA_DIR: join(folder, 'data'),
    CONTACTBAR_DATABASE_URL: databaseUrl,
    CONTACTBAR_RATE_LIMITS: 'off',
    ...settings,
  };
  const child = spawn(BINARY, ['serve'], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  let log = '';
  child.stderr.on('data', (data) => {
    log += data;
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await until(`the server:\n${log}`, () =>
    fetch(`${url}/readyz`)
      .then((answer) => answer.ok)
      .catch(() => false),
  );

  const mails = async () => {
    const inbox = join(folder, 'data', 'mail');
    const names = await readdir(inbox).catch(() => []);
    const whole = names.filter((file) => file.endsWith('.eml')).sort();
    return Promise.all(whole.map(async (file) => PostalMime.parse(await readFile(join(inbox, file)))));
  };

  return {
    url,
    database,
    mails,
    /** A folder of its own. */
    folder,
    /** The command line beside the service, on the same database: `run('policy', 'status')`; answers what it prints. */
    run: async (...args) => (await promisify(execFile)(BINARY, args, { env })).stdout,
    log: () => log,
    /** The newest mail to an address whose text contains all of that, once it is there. */
    mail: (address, ...parts) =>
      until(`a mail to ${address} with ${parts}`, async () =>
        (await mails()).findLast(
          (mail) =>
            mail.to?.some((to) => to.address === address) &&
            parts.every((part) => `${mail.subject}\n${mail.text}`.includes(part)),
        ),
      ),
    close: async () => {
      child.kill('SIGTERM');
      await ended;
      if (database === 'postgres') await psql(`drop database if exists ${name} with (force)`);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** The address that a mail asks its reader to follow. */
export function linkIn(mail, path) {
  return mail.text.match(new RegExp(`https?://\\S+${path}\\S*`))[0];
}

/** A caller of the API as somebody: `call('POST', '/bars', {…})`. */
export function caller(product, cookie) {
  return async (method, path, body) => {
    const answer = await fetch(`${product.url}/api/v1${path}`, {
      method,
      headers: {
        Origin: product.url,
        ...(cookie && { Cookie: cookie }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    const value = text && JSON.parse(text);
    const set = answer.headers.get('set-cookie')?.split(';')[0];
    return set ? { ...value, cookie: set } : value;
  };
}

/** Somebody who has registered, verified the address and logged in, all by the API: `{ email, call, cookie, session }`. */
export async function member(product, { name = 'Harbour Cycles', language = 'en' } = {}) {
  const email = `anna.${randomBytes(4).toString('hex')}@example.com`;
  const anybody = caller(product);
  await anybody('POST', '/users', {
    email,
    password: PASSWORD,
    name: 'Anna Berg',
    member_name: name,
    language,
    privacy_version: 1,
    terms_version: 1,
  });
  const mail = await product.mail(email, '/verify');
  await anybody('POST', '/users/verification', {
    token: new URL(linkIn(mail, '/verify')).searchParams.get('token'),
  });
  const session = await anybody('POST', '/session', { email, password: PASSWORD });
  return { email, cookie: session.cookie, session, call: caller(product, session.cookie) };
}

export const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  // Nobody types into its address bar: what it keeps ready for that costs each context most of a second.
  '--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup,WebUIOmniboxFullPopup,SpareRendererForSitePerProcess,' +
    'HttpsUpgrades,Translate,MediaRouter',
];

export function openBrowser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
}

/**
 * A page of the dashboard, in a browser of its own. With `as`, somebody is logged in. `page.faults` collects what must
 * never happen: errors in the console, exceptions, requests to anybody else.
 */
export async function openPage(
  browser,
  product,
  { as, size = [1280, 900], dark = false, phone = false, language = 'en' } = {},
) {
  const context = await browser.newContext({
    viewport: phone ? { width: 390, height: 844 } : { width: size[0], height: size[1] },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    locale: language === 'de' ? 'de-DE' : 'en-GB',
    baseURL: product.url,
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  if (as) {
    const [name, value] = as.cookie.split('=');
    await context.addCookies([{ name, value, url: product.url, httpOnly: true, sameSite: 'Lax' }]);
  }
  const page = await context.newPage();
  page.faults = [];
  page.on('pageerror', (error) => page.faults.push(String(error)));
  page.on('console', (message) => {
    // What a test asks for on purpose (a wrong password, a taken name) the browser notes as failed: that is no fault.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      page.faults.push(message.text());
  });
  page.on('request', (request) => {
    const { origin, protocol } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== product.url) page.faults.push(`asked ${origin}`);
  });
  page.setDefaultTimeout(15_000);
  return page;
}

/** Somebody's site, on another origin: every path of it is this HTML. */
export async function openSite(html) {
  const server = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end(html));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return { url: `http://127.0.0.1:${port}`, host: '127.0.0.1', close: () => server.close() };
}
