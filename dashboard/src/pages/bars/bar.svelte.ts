import { createContext } from 'svelte';
import { api, ask } from '../../api/client';
import type { ApiProblem } from '../../api/problem';
import type { Bar, Configuration } from '../../api/schema';
import { Query } from '../../state/query.svelte';

type Read = { bar: Bar; published: Configuration | undefined };

/**
 * The bar that the pages below `/bars/:bar` are about. `BarLayout` makes it and shows its children only when it is there:
 *
 *   const bar = currentBar();
 *   bar.id, bar.name        // of this bar; they change with the address
 *   bar.whole               // everything that GET /bars/{id} says
 *   bar.published?.variants // what visitors see: the configuration of the published version; undefined: never published
 *   bar.take(fresh)         // after a change: what the API answered with
 *   bar.reload()
 */
export class CurrentBar {
  #query: Query<Read>;

  constructor(id: () => string) {
    this.#query = new Query((signal) => read(id(), signal));
  }

  get loaded(): boolean {
    return this.#query.data !== undefined;
  }
  get problem(): ApiProblem | undefined {
    return this.#query.problem;
  }
  get whole(): Bar {
    return this.#query.data!.bar;
  }
  get id(): string {
    return this.whole.id;
  }
  get name(): string {
    return this.whole.name;
  }
  get published(): Configuration | undefined {
    return this.#query.data!.published;
  }
  /** Reads it (again). What is there stays until the new is. */
  reload(): Promise<void> {
    return this.#query.reload();
  }
  stop() {
    this.#query.stop();
  }
  /** What is there belongs to another bar: begins anew. */
  clear() {
    this.#query.data = undefined;
  }

  /** After a change: the bar as the API answered with it. */
  take(fresh: Bar) {
    const known = this.#query.data;
    const same = known?.bar.published?.version === fresh.published?.version;
    const published = fresh.draft.has_changes ? known?.published : configurationOf(fresh);
    this.#query.data = { bar: fresh, published };
    if (fresh.draft.has_changes && !same) void this.reload();
  }
}

/** What visitors see, where the draft says it. */
function configurationOf(bar: Bar): Configuration | undefined {
  return bar.published ? bar.draft.configuration : undefined;
}

async function read(id: string, signal: AbortSignal): Promise<Read> {
  const bar = await ask(api.GET('/api/v1/bars/{bar_id}', { params: { path: { bar_id: id } }, signal }));
  if (!bar.published || !bar.draft.has_changes) return { bar, published: configurationOf(bar) };
  const path = { bar_id: id, version: bar.published.version };
  const version = await ask(
    api.GET('/api/v1/bars/{bar_id}/versions/{version}', { params: { path }, signal }),
  );
  return { bar, published: version.configuration };
}

/** In a page below `/bars/:bar`, while it starts: its bar. */
export const [currentBar, setCurrentBar] = createContext<CurrentBar>();
