import { resolve } from 'node:path';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { precompressed } from './precompressed.ts';

/** The server that `npm run dev` asks: one that `make run` started. */
const server = process.env.CONTACTBAR_URL ?? 'http://127.0.0.1:8080';
const asked = ['/api', '/b/', '/e', '/docs', '/policies', '/optout', '/mail', '/demo'];

/** What nearly every page is made of. */
const SHARED =
  /\/src\/(ui|shell\/Foot|state|api|i18n\/(index|format|plural|problems)|pages\/entry\/(EntryLayout|go-on))\b/;

export default defineConfig({
  plugins: [svelte(), precompressed()],
  build: {
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // Every script and style is a file of its own name: the page's policy allows nothing inline.
    assetsInlineLimit: 0,
    manifest: true,
    modulePreload: { polyfill: false },
    rollupOptions: {
      // The components come as one: a page of twenty little files would wait for twenty answers.
      output: { manualChunks: (id) => (SHARED.test(id) ? 'shared' : undefined) },
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
