import { ApiProblem } from '../api/problem';

const MOST_KEPT = 24;
/** By what was asked for: undo, and looking at another state, need no answer of the server's. */
const kept = new Map<string, string>();

/** The script for a configuration (as JSON), if it was asked for before. */
export function knownScript(configuration: string, language: string | undefined): string | undefined {
  return kept.get(bodyOf(configuration, language));
}

/** The bar's own script for a configuration (as JSON) that need not be anybody's draft. */
export async function scriptFor(
  configuration: string,
  language: string | undefined,
  signal: AbortSignal,
): Promise<string> {
  const body = bodyOf(configuration, language);
  const script = await fetchScript(body, signal);
  kept.set(body, script);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
  return script;
}

function bodyOf(configuration: string, language: string | undefined): string {
  return `{"configuration":${configuration}${language ? `,"language":${JSON.stringify(language)}` : ''}}`;
}

async function fetchScript(body: string, signal: AbortSignal): Promise<string> {
  let response: Response;
  try {
    response = await fetch('/api/v1/previews', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body,
      signal,
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error;
    throw ApiProblem.offline();
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (!response.ok) throw ApiProblem.fromAnswer(response, answer);
  return (answer as { script: string }).script;
}
