import type { ApiProblem } from '../api/problem';
import { t } from './index.svelte';

/** What the server says, in the reader's language; what we have no words for, as it came. */
export function serverWords(message: string): string {
  for (const [pattern, say] of t().server) {
    const found = pattern.exec(message);
    if (found) return say(...found.slice(1));
  }
  return message.charAt(0).toUpperCase() + message.slice(1);
}

/** What went wrong, as a sentence that says what to do. */
export function explain(problem: ApiProblem): string {
  const words = t().problems;
  if (problem.status === 0) return words.offline;
  if (problem.status === 429) return words.tooMany(problem.retryAfterSecs ?? 60);
  if (problem.status === 403) return problem.detail ? serverWords(problem.detail) : words.forbidden;
  if (problem.status === 404) return words.notFound;
  if (problem.status === 412 || (problem.status === 409 && !problem.detail)) return words.changedMeanwhile;
  if (problem.status >= 500) return words.server(problem.requestId ?? '–');
  if (problem.status === 422 && problem.errors.length > 0) return words.checkInput;
  return serverWords(problem.detail ?? problem.title);
}
