import { ApiProblem } from '../api/problem';

/** What a page reads from the API: what came, what went wrong, and whether more is on its way. */
export class Query<T> {
  /** What came last. It stays while newer data is loading, and when loading fails. */
  data = $state.raw<T>();
  problem = $state.raw<ApiProblem>();
  loading = $state(true);

  #load: (signal: AbortSignal) => Promise<T>;
  #running: AbortController | undefined;

  constructor(load: (signal: AbortSignal) => Promise<T>) {
    this.#load = load;
  }

  /** Loads anew; a load that still runs is given up. */
  async reload(): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    this.loading = true;
    try {
      const data = await this.#load(running.signal);
      if (running.signal.aborted) return;
      this.data = data;
      this.problem = undefined;
    } catch (error) {
      if (running.signal.aborted) return;
      if (!(error instanceof ApiProblem)) throw error;
      this.problem = error;
    } finally {
      if (this.#running === running) this.loading = false;
    }
  }

  stop() {
    this.#running?.abort();
  }
}

/**
 * Loads now, and again whenever something reactive that `load` reads before its first `await` changes.
 * To be called while a component starts.
 */
export function query<T>(load: (signal: AbortSignal) => Promise<T>): Query<T> {
  const made = new Query(load);
  $effect(() => {
    void made.reload();
    return () => made.stop();
  });
  return made;
}

type Page<I> = { items: I[]; next_cursor?: string | null };

/** A list that comes in pages. */
export class Pages<I> {
  items = $state.raw<I[]>([]);
  problem = $state.raw<ApiProblem>();
  /** The first page is on its way. */
  loading = $state(true);
  loadingMore = $state(false);
  #next = $state.raw<string | null>();
  #load: (after: string | undefined, signal: AbortSignal) => Promise<Page<I>>;
  #running: AbortController | undefined;

  constructor(load: (after: string | undefined, signal: AbortSignal) => Promise<Page<I>>) {
    this.#load = load;
  }

  get hasMore(): boolean {
    return this.#next != null;
  }

  /** From the first page on. */
  reload(): Promise<void> {
    this.loading = true;
    return this.#read(undefined);
  }

  async more(): Promise<void> {
    if (this.#next == null || this.loadingMore || this.loading) return;
    this.loadingMore = true;
    await this.#read(this.#next);
  }

  async #read(after: string | undefined): Promise<void> {
    this.#running?.abort();
    const running = new AbortController();
    this.#running = running;
    try {
      const page = await this.#load(after, running.signal);
      if (running.signal.aborted) return;
      this.items = after === undefined ? page.items : [...this.items, ...page.items];
      this.#next = page.next_cursor ?? null;
      this.problem = undefined;
    } catch (error) {
      if (running.signal.aborted) return;
      if (!(error instanceof ApiProblem)) throw error;
      this.problem = error;
    } finally {
      if (this.#running === running) {
        this.loading = false;
        this.loadingMore = false;
      }
    }
  }

  stop() {
    this.#running?.abort();
  }
}

/** As `query`, for a list that comes in pages. */
export function pages<I>(
  load: (after: string | undefined, signal: AbortSignal) => Promise<Page<I>>,
): Pages<I> {
  const made = new Pages(load);
  $effect(() => {
    void made.reload();
    return () => made.stop();
  });
  return made;
}
