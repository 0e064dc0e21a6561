import type { Configuration } from '../api/schema';
import type { PreviewState } from './protocol';

/**
 * What of a configuration can be seen: one variant. When and to whom the bar appears is not, so that typing there asks for
 * nothing; the server shows it at once, to everybody.
 */
export function staged(
  configuration: Configuration,
  variant: string | undefined,
  state: PreviewState,
): Configuration {
  const found = configuration.variants.find(({ key }) => key === variant) ?? configuration.variants[0];
  const { theme } = configuration;
  return {
    ...configuration,
    variants: found ? [{ ...found, weight: 100 }] : [],
    // The tab is what remains of a bar that was closed.
    theme: state === 'tab' ? { ...theme!, closable: true } : theme,
    triggers: undefined,
    targeting: undefined,
    frequency: undefined,
  };
}
