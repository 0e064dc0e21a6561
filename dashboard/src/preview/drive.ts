import { stage } from './stubs';

const ENTERED: Record<string, string> = {
  email: 'robin@example.com',
  tel: '+44 20 7946 0000',
};
const LOOK_MS = 20;
const MOST_LOOKS = 150;

/** Does it to the bar as soon as that stands: it comes in short tasks, and says that it shows before the last of them. */
export function onceThere(act: (bar: HTMLElement) => void, isMeant: () => boolean, looks = 0) {
  if (!isMeant() || looks > MOST_LOOKS) return;
  const bar = [...stage.roots]
    .filter((root) => root.host.isConnected)
    .map((root) => root.querySelector<HTMLElement>('section:not(.tab), dialog'))
    .find((found) => found?.checkVisibility());
  if (bar) act(bar);
  else setTimeout(onceThere, LOOK_MS, act, isMeant, looks + 1);
}

/** Closes the bar as a visitor would: what has a tab becomes it. */
export function closeBar(bar: HTMLElement) {
  bar.querySelector<HTMLElement>('.close')?.click();
}

/** Fills in the form as a visitor would, and sends it. */
export function sendForm(bar: HTMLElement) {
  const form = bar.querySelector('form');
  if (!form) return;
  // On phones, and where it is long, a press on the main button opens it.
  if (!form.checkVisibility()) bar.querySelector<HTMLElement>('[aria-expanded]')?.click();
  for (const control of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>('[name]')) enter(control);
  form.requestSubmit();
}

function enter(control: HTMLInputElement | HTMLSelectElement) {
  // A field that no person sees is there for robots.
  if (!control.checkVisibility()) return;
  if (control instanceof HTMLSelectElement) {
    control.value = [...control.options].find((option) => option.value)?.value ?? '';
  } else if (control.type === 'checkbox') control.checked = true;
  else control.value ||= ENTERED[control.type] ?? 'Robin';
}
