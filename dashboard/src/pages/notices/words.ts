import type { Notice } from '../../api/schema';
import { moment } from '../../i18n/format';
import { currentLanguage, t } from '../../i18n/index.svelte';

export type Tone = 'note' | 'good' | 'warn' | 'bad';

/** What a notice is of: `Planned outage`, `Version 1.4.2`. */
export function labelOf(notice: Notice): string {
  const words = t().notices;
  if (notice.kind === 'outage') return words.stages[notice.stage ?? 'begun'];
  const kind = words.kinds[notice.kind];
  return notice.release ? `${kind} ${notice.release}` : kind;
}

export function toneOf(notice: Notice): Tone {
  if (notice.kind === 'abuse' || notice.kind === 'security_breach') return 'bad';
  if (notice.kind === 'outage') return notice.stage === 'over' ? 'good' : 'warn';
  return 'note';
}

export function titleOf(notice: Notice): string {
  return notice.title[currentLanguage()];
}

/** The body as the server made it of Markdown: it can hold no markup of its own. */
export function htmlOf(notice: Notice): string {
  return notice.html[currentLanguage()];
}

/** When an outage is, as far as it is said. */
export function timeOf(notice: Notice): string | undefined {
  const words = t().notices;
  const [from, until] = [notice.starts_at, notice.ends_at].map((at) => (at ? moment(at) : undefined));
  if (from && until) return words.between(from, until);
  if (from) return words.from(from);
  return until ? words.until(until) : undefined;
}
