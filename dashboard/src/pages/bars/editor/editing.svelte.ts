import { createContext, untrack } from 'svelte';
import { api, ask, once } from '../../../api/client';
import { ApiProblem } from '../../../api/problem';
import type { Bar, Configuration, Draft, FieldError } from '../../../api/schema';
import { History } from './history.svelte';
import { findKept, forgetKept, type Kept, keep } from './kept';
import { complete, type Design, trimmed } from './model';

/**
 * Where the draft stands: the server has it; something was typed; it is on its way; it never got there and is sent again;
 * the server can't take it as it is; somebody else has saved another meanwhile.
 */
export type Standing = 'saved' | 'changed' | 'saving' | 'failed' | 'refused' | 'conflict';

const PAUSE_MS = 700;
const LONGEST_WAIT_SECS = 60;

/** The draft of a bar while somebody works on it: what it is, its way to the server and back, undo and redo. */
export class Editing {
  design = $state() as Design;
  standing = $state<Standing>('saved');
  /** What has to be put right: before it can be published, or even saved. */
  problems = $state.raw<readonly FieldError[]>([]);
  /** Why the last saving failed. */
  failure = $state.raw<ApiProblem>();
  /** What somebody else saved meanwhile. */
  theirs = $state.raw<Draft>();
  bar = $state.raw() as Bar;
  /** What visitors see. */
  published = $state.raw<Configuration>();
  /** What had been typed before, and came from this browser rather than from the server. */
  readonly restored: boolean;
  readonly history: History;
  #revision: number;
  #saved: string;
  #failed = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #running: Promise<void> | undefined;
  #isKept = true;
  #isOver = false;

