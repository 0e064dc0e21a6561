/**
 * What the server splices into the script (`src/bars/configuration/runtime.rs` writes it).
 * Absent means 0, false or none.
 */
export interface Runtime {
  /** The bar's key. */
  k: string;
  /** The address of the embed host, without a slash at its end. */
  h: string;
  /** A tag that all bars of one member share. */
  m: string;
  /** The lane in which it stands (`stack.ts`). */
  y: number;
  /** The page makes room for it. */
  u?: number;
  /** The selector of the element of the page in which it stands. */
  i?: string;
  /** From where it moves in, as a length. */
  z: string;
  /** The tab: its lane, and whether the bar begins as the tab. */
  d?: [lane: number, collapsed: number];
  /** The theme, as a style sheet; `PAGE` in it stands for the page's own typeface. */
  c: string;
  /** The default language, in lower case as all here. */
  l: string;
  v: Variant[];
  /** What makes it appear, and whether all of it has to happen. */
  w: [kind: Trigger, argument?: number | string][];
  a?: boolean;
  /** To be opened from code is one of all that have to happen. */
  j?: boolean;
  t?: Targeting;
  f?: Frequency;
  /** Global Privacy Control and Do Not Track count as opted out. */
  g?: boolean;
  q?: boolean;
  /** May anything be stored before the visitor acts? */
  s?: boolean;
}

export enum Trigger {
  Wait,
  Scroll,
  Exit,
  Idle,
  Click,
  Code,
}

/** What it shows by language: bar and tab, or the name of another language that is closest. */
export type Variant = [key: string, weight: number, shows: Record<string, [bar: Tree, tab?: Tree] | string>];

/** An element: its name, its attributes, and what is in it. The server lets no other in than those it knows. */
export type Tree = [tag: string, attributes: Record<string, string>, ...children: (Tree | string)[]];

/** What a text must match (none: anything), and what it must not: regular expressions. */
export type Rule = [why: string, subject: Subject, include: string, exclude?: string];

export enum Subject {
  /** The page's address without its fragment, the referrer's, the page's query, the language in lower case. */
  Page,
  Referrer,
  Query,
  Language,
}

export interface Targeting {
  r?: Rule[];
  /** The devices, as a media query. */
  d?: string;
  /** 1: new visitors, 2: those who have been here before. */
  v?: number;
  s?: Schedule;
  /** The share of the visitors, in percent. */
  n?: number;
}

/** Times as `09:00`, dates as `2026-12-01`, weekdays as digits (0: Sunday); empty: no limit. */
export type Schedule = [
  zone: string,
  from: string,
  until: string,
  weekdays: string,
  start: string,
  end: string,
];

export interface Frequency {
  /** Shown once in so many days; -1: once a session. */
  s?: number;
  /** After closing, days to stay away; -1: for the session. */
  c?: number;
  /** Not shown any more after the link was followed or the form sent. */
  o?: number;
  /** Seconds between this bar and another of the same member. */
  g?: number;
}
