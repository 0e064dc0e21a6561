import { searchParams } from 'sv-router';
import { createContext } from 'svelte';
import type { PreviewState } from '../../../preview/protocol';
import { findPicture, keepPicture } from './picture';

export const PANELS = ['content', 'look', 'when', 'who', 'privacy'] as const;
export type Panel = (typeof PANELS)[number];

/** What of the editor is in sight. It stands in the address, so that going back and reloading keep the place. */
export class View {
  #bar: string;
  #address = $state('');
  picture = $state.raw<Blob>();

  constructor(bar: string, host: string | undefined) {
    this.#bar = bar;
    const known = host && !host.includes('*') ? `https://${host}/` : 'https://www.example.com/';
    this.#address = localStorage.getItem(this.#key) ?? known;
    void findPicture(bar).then((picture) => {
      this.picture = picture;
    });
  }

  /** Who works on a phone looks at a phone. */
  get #usualWidth(): readonly ['phone' | 'desktop', 'phone' | 'desktop'] {
    return innerWidth < 960 ? ['phone', 'desktop'] : ['desktop', 'phone'];
  }

  get #key(): string {
    return `contactbar.page.${this.#bar}`;
  }

  /** The address of the page that the preview seems to show. */
  get address(): string {
    return this.#address;
  }
  set address(text: string) {
    this.#address = text;
    localStorage.setItem(this.#key, text);
  }

  choosePicture(picture: Blob | undefined) {
    this.picture = picture;
    void keepPicture(this.#bar, picture);
  }

  get panel(): Panel {
    return this.#oneOf('panel', PANELS);
  }
  set panel(value: Panel) {
    this.#set('panel', value, 'content');
  }
  /** Which half is in sight where there is no room for both. */
  get half(): 'edit' | 'preview' {
    return this.#oneOf('half', ['edit', 'preview']);
  }
  set half(value) {
    this.#set('half', value, 'edit');
  }
  get variant(): string {
    return this.#text('variant');
  }
  set variant(key: string) {
    this.#set('variant', key, '');
  }
  get language(): string {
    return this.#text('language');
  }
  set language(tag: string) {
    this.#set('language', tag, '');
  }
  get width(): 'desktop' | 'phone' {
    return this.#oneOf('width', this.#usualWidth);
  }
  set width(value) {
    this.#set('width', value, this.#usualWidth[0]);
  }
  get scheme(): 'light' | 'dark' {
    return this.#oneOf('scheme', ['light', 'dark']);
  }
  set scheme(value) {
    this.#set('scheme', value, 'light');
  }
  get state(): PreviewState {
    return this.#oneOf('state', ['open', 'tab', 'error', 'success']);
  }
  set state(value) {
    this.#set('state', value, 'open');
  }

  #text(name: string): string {
    return searchParams.toURLSearchParams().get(name) ?? '';
  }
  #oneOf<V extends string>(name: string, values: readonly [V, ...V[]]): V {
    const text = this.#text(name);
    return values.find((value) => value === text) ?? values[0];
  }
  #set(name: string, value: string, usual: string) {
    if (value === this.#text(name)) return;
    if (value === usual) searchParams.delete(name, undefined, { replace: true });
    else searchParams.set(name, value, { replace: true });
  }
}

/** In a component of the editor, while it starts: what is in sight. */
export const [view, setView] = createContext<View>();
