import type {
  Colours as ApiColours,
  Configuration,
  Corner,
  Device,
  Edge,
  FieldKind,
  Font,
  GoalKind,
  Match,
  Size,
  TabEdge,
  TriggerMode,
  UtmParameter,
  VisitorKind,
  Weekday,
} from '../../../api/schema';

/**
 * The configuration as the editor works on it: every part is there, with the API's defaults in the gaps, so that fields can
 * be bound to. `complete` makes it, `trimmed` makes of it what the API takes.
 */
export type Design = {
  layout: Layout;
  tab?: Tab;
  default_language: string;
  variants: Variant[];
  theme: Theme;
  triggers: { mode: TriggerMode; on: Trigger[] };
  targeting: Targeting;
  frequency: Frequency;
  privacy: Privacy;
};

export type Layout =
  | { kind: 'bar'; position: Edge; push: boolean; sticky: boolean }
  | { kind: 'slide_in'; corner: Corner }
  | { kind: 'modal' }
  | { kind: 'inline'; selector: string };
export type Tab = { edge: TabEdge; starts_collapsed: boolean };

export type Variant = { key: string; weight: number; goal: Goal; texts: Record<string, Texts> };
export type Goal = ContactGoal | { kind: 'link'; url: string; new_tab: boolean } | { kind: 'notice' };
export type ContactGoal = { kind: 'contact'; fields: Field[]; consent?: Consent };
export type Consent = { required: boolean; policy_url?: string };
export type Field = { name: string; kind: FieldKind; required: boolean; options: string[]; value?: string };
export type Texts = {
  message: string;
  button?: string;
  success?: string;
  error?: string;
  consent?: string;
  policy?: string;
  tab?: string;
  close?: string;
  labels: Record<string, string>;
  options: Record<string, Record<string, string>>;
};
/** The texts that are one text each. */
export type Word = Exclude<keyof Texts, 'labels' | 'options'>;

export type Colours = Required<{ [K in keyof ApiColours]: string }>;
export type Theme = {
  colours: Colours;
  dark?: Colours;
  font: Font;
  size: Size;
  radius_px: number;
  closable: boolean;
};

export type Trigger =
  | { kind: 'immediately' | 'exit_intent' | 'code' }
  | { kind: 'delay' | 'inactivity'; seconds: number }
  | { kind: 'scroll'; percent: number }
  | { kind: 'click'; selector: string };
export type TriggerKind = Trigger['kind'];

export type AddressRule = { match: Match; value: string; exclude: boolean };
export type UtmRule = { parameter: UtmParameter; value: string };
export type Schedule = {
  time_zone: string;
  from?: string;
  until?: string;
  weekdays: Weekday[];
  hours?: { from: string; until: string };
};
export type Targeting = {
  pages: AddressRule[];
  referrers: AddressRule[];
  utm: UtmRule[];
  devices: Device[];
  visitors: VisitorKind;
  languages: string[];
  schedule?: Schedule;
  percentage: number;
};
export type Frequency = {
  show: { kind: 'every_page' | 'once_a_session' } | { kind: 'every_days'; days: number };
  after_close: { kind: 'keep' | 'session' } | { kind: 'days'; days: number };
  stop_after_convert: boolean;
  gap_seconds: number;
};
export type Privacy = {
  respect_gpc: boolean;
  respect_dnt: boolean;
  store_before_action: boolean;
  policy_link: boolean;
};

export const LIMITS = {
  variants: 8,
  languages: 30,
  fields: 12,
  options: 30,
  triggers: 7,
  rules: 50,
  utm: 20,
  visitorLanguages: 30,
  texts: {
    message: 300,
    button: 40,
    success: 300,
    error: 200,
    consent: 600,
    policy: 60,
    tab: 40,
    close: 40,
  } satisfies Record<Word, number>,
  label: 80,
} as const;

const COLOURS: Colours = {
  background: '#1d4ed8',
  text: '#ffffff',
  button: '#ffffff',
  button_text: '#1d4ed8',
};

/** Without what is null or absent, so that it can be laid over defaults. */
function there<T extends object>(some: T | null | undefined): Partial<T> {
  const entries = Object.entries(some ?? {}).filter(([, value]) => value != null);
  return Object.fromEntries(entries) as Partial<T>;
}

