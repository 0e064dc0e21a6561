import type { ApiToken, AuditEntry, BarListItem, TeamUser } from '../../api/schema';
import { moment } from '../../i18n/format';
import { t } from '../../i18n/index.svelte';

/** What the ids of the log mean now. */
export type Names = { me?: string; team: TeamUser[]; tokens: ApiToken[]; bars: BarListItem[] };

/** Who did it, as the beginning of a sentence. */
function actor(entry: AuditEntry, names: Names): string {
  const words = t().settings.audit;
  if (entry.actor === 'user') {
    if (entry.user_id === names.me) return words.you;
    const person = names.team.find(({ id }) => id === entry.user_id);
    return person ? words.person(person.name ?? person.email) : words.former;
  }
  if (entry.actor === 'token') {
    const token = names.tokens.find(({ id }) => id === entry.token_id);
    return token ? words.token(token.name) : words.formerToken;
  }
  return entry.actor === 'anonymous' ? words.anonymous : words.system;
}

/** What an id is called, where it is known. */
export function nameOf(id: string, names: Names): string | undefined {
  const person = names.team.find((one) => one.id === id);
  if (person) return person.name ?? person.email;
  return [...names.bars, ...names.tokens].find((one) => one.id === id)?.name;
}

/** What it was done to, as a part of a sentence. */
function target({ target: id }: AuditEntry, names: Names): string {
  const words = t().settings.audit;
  const name = nameOf(id, names);
  if (id.startsWith('bar_')) return name ? words.bar(name) : words.barGone;
  if (id.startsWith('usr_')) return name ?? words.somebody;
  return name ? words.theToken(name) : words.someToken;
}

/** An entry as a sentence. */
export function sentence(entry: AuditEntry, names: Names): string {
  const words = t().settings.audit;
  const sentences: Record<string, (who: string, what: string) => string> = words.sentences;
  const known = sentences[entry.action];
  const who = actor(entry, names);
  return known ? known(who, target(entry, names)) : words.unknown(who, entry.action);
}

/** What more the log says about it, in words where there are some. */
export function details(entry: AuditEntry): { label: string; value: string }[] {
  if (typeof entry.detail !== 'object' || entry.detail === null) return [];
  const labels: Record<string, string> = t().settings.audit.fields;
  const fields: Record<string, string> = { ...t().settings.member.fields, ...t().settings.audit.changed };
  const roles: Record<string, string> = t().roles;
  return Object.entries(entry.detail as Record<string, unknown>)
    .filter(([key]) => key in labels)
    .map(([key, value]) => ({
      label: labels[key] ?? key,
      value: (Array.isArray(value) ? value : [value])
        .map(String)
        .map((text) => (key.endsWith('_at') ? moment(text) : (fields[text] ?? roles[text] ?? text)))
        .join(', '),
    }));
}
