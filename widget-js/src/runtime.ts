/**
 * What the server splices into the script (`src/bars/configuration/runtime.rs` writes it).
 * Absent means 0, false or none.
 */
export interface Runtime {
  /** The bar's key. */
  k: string;
  /** The address of the embed host, without a slash at its end. Absent: taken from the script's own. */
  h?: string;
  /** At the bottom. */
  b?: boolean;
  /** Over the page: it is not pushed aside. */
  o?: boolean;
  /** Not sticky: scrolls away with the page. */
  n?: boolean;
  /** The variant's key. */
  v: string;
  /** The goal. */
  g: Goal;
  /** The default language. */
  l: string;
  /** Texts by language. */
  t: Record<string, Texts>;
  /** The colours, and those for dark schemes. */
  c: Colours;
  d?: Colours;
  /** The font: system, inherit, serif, mono. */
  f?: number;
  /** The size of the text in pixels. */
  z: number;
  /** The radius of corners in pixels. */
  r?: number;
  /** Closable. */
  x?: boolean;
  /** Seconds to wait; -1: only opened from code. */
  w?: number;
  /** After closing: days to stay away; -1: for the session. */
  a?: number;
  /** Not shown any more after the link was followed or the form sent. */
  s?: boolean;
  /** Global Privacy Control and Do Not Track count as opted out. */
  p?: boolean;
  q?: boolean;
}

/** Background, text, button, text on the button. */
export type Colours = [string, string, string, string];

export interface Goal {
  /** Fields of a form. */
  f?: Field[];
  /** Consent: required, address of the policy. */
  c?: [number, string | null];
  /** The address of a link. */
  u?: string;
  /** In a new tab. */
  n?: number;
}

/** Name, kind, required, and the options of a select or the value of a hidden field. */
export type Field = [string, number, number, (string[] | string)?];

export enum Kind {
  Email,
  Name,
  Phone,
  Message,
  Text,
  Select,
  Checkbox,
  Hidden,
}

export interface Texts {
  /** Message, button, success, error, closing button, consent, policy. */
  m: string;
  b?: string;
  s?: string;
  e?: string;
  x: string;
  c?: string;
  p?: string;
  /** Right to left. */
  r?: number;
  /** Labels in the order of the fields. */
  l?: string[];
  /** Texts of a select's options, by the index of its field. */
  o?: Record<string, string[]>;
}
