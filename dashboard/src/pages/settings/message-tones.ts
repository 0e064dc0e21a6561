import type { MessageState } from '../../api/schema';

export const MESSAGE_TONES = {
  queued: 'accent',
  sent: 'good',
  failed: 'bad',
  suppressed: 'warn',
} as const satisfies Record<MessageState, string>;
