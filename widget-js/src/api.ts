/** What a page sees of us: one global, and events on `document`. Documented in README.md. */

export interface Detail {
  /** The bar's key. */
  key: string;
  /** The key of the variant shown. */
  variant: string;
  /** For `error`: the status of the server's answer, 0 if there was none. */
  status?: number;
}

export type EventName = 'show' | 'click' | 'close' | 'submit' | 'error';

declare global {
  interface DocumentEventMap {
    'contactbar:show': CustomEvent<Detail>;
    'contactbar:click': CustomEvent<Detail>;
    'contactbar:close': CustomEvent<Detail>;
    'contactbar:submit': CustomEvent<Detail>;
    'contactbar:error': CustomEvent<Detail>;
  }
  interface Window {
    contactbar?: Api | Command[] | undefined;
  }
}

export type Command = [name: string, ...rest: unknown[]];

export interface Api {
  /** Does what a queued command says: `push(['open', KEY])`. */
  push(...commands: Command[]): void;
  /** Shows a bar, or all of the page; also one that waits, was closed, or is not loaded yet. */
  open(key?: string): void;
  /** Takes a bar, or all, out of sight. */
  close(key?: string): void;
  /** From now on nothing about this visitor leaves the browser, until they opt in again. */
  optOut(): void;
  optIn(): void;
  /** Does anything about this visitor leave the browser? */
  optedOut(): boolean;
  on(event: EventName, listener: (detail: Detail) => void): void;
  off(event: EventName, listener: (detail: Detail) => void): void;
  /** Takes a bar out of the page, or everything, with all traces. */
  destroy(key?: string): void;
}
