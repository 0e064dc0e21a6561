/** Loads bars into a page, and the types of what a page sees of them: one global, and events on `document`. */

/** Which bar to load, and how. */
export interface LoadOptions {
  /** The bar's key. */
  key: string;
  /** Where this service's scripts are, such as `https://bars.example`. */
  host: string;
  /** Nothing shows and nothing is sent before `start()`: for consent managers. */
  manual?: boolean | undefined;
  /** The language to show, a BCP 47 tag; else the visitor's own. */
  locale?: string | undefined;
  /** The page's nonce, where its Content-Security-Policy asks for one. */
  nonce?: string | undefined;
  /** Loads one version for ever: `pinned.hash` of the API's `GET /bars/{id}/script`. */
  hash?: string | undefined;
  /** Runs these very bytes or none: `pinned.integrity` from there. Only with `hash`. */
  integrity?: string | undefined;
}

/**
 * Adds the bar's script to the page, once for each key, and answers the API when it has run.
 *
 * On a server, and for a bar that is paused, it answers an API that does nothing. It rejects when the script does not
 * load (a Content-Security-Policy, a blocker, the network), when the page requires Trusted Types and does not allow
 * the policy `contactbar`, and when an option makes no sense; then it may be called again.
 */
export function load(options: LoadOptions): Promise<Api>;

/**
 * The API from the first moment on: what is asked of it before a script is there is done when it comes. On a server it
 * does nothing. Use its `destroy` to be able to `load` the same bar again.
 */
export const contactbar: Readonly<Queue>;

/** `window.contactbar`, once a script has run. */
export interface Api {
  /** Does what commands say: `push(['open', KEY])`. */
  push(...commands: Command[]): void;
  /** Shows a bar, or all of the page; also one that waits, was closed, or is not loaded yet. */
  open(key?: string): void;
  /** Takes a bar, or all, out of sight. */
  close(key?: string): void;
  /** Opens what is out of sight, and closes what is not. */
  toggle(key?: string): void;
  /**
   * Fills in what the page knows of the visitor, by the name of a field or by `email`, `name`, `phone`, `message`;
   * `true` or `false` for a checkbox. They can change it.
   */
  identify(known: Record<string, unknown>): void;
  /** Speaks this language (a BCP 47 tag) where a bar knows it. */
  setLocale(tag: string): void;
  /** Lets a bar, or all, of tags with `data-manual` begin. */
  start(key?: string): void;
  /** From now on nothing about this visitor leaves the browser, until they opt in again. */
  optOut(): void;
  /** Takes `optOut` back. */
  optIn(): void;
  /** Does nothing about this visitor leave the browser: by their choice, or by a signal that the bar respects? */
  optedOut(): boolean;
  /** Hears an event of all bars of the page. `event.preventDefault()` at `can-show` keeps the bar away. */
  on(event: EventName, listener: Listener): void;
  /** Hears it no longer. */
  off(event: EventName, listener: Listener): void;
  /** Takes a bar, or everything, out of the page, with all traces but the visitor's choices. */
  destroy(key?: string): void;
}

/** What can be asked for before a script is there. */
export type Queue = Omit<Api, 'optedOut'>;

/** A method of the API by name, and what it is called with. */
export type Command = { [Name in keyof Queue]: [name: Name, ...rest: Parameters<Queue[Name]>] }[Exclude<
  keyof Queue,
  'push'
>];

/** What happens to a bar. */
export type EventName = 'can-show' | 'show' | 'click' | 'close' | 'submit' | 'error';

export interface Detail {
  /** The bar's key. */
  key: string;
  /** The key of the variant shown. */
  variant: string;
  /** For `error`: the status of the server's answer, 0 if there was none. */
  status?: number;
}

export type Listener = (event: CustomEvent<Detail>) => void;

/** Options on the `<script>` tag. */
export interface TagAttributes {
  /** Nothing shows and nothing is sent before `start()`. */
  'data-manual'?: '' | 'true';
  /** The language to show, a BCP 47 tag; else the visitor's own. */
  'data-locale'?: string;
}

/** On any element of the page: opens a bar at a click. */
export interface OpenerAttributes {
  /** The bar's key. */
  'data-contactbar-open'?: string;
}

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
    /** The API, or what is to be asked of it once it is there. */
    contactbar?: Api | Command[] | undefined;
  }
}
