/** Languages, as tags and as people call them. */

/** Those that are offered by name; any other can be given by its tag. */
export const OFFERED = [
  'en',
  'de',
  'fr',
  'es',
  'it',
  'nl',
  'pt',
  'pt-BR',
  'pl',
  'cs',
  'da',
  'sv',
  'nb',
  'fi',
  'el',
  'hu',
  'ro',
  'bg',
  'hr',
  'tr',
  'uk',
  'ru',
  'ar',
  'he',
  'fa',
  'hi',
  'id',
  'vi',
  'th',
  'ja',
  'ko',
  'zh-Hans',
  'zh-Hant',
] as const;

export function languageName(tag: string, inLanguage: string): string {
  try {
    return new Intl.DisplayNames([inLanguage], { type: 'language' }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** Has it the shape of a language tag, as the server sees it? */
export function isTag(text: string): boolean {
  return text.length <= 35 && /^[a-z]{2,3}(-[a-z0-9]{2,8})*$/i.test(text);
}

/** Written as is usual: `pt-BR`, `zh-Hant`. */
export function canonical(tag: string): string {
  try {
    return Intl.getCanonicalLocales(tag)[0] ?? tag;
  } catch {
    return tag;
  }
}
