// Contacts as a file: read as it comes, so that one sees how far it is.

import { ApiProblem } from '../../api/problem';
import type { Given } from './address.svelte';

const NEWLINE = 10;
const QUOTE = 34;

/** Counts the lines of CSV as its bytes come by: not those within quotes. */
export class LineCounter {
  lines = 0;
  #quoted = false;

  take(bytes: Uint8Array) {
    for (const byte of bytes) {
      if (byte === QUOTE) this.#quoted = !this.#quoted;
      else if (byte === NEWLINE && !this.#quoted) this.lines++;
    }
  }
}

type Target = {
  write(bytes: Uint8Array<ArrayBuffer>): Promise<void> | void;
  finish(): Promise<void> | void;
  abort(): Promise<void> | void;
};

/** Straight onto the disk, where the browser can; else gathered and then saved. `undefined`: they did not want to. */
async function targetFor(name: string): Promise<Target | undefined> {
  if (!window.showSaveFilePicker) return gathered(name);
  try {
    const handle = await window.showSaveFilePicker({
      suggestedName: name,
      types: [{ accept: { 'text/csv': ['.csv'] } }],
    });
    const stream = await handle.createWritable();
    return {
      write: (bytes) => stream.write(bytes),
      finish: () => stream.close(),
      abort: () => stream.abort(),
    };
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    return gathered(name);
  }
}

function gathered(name: string): Target {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  return {
    write: (bytes) => void parts.push(bytes),
    abort: () => void parts.splice(0),
    finish: () => {
      const url = URL.createObjectURL(new Blob(parts, { type: 'text/csv' }));
      const link = document.createElement('a');
      link.href = url;
      link.download = name;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), 60_000);
    },
  };
}

export class Export {
  running = $state(false);
  /** Contacts so far. */
  rows = $state(0);
  /** How many there will be, if the server says so. */
  total = $state<number>();
  problem = $state.raw<ApiProblem>();
  /** It broke off on the way. */
  broken = $state(false);
  #controller: AbortController | undefined;

  cancel() {
    this.#controller?.abort();
  }

  /** Answers how many there were, once the file is saved; nothing if it was not. */
  async run(query: Given, bom: boolean, name: string): Promise<number | undefined> {
    const target = await targetFor(name);
    if (!target) return undefined;
    this.#controller = new AbortController();
    this.running = true;
    this.broken = false;
    this.problem = undefined;
    this.rows = 0;
    try {
      const answer = await this.#open(query, bom, this.#controller.signal);
      await this.#read(answer.body!, target);
      await target.finish();
      return this.rows;
    } catch (error) {
      await target.abort();
      if (error instanceof ApiProblem) this.problem = error;
      else if (!this.#controller.signal.aborted) this.broken = true;
      return undefined;
    } finally {
      this.running = false;
    }
  }

  async #open({ sort: _, ...filters }: Given, bom: boolean, signal: AbortSignal): Promise<Response> {
    const given = Object.entries({ ...filters, bom: String(bom) }).filter(([, value]) => value !== undefined);
    const path = `/api/v1/contacts.csv?${new URLSearchParams(given as [string, string][])}`;
    const answer = await fetch(path, { signal }).catch((error: unknown) => {
      if (signal.aborted) throw error;
      throw ApiProblem.offline();
    });
    if (!answer.ok) throw ApiProblem.fromAnswer(answer, await answer.json().catch(() => undefined));
    const total = answer.headers.get('X-Total-Count');
    this.total = total === null ? undefined : Number(total);
    return answer;
  }

  async #read(body: ReadableStream<Uint8Array<ArrayBuffer>>, target: Target) {
    const counter = new LineCounter();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      counter.take(value);
      // The first line says what the columns are.
      this.rows = Math.max(0, counter.lines - 1);
      await target.write(value);
    }
  }
}

declare global {
  interface Window {
    showSaveFilePicker?: (options: {
      suggestedName: string;
      types: { accept: Record<string, string[]> }[];
    }) => Promise<FileSystemFileHandle>;
  }
}
