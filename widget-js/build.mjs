// Builds dist/bar.js, one script in which the server puts a bar's configuration for "__CONTACTBAR__", and
// dist/bar.json, the same cut into parts, of which the server leaves out those that a bar does not need.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { parse } from 'acorn';
import { build, transform } from 'esbuild';
import { minify } from 'terser';

const PLACEHOLDER = '"__CONTACTBAR__"';
const BUDGET_BYTES = 6000;
const BASE = 'base';

/** A style sheet is a text, and a part of its own name. */
const styles = {
  name: 'styles',
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const css = await readFile(path, 'utf8');
      const { code } = await transform(css, {
        loader: 'css',
        minify: true,
        charset: 'utf8',
        target: 'chrome111',
      });
      const text = JSON.stringify(code.trim());
      const name = basename(path, '.css');
      return { contents: `export default ${name === BASE ? text : `__part("${name}", ${text})`}` };
    });
  },
};

async function bundle() {
  const { outputFiles } = await build({
    entryPoints: [new URL('src/main.ts', import.meta.url).pathname],
    bundle: true,
    format: 'iife',
    target: 'es2022',
    charset: 'utf8',
    plugins: [styles],
    write: false,
  });
  const { code } = await minify(outputFiles[0].text, {
    ecma: 2022,
    toplevel: true,
    compress: {
      passes: 4,
      pure_getters: true,
      unsafe: true,
      unsafe_arrows: true,
      unsafe_methods: true,
      keep_fargs: false,
      hoist_funs: true,
      booleans_as_integers: true,
      lhs_constants: false,
    },
    mangle: { nth_identifier: { get: name } },
    format: { comments: false },
  });
  return code.trim().replace(/^"use strict";/, '');
}

const LETTERS = 'tcmkswxylSviMqoBTUnpabzAVDZgfNQdXhCIWrL$YGRjKEePu_HJOF';

/** Short names in a fixed order, found by trying: what looks alike compresses better than what is counted out. */
function name(place) {
  const letter = LETTERS[place % LETTERS.length];
  return place < LETTERS.length ? letter : letter + name(Math.floor(place / LETTERS.length) - 1);
}

/** All calls `__part(name, value)`, from the first to the last. */
function findParts(node, found = []) {
  if (node?.type === 'CallExpression' && node.callee.name === '__part') {
    const [name, value] = node.arguments;
    found.push({ name: name.value, from: node.start, value, to: node.end });
    if (findParts(value).length) throw new Error(`the part ${name.value} holds another`);
    return found;
  }
  for (const child of Object.values(node ?? {})) {
    if (child && typeof child === 'object') {
      if (Array.isArray(child)) for (const one of child) findParts(one, found);
      else findParts(child, found);
    }
  }
  return found.sort((one, other) => one.from - other.from);
}

/** `[[part, text], …]`: the whole script; `''` is the part that every bar needs. */
function cut(code) {
  const pieces = [];
  let at = 0;
  for (const { name, from, value, to } of findParts(parse(code, { ecmaVersion: 2022 }))) {
    pieces.push(['', code.slice(at, from)]);
    // An arrow function is an expression only in brackets, wherever it may come to stand.
    pieces.push([name, code.slice(value.start, value.end)]);
    at = to;
  }
  return [...pieces, ['', code.slice(at)]];
}

export const join = (pieces, needed = () => true) =>
  pieces.map(([part, text]) => (!part || needed(part) ? text : '""')).join('');

const bytes = (count) => `${count.toLocaleString('en')} bytes`;
export const brotli = (text) =>
  brotliCompressSync(text, {
    params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_LGWIN]: 22 },
  }).length;
const sizes = (text) =>
  `${bytes(Buffer.byteLength(text))}, gzip ${bytes(gzipSync(text, { level: 9 }).length)}, brotli ${bytes(brotli(text))}`;

const pieces = cut(await bundle());
const script = join(pieces);
if (script.split(PLACEHOLDER).length !== 2)
  throw new Error(`the script must hold ${PLACEHOLDER} exactly once`);

const dist = new URL('dist/', import.meta.url);
await mkdir(dist, { recursive: true });
await writeFile(new URL('bar.js', dist), script);
await writeFile(new URL('bar.json', dist), JSON.stringify(pieces));

process.stdout.write(`the full script       ${sizes(script)}\n`);
process.stdout.write(`the smallest, a notice ${sizes(join(pieces, (part) => part === 'bar'))}\n`);
if (process.argv.includes('--parts')) {
  for (const part of new Set(pieces.map(([part]) => part).filter(Boolean))) {
    const without = brotli(join(pieces, (other) => other !== part));
    process.stdout.write(`  ${part}: ${bytes(brotli(script) - without)}\n`);
  }
}
if (brotli(script) > BUDGET_BYTES) {
  process.stderr.write(`the full script must have at most ${bytes(BUDGET_BYTES)} in brotli\n`);
  process.exitCode = 1;
}
