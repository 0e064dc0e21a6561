import type { Form } from '../../state/form.svelte';

/** What stands in a field with one entry a line. */
export function linesOf(text: string): string[] {
  return text
    .split(/[\s,;]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** What is wrong with a list that is one field here: the server names the entry at fault, as in `allowed_hosts.0`. */
export function wrongIn(form: Form, field: string): string | undefined {
  const inside = new RegExp(`^${field}(?![a-z_])`);
  const wrong = form.problem?.errors.filter((error) => inside.test(error.field)) ?? [];
  return wrong.length > 0 ? wrong.map((error) => error.message).join(' ') : undefined;
}

/** What is wrong, where neither a field nor an entry of these says it. */
export function generalBut(form: Form, ...fields: string[]): string | undefined {
  const within = form.problem?.errors
    .map((error) => error.field)
    .filter((field) => fields.some((one) => field.startsWith(one)));
  return form.general(...fields, ...(within ?? []));
}
