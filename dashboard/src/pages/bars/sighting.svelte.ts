import { untrack } from 'svelte';
import { api, ask } from '../../api/client';
import { ApiProblem } from '../../api/problem';
import type { Site } from '../../api/schema';

const FIRST_MS = 2500;
const SLOWEST_MS = 15_000;

/** Where a bar was seen; and, while it was not, the waiting for that moment. */
export class Sighting {
  /** `undefined`: not known yet. The newest first. */
  sites = $state.raw<Site[]>();
  more = $state(false);
  problem = $state.raw<ApiProblem>();
  /** It arrived while somebody waited. */
  fresh = $state(false);

  get seen(): Site | undefined {
    return this.sites?.[0];
  }

  async look(barId: string, signal: AbortSignal): Promise<void> {
    const waited = this.sites?.length === 0;
    try {
      const request = { params: { path: { bar_id: barId }, query: { limit: 200 } }, signal };
      const page = await ask(api.GET('/api/v1/bars/{bar_id}/sites', request));
      const newest = (one: Site, other: Site) => other.last_seen_at.localeCompare(one.last_seen_at);
      this.sites = page.items.toSorted(newest);
      this.more = page.next_cursor != null;
      this.problem = undefined;
      this.fresh ||= waited && page.items.length > 0;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof ApiProblem)) throw error;
      this.problem = error;
    }
  }
}

/**
 * Reads where the bar was seen, and asks again, ever more slowly, until it was: only while the page can be seen. To be
 * called while a component starts.
 */
export function sightingOf(barId: () => string): Sighting {
  const sighting = new Sighting();
  $effect(() => {
    const id = barId();
    const over = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let wait = FIRST_MS;
    async function look() {
      clearTimeout(timer);
      if (document.hidden) return;
      await sighting.look(id, over.signal);
      if (over.signal.aborted || sighting.seen) return;
      timer = setTimeout(look, wait);
      wait = Math.min(wait * 1.2, SLOWEST_MS);
    }
    function shown() {
      if (document.hidden || sighting.seen) return;
      wait = FIRST_MS;
      void look();
    }
    document.addEventListener('visibilitychange', shown);
    untrack(() => void look());
    return () => {
      over.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', shown);
      sighting.sites = undefined;
      sighting.fresh = false;
    };
  });
  return sighting;
}
