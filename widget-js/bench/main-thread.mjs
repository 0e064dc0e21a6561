// How long the bar keeps the page's main thread busy on a processor slowed down four times: the longest task in which
// our script ran, and all of them together, beside a script that does nothing. Medians of RUNS visits each.

import { contact, everything, link } from '../test/render.mjs';
import { openBrowser, openEmbedHost, openSite } from '../test/stage.mjs';

const RUNS = 7;
const MODAL = { layout: { kind: 'modal' } };
const SLIDE = { layout: { kind: 'slide_in', corner: 'bottom_right' } };
const SCENES = [
  ['no bar', undefined],
  ['waits for code', link('a', { w: [[5]] })],
  ['bar, link', link('a')],
  ['bar, form', contact('a')],
  ['slide-in, form', contact('a', {}, SLIDE)],
  ['modal, 7 fields', everything('a', {}, MODAL)],
];

const TEXT = `<p>${'Fine teas since 1921. '.repeat(600)}</p>`;
const median = (numbers) => numbers.sort((one, other) => one - other)[numbers.length >> 1];

/** Milliseconds of processor time of the tasks in which a script from `/b/` ran. */
function tasksOf(trace) {
  const { traceEvents } = JSON.parse(trace);
  const ours = traceEvents.filter(
    ({ name, args }) =>
      /^(EvaluateScript|FunctionCall)$/.test(name) && /\/b\/a\.js/.test(args?.data?.url ?? ''),
  );
  const runs = traceEvents.filter(({ name, ph }) => name.endsWith('ControllerImpl::RunTask') && ph === 'X');
  const held = new Set(
    ours.map((event) =>
      runs.find(
        ({ tid, pid, ts, dur }) =>
          tid === event.tid && pid === event.pid && ts <= event.ts && event.ts < ts + dur,
      ),
    ),
  );
  held.delete(undefined);
  return [...held].map(({ tdur }) => tdur / 1000);
}

const embed = await openEmbedHost();
const site = await openSite();
const browser = await openBrowser();
site.pages.set('/favicon.ico', { html: '' });
process.stdout.write('main thread at 4× slowdown      longest task   all tasks\n');
for (const [name, bar] of SCENES) {
  embed.bars.delete('a');
  if (bar) embed.bars.set('a', bar);
  site.pages.set('/', {
    html: `<!doctype html><title>Shop</title><h1>Teas</h1>${TEXT}<script async src="${embed.origin}/b/a.js"></script>`,
  });
  const longest = [];
  const sums = [];
  for (let run = 0; run < RUNS; run++) {
    const context = await browser.newContext({ viewport: { width: 1200, height: 800 } });
    const page = await context.newPage();
    const session = await context.newCDPSession(page);
    await session.send('Emulation.setCPUThrottlingRate', { rate: 4 });
    await browser.startTracing(page, { categories: ['devtools.timeline', 'toplevel', 'v8'] });
    await page.goto(site.origin, { waitUntil: 'load' });
    if (bar && bar.w[0][0] === 0) await page.locator('html > div').waitFor({ state: 'attached' });
    await page.evaluate(() => new Promise((done) => requestIdleCallback(done)));
    const tasks = tasksOf((await browser.stopTracing()).toString());
    longest.push(Math.max(0, ...tasks));
    sums.push(tasks.reduce((sum, task) => sum + task, 0));
    await context.close();
  }
  const show = (number) => `${median(number).toFixed(1)} ms`.padStart(10);
  process.stdout.write(`${name.padEnd(32)}${show(longest)}  ${show(sums)}\n`);
}
await browser.close();
embed.close();
site.close();