  constructor(bar: Bar, published: Configuration | undefined) {
    this.bar = bar;
    this.published = published;
    this.#revision = bar.draft.revision;
    this.problems = bar.draft.problems;
    const server = complete(bar.draft.configuration);
    this.#saved = JSON.stringify(server);
    this.history = new History(this.#saved);
    const kept = findKept(bar.id);
    this.restored = kept !== undefined && !same(kept.design, server);
    this.design = kept && this.restored ? kept.design : server;
    if (kept && this.restored) this.#goOn(kept);
    else forgetKept(bar.id);
  }

  /** Where it was left: undoing leads to what the server has. */
  #goOn(kept: Kept) {
    this.history.note(JSON.stringify(kept.design), true);
    this.standing = 'changed';
    if (kept.revision === this.#revision) this.#later(0);
    else this.#collide(this.bar.draft);
  }

  /** To be called while the editor's component starts: notices every change, until the component goes. */
  watch() {
    $effect(() => {
      const json = JSON.stringify(this.design);
      untrack(() => this.history.note(json) && this.#touched());
    });
    $effect(() => () => {
      this.#isOver = true;
      if (this.standing === 'changed' || this.standing === 'failed') void this.#save(true);
      clearTimeout(this.#timer);
    });
  }

  /** What is wrong with the field of that path. */
  problemAt(path: string): string | undefined {
    return this.problems.find(({ field }) => field === path)?.message;
  }

  get revision(): number {
    return this.#revision;
  }

  /** Would leaving now lose anything? Only if this browser could not keep it either. */
  get isAtRisk(): boolean {
    return this.standing !== 'saved' && !this.#isKept;
  }

  undo() {
    this.#show(this.history.undo());
  }

  redo() {
    this.#show(this.history.redo());
  }

  #show(json: string | undefined) {
    if (json === undefined) return;
    this.design = JSON.parse(json) as Design;
    this.#touched();
  }

  /** Another design instead: a step that can be undone. */
  replace(design: Design) {
    this.design = design;
    this.history.note(JSON.stringify(design), true);
  }

  #touched() {
    this.#isKept = keep(this.bar.id, {
      revision: this.#revision,
      design: JSON.parse(this.history.now) as Design,
      at: new Date().toISOString(),
    });
    if (this.standing === 'conflict') return;
    if (this.standing !== 'saving') this.standing = 'changed';
    this.#later(PAUSE_MS);
  }

  #later(wait_ms: number) {
    clearTimeout(this.#timer);
    if (!this.#isOver) this.#timer = setTimeout(() => void this.#save(), wait_ms);
  }

  /** Tries again what failed, now. */
  retry() {
    if (this.standing === 'failed') this.#later(0);
  }

  /** As the page goes: what is still under way to be saved is handed over. */
  leave() {
    if (this.standing === 'changed') void this.#save(true);
  }

  /** Waits until the server has it; answers whether it has. */
  async settle(): Promise<boolean> {
    clearTimeout(this.#timer);
    await this.#running;
    if (this.standing === 'changed' || this.standing === 'failed') await this.#save();
    await this.#running;
    return this.standing === 'saved';
  }

  #save(leaving = false): Promise<void> {
    this.#running ??= this.#send(leaving).finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #send(leaving: boolean) {
    const json = this.history.now;
    if (json === this.#saved) return this.#settled();
    this.standing = 'saving';
    const body = { configuration: trimmed(JSON.parse(json) as Design), revision: this.#revision };
    const path = { bar_id: this.bar.id };
    try {
      const request = api.PUT('/api/v1/bars/{bar_id}/draft', { params: { path }, body, keepalive: leaving });
      this.#took(json, await ask(request));
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      await this.#refused(json, error);
    }
  }

  #took(json: string, draft: Draft) {
    this.#saved = json;
    this.#revision = draft.revision;
    this.#failed = 0;
    this.failure = undefined;
    this.problems = draft.problems;
    this.bar = { ...this.bar, draft };
    if (this.history.now === json) this.#settled();
    else this.#touched();
  }

  #settled() {
    this.standing = 'saved';
    forgetKept(this.bar.id);
  }

  async #refused(json: string, problem: ApiProblem) {
    this.failure = problem;
    if (problem.status === 409) return this.#meet(json);
    if (problem.status === 422) {
      const strip = (field: string) => field.replace(/^configuration\.?/, '');
      this.problems = problem.errors.map((error) => ({ ...error, field: strip(error.field) }));
      this.standing = 'refused';
      if (this.history.now !== json) this.#later(PAUSE_MS);
      return;
    }
    this.standing = 'failed';
    // Nothing that waiting helps against.
    if ([401, 403, 404].includes(problem.status)) return;
    const wait_secs = problem.retryAfterSecs ?? Math.min(2 ** ++this.#failed, LONGEST_WAIT_SECS);
    this.#later(wait_secs * 1000);
  }

  /** The draft is another by now: perhaps our own, of which we never heard that it was saved. */
  async #meet(json: string) {
    const path = { bar_id: this.bar.id };
    try {
      const draft = await ask(api.GET('/api/v1/bars/{bar_id}/draft', { params: { path } }));
      if (same(complete(draft.configuration), JSON.parse(json) as Design)) this.#took(json, draft);
      else this.#collide(draft);
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      this.failure = error;
      this.standing = 'failed';
      this.#later(4000);
    }
  }

  #collide(draft: Draft) {
    this.theirs = draft;
    this.standing = 'conflict';
  }

  /** Ours holds, over what somebody else saved. */
  async keepMine() {
    if (!this.theirs) return;
    this.#revision = this.theirs.revision;
    this.#saved = JSON.stringify(complete(this.theirs.configuration));
    this.theirs = undefined;
    this.standing = 'changed';
    await this.#save();
  }

  /** Theirs holds; ours can be had back by undoing. */
  takeTheirs() {
    if (this.theirs) this.#take(this.theirs);
  }

  #take(draft: Draft) {
    const design = complete(draft.configuration);
    this.theirs = undefined;
    this.replace(design);
    this.#took(JSON.stringify(design), draft);
  }

  /** Back to what visitors see; can be undone. */
  async discard() {
    await this.settle();
    const params = { path: { bar_id: this.bar.id }, query: { revision: this.#revision } };
    this.#take(await ask(api.DELETE('/api/v1/bars/{bar_id}/draft', { params })));
  }

  async publish(note: string) {
    const params = { path: { bar_id: this.bar.id } };
    const body = { revision: this.#revision, note };
    const bar = await ask(api.POST('/api/v1/bars/{bar_id}/publish', { params, body, headers: once() }));
    this.bar = bar;
    this.published = bar.draft.configuration;
    this.#revision = bar.draft.revision;
  }
}

/** Do they say the same, whatever the order in which they say it? */
export function same(one: Design, other: Design): boolean {
  return sorted(trimmed(one)) === sorted(trimmed(other));
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part,
  );
}

/** In a component of the editor, while it starts: the draft. */
export const [editing, setEditing] = createContext<Editing>();
