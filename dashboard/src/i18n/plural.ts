type Forms = { one: string; other: string };

const rules = new Map<string, Intl.PluralRules>();
const numbers = new Map<string, Intl.NumberFormat>();

/** The right form for a number, `#` standing for the number itself: `plural('en', 2, { one: '# bar', other: '# bars' })`. */
export function plural(language: string, count: number, forms: Forms): string {
  const rule = rules.get(language) ?? new Intl.PluralRules(language);
  const number = numbers.get(language) ?? new Intl.NumberFormat(language);
  rules.set(language, rule);
  numbers.set(language, number);
  const form = rule.select(count) === 'one' ? forms.one : forms.other;
  return form.replace('#', number.format(count));
}
