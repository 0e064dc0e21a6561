/** What the form of a bar does: its faults, and sending it. The server has written its elements. */

type Control = HTMLInputElement;

/** What came back: the text to thank with, or the faults, or nothing if it could not be sent. */
export type Answer = { message?: string; errors?: { field: string; message: string }[] } | undefined;

/** By the name of a field, or what kind of field it is. */
export type Known = Record<string, unknown>;

export const controlsOf = (bar: HTMLElement) => [...bar.querySelectorAll<Control>('[name]')];

/** What is entered, by the names of fields. */
export const valuesOf = (bar: HTMLElement): Known =>
  Object.fromEntries(
    controlsOf(bar).map(({ name, type, checked, value }) => [name, type === 'checkbox' ? checked : value]),
  );

/** A field that no person sees; robots fill it in. */
const TRAP = 'web-site';

export const animate = __part(
  'form',
  (bar: HTMLElement, pressed: () => void, send: (entered: object) => Promise<Answer>, sent: () => void) => {
    const mark = (control: Control, message: string) => {
      control.ariaInvalid = message ? 'true' : null;
      control.parentNode!.lastChild!.textContent = message;
    };

    bar.oninput = ({ target }) => mark(target as Control, '');
    bar.onsubmit = async (event) => {
      const form = event.target as HTMLFormElement;
      const alert = form.lastChild!;
      const controls = controlsOf(form);
      const findFault = () => {
        const fault = controls.find((control) => control.ariaInvalid);
        fault?.focus();
        return fault;
      };
      event.preventDefault();
      if (form.ariaBusy) return;
      pressed();
      for (const control of controls) mark(control, control.validationMessage);
      alert.textContent = '';
      if (findFault()) return;
      form.ariaBusy = 'true';
      const { consent: c, [TRAP]: h, ...f } = valuesOf(form);
      const answer = await send({ f, c, h });
      form.ariaBusy = null;
      if (answer?.message) sent();
      else {
        let rest = form.dataset.e;
        for (const { field, message } of answer?.errors ?? []) {
          const control = controls.find(({ name }) => name === field);
          if (control) mark(control, message);
          else rest = message;
        }
        if (!findFault()) alert.textContent = rest!;
      }
    };
  },
);
