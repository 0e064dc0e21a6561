/** Where, when and to whom a bar shows. */

import type { Schedule, Targeting } from './runtime';
import { recall, remember, sticky } from './visitor';

/** What keeps the bar away, if anything. */
export const misses = __part(
  'target',
  (key: string, { r: rules = [], d: device, v: visitors, s: schedule, n: percent }: Targeting) => {
    const { href, search } = location;
    const subjects = [href.split('#')[0]!, document.referrer, search, navigator.language.toLowerCase()];
    const fails = rules.find(([, subject, include, exclude]) => {
      const text = subjects[subject]!;
      return !RegExp(include).test(text) || (exclude && RegExp(exclude).test(text));
    });
    if (!recall('first')) {
      remember('first', '1');
      remember('first', '1', 1);
    }
    return (
      fails?.[0] ||
      (device && !matchMedia(device).matches && 'device') ||
      // Who came for the first time in this session is new until it ends.
      (visitors && !recall('first', 1) !== visitors > 1 && 'visitors') ||
      (schedule && !isTime(schedule) && 'schedule') ||
      (percent && +sticky(`${key}.luck`, Math.random) * 100 >= percent && 'percentage')
    );
  },
);

const isTime = __part('schedule', ([zone, from, until, weekdays, start, end]: Schedule): boolean => {
  const [date, time] = new Date().toLocaleString('sv', { timeZone: zone }).split(' ') as [string, string];
  // What lasts past midnight belongs to the day on which it began.
  const over = start >= end;
  const late = !!start && over && time < end;
  const day = new Date(+new Date(date) - (late ? 864e5 : 0));
  const iso = day.toISOString().slice(0, 10);
  return (
    iso >= from &&
    (!until || iso <= until) &&
    (!weekdays || weekdays.includes(`${day.getUTCDay()}`)) &&
    (!start || late || (time >= start && (over || time < end)))
  );
});
