import createClient from 'openapi-fetch';
import { ApiProblem } from './problem';
import type { paths } from './schema';

/** The API, typed by its own document. Use it through `ask`, which gives the answer or throws an `ApiProblem`. */
export const api = createClient<paths>({ baseUrl: '', credentials: 'same-origin' });

let endedListener: (() => void) | undefined;

/** Called when the server says that nobody is logged in any more. */
export function onSessionEnded(listener: () => void) {
  endedListener = listener;
}

type Answer<T> = { data?: T; error?: unknown; response: Response };

/** Waits for a request: `await ask(api.GET('/api/v1/bars'))`. */
export async function ask<T>(request: Promise<Answer<T>>): Promise<T> {
  let answer: Answer<T>;
  try {
    answer = await request;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw ApiProblem.offline();
  }
  if (answer.response.ok) return answer.data as T;
  if (answer.response.status === 401 && !new URL(answer.response.url).pathname.endsWith('/session'))
    endedListener?.();
  throw ApiProblem.fromAnswer(answer.response, answer.error);
}

/** A key for a POST that must happen once, however often it is sent. */
export function once(): { 'Idempotency-Key': string } {
  return { 'Idempotency-Key': crypto.randomUUID() };
}
