import type { Catalogue } from '../../../i18n/en';

type Words = Catalogue['editor']['problems'];
type Say = (words: Words, found: readonly string[]) => string;

/** What the server finds (`src/bars/configuration/check.rs`), in the words of the member's language. */
const KNOWN: readonly [RegExp, Say][] = [
  [/^must not be empty$/, (words) => words.empty],
  [/^is needed|^is required$/, (words) => words.needed],
  [/^(?:is longer than|must have at most) (\d+) characters$/, (words, [, most]) => words.tooLong(most!)],
  [/^must not contain control characters/, (words) => words.control],
  [/^must be on one line/, (words) => words.oneLine],
  [/^looks like a card number/, (words) => words.card],
  [/^at most (\d+) (?:are|languages are) allowed$/, (words, [, most]) => words.atMost(most!)],
  [/^has more than (\d+) entries$/, (words, [, most]) => words.atMost(most!)],
  [/^must be (\d+) to (\d+)$/, (words, [, least, most]) => words.range(least!, most!)],
  [/^is less than (\d+)$/, (words, [, least]) => words.least(least!)],
  [/^is more than (\d+)$/, (words, [, most]) => words.most(most!)],
  [/^must be a CSS selector/, (words) => words.selector],
  [/^must begin with `\/`/, (words) => words.page],
  [/^must begin with a scheme/, (words) => words.referrer],
  [/^must not contain `#`/, (words) => words.hash],
  [/^at most (\d+) `\*`/, (words, [, most]) => words.stars(most!)],
  [
    /^must (?:be an absolute address|begin with one of) .*`mailto:`|^must name whom/,
    (words) => words.address,
  ],
  [/^must (?:be an absolute address|begin with one of)|^must name a host/, (words) => words.webAddress],
  [/^must not contain a user name/, (words) => words.user],
  [/^must not contain spaces/, (words) => words.spaces],
  [/must be a language tag/, (words) => words.language],
  [/there twice$/, (words) => words.twice],
  [/there only once$/, (words) => words.once],
  [/weight above 0$/, (words) => words.weights],
  [/64 KiB/, (words) => words.tooBig],
  [/^the default language must be/, (words) => words.defaultLanguage],
  [/^at least one field/, (words) => words.visible],
  [/^must be 1 to \d+ of the characters|^every key must be the name/, (words) => words.name],
  [/^is taken by/, (words) => words.taken],
  [/needs options$/, (words) => words.options],
  [/needs a value$/, (words) => words.needed],
  [/^the form has no such|^there is a text for a value/, (words) => words.stray],
  [/^must be a colour/, (words) => words.colour],
  [/^at least one trigger|^has fewer than 1/, (words) => words.trigger],
  [/name of a time zone/, (words) => words.timeZone],
  [/^must be a day/, (words) => words.day],
  [/^must be a time/, (words) => words.time],
  [/^must not be before/, (words) => words.until],
  [/^must not be the same as/, (words) => words.sameTime],
  [/^verification failed/, (words) => words.shape],
];

/** As it reads behind the name of its place. */
export function problemWords(message: string, words: Words): string {
  for (const [pattern, say] of KNOWN) {
    const found = pattern.exec(message);
    if (found) return say(words, found);
  }
  return message;
}

/** As it reads alone, below its field. */
export function problemSentence(message: string, words: Words): string {
  const text = problemWords(message, words);
  return text.charAt(0).toUpperCase() + text.slice(1);
}
