// Builds dist/bar.js: one script in which the server puts a bar's configuration for "__CONTACTBAR__".

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { build, transform } from 'esbuild';

const PLACEHOLDER = '"__CONTACTBAR__"';
const BUDGET_BYTES = 6000;

const minifiedCss = {
  name: 'minified-css',
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const css = await readFile(path, 'utf8');
      const { code } = await transform(css, { loader: 'css', minify: true, target: 'chrome111' });
      return { contents: code.trim(), loader: 'text' };
    });
  },
};

const { outputFiles } = await build({
  entryPoints: [new URL('src/main.ts', import.meta.url).pathname],
  bundle: true,
  minify: true,
  format: 'iife',
  target: 'es2020',
  charset: 'utf8',
  legalComments: 'none',
  plugins: [minifiedCss],
  write: false,
});
const script = outputFiles[0].text.trim();

if (script.split(PLACEHOLDER).length !== 2)
  throw new Error(`the script must hold ${PLACEHOLDER} exactly once`);
await mkdir(new URL('dist/', import.meta.url), { recursive: true });
await writeFile(new URL('dist/bar.js', import.meta.url), script);

const brotli = brotliCompressSync(script).length;
const bytes = (count) => `${count.toLocaleString('en')} bytes`;
process.stdout.write(
  `dist/bar.js: ${bytes(Buffer.byteLength(script))}, gzip ${bytes(gzipSync(script).length)}, brotli ${bytes(brotli)}\n`,
);
if (brotli > BUDGET_BYTES) throw new Error(`the script must have at most ${bytes(BUDGET_BYTES)} in brotli`);
