/** The form of a bar: its fields, their faults, and sending it. */

import { element, safeUrl } from './element';
import { type Field, Kind, type Runtime, type Texts } from './runtime';

type Control = HTMLInputElement | HTMLSelectElement | HTMLTextAreaElement;

export interface Form {
  node: HTMLFormElement;
  /** Does it need room of its own rather than stand in one line with the message? */
  tall: boolean;
  focus(): void;
}

/** What came back: the text to thank with, or the faults, or nothing if it could not be sent. */
export type Answer = { message?: string; errors?: { field: string; message: string }[] } | undefined;

/** What is posted of the fields, the consent and the trap for robots. */
export interface Post {
  f: Record<string, string | boolean>;
  c: boolean;
  h: string;
}

const AUTOCOMPLETE = ['email', 'name', 'tel'];
const TYPE = ['email', 'text', 'tel'];
const LENGTH = [254, 200, 40, 4000, 200];

export function createForm(
  { g: goal }: Runtime,
  texts: Texts,
  pressed: () => void,
  send: (post: Post) => Promise<Answer>,
  sent: (message: string) => void,
): Form {
  const controls = new Map<string, [control: Control, fault: HTMLElement]>();
  const fields = goal.f!;
  const trap = element('input', { name: 'website', hidden: true, tabindex: -1, autocomplete: 'off' });
  const alert = element('p', { class: 'wrong alert', role: 'alert' });
  const button = element('button', { class: 'main' }, texts.b ?? '');
  const visible = fields.filter(([, kind]) => kind !== Kind.Hidden);
  const tall = visible.length > 2 || !!goal.c || visible.some(([, kind]) => kind === Kind.Message);
  const node = element('form', { novalidate: true }, trap);

  const mark = (name: string, message: string) => {
    const [control, fault] = controls.get(name)!;
    fault.textContent = message;
    if (message) control.setAttribute('aria-invalid', 'true');
    else control.removeAttribute('aria-invalid');
  };

  const add = (name: string, control: Control, ...labels: HTMLElement[]) => {
    const tick = control.type === 'checkbox';
    const wide = tick || control.localName === 'textarea';
    const fault = element('p', { class: 'wrong', id: `${control.id}e` });
    control.setAttribute('aria-describedby', fault.id);
    control.addEventListener('input', () => mark(name, ''));
    controls.set(name, [control, fault]);
    node.append(
      element(
        'div',
        { class: `${tick ? 'tick' : 'field'} ${wide ? 'wide' : ''}` },
        control,
        ...labels,
        fault,
      ),
    );
  };

  fields.forEach(([name, kind, required, options], index) => {
    if (kind === Kind.Hidden) return;
    const id = `f${index}`;
    const attributes = { id, name, required: !!required, maxlength: LENGTH[kind], placeholder: ' ' };
    let control: Control;
    if (kind === Kind.Message) control = element('textarea', attributes);
    else if (kind === Kind.Select) {
      control = element(
        'select',
        { id, name, required: !!required },
        element('option', { value: '' }),
        ...(options as string[]).map((value, at) => {
          const option = element('option', {}, texts.o![index]![at]!);
          option.value = value;
          return option;
        }),
      );
    } else if (kind === Kind.Checkbox) control = tickBox(id, !!required);
    else {
      control = element('input', {
        ...attributes,
        type: TYPE[kind],
        autocomplete: AUTOCOMPLETE[kind],
      });
    }
    add(name, control, element('label', { for: id }, texts.l![index]!));
  });
  if (goal.c) {
    const [required, policy] = goal.c;
    const words = element('span', {}, element('label', { for: 'c' }, texts.c ?? ''));
    if (policy) {
      words.append(element('a', { href: safeUrl(policy), target: '_blank', rel: 'noopener' }, texts.p ?? ''));
    }
    add('consent', tickBox('c', !!required), words);
  }
  node.append(button, alert);

  let busy = false;
  node.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (busy) return;
    pressed();
    for (const [name, [control]] of controls) mark(name, control.validationMessage);
    alert.textContent = '';
    if (focusFault()) return;
    busy = true;
    button.setAttribute('aria-busy', 'true');
    const answer = await send({ f: values(), c: checked('consent'), h: trap.value });
    busy = false;
    button.removeAttribute('aria-busy');
    if (answer && !answer.errors) {
      sent(answer.message ?? texts.s ?? '');
      return;
    }
    let rest = '';
    for (const { field, message } of answer?.errors ?? []) {
      const name = field.replace(/^f\./, '').replace(/^c$/, 'consent');
      if (controls.has(name)) mark(name, message);
      else rest = message;
    }
    if (!focusFault()) alert.textContent = rest || texts.e || '';
  });

  const checked = (name: string) => !!(controls.get(name)?.[0] as HTMLInputElement | undefined)?.checked;

  function values(): Post['f'] {
    const entered: Post['f'] = {};
    fields.forEach(([name, kind, , fixed]: Field) => {
      const value =
        kind === Kind.Hidden
          ? (fixed as string)
          : kind === Kind.Checkbox
            ? checked(name)
            : controls.get(name)![0].value;
      if (value !== '') entered[name] = value;
    });
    return entered;
  }

  function focusFault(): boolean {
    const fault = node.querySelector<HTMLElement>('[aria-invalid]');
    fault?.focus();
    return !!fault;
  }

  return { node, tall, focus: () => [...controls.values()][0]![0].focus() };
}

function tickBox(id: string, required: boolean): HTMLInputElement {
  return element('input', { id, required, type: 'checkbox' });
}
