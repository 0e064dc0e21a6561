/** How well colours read upon one another, as WCAG 2 defines it. */

export const ENOUGH = 4.5;

type Channels = [red: number, green: number, blue: number];

export function isColour(text: string): boolean {
  return /^#[0-9a-f]{6}$/i.test(text);
}

function channels(colour: string): Channels {
  const number = Number.parseInt(colour.slice(1), 16);
  return [(number >> 16) & 255, (number >> 8) & 255, number & 255];
}

function luminance(colour: string): number {
  const [red, green, blue] = channels(colour).map((channel) => {
    const share = channel / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as Channels;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** 1 to 21. */
export function contrast(one: string, other: string): number {
  const [a, b] = [luminance(one), luminance(other)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}

function mixed(colour: string, towards: string, share: number): string {
  const target = channels(towards);
  const parts = channels(colour).map((channel, index) =>
    Math.round(channel + (target[index]! - channel) * share),
  );
  return `#${parts.map((part) => part.toString(16).padStart(2, '0')).join('')}`;
}

/** The colour nearest to this one that reads well on the ground: lighter or darker, whichever changes it less. */
export function readable(colour: string, ground: string): string {
  for (let step = 0; step <= 20; step++)
    for (const towards of contrast('#ffffff', ground) >= contrast('#000000', ground)
      ? ['#ffffff', '#000000']
      : ['#000000', '#ffffff']) {
      const tried = mixed(colour, towards, step / 20);
      if (contrast(tried, ground) >= ENOUGH) return tried;
    }
  // One of the two always reads well.
  return contrast('#ffffff', ground) >= ENOUGH ? '#ffffff' : '#000000';
}
