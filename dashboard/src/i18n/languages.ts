import type { Language } from '../api/schema';
import type { Catalogue } from './en';

/** Each language is one file; this is where it is named. */
export const catalogues: Record<Language, () => Promise<Catalogue>> = {
  en: async () => (await import('./en')).en,
  de: async () => (await import('./de')).de,
};

export const languages: Record<Language, string> = { en: 'English', de: 'Deutsch' };

/** Where this browser keeps which language it read last. */
export const KEPT = 'contactbar.language';

/** What this browser read last, else the first of its languages that we have. */
export function browsersLanguage(): Language {
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages];
  const known = wanted.map((tag) => tag?.slice(0, 2)).find((tag) => tag && tag in catalogues);
  return (known as Language | undefined) ?? 'en';
}
