import type { Language } from '../api/schema';
import type { Catalogue } from './en';

/** Each language is one file; this is where it is named. */
const catalogues: Record<Language, () => Promise<Catalogue>> = {
  en: async () => (await import('./en')).en,
  de: async () => (await import('./de')).de,
};

export const languages: Record<Language, string> = { en: 'English', de: 'Deutsch' };

let language = $state<Language>('en');
let catalogue = $state.raw<Catalogue>();

/** The texts of the current language: `t().common.save`. */
export function t(): Catalogue {
  if (!catalogue) throw new Error('a text was asked for before there was a language');
  return catalogue;
}

export function currentLanguage(): Language {
  return language;
}

export async function setLanguage(wanted: Language) {
  if (catalogue && wanted === language) return;
  catalogue = await catalogues[wanted]();
  language = wanted;
  document.documentElement.lang = wanted;
  localStorage.setItem('contactbar.language', wanted);
}

/** What this browser read last, else the first of its languages that we have. */
export function browsersLanguage(): Language {
  const wanted = [localStorage.getItem('contactbar.language'), ...navigator.languages];
  const known = wanted.map((tag) => tag?.slice(0, 2)).find((tag) => tag && tag in catalogues);
  return (known as Language | undefined) ?? 'en';
}
