/** Elements with attributes and text nodes; never markup. */
export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Record<string, string | number | boolean | null | undefined> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value || value === 0) made.setAttribute(name, value === true ? '' : `${value}`);
  }
  made.append(...children);
  return made;
}

/** Only addresses that a visitor may be sent to. */
export function safeUrl(url: string): string | undefined {
  return /^(https?|mailto|tel):/i.test(url) ? url : undefined;
}
