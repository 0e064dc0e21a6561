// The same for many contacts: batch by batch, with progress, and back again where that is possible.

import { api, ask } from '../../api/client';
import { ApiProblem } from '../../api/problem';
import type { Bulk, Contact, ContactStatus } from '../../api/schema';
import { t } from '../../i18n/index.svelte';
import { explain } from '../../i18n/problems';
import { toasts } from '../../state/toasts.svelte';
import { STATUSES } from './address.svelte';
import type { ContactList } from './list.svelte';

/** As many at a time as the API takes. */
const BATCH = 200;

type Deed = Omit<Bulk, 'ids'>;
type Step = { deed: Deed; ids: string[] };

export class BulkWork {
  running = $state(false);
  done = $state(0);
  all = $state(0);
  #stopped = false;

  #list: () => ContactList;

  constructor(list: () => ContactList) {
    this.#list = list;
  }

  stop() {
    this.#stopped = true;
  }

  setStatus(status: ContactStatus) {
    const before = this.#selected();
    const undo = STATUSES.filter((former) => former !== status).map((former) =>
      step(
        { action: 'set_status', status: former },
        before.filter((contact) => contact.status === former),
      ),
    );
    return this.#run([step({ action: 'set_status', status }, before)], undo);
  }

  addTag(tag: string) {
    const before = this.#selected();
    const without = before.filter((contact) => !contact.tags.includes(tag));
    return this.#run(
      [step({ action: 'add_tag', tag }, before)],
      [step({ action: 'remove_tag', tag }, without)],
    );
  }

  removeTag(tag: string) {
    const having = this.#selected().filter((contact) => contact.tags.includes(tag));
    return this.#run(
      [step({ action: 'remove_tag', tag }, having)],
      [step({ action: 'add_tag', tag }, having)],
    );
  }

  delete() {
    return this.#run([step({ action: 'delete' }, this.#selected())], []);
  }

  #selected(): Contact[] {
    const { items, selected } = this.#list();
    return items.filter(({ id }) => selected.has(id));
  }

  /** Does it all; what was done is shown in the list as it goes on. */
  async #run(steps: Step[], undo: Step[]) {
    const words = t().contacts.bulk;
    const outcome = await this.#work(steps);
    const deleting = steps[0]?.deed.action === 'delete';
    const said = [deleting ? words.deleted(outcome.done) : words.done(outcome.done)];
    if (outcome.missing > 0) said.push(words.missing(outcome.missing));
    const back = undo.filter(({ ids }) => ids.length > 0);
    if (outcome.problem) toasts.bad([explain(outcome.problem), ...(outcome.done > 0 ? said : [])].join(' '));
    else if (this.#stopped) toasts.good([words.stopped, ...said].join(' '));
    else if (back.length > 0)
      toasts.good(said.join(' '), { label: t().common.undo, run: () => void this.#undo(back) });
    else toasts.good(said.join(' '));
  }

  async #undo(steps: Step[]) {
    const { problem } = await this.#work(steps);
    if (problem) toasts.bad(explain(problem));
    else toasts.good(t().contacts.bulk.undone);
  }

  async #work(steps: Step[]) {
    this.running = true;
    this.#stopped = false;
    this.done = 0;
    this.all = steps.reduce((sum, { ids }) => sum + ids.length, 0);
    const outcome: { done: number; missing: number; problem?: ApiProblem } = { done: 0, missing: 0 };
    try {
      for (const { deed, ids } of steps) {
        for (let at = 0; at < ids.length && !this.#stopped; at += BATCH) {
          const batch = ids.slice(at, at + BATCH);
          const result = await ask(api.POST('/api/v1/contacts/bulk', { body: { ids: batch, ...deed } }));
          outcome.done += result.done;
          outcome.missing += result.missing.length;
          this.#show(deed, new Set(batch), new Set(result.missing));
          this.done += batch.length;
        }
      }
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      outcome.problem = error;
    } finally {
      this.running = false;
    }
    return outcome;
  }

  #show(deed: Deed, ids: ReadonlySet<string>, missing: ReadonlySet<string>) {
    const list = this.#list();
    if (deed.action === 'delete') return list.remove(ids);
    if (missing.size > 0) list.remove(missing);
    list.change(ids, (contact) => changed(contact, deed));
  }
}

function step(deed: Deed, contacts: readonly Contact[]): Step {
  return { deed, ids: contacts.map(({ id }) => id) };
}

function changed(contact: Contact, { action, status, tag }: Deed): Contact {
  if (action === 'set_status' && status) return { ...contact, status };
  const others = contact.tags.filter((known) => known !== tag);
  if (action === 'add_tag' && tag) return { ...contact, tags: [...others, tag].sort() };
  if (action === 'remove_tag') return { ...contact, tags: others };
  return contact;
}
