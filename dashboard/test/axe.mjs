// What axe finds on a page, in light and dark: nothing, or the test says what and where.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';

const source = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Frames are left out: the preview in them is a bar, which has tests of its own. */
export async function accessible(page, what = page.url()) {
  await page.locator('h1').first().waitFor();
  // What lies under the head of a page that was scrolled can be brought forth.
  await page.evaluate(() => scrollTo(0, 0));
  if (!(await page.evaluate(() => 'axe' in globalThis))) await page.evaluate(source);
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    const violations = await page.evaluate(
      (values) =>
        globalThis.axe
          .run(document, { iframes: false, runOnly: { type: 'tag', values } })
          .then((found) => found.violations),
      TAGS,
    );
    const told = violations.map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map((node) => `${node.html.slice(0, 160)} ${node.any[0]?.message ?? ''}`).join('\n  ')}`,
    );
    assert.deepEqual(told, [], `${what}, ${colorScheme}`);
  }
  await page.emulateMedia({ colorScheme: null });
}
