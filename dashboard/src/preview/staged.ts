import type { Configuration } from '../api/schema';
import { INLINE_PLACE, type PreviewState } from './protocol';

/**
 * The configuration to be seen: one variant, at once, for everybody. When and to whom the bar appears must not keep
 * it from being looked at.
 */
export function staged(
  configuration: Configuration,
  variant: string | undefined,
  state: PreviewState,
): Configuration {
  const found = configuration.variants.find(({ key }) => key === variant) ?? configuration.variants[0];
  const { layout, tab } = configuration;
  const isInline = (layout as { kind?: string } | undefined)?.kind === 'inline';
  return {
    ...configuration,
    variants: found ? [{ ...found, weight: 100 }] : [],
    layout: isInline ? ({ kind: 'inline', selector: INLINE_PLACE } as typeof layout) : layout,
    tab: tab ? { ...tab, starts_collapsed: state === 'tab' } : undefined,
    triggers: undefined,
    targeting: undefined,
    frequency: undefined,
  };
}
