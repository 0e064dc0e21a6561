// The weight of the pages that somebody sees first, as they travel: all that the browser loads for them, in brotli.
// Fails above the budget.

import { existsSync, readFileSync, statSync } from 'node:fs';

const BUDGET_BYTES = 90_000;
const dist = new URL('../dist/', import.meta.url);
const manifest = JSON.parse(readFileSync(new URL('.vite/manifest.json', dist), 'utf8'));

/** Every file that a module needs before it runs: itself, what it imports, their styles. */
function filesOf(key, found = new Set()) {
  const { file, imports = [], css = [], assets = [] } = manifest[key];
  if (found.has(file)) return found;
  for (const path of [file, ...css, ...assets]) found.add(path);
  for (const other of imports) filesOf(other, found);
  return found;
}

function weight(path) {
  const compressed = new URL(`${path}.br`, dist);
  return statSync(existsSync(compressed) ? compressed : new URL(path, dist)).size;
}

const pages = {
  'log-in': ['src/pages/entry/LoginPage.svelte'],
  bars: ['src/shell/Shell.svelte', 'src/pages/bars/BarsPage.svelte'],
};
const always = ['src/i18n/de.ts'];

let over = false;
for (const [name, modules] of Object.entries(pages)) {
  const files = new Set(['index.html']);
  for (const key of [...always, ...modules]) for (const file of filesOf(key)) files.add(file);
  const bytes = [...files].reduce((sum, file) => sum + weight(file), 0);
  over ||= bytes > BUDGET_BYTES;
  const verdict = bytes > BUDGET_BYTES ? 'short' : 'ok';
  process.stdout.write(
    `bench dashboard_first_page_${name.replace('-', '_')} ${bytes} bytes target ${BUDGET_BYTES} ${verdict}\n`,
  );
}
if (over) process.exit(1);
