import type { Colours } from '../model';

export type Preset = { light: Colours; dark: Colours };

const of = (background: string, text: string, button: string, button_text: string): Colours => ({
  background,
  text,
  button,
  button_text,
});

/** Colours to begin with: each reads well, by day and by night. */
export const PRESETS: readonly Preset[] = [
  {
    light: of('#1d4ed8', '#ffffff', '#ffffff', '#1d4ed8'),
    dark: of('#172554', '#dbeafe', '#93c5fd', '#172554'),
  },
  {
    light: of('#312e81', '#ffffff', '#fde68a', '#312e81'),
    dark: of('#1e1b4b', '#e0e7ff', '#fde68a', '#1e1b4b'),
  },
  {
    light: of('#115e59', '#ffffff', '#ffffff', '#115e59'),
    dark: of('#042f2e', '#ccfbf1', '#5eead4', '#042f2e'),
  },
  {
    light: of('#111827', '#ffffff', '#ffffff', '#111827'),
    dark: of('#1f2937', '#f3f4f6', '#f3f4f6', '#1f2937'),
  },
  {
    light: of('#fef3c7', '#451a03', '#451a03', '#fef3c7'),
    dark: of('#292524', '#fef3c7', '#fde68a', '#292524'),
  },
  {
    light: of('#ffffff', '#1f2937', '#1d4ed8', '#ffffff'),
    dark: of('#1e293b', '#f1f5f9', '#60a5fa', '#0f172a'),
  },
];
