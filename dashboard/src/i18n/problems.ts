import type { ApiProblem } from '../api/problem';
import { t } from './index.svelte';

/** What went wrong, as a sentence that says what to do. */
export function explain(problem: ApiProblem): string {
  const words = t().problems;
  if (problem.status === 0) return words.offline;
  if (problem.status === 429) return words.tooMany(problem.retryAfterSecs ?? 60);
  if (problem.status === 403) return problem.detail ?? words.forbidden;
  if (problem.status === 404) return words.notFound;
  if (problem.status === 412 || (problem.status === 409 && !problem.detail)) return words.changedMeanwhile;
  if (problem.status >= 500) return words.server(problem.requestId ?? '–');
  if (problem.status === 422 && problem.errors.length > 0) return words.checkInput;
  return problem.detail ?? problem.title;
}
