/** A day's name in a time zone, as the API reads it: `2026-11-22`. */
function dayName(at: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en-CA', { timeZone, dateStyle: 'short' }).format(at);
}

/** The last so many days, today among them. */
export function lastDays(days: number, timeZone: string, now = Date.now()) {
  const first = new Date(now - (days - 1) * 86_400_000);
  return { from: dayName(first, timeZone), to: dayName(new Date(now), timeZone), time_zone: timeZone };
}

/** How many whole days have gone by since. */
export function daysSince(at: string, now = Date.now()): number {
  return Math.floor((now - new Date(at).getTime()) / 86_400_000);
}
