import { t } from '../../i18n/index.svelte';

/** What is wrong with a new password, in the reader's language. */
export function passwordFault(message: string | undefined): string | undefined {
  if (!message) return undefined;
  const faults = t().entry.passwordFaults;
  if (/shorter|too short|at least/i.test(message)) return faults.short;
  if (/longer|too long|at most/i.test(message)) return faults.long;
  if (/tried first/.test(message)) return faults.common;
  if (/repeats/.test(message)) return faults.repeats;
  if (/your address/.test(message)) return faults.address;
  return message;
}
