import type { Language } from '../api/schema';
import type { Catalogue } from './en';
import { catalogues, KEPT } from './languages';

export { browsersLanguage, languages } from './languages';

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
  localStorage.setItem(KEPT, wanted);
}
