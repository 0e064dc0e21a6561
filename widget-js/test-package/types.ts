/** What compiles, and what must not: read by `npm run check`, never run. */

import { type Api, type Command, contactbar, type Detail, type EventName, load } from '../index.js';

export async function compiles(nonce: string | undefined): Promise<void> {
  const api: Api = await load({ key: '7m2k9x4qtz', host: 'https://bars.example', manual: true, nonce });
  const out: boolean = api.optedOut();
  api.identify({ email: 'ada@shop.example', agreed: out });
  api.on('can-show', (event) => {
    if (event.detail.key === 'x') event.preventDefault();
  });

  contactbar.push(['open', '7m2k9x4qtz'], ['setLocale', 'de'], ['optOut']);
  contactbar.toggle();
  const names: EventName[] = ['can-show', 'show', 'click', 'close', 'submit', 'error'];
  for (const name of names) contactbar.on(name, () => undefined);

  window.contactbar = window.contactbar || [];
  window.contactbar.push(['start']);
  const commands: Command[] = [['identify', { name: 'Ada' }], ['destroy']];
  window.contactbar.push(...commands);
  document.addEventListener('contactbar:error', ({ detail }) => {
    const status: number | undefined = (detail satisfies Detail).status;
    return status;
  });
}

export function doesNot(): void {
  // @ts-expect-error: a key is needed
  void load({ host: 'https://bars.example' });
  // @ts-expect-error: no such option
  void load({ key: 'k', host: 'https://bars.example', autostart: true });
  // @ts-expect-error: no such command
  contactbar.push(['explode']);
  // @ts-expect-error: a language is needed
  contactbar.push(['setLocale']);
  // @ts-expect-error: only the API itself can say
  contactbar.optedOut();
  // @ts-expect-error: no such event
  contactbar.on('shown', () => undefined);
}
