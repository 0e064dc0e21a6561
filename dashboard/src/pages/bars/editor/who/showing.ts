import { ApiProblem } from '../../../../api/problem';
import type { Configuration, Device } from '../../../../api/schema';

export type Asked = {
  configuration: Configuration;
  page: string;
  referrer?: string;
  device: Device;
  language: string;
  visitor: 'new' | 'returning';
  at?: string;
};
export type Verdict = { shows: boolean; rules: { rule: string; passes: boolean; message: string }[] };

/** Whether the bar would show there, and what each rule says to it. */
export async function askWhetherShown(asked: Asked, signal: AbortSignal): Promise<Verdict> {
  let response: Response;
  try {
    response = await fetch('/api/v1/previews/showing', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(asked),
      signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw ApiProblem.offline();
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw ApiProblem.fromAnswer(response, answer);
  return answer as Verdict;
}
