// How soon the first page can be used on a processor slowed down four times, on loopback: from the request until the
// form takes what is typed. The median of several cold loads.

import { chromium } from 'playwright-core';
import { openProduct } from '../test/stage.mjs';

const ROUNDS = 7;
const TARGET_MS = 1000;

const product = await openProduct();
// As members have it: with the process that a browser keeps ready for the next page.
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
const times = [];
for (let round = 0; round < ROUNDS; round++) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 4 });
  await page.addInitScript(() => {
    // The first frame in which the form stands, with its listeners: Svelte attaches them as it builds.
    const look = () => {
      if (document.querySelector('form input'))
        requestAnimationFrame(() => setTimeout(() => (window.usable = performance.now())));
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto(`${product.url}/login`);
  await page.waitForFunction(() => window.usable);
  times.push(await page.evaluate(() => window.usable));
  await context.close();
}
await browser.close();
await product.close();
const median = Math.round(times.sort((a, b) => a - b)[(ROUNDS - 1) / 2]);
process.stdout.write(
  `bench dashboard_interactive_4x ${median} ms target ${TARGET_MS} ${median < TARGET_MS ? 'ok' : 'short'}\n`,
);
