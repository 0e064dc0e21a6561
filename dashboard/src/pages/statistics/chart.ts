// The drawing of a series, by uPlot: it comes when it is needed.

import type uPlot from 'uplot';
import type { Measure } from './address.svelte';
import { isRate, sayShort } from './words';

export type ChartPoint = {
  name: string;
  short: string;
  value: number | null;
  earlierName: string | undefined;
  earlier: number | null;
};

export type Colours = {
  now: string;
  area: string;
  before: string;
  grid: string;
  text: string;
  paper: string;
};

/** Where a line of the axis may stand: each so many points. */
const STEPS = [1, 2, 3, 4, 6, 7, 12, 14, 24, 28, 30, 48, 60, 72, 90, 120, 168, 180, 365];
const SHARES = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1];
const COUNTS = [1, 2, 5]
  .flatMap((n) => [0, 1, 2, 3, 4, 5, 6, 7, 8].map((e) => n * 10 ** e))
  .sort((a, b) => a - b);

export function dataOf(points: readonly ChartPoint[], compares: boolean): uPlot.AlignedData {
  const places = points.map((_, index) => index);
  const nothing = points.map(() => null);
  return [
    places,
    compares ? points.map((point) => point.earlier) : nothing,
    points.map((point) => point.value),
  ];
}

type Given = {
  size: { width: number; height: number };
  colours: () => Colours;
  points: () => readonly ChartPoint[];
  measure: () => Measure;
  byHour: () => boolean;
  moved: (place: number | null) => void;
};

export function optionsOf({ size, colours, points, measure, byHour, moved }: Given): uPlot.Options {
  const font = '12px system-ui, -apple-system, "Segoe UI", sans-serif';
  const axis = { stroke: () => colours().text, font, ticks: { show: false } };
  return {
    ...size,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    scales: {
      x: { time: false, range: (_, min, max) => (max > min ? [min, max] : [min - 1, max + 1]) },
      y: { range: (_, __, max) => [0, max > 0 ? max * 1.08 : isRate(measure()) ? 0.1 : 4] },
    },
    series: [
      {},
      { stroke: () => colours().before, width: 1.5, dash: [5, 4], points: { show: false } },
      { stroke: () => colours().now, fill: () => colours().area, width: 2, spanGaps: false },
    ],
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 28,
        space: 72,
        incrs: () => (byHour() ? STEPS.filter((step) => step % 24 === 0) : STEPS),
        values: (_, splits) => splits.map((place) => points()[place]?.short ?? ''),
      },
      {
        ...axis,
        grid: { stroke: () => colours().grid, width: 1 },
        size: 56,
        incrs: () => (isRate(measure()) ? SHARES : COUNTS),
        space: 44,
        values: (_, splits) => splits.map((value) => sayShort(value, measure())),
      },
    ],
    cursor: {
      y: false,
      drag: { x: false, y: false },
      points: {
        size: 9,
        width: 2,
        fill: () => colours().paper,
        stroke: (_, series) => (series === 2 ? colours().now : colours().before),
      },
    },
    hooks: { setCursor: [(u) => moved(u.cursor.idx ?? null)] },
  };
}
