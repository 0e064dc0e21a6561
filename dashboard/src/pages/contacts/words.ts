import type { Contact, ContactStatus } from '../../api/schema';
import { currentLanguage, t } from '../../i18n/index.svelte';

/** What a contact is called. */
export function nameOf(contact: Contact): string {
  return contact.name ?? contact.email ?? contact.phone ?? t().contacts.nameless;
}

/** What they last wrote, if they wrote anything. */
export function messageOf(contact: Contact): string {
  const fields = contact.latest?.fields ?? [];
  const said = fields.find(({ kind }) => kind === 'message') ?? fields.find(({ kind }) => kind === 'text');
  return said?.value ?? '';
}

export const TONES: Record<ContactStatus, 'accent' | 'warn' | 'good' | 'neutral'> = {
  new: 'accent',
  open: 'warn',
  done: 'good',
  spam: 'neutral',
};

export function languageName(tag: string): string {
  try {
    return new Intl.DisplayNames(currentLanguage(), { type: 'language' }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}
