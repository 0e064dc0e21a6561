/** Undo and redo over a whole value, kept as JSON. What is typed in one go is one step. */
export class History {
  #past = $state.raw<string[]>([]);
  #future = $state.raw<string[]>([]);
  #now: string;
  #place: string | undefined;
  #at = 0;

  constructor(now: string) {
    this.#now = now;
  }

  static readonly MOST_STEPS = 200;
  /** Who pauses longer while typing begins a new step. */
  static readonly ONE_GO_MS = 1500;

  get now(): string {
    return this.#now;
  }
  get canUndo(): boolean {
    return this.#past.length > 0;
  }
  get canRedo(): boolean {
    return this.#future.length > 0;
  }

  /** Notes what it has become; answers whether that is anything new. `isWhole`: nobody typed it, it is a step of its own. */
  note(fresh: string, isWhole = false, at = Date.now()): boolean {
    if (fresh === this.#now) return false;
    const place = typedPlace(JSON.parse(this.#now), JSON.parse(fresh));
    const goesOn =
      !isWhole && place !== undefined && place === this.#place && at - this.#at < History.ONE_GO_MS;
    if (!goesOn || this.#past.length === 0)
      this.#past = [...this.#past.slice(1 - History.MOST_STEPS), this.#now];
    this.#future = [];
    this.#now = fresh;
    this.#place = isWhole ? undefined : place;
    this.#at = at;
    return true;
  }

  undo(): string | undefined {
    const before = this.#past.at(-1);
    if (before === undefined) return undefined;
    this.#past = this.#past.slice(0, -1);
    this.#future = [...this.#future, this.#now];
    return this.#go(before);
  }

  redo(): string | undefined {
    const after = this.#future.at(-1);
    if (after === undefined) return undefined;
    this.#future = this.#future.slice(0, -1);
    this.#past = [...this.#past, this.#now];
    return this.#go(after);
  }

  #go(to: string): string {
    this.#now = to;
    this.#place = undefined;
    return to;
  }
}

/** Where two values differ, if it is in one text or number: there somebody is typing. */
function typedPlace(one: unknown, other: unknown): string | undefined {
  const places: string[] = [];
  look(one, other, '');
  return places.length === 1 ? places[0] : undefined;

  function look(a: unknown, b: unknown, path: string) {
    if (a === b || places.length > 1) return;
    if (isNode(a) && isNode(b)) {
      for (const key of new Set([...Object.keys(a), ...Object.keys(b)]))
        look(a[key], b[key], `${path}.${key}`);
    } else if (isNode(a) || isNode(b) || typeof a === 'boolean' || typeof b === 'boolean') {
      // No typing: something came or went, or was switched.
      places.push(path, path);
    } else places.push(path);
  }
}

function isNode(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
