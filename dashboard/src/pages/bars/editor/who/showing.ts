import { api, ask } from '../../../../api/client';
import type { AskShowing, Configuration, Showing } from '../../../../api/schema';
import { currentLanguage } from '../../../../i18n/index.svelte';
import type { Design, Targeting } from '../model';

export type Asked = Omit<AskShowing, 'configuration'>;

/** Only the targeting is asked about: what is unfinished elsewhere is no obstacle. */
const SILENT: Design['variants'][number] = {
  key: 'a',
  weight: 100,
  goal: { kind: 'notice' },
  texts: { en: { message: '–', labels: {}, options: {} } },
};

/** Whether the bar would show there, and what each rule says to it, in the words of the reader's language. */
export function askWhetherShown(targeting: Targeting, asked: Asked, signal: AbortSignal): Promise<Showing> {
  const configuration: Configuration = { default_language: 'en', variants: [SILENT], targeting };
  const params = { query: { language: currentLanguage() } };
  const body = { configuration, ...asked };
  return ask(api.POST('/api/v1/previews/showing', { params, body, signal }));
}
