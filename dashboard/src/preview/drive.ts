import { stage } from './stubs';

const ENTERED: Record<string, string> = {
  email: 'robin@example.com',
  tel: '+44 20 7946 0000',
};

/** Closes the bar as a visitor would: what has a tab becomes it. */
export function closeBar() {
  for (const root of stage.roots) root.querySelector<HTMLElement>('.close')?.click();
}

/** Fills in the form as a visitor would, and sends it. */
export function sendForm() {
  for (const root of stage.roots) {
    const form = root.querySelector('form');
    if (!root.host.isConnected || !form) continue;
    // On phones, and where it is long, a press on the main button opens it.
    if (!form.checkVisibility()) root.querySelector<HTMLElement>('[aria-expanded]')?.click();
    for (const control of form.querySelectorAll<HTMLInputElement | HTMLSelectElement>('[name]'))
      enter(control);
    form.requestSubmit();
  }
}

function enter(control: HTMLInputElement | HTMLSelectElement) {
  // A field that no person sees is there for robots.
  if (!control.checkVisibility()) return;
  if (control instanceof HTMLSelectElement) {
    control.value = [...control.options].find((option) => option.value)?.value ?? '';
  } else if (control.type === 'checkbox') control.checked = true;
  else control.value ||= ENTERED[control.type] ?? 'Robin';
}
