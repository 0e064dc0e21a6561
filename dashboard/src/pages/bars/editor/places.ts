import type { Catalogue } from '../../../i18n/en';
import { languageName } from './languages';
import type { Design, Word } from './model';
import type { Panel } from './view.svelte';

/** Where in the editor a field of the configuration stands, and what it is called there. */
export type Place = { panel: Panel; variant?: string; language?: string; label: string };
type Words = Catalogue['editor'];

/** `variants[0].texts.pt-BR.options.size["a.b"]`, cut into its names. */
export function namesOf(path: string): string[] {
  return [...path.matchAll(/\["((?:[^"\\]|\\.)*)"\]|([^.[\]]+)/g)].map(
    ([, quoted, plain]) => quoted ?? plain!,
  );
}

export function placeOf(path: string, design: Design, words: Words, inLanguage: string): Place {
  const [top, ...rest] = namesOf(path);
  switch (top) {
    case 'variants':
      return variantPlace(rest, design, words, inLanguage);
    case 'default_language':
      return { panel: 'content', label: words.languages.title };
    case 'layout':
      return { panel: 'look', label: words.layout.selector };
    case 'tab':
      return { panel: 'look', label: words.tab.title };
    case 'theme':
      return { panel: 'look', label: themeLabel(rest, words) };
    case 'triggers':
      return {
        panel: 'when',
        label: rest[1] === undefined ? words.triggers.title : words.triggers.numbered(Number(rest[1]) + 1),
      };
    case 'frequency':
      return {
        panel: 'when',
        label:
          { show: words.frequency.show, after_close: words.frequency.afterClose }[rest[0] ?? ''] ??
          words.frequency.gap,
      };
    case 'targeting':
      return { panel: 'who', label: targetingLabel(rest, words) };
    case 'privacy':
      return { panel: 'privacy', label: words.privacy.title };
    default:
      return { panel: 'content', label: words.places.whole };
  }
}

function themeLabel([part, colour]: string[], words: Words): string {
  if (part !== 'colours' && part !== 'dark') return words.type.radius;
  const name = words.colours[colour as 'text'] ?? words.colours.title;
  return part === 'dark' ? `${words.colours.dark}: ${name}` : name;
}

function targetingLabel([part, index]: string[], words: Words): string {
  const { who, schedule, places } = words;
  const lists: Record<string, string> = {
    pages: who.pages,
    referrers: who.referrers,
    utm: who.utm,
    devices: who.devices,
    languages: who.languages,
  };
  const list = lists[part ?? ''];
  if (list) return index === undefined ? list : places.numbered(list, Number(index) + 1);
  if (part === 'percentage') return who.share;
  const parts: Record<string, string> = {
    time_zone: schedule.timeZone,
    from: schedule.from,
    until: schedule.until,
    weekdays: schedule.weekdays,
    hours: schedule.hours,
  };
  return parts[index ?? ''] ?? schedule.title;
}

function variantPlace([index, ...rest]: string[], design: Design, words: Words, inLanguage: string): Place {
  const variant = design.variants[Number(index)];
  if (!variant) return { panel: 'content', label: words.variants.title };
  const which = design.variants.length > 1 ? [words.places.variant(variant.key.toUpperCase())] : [];
  const at = (label: string, language?: string): Place => ({
    panel: 'content',
    variant: variant.key,
    language,
    label: [...which, ...(language ? [languageName(language, inLanguage)] : []), label].join(' · '),
  });
  const [part, second, third, fourth] = rest;
  if (part === 'texts' && second) return at(textLabel(third, fourth, words), second);
  if (part === 'texts') return at(words.languages.title);
  if (part === 'weight') return at(words.variants.weight);
  if (part !== 'goal') return at(words.variants.title);
  if (second === 'url') return at(words.goal.url);
  if (second === 'consent') return at(words.consent.policyUrl);
  const field = variant.goal.kind === 'contact' ? variant.goal.fields[Number(third)] : undefined;
  return at(field ? words.places.field(field.name) : words.fields.title);
}

function textLabel(word: string | undefined, field: string | undefined, words: Words): string {
  if ((word === 'labels' || word === 'options') && field) return words.places.field(field);
  return words.texts[word as Word] ?? words.texts.title;
}

/** Moves the focus to the field of that path, or to the nearest that is around it. */
export function focusPlace(path: string) {
  const marked = [...document.querySelectorAll<HTMLElement>('[data-path]')];
  let wanted = path;
  for (;;) {
    const found =
      marked.find(({ dataset }) => dataset.path === wanted) ??
      marked.find(({ dataset }) => dataset.path!.startsWith(wanted));
    if (found) {
      found.focus();
      found.scrollIntoView({ block: 'center' });
      return;
    }
    const cut = Math.max(wanted.lastIndexOf('.'), wanted.lastIndexOf('['));
    if (cut <= 0) return;
    wanted = wanted.slice(0, cut);
  }
}