/** With every gap filled as the API fills it. */
export function complete(from: Configuration): Design {
  // The document calls many parts nullable that never come so, and loses the `kind` of unions.
  const given = structuredClone(from) as unknown as Design;
  const theme = there(given.theme);
  return {
    layout: layoutOf(given.layout),
    ...(given.tab && { tab: { edge: 'right', starts_collapsed: false, ...there(given.tab) } }),
    default_language: given.default_language ?? 'en',
    variants: given.variants.map(variantOf),
    theme: {
      font: 'system',
      size: 'medium',
      radius_px: 8,
      closable: true,
      ...theme,
      colours: { ...COLOURS, ...there(theme.colours) },
      ...(theme.dark && { dark: { ...COLOURS, ...there(theme.dark) } }),
    },
    triggers: { mode: given.triggers?.mode ?? 'any', on: given.triggers?.on ?? [{ kind: 'immediately' }] },
    targeting: targetingOf(given.targeting),
    frequency: {
      show: { kind: 'every_page' },
      after_close: { kind: 'days', days: 7 },
      stop_after_convert: true,
      gap_seconds: 0,
      ...there(given.frequency),
    },
    privacy: {
      respect_gpc: true,
      respect_dnt: true,
      store_before_action: false,
      policy_link: false,
      ...there(given.privacy),
    },
  };
}

export function layoutOf(given: Partial<Layout> | undefined): Layout {
  switch (given?.kind) {
    case 'slide_in':
      return { corner: 'bottom_right', ...given, kind: 'slide_in' };
    case 'modal':
      return { kind: 'modal' };
    case 'inline':
      return { selector: '', ...given, kind: 'inline' };
    default:
      return { position: 'top', push: true, sticky: true, ...given, kind: 'bar' };
  }
}

function variantOf({ key, weight, goal, texts }: Variant): Variant {
  const made: Record<string, Texts> = {};
  for (const [tag, one] of Object.entries(texts))
    made[tag] = { labels: {}, options: {}, ...there(one) } as Texts;
  return { key, weight: weight ?? 100, goal: goalOf(goal), texts: made };
}

function goalOf(goal: Goal): Goal {
  if (goal.kind === 'link') return { ...goal, new_tab: goal.new_tab ?? false };
  if (goal.kind === 'notice') return { kind: 'notice' };
  const fields = goal.fields.map((field) => ({
    ...field,
    required: field.required ?? false,
    options: field.options ?? [],
  }));
  const consent = goal.consent && { ...goal.consent, required: goal.consent.required ?? true };
  return { kind: 'contact', fields, ...(consent && { consent }) };
}

function targetingOf(given: Targeting | undefined): Targeting {
  const rules = (all: AddressRule[] | undefined) =>
    (all ?? []).map((rule) => ({ ...rule, exclude: rule.exclude ?? false }));
  const { schedule } = given ?? {};
  return {
    utm: [],
    devices: [],
    visitors: 'all',
    languages: [],
    percentage: 100,
    ...there(given),
    pages: rules(given?.pages),
    referrers: rules(given?.referrers),
    ...(schedule && {
      schedule: {
        ...there(schedule),
        time_zone: schedule.time_zone ?? 'UTC',
        weekdays: schedule.weekdays ?? [],
      },
    }),
  };
}

/** What the API takes: a text that was emptied is one that is not given. */
export function trimmed(design: Design): Configuration {
  const copy = structuredClone(design);
  for (const variant of copy.variants) {
    for (const texts of Object.values(variant.texts)) trimTexts(texts);
    if (variant.goal.kind !== 'contact') continue;
    if (variant.goal.consent && !variant.goal.consent.policy_url) delete variant.goal.consent.policy_url;
    for (const field of variant.goal.fields) {
      if (field.kind !== 'hidden') delete field.value;
      if (field.kind !== 'select') field.options = [];
    }
  }
  return copy as unknown as Configuration;
}

function trimTexts(texts: Texts) {
  for (const word of Object.keys(LIMITS.texts) as Word[])
    if (word !== 'message' && !texts[word]) delete texts[word];
  for (const [name, label] of Object.entries(texts.labels)) if (!label) delete texts.labels[name];
  for (const [name, options] of Object.entries(texts.options)) {
    for (const [value, read] of Object.entries(options)) if (!read) delete options[value];
    if (Object.keys(options).length === 0) delete texts.options[name];
  }
}

/** What stands for every goal: the kinds of goals there are. */
export const GOALS: readonly GoalKind[] = ['contact', 'link', 'notice'];
