/** Bars at the same edge stand one after the other, and the page makes room for those that push it. */

export interface Place {
  bottom: boolean;
  sticky: boolean;
  push: boolean;
  /** The height that the bar covers now, and that for which the page makes room, in pixels. */
  height: number;
  room: number;
  /** Puts the bar so far from its edge. */
  put(offset: number): void;
}

const places = new Set<Place>();
let sheet: CSSStyleSheet | undefined;

/** Takes a new or changed place into account. */
export function arrange(place: Place): void {
  places.add(place);
  settle();
}

export function leave(place: Place): void {
  places.delete(place);
  settle();
  // The page slides back first; unless another bar has come meanwhile, nothing of ours stays in it.
  setTimeout(() => {
    if (places.size) return;
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((other) => other !== sheet);
    sheet = undefined;
  }, 500);
}

function settle(): void {
  const room = [0, 0];
  const offset = [0, 0];
  for (const place of places) {
    const edge = +place.bottom;
    place.put(offset[edge]!);
    // A bar at the end of the page stands in its flow and needs no room.
    if (place.bottom && !place.sticky) continue;
    offset[edge]! += place.height;
    if (place.push) room[edge]! += place.room;
  }
  if (!sheet) {
    sheet = new CSSStyleSheet();
    document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  }
  const reserve = (side: string, pixels: number) => (pixels ? `${side}:${pixels}px!important;` : '');
  sheet.replaceSync(
    `@media screen{:root{${reserve('margin-top', room[0]!)}${reserve('padding-bottom', room[1]!)}}}@media(prefers-reduced-motion:no-preference){:root{transition:margin .4s cubic-bezier(.2,.8,.2,1),padding .4s cubic-bezier(.2,.8,.2,1)!important}}`,
  );
}
