/** What makes a bar appear. */

import type { Runtime } from './runtime';

type Listen = (types: string, listener: (event: never) => void) => void;

/** Each calls `fire` when it happens, once or more often. */
type Arm = (fire: () => void, argument: never, listen: Listen) => void;

const wait: Arm = (fire, seconds: number) => setTimeout(fire, (seconds || 0) * 1e3);

const scroll: Arm = __part('scroll', (fire: () => void, percent: number, listen: Listen) => {
  const look = () => {
    const { scrollHeight } = document.documentElement;
    if (scrollY >= ((scrollHeight - innerHeight) * percent) / 100 - 1) fire();
  };
  listen('scroll', look);
  look();
});

/** The pointer leaves the window at its top; by touch, a fast scroll up. */
const exit: Arm = __part('exit', (fire: () => void, _: never, listen: Listen) => {
  let last = scrollY;
  listen('mouseout', ({ relatedTarget, clientY }: MouseEvent) => relatedTarget || clientY > 0 || fire());
  listen('scroll', () => {
    // Between two frames.
    if (matchMedia('(pointer:coarse)').matches && last - scrollY > 40) fire();
    last = scrollY;
  });
});

const idle: Arm = __part('idle', (fire: () => void, seconds: number, listen: Listen) => {
  let timer = 0;
  const rest = () => {
    clearTimeout(timer);
    timer = setTimeout(fire, seconds * 1e3);
  };
  listen('pointermove pointerdown touchmove keydown scroll', rest);
  rest();
});

const click: Arm = __part('click', (fire: () => void, selector: string, listen: Listen) =>
  listen('click', ({ target }: { target: Element }) => target.closest?.(selector) && fire()),
);

const kinds = [wait, scroll, exit, idle, click] as ((...rest: unknown[]) => void)[];

/** Watches for all that makes the bar appear, until `signal` says to stop. */
export function arm({ w: triggers }: Runtime, fire: (index: number) => void, signal: AbortSignal): void {
  const listen: Listen = (types, listener) => {
    for (const type of types.split(' ')) {
      addEventListener(type, listener as EventListener, { capture: true, passive: true, signal });
    }
  };
  triggers.forEach(([kind, argument], index) => {
    kinds[kind]?.(() => signal.aborted || fire(index), argument, listen);
  });
}
