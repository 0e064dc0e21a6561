import type { Design, Field, Goal, Texts, Variant } from '../model';

/** The first letter that no variant has for its name. */
function freeKey(design: Design): string {
  const taken = new Set(design.variants.map(({ key }) => key));
  return [...'abcdefghijklmnopqrstuvwxyz'].find((letter) => !taken.has(letter))!;
}

/** Another variant that says the same; answers its key. */
export function duplicateVariant(design: Design, of: Variant): string {
  const copy = structuredClone(of);
  copy.key = freeKey(design);
  design.variants.push(copy);
  return copy.key;
}

/** How much of the traffic a variant has, between 0 and 1. */
export function shareOf(design: Design, variant: Variant): number {
  const whole = design.variants.reduce((sum, { weight }) => sum + weight, 0);
  return whole === 0 ? 0 : variant.weight / whole;
}

/** The languages of the bar: the default first. */
export function languagesOf(design: Design): string[] {
  const all = new Set(design.variants.flatMap((variant) => Object.keys(variant.texts)));
  all.delete(design.default_language);
  return [design.default_language, ...[...all].sort()];
}

/** Says what is said in the default language, until somebody translates it. */
export function speak(design: Design, variant: Variant, language: string) {
  const known = variant.texts[design.default_language] ?? Object.values(variant.texts)[0];
  variant.texts[language] ??= { message: known?.message ?? '', labels: {}, options: {} };
}

export function addLanguage(design: Design, language: string) {
  for (const variant of design.variants) speak(design, variant, language);
}

/** What the default language can't do without, it takes from the one before. */
export function setDefaultLanguage(design: Design, language: string) {
  addLanguage(design, language);
  for (const { texts, goal } of design.variants) {
    const [before, after] = [texts[design.default_language], texts[language]!];
    for (const word of ['button', 'consent', 'tab'] as const) after[word] ||= before?.[word];
    for (const { name, kind } of goal.kind === 'contact' ? goal.fields : [])
      if (kind === 'text' || kind === 'select' || kind === 'checkbox')
        after.labels[name] ||= before?.labels[name] ?? name;
  }
  design.default_language = language;
}

export function removeLanguage(design: Design, language: string) {
  for (const variant of design.variants) delete variant.texts[language];
}

/** What a goal of that kind begins with. */
export function newGoal(kind: Goal['kind']): Goal {
  if (kind === 'notice') return { kind };
  if (kind === 'link') return { kind, url: 'https://', new_tab: false };
  return { kind, fields: [{ name: 'email', kind: 'email', required: true, options: [] }] };
}

/** No text is left for a field that is gone: the server would refuse it. */
export function dropStrayTexts(variant: Variant) {
  const fields = variant.goal.kind === 'contact' ? variant.goal.fields : [];
  const named = (kinds?: Field['kind'][]) =>
    new Map(
      fields
        .filter(({ kind }) => (kinds ? kinds.includes(kind) : kind !== 'hidden'))
        .map((field) => [field.name, field]),
    );
  const [visible, selects] = [named(), named(['select'])];
  for (const texts of Object.values(variant.texts)) {
    for (const name of Object.keys(texts.labels)) if (!visible.has(name)) delete texts.labels[name];
    for (const [name, options] of Object.entries(texts.options)) {
      const field = selects.get(name);
      if (!field) delete texts.options[name];
      else
        for (const value of Object.keys(options)) if (!field.options.includes(value)) delete options[value];
    }
  }
}

/** A field of another name: its texts go along. */
export function renameField(variant: Variant, field: Field, name: string) {
  for (const { labels, options } of Object.values(variant.texts)) {
    move(labels, field.name, name);
    move(options, field.name, name);
  }
  field.name = name;
}

function move<V>(record: Record<string, V>, from: string, to: string) {
  if (!(from in record) || from === to) return;
  record[to] = record[from]!;
  delete record[from];
}

/** A name that no field of the form has. */
export function freeName(fields: readonly Field[], wanted: string): string {
  const taken = new Set([...fields.map(({ name }) => name), 'consent']);
  for (let number = 1; ; number++) {
    const name = number === 1 ? wanted : `${wanted}_${number}`;
    if (!taken.has(name)) return name;
  }
}

/** The value of an option is what it reads in the default language; a new one is renamed in all texts. */
export function renameOption(variant: Variant, field: Field, index: number, value: string) {
  const before = field.options[index]!;
  field.options[index] = value;
  for (const texts of Object.values(variant.texts)) {
    const options = texts.options[field.name];
    if (options) move(options, before, value);
  }
}

/** The words of a field's option in a language, to be written to. */
export function optionTexts(texts: Texts, field: Field): Record<string, string> {
  texts.options[field.name] ??= {};
  return texts.options[field.name]!;
}
