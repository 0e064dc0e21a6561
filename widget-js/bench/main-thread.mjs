// How long the bar keeps the page's main thread busy, in medians of RUNS visits each: the longest task on a processor
// slowed down four times, and all tasks together at full speed.
//
// Counted are the tasks in which our script ran, and once the bar begins to show, also those in which the browser lays
// it out and paints it. "cold" is the first page of a fresh process, in which each first use of something of the browser
// (storage, requests, typefaces) is paid by who comes first; "warm" the next page of the same site.

import { contact, everything, link } from '../test/render.mjs';
import { openBrowser, openEmbedHost, openSite } from '../test/stage.mjs';

const RUNS = +(process.env.RUNS ?? 5);
const TARGET_MS = 10;
/** The page is at rest when the bar shows: what happens from then on is the bar's. */
const LATER = { w: [[0, 0.7]] };
const MODAL = { layout: { kind: 'modal' } };
const SLIDE = { layout: { kind: 'slide_in', corner: 'bottom_right' } };
/** The least that shows a text above a page and counts a view of it, by whatever script: the floor of all that is shown. */
const FLOOR = `const { origin } = new URL(document.currentScript.src);
setTimeout(() => {
  const bar = document.createElement('div');
  bar.style.cssText = 'position:fixed;inset:0 0 auto;padding:20px;background:#123;color:#fff;font:16px sans-serif';
  bar.textContent = 'Hello there, something new';
  document.body.append(bar);
  setTimeout(() => fetch(origin + '/e', { method: 'POST', body: '{}', keepalive: true, credentials: 'omit' }), 100);
}, 700)`;
const SCENES = [
  ['no_bar', undefined],
  ['floor', FLOOR],
  ['waiting', link('a', { w: [[5]] })],
  ['bar_link', link('a', LATER)],
  ['bar_form', contact('a', LATER)],
  ['slide_in_form', contact('a', LATER, SLIDE)],
  ['modal_7_fields', everything('a', LATER, MODAL)],
];

/** What the floor takes, by figure. */
const floors = {};

const TEXT = `<p>${'Fine teas since 1921. '.repeat(600)}</p>`;
const median = (numbers) => numbers.toSorted((one, other) => one - other)[numbers.length >> 1];

/** Milliseconds of processor time, and how much of it went into style, layout and painting. */
function tasksOf(trace) {
  const events = JSON.parse(trace).traceEvents.filter(({ ph }) => ph === 'X');
  const script = events.filter(
    ({ name, args }) =>
      /^(EvaluateScript|FunctionCall)$/.test(name) && /\/b\/a\.js/.test(args?.data?.url ?? ''),
  );
  if (!script.length) return [];
  const { pid, tid } = script[0];
  const own = events.filter((event) => event.pid === pid && event.tid === tid);
  const begins = script.find(({ ts }) => ts > script[0].ts + 5e5)?.ts ?? Number.POSITIVE_INFINITY;
  const drawing = own.filter(({ name }) => /^(UpdateLayoutTree|Layout|PrePaint|Paint|Layerize)$/.test(name));
  return own
    .filter(({ name }) => name.endsWith('ControllerImpl::RunTask'))
    .flatMap(({ ts, dur, tdur }) => {
      const within = (event) => ts <= event.ts && event.ts < ts + dur;
      const calls = script.filter(within);
      const drawn = drawing.filter(within);
      if (!calls.length && !(ts >= begins && drawn.length)) return [];
      const sum = (some) => some.reduce((total, event) => total + event.tdur / 1000, 0);
      // Going to the next page is the browser's task; only what we do in it is ours.
      if (own.some((event) => event.name === 'CommitLoad' && within(event))) return [[sum(calls), 0]];
      return [[tdur / 1000, sum(drawn)]];
    });
}

const embed = await openEmbedHost();
const site = await openSite();
const browser = await openBrowser();
site.pages.set('/favicon.ico', { html: '' });

/** The tasks of two pages, one after the other in one process. */
async function visit(rate) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send('Emulation.setCPUThrottlingRate', { rate });
  const tasks = [];
  for (const path of ['/', '/next']) {
    await browser.startTracing(page, { categories: ['devtools.timeline', 'toplevel', 'v8'] });
    await page.goto(site.origin + path, { waitUntil: 'load' });
    await page.evaluate(() => new Promise((done) => setTimeout(() => requestIdleCallback(done), 2000)));
    tasks.push(tasksOf((await browser.stopTracing()).toString()));
  }
  await context.close();
  return tasks;
}

const say = (name, ms, more = '') => {
  const reached = ms < TARGET_MS ? 'ok' : 'short';
  process.stdout.write(`bench ${name} ${ms.toFixed(1)} ms target ${TARGET_MS} ${reached}${more}\n`);
};

for (const [name, bar] of SCENES) {
  embed.bars.delete('a');
  if (bar) embed.bars.set('a', bar);
  const html = `<!doctype html><title>Shop</title><h1>Teas</h1>${TEXT}<script async src="${embed.origin}/b/a.js"></script>`;
  site.pages.set('/', { html });
  site.pages.set('/next', { html });
  for (const [rate, figure] of [
    [4, 'longest_task_at_4x'],
    [1, 'main_thread_work'],
  ]) {
    const found = { cold: [], warm: [] };
    for (let run = 0; run < RUNS; run++) {
      const [cold, warm] = await visit(rate);
      found.cold.push(cold);
      found.warm.push(warm);
    }
    for (const [state, visits] of Object.entries(found)) {
      const longest = visits.map((tasks) => Math.max(0, ...tasks.map(([ms]) => ms)));
      const sums = visits.map((tasks) => tasks.reduce((sum, [ms]) => sum + ms, 0));
      const whole = median(rate > 1 ? longest : sums);
      if (name === 'floor') floors[`${figure}_${state}`] = whole;
      const floor = floors[`${figure}_${state}`];
      say(`${figure}_${name}_${state}`, whole, floor ? ` (${(whole / floor).toFixed(1)} of the floor)` : '');
      // Without what the browser draws, which is the same for whatever is shown.
      const own = visits.map((tasks) => Math.max(0, ...tasks.map(([ms, drawn]) => ms - drawn)));
      if (rate > 1) say(`longest_script_at_4x_${name}_${state}`, median(own));
    }
  }
}
await browser.close();
embed.close();
site.close();
