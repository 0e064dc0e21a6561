import type { EventType } from '../../api/schema';
import { t } from '../../i18n/index.svelte';

/** What a webhook can be told of; a test comes when it is asked for. */
export const EVENTS: readonly EventType[] = [
  'contact.created',
  'contact.updated',
  'contact.deleted',
  'submission.created',
];

export function asName(event: EventType): string {
  return t().settings.webhooks.eventNames[event];
}
