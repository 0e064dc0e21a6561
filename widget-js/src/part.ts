/** Marks what only some bars need. The build cuts the script here; the server leaves out what a bar does not use. */
declare global {
  function __part<T>(name: Part, value: T): T;
}

export type Part =
  | 'bar'
  | 'card'
  | 'slide'
  | 'modal'
  | 'inline'
  | 'tab'
  | 'form'
  | 'target'
  | 'schedule'
  | 'scroll'
  | 'exit'
  | 'idle'
  | 'click'
  | 'variants';
