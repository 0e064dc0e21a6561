// The list that was loaded last. It outlives its page: who comes back from a contact finds it as it was, and a contact's
// page knows who stands before and behind.

import { SvelteSet } from 'svelte/reactivity';
import { api, ask } from '../../api/client';
import type { Contact } from '../../api/schema';
import { Pages } from '../../state/query.svelte';
import type { Given } from './address.svelte';

/** As many at a time as the API gives. */
const PAGE = 200;
/** So long a list is as good as new. */
const FRESH_MS = 60_000;

export class ContactList {
  readonly pages: Pages<Contact>;
  readonly selected = new SvelteSet<string>();
  /** Which row the keyboard is at. */
  active = $state(0);
  /** Where a range of selected rows begins. */
  anchor = 0;
  /** How far the page was scrolled when it was left. */
  scrolledTo = 0;
  /** A contact of it is looked at: the way back leads to the list as it was. */
  visited = false;
  #loadedAt = Date.now();

  constructor(
    /** The list's part of the address. */
    readonly text: string,
    readonly member: string,
    query: Given,
  ) {
    this.pages = new Pages((after, signal) =>
      ask(api.GET('/api/v1/contacts', { params: { query: { ...query, after, limit: PAGE } }, signal })),
    );
    void this.pages.reload();
  }

  get reusable(): boolean {
    return !this.pages.problem && (this.visited || Date.now() - this.#loadedAt < FRESH_MS);
  }

  get items(): Contact[] {
    return this.pages.items;
  }

  indexOf(id: string): number {
    return this.items.findIndex((contact) => contact.id === id);
  }

  /** As the server says now: where they stand stays, even if their place would be another by now. */
  take(...fresh: Contact[]) {
    const by = new Map(fresh.map((contact) => [contact.id, contact]));
    this.pages.items = this.items.map((contact) => by.get(contact.id) ?? contact);
  }

  change(ids: ReadonlySet<string>, how: (contact: Contact) => Contact) {
    this.pages.items = this.items.map((contact) => (ids.has(contact.id) ? how(contact) : contact));
  }

  remove(ids: ReadonlySet<string>) {
    this.pages.items = this.items.filter((contact) => !ids.has(contact.id));
    for (const id of ids) this.selected.delete(id);
    this.active = Math.min(this.active, Math.max(0, this.items.length - 1));
  }

  toggle(index: number, range: boolean) {
    const contact = this.items[index];
    if (!contact) return;
    const on = !this.selected.has(contact.id);
    const [first, last] = range
      ? [Math.min(this.anchor, index), Math.max(this.anchor, index)]
      : [index, index];
    for (const { id } of this.items.slice(first, last + 1)) {
      if (on) this.selected.add(id);
      else this.selected.delete(id);
    }
    this.anchor = index;
    this.active = index;
  }

  toggleAll() {
    const all = this.selected.size < this.items.length;
    this.selected.clear();
    if (all) for (const { id } of this.items) this.selected.add(id);
  }
}

let latest = $state.raw<ContactList>();

/** The list that was opened last, if there is one: the way back from a contact. */
export function latestList(member: string): ContactList | undefined {
  return latest?.member === member ? latest : undefined;
}

/** The list of an address: the one that is there, or a new one. */
export function openList(text: string, member: string, query: Given): ContactList {
  const known = latestList(member);
  if (known?.text === text && known.reusable) {
    known.visited = false;
    return known;
  }
  known?.pages.stop();
  latest = new ContactList(text, member, query);
  return latest;
}
