import { api, ask } from '../api/client';
import type { Configuration } from '../api/schema';

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
  const body = { configuration: JSON.parse(configuration) as Configuration, language };
  const { script } = await ask(api.POST('/api/v1/previews', { body, signal }));
  kept.set(bodyOf(configuration, language), script);
  if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
  return script;
}

function bodyOf(configuration: string, language: string | undefined): string {
  return `${language ?? ''} ${configuration}`;
}
