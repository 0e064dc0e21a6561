import type { Tree } from './runtime';

/** Makes elements with attributes and text nodes; never markup. */
export function build([tag, attributes, ...children]: Tree): HTMLElement {
  const made = document.createElement(tag);
  for (const name in attributes) made.setAttribute(name, attributes[name]!);
  made.append(...children.map((child) => (typeof child === 'string' ? child : build(child))));
  return made;
}
