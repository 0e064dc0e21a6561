import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin, type Rollup } from 'vite';
import { precompressed } from './precompressed.ts';

type ChunkGraph = Pick<Rollup.PluginContext, 'getModuleInfo' | 'getModuleIds'>;

/** The server that `npm run dev` asks: one that `make run` started. */
const server = process.env.CONTACTBAR_URL ?? 'http://127.0.0.1:8080';
const asked = ['/api', '/b/', '/e', '/docs', '/policies', '/optout', '/mail', '/objection', '/demo'];

/** What is read first: it asks for the rest. */
const START = /\/src\/(main|i18n\/languages|pages\/entry\/ways-in)\.ts$|vite\/preload-helper/;
/** Whose needs are everybody's: the app itself and the ways in, in every language. */
const FIRST = /\/src\/(app\.ts|pages\/entry\/\w+Page\.svelte|i18n\/\w\w\.ts)$/;
/** What pages share. */
const SHARED =
  /\/node_modules\/|\/src\/(app\.ts|App\.svelte|router\.ts|(ui|shell|state|api|i18n)\/|pages\/entry\/(EntryLayout|go-on)\b)/;

/** A module and all that it can't do without. */
function needs(id: string, graph: ChunkGraph, found: Set<string>): Set<string> {
  if (found.has(id)) return found;
  found.add(id);
  for (const other of graph.getModuleInfo(id)?.importedIds ?? []) needs(other, graph, found);
  return found;
}

let first: Set<string> | undefined;

/** Three chunks of what is shared, besides each page's own: a page of twenty little files would wait for twenty answers,
 * and the first page need not read what only members see. */
function chunkOf(id: string, graph: ChunkGraph): string | undefined {
  if (START.test(id)) return 'start';
  first ??= [...graph.getModuleIds()]
    .filter((module) => FIRST.test(module))
    .reduce((found, module) => needs(module, graph, found), new Set<string>());
  if (/\/i18n\/\w\w\.ts$/.test(id) || !SHARED.test(id)) return undefined;
  if (first.has(id)) return 'first';
  return /\/src\/(ui|state)\//.test(id) ? 'members' : undefined;
}

/** Has the browser fetch `first` beside what asks for it. */
function firstAtOnce(): Plugin {
  return {
    name: 'first-at-once',
    transformIndexHtml: {
      order: 'post',
      handler: (_html, { bundle, filename }) => {
        if (!filename.endsWith('index.html')) return [];
        const files = Object.keys(bundle ?? {}).filter((file) => /\/first-[^/]*\.(js|css)$/.test(file));
        return files.map((file) => ({
          tag: 'link',
          attrs: {
            rel: file.endsWith('.js') ? 'modulepreload' : 'stylesheet',
            crossorigin: true,
            href: `/${file}`,
          },
          injectTo: 'head' as const,
        }));
      },
    },
  };
}

export default defineConfig({
  plugins: [svelte(), firstAtOnce(), precompressed()],
  build: {
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // Every script and style is a file of its own name: the page's policy allows nothing inline.
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    rollupOptions: {
      output: { manualChunks: chunkOf },
      input: {
        index: resolve(import.meta.dirname, 'index.html'),
        preview: resolve(import.meta.dirname, 'preview.html'),
      },
    },
  },
  server: {
    port: 5173,
    // `null`: the preview's frame is sandboxed, so that its origin is nobody's.
    cors: { origin: [/^http:\/\/(localhost|127\.0\.0\.1)(:\d+)?$/, 'null'] },
    proxy: Object.fromEntries(
      asked.map((path) => [path, { target: server, changeOrigin: true, headers: { origin: server } }]),
    ),
  },
});
