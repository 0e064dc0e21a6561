/** Bars at the same edge stand one after the other, and the page makes room for those that push it. */

/**
 * Where something stands: [lane, the height that it covers, the height for which the page makes room, puts it so
 * far from its edge]. Lanes: 0 top, 1 bottom, then the corners and the edges of tabs, 9 in nobody's
 * way; odd is at the bottom.
 */
export type Place = [lane: number, height: number, room: number, put: (offset: number) => void];

/** What all bars of a page share, whichever of their scripts made it. */
export interface Stack {
  places: Set<Place>;
  sheet: CSSStyleSheet;
}

/** Puts everything in its place. */
export function settle({ places, sheet }: Stack): void {
  const room = [0, 0];
  const offsets: number[] = [];
  for (const [lane, height, space, put] of [...places].sort(([one], [other]) => one - other)) {
    // What stands in a corner stands beyond the bars at its edge.
    const offset = offsets[lane] ?? offsets[lane > 1 ? lane & 1 : 2] ?? 0;
    put(offset);
    offsets[lane] = offset + height;
    if (lane < 2) room[lane]! += space;
  }
  const reserve = (side: string, pixels: number | undefined) =>
    pixels ? `${side}:${pixels}px!important;` : '';
  // Not in the task in which the bar is laid out: the page is laid out anew for it.
  setTimeout(() => {
    sheet.replaceSync(
      `@media screen{:root{${reserve('margin-top', room[0])}${reserve('padding-bottom', room[1])}}}@media(prefers-reduced-motion:no-preference){:root{transition:margin .3s,padding .3s!important}}`,
    );
    document.adoptedStyleSheets = [...document.adoptedStyleSheets.filter((one) => one !== sheet), sheet];
  });
  // The page slides back first; unless another bar has come meanwhile, nothing of ours stays in it.
  setTimeout(() => {
    if (!places.size)
      document.adoptedStyleSheets = document.adoptedStyleSheets.filter((one) => one !== sheet);
  }, 400);
}
