import type { Colours, Configuration, Goal, GoalKind, Layout } from '../../api/schema';

/** What a small picture of a bar needs: as the list of bars says it. */
export type Look = {
  goal: GoalKind;
  layout: Layout['kind'];
  edge?: 'top' | 'bottom' | null;
  corner?: 'bottom_right' | 'bottom_left' | 'top_right' | 'top_left' | null;
  background: string;
  text: string;
  button: string;
  button_text: string;
  message: string;
  button_label?: string | null;
};

const DEFAULTS: Colours = {
  background: '#1d4ed8',
  text: '#ffffff',
  button: '#ffffff',
  button_text: '#1d4ed8',
};

/** The same of a configuration: its first variant, in its default language. */
export function lookOf(configuration: Configuration): Look {
  const first = configuration.variants[0];
  const texts = first?.texts[configuration.default_language ?? 'en'] ?? Object.values(first?.texts ?? {})[0];
  const layout = (configuration.layout ?? { kind: 'bar' }) as Layout;
  const colours = { ...DEFAULTS, ...configuration.theme?.colours };
  return {
    goal: (first?.goal as Goal | undefined)?.kind ?? 'notice',
    layout: layout.kind,
    edge: layout.kind === 'bar' ? layout.position : undefined,
    corner: layout.kind === 'slide_in' ? layout.corner : undefined,
    background: colours.background ?? DEFAULTS.background!,
    text: colours.text ?? DEFAULTS.text!,
    button: colours.button ?? DEFAULTS.button!,
    button_text: colours.button_text ?? DEFAULTS.button_text!,
    message: texts?.message ?? '',
    button_label: texts?.button,
  };
}

/** How an empty bar begins, by its goal. */
export const EMPTY_LOOKS: Record<GoalKind, Look> = {
  contact: {
    goal: 'contact',
    layout: 'bar',
    edge: 'bottom',
    background: '#312e81',
    text: '#ffffff',
    button: '#fde68a',
    button_text: '#312e81',
    message: '',
  },
  link: {
    goal: 'link',
    layout: 'bar',
    edge: 'top',
    background: '#115e59',
    text: '#ffffff',
    button: '#ffffff',
    button_text: '#115e59',
    message: '',
  },
  notice: {
    goal: 'notice',
    layout: 'bar',
    edge: 'top',
    background: '#fef3c7',
    text: '#292524',
    button: '#292524',
    button_text: '#fef3c7',
    message: '',
  },
};
