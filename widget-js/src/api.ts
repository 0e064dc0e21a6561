/** What a page sees of us: one global, and events on `document`. Documented in README.md. */

export interface Detail {
  /** The bar's key. */
  key: string;
  /** The key of the variant shown. */
  variant: string;
  /** For `error`: the status of the server's answer, 0 if there was none. */
  status?: number;
}

export type EventName = 'can-show' | 'show' | 'click' | 'close' | 'submit' | 'error';

declare global {
  interface DocumentEventMap {
    'contactbar:can-show': CustomEvent<Detail>;
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
  toggle(key?: string): void;
  /** Lets bars begin that wait for it (`data-manual`), once the visitor has consented. */
  start(key?: string): void;
  /** Fills in what the page knows of the visitor, by the name of a field or `email`, `name`, `phone`, `message`. */
  identify(known: Record<string, unknown>): void;
  /** Speaks this language (BCP 47) where a bar knows it. */
  setLocale(tag: string): void;
  /** From now on nothing about this visitor leaves the browser, until they opt in again. */
  optOut(): void;
  optIn(): void;
  /** Does nothing about this visitor leave the browser? */
  optedOut(): boolean;
  /** `event.preventDefault()` at `can-show` keeps the bar away. */
  on(event: EventName, listener: (event: CustomEvent<Detail>) => void): void;
  off(event: EventName, listener: (event: CustomEvent<Detail>) => void): void;
  /** Takes a bar out of the page, or everything, with all traces. */
  destroy(key?: string): void;
}
