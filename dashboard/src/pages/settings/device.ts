import { t } from '../../i18n/index.svelte';

/** What somebody logged in with: `Firefox on Linux`. */
export function deviceName(device: { browser?: string | null; system?: string | null }): string {
  const words = t().settings.sessions;
  if (device.browser && device.system) return words.on(device.browser, device.system);
  return device.browser ?? device.system ?? words.unknown;
}
