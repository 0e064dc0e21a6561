// A visitor of somebody's site, in a browser that says nothing of being driven. The bar's shadow root is closed: the
// visitor looks into it, because the page is told to remember it, but every click and key is the browser's own.

import { chromium } from 'playwright-core';
import { FLAGS } from './stage.mjs';

export async function openVisitor(address, size = { width: 1100, height: 700 }) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [...FLAGS, '--disable-blink-features=AutomationControlled'],
  });
  const userAgent = `Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${browser.version()} Safari/537.36`;
  const page = await browser.newPage({ viewport: size, userAgent, reducedMotion: 'reduce', locale: 'en-GB' });
  await page.addInitScript(() => {
    globalThis.heard = [];
    for (const name of ['show', 'click', 'close', 'submit', 'error'])
      document.addEventListener(`contactbar:${name}`, () => globalThis.heard.push(name));
    const attach = Element.prototype.attachShadow;
    Element.prototype.attachShadow = function (how) {
      globalThis.root = attach.call(this, how);
      return globalThis.root;
    };
  });
  await page.goto(address);

  /** The middle of an element of the bar that can be seen there and stands still. */
  async function place(selector) {
    const found = await page.waitForFunction((wanted) => {
      const element = globalThis.root?.querySelector(wanted);
      const box = element?.getBoundingClientRect();
      if (!box || box.width < 8 || box.height < 8) return null;
      const at = `${box.x} ${box.y}`;
      const moved = element.lastAt !== at;
      element.lastAt = at;
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      return !moved && document.elementFromPoint(x, y) === globalThis.root.host && { x, y };
    }, selector);
    return found.jsonValue();
  }

  return {
    page,
    heard: (name) => page.waitForFunction((wanted) => globalThis.heard.includes(wanted), name),
    has: (selector) => page.evaluate((wanted) => globalThis.root.querySelector(wanted) !== null, selector),
    text: () => page.evaluate(() => globalThis.root.textContent),
    async press(selector) {
      const { x, y } = await place(selector);
      await page.mouse.click(x, y);
    },
    /** As people type: what fills a form at once is a robot. */
    async write(selector, text) {
      await this.press(selector);
      await page.waitForFunction((wanted) => globalThis.root.activeElement?.matches(wanted), selector);
      await page.keyboard.type(text, { delay: 70 });
    },
    close: () => browser.close(),
  };
}
