import { ApiProblem } from '../api/problem';
import { explain, serverWords } from '../i18n/problems';

/** A form on its way: busy or not, and what was wrong, by field and in general. */
export class Form {
  busy = $state(false);
  problem = $state.raw<ApiProblem>();

  /** What is wrong with a field: its own message. */
  of(field: string): string | undefined {
    const message = this.problem?.of(field);
    return message && serverWords(message);
  }

  /** What is wrong, where no field of the form says it. `fields` are those that show their own. */
  general(...fields: string[]): string | undefined {
    if (!this.problem) return undefined;
    const elsewhere = this.problem.errors.filter((error) => !fields.includes(error.field));
    if (this.problem.errors.length > 0 && elsewhere.length === 0) return undefined;
    const named = elsewhere.map((error) => `${error.field}: ${serverWords(error.message)}`);
    return [explain(this.problem), ...named].join(' ');
  }

  /** Does it, once at a time; answers whether it worked. */
  async submit(act: () => Promise<unknown>): Promise<boolean> {
    if (this.busy) return false;
    this.busy = true;
    this.problem = undefined;
    try {
      await act();
      return true;
    } catch (error) {
      if (!(error instanceof ApiProblem)) throw error;
      this.problem = error;
      return false;
    } finally {
      this.busy = false;
    }
  }
}
