// Pictures of every layout, light and dark, phone and desktop, into the folder that is given: `make screenshots`.

import { mkdir } from 'node:fs/promises';
import { contact, everything, link, notice } from './render.mjs';
import { openBrowser, openEmbedHost, openShadows, openSite } from './stage.mjs';

const folder = process.argv[2] ?? 'dist/screenshots';
const INK = {
  colours: ['#ffffff', '#14213d', '#1d4ed8', '#ffffff'],
  dark: ['#16181d', '#f1f3f7', '#8ab4ff', '#0b1220'],
};
const NIGHT = { colours: ['#1f4d36', '#ffffff', '#fde68a', '#1f4d36'] };
const at = (layout, more) => ({ layout, ...INK, ...more });
const SLIDE = { kind: 'slide_in', corner: 'bottom_right' };
const INLINE = { kind: 'inline', selector: '#here' };

const open = (page) => page.locator('.opener').click();
const unfold = (page) => page.locator('.tab button').click();
const fault = (page) => page.locator('form .main').click();
const send = async (page) => {
  await page.getByLabel('Your email').fill('ada@example.com');
  await page.locator('form .main').click();
  await page.locator('.sent').waitFor();
};

/** Name, bar, and what is done before the picture is taken. */
const SCENES = [
  ['bar-link', link('a', {}, { ...NIGHT })],
  ['bar-notice-bottom', notice('a', {}, at({ kind: 'bar', position: 'bottom', push: false }))],
  ['bar-form', contact('a', {}, NIGHT)],
  [
    'bar-form-error',
    contact('a', {}, NIGHT),
    (page) =>
      page
        .locator('.opener')
        .isVisible()
        .then((is) => is && open(page))
        .then(() => fault(page)),
  ],
  ['bar-everything', everything('a', {}, at({ kind: 'bar', position: 'bottom' })), open],
  ['slide-link', link('a', {}, at(SLIDE))],
  ['slide-form', contact('a', {}, at(SLIDE))],
  ['slide-form-sent', contact('a', {}, at(SLIDE)), send],
  ['slide-everything', everything('a', {}, at(SLIDE)), fault],
  ['modal-link', link('a', {}, at({ kind: 'modal' }))],
  ['modal-form', contact('a', {}, at({ kind: 'modal' }))],
  ['modal-everything', everything('a', {}, at({ kind: 'modal' }))],
  ['inline-form', contact('a', {}, at(INLINE))],
  ['tab-right', contact('a', {}, at(SLIDE, { tab: { edge: 'right', starts_collapsed: true } }))],
  ['tab-left', contact('a', {}, at(SLIDE, { tab: { edge: 'left', starts_collapsed: true } }))],
  ['tab-bottom', contact('a', {}, at(SLIDE, { tab: { edge: 'bottom', starts_collapsed: true } }))],
  ['tab-opened', contact('a', {}, at(SLIDE, { tab: { edge: 'right', starts_collapsed: true } })), unfold],
  ['rtl', everything('a', {}, at(SLIDE)), undefined, 'he'],
];

const html = (
  origin,
) => `<!doctype html><html lang="en"><head><meta name="viewport" content="width=device-width">
<title>Teas</title><style>
  :root { color-scheme: light dark; font: 18px/1.6 Georgia, serif; background: light-dark(#faf7f2, #101113); color: light-dark(#2b2a28, #d8d6d2) }
  body { max-width: 44rem; margin: 4rem auto; padding: 0 1.5rem } h1 { font-size: 2.4rem; line-height: 1.1 }
</style></head><body><h1>Fine teas since 1921</h1><p>${'Every leaf is picked by hand in the first light of the day, and dried in the shade of old trees. '.repeat(4)}</p>
<div id="here"></div><p>${'We pack what you order on the day on which you order it, and send it the same evening. '.repeat(6)}</p>
<script async src="${origin}/b/a.js"></script></body></html>`;

const embed = await openEmbedHost();
const site = await openSite();
const browser = await openBrowser();
site.pages.set('/', { html: html(embed.origin) });
site.pages.set('/favicon.ico', { html: '' });
await mkdir(folder, { recursive: true });
for (const [name, bar, act, locale = 'en-GB'] of SCENES) {
  embed.bars.set('a', bar);
  for (const colorScheme of ['light', 'dark']) {
    for (const [device, viewport] of [
      ['desktop', { width: 1200, height: 760 }],
      ['phone', { width: 390, height: 760 }],
    ]) {
      const context = await browser.newContext({ colorScheme, locale, viewport, reducedMotion: 'reduce' });
      await context.addInitScript(openShadows);
      const page = await context.newPage();
      await page.goto(site.origin);
      await page.locator('html > div, #here > div').first().waitFor({ state: 'attached' });
      await act?.(page);
      await page.screenshot({ path: `${folder}/${name}-${device}-${colorScheme}.png` });
      await context.close();
    }
  }
}
await browser.close();
embed.close();
site.close();
process.stdout.write(`${SCENES.length * 4} pictures in ${folder}\n`);
