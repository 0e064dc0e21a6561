import { ApiProblem } from '../../api/problem';
import { explain } from '../../i18n/problems';
import { toasts } from '../../state/toasts.svelte';

/** Waits for what should just work; says so where it did not. Answers whether it did. */
export async function attempt(request: Promise<unknown>): Promise<boolean> {
  try {
    await request;
    return true;
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    toasts.bad(explain(error));
    return false;
  }
}
