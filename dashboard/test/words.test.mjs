// What the server refuses with, held against the catalogues: every saying of its has words in every other language.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';

const root = new URL('../../src/', import.meta.url);

/** Where sayings stand that a member can meet in the dashboard. */
const FEATURES = ['accounts', 'bars/api', 'billing/api.rs', 'contacts/api', 'contacts/service/views.rs'];
const VALUES = [
  'text.rs',
  'accounts/passwords.rs',
  'accounts/profile.rs',
  'accounts/own_visits.rs',
  'bars/hosts.rs',
  'outgoing/mod.rs',
];
/** Never met: said to programs only, or at what the dashboard does not do. */
const OTHERS = [
  /an API token|without `account`|PATCH \/api|`account`/,
  /Authorization|`totp`/,
  /^This bar may not be used/,
  /^no trusted certificates/,
  /^the request can't be made/,
];

async function* sources(path) {
  if (path.endsWith('.rs')) {
    yield await readFile(new URL(path, root), 'utf8');
    return;
  }
  for (const entry of await readdir(new URL(`${path}/`, root), { recursive: true })) {
    if (entry.endsWith('.rs')) yield await readFile(new URL(`${path}/${entry}`, root), 'utf8');
  }
}

/** Every literal that a pattern finds, with something in the place of what is filled in. */
async function sayings(paths, pattern) {
  const found = new Set();
  for (const path of paths) {
    for await (const text of sources(path)) {
      for (const [, saying] of text.matchAll(pattern)) found.add(saying.replaceAll(/\{[^}]*\}/g, '7'));
    }
  }
  return [...found].filter((saying) => !OTHERS.some((other) => other.test(saying)));
}

/** The patterns of a catalogue's section `server`. */
async function patterns(language) {
  const text = await readFile(new URL(`../src/i18n/${language}.ts`, import.meta.url), 'utf8');
  const section = text.slice(text.indexOf('  server: ['));
  return [...section.matchAll(/^\s*(?:\[\s*)?\/(.+)\/(i?),/gm)].map(
    ([, source, flags]) => new RegExp(source, flags),
  );
}

test('what the server refuses with has German words', async () => {
  const known = await patterns('de');
  const said = [
    ...(await sayings(
      FEATURES,
      /Problem::(?:conflict|forbidden|unauthorized)\(\s*(?:format!\(\s*)?"([^"]+)"/g,
    )),
    ...(await sayings(VALUES, /#\[error\("([^"]+)"/g)),
  ];
  assert.ok(known.length > 50 && said.length > 30, `${known.length} patterns, ${said.length} sayings`);
  assert.deepEqual(
    said.filter((saying) => !known.some((pattern) => pattern.test(saying))),
    [],
  );
});
