/** A tag as the API takes it, if it is one. */
export function tagOf(typed: string): string | undefined {
  const tag = typed.trim().toLowerCase();
  const length = [...tag].length;
  return length >= 1 && length <= 40 && !/[,/\\\p{Cc}]/u.test(tag) ? tag : undefined;
}
