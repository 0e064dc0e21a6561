/** One bar: when it shows, how it looks, what it does. */

import type { Detail, EventName } from './api';
import { circumstances, flush, id, report } from './beacon';
import { build } from './element';
import { type Answer, animate, controlsOf, type Known, valuesOf } from './form';
import { type Runtime, type Tree, Trigger, type Variant } from './runtime';
import { type Place, type Stack, settle } from './stack';
import bar from './styles/bar.css';
import base from './styles/base.css';
import card from './styles/card.css';
import formed from './styles/form.css';
import inline from './styles/inline.css';
import modal from './styles/modal.css';
import slide from './styles/slide.css';
import tabs from './styles/tab.css';
import { misses } from './target';
import { arm } from './trigger';
import { recall, remember, silent, store } from './visitor';

/** What a bar can be told. Scripts of other builds may be on the page: names are added here, never changed. */
export interface Bar {
  key: string;
  /** Begins to watch for what makes it appear. */
  start(): void;
  open(): void;
  close(): void;
  toggle(): void;
  destroy(): void;
  /** The page has another address. */
  move(): void;
  /** More is known of the visitor, or the language has changed. */
  renew(known?: Known): void;
  silent(): boolean;
  shown(): boolean;
}

/** What the bars of a page share. */
export interface Shared extends Stack {
  bars: Map<string, Bar>;
  known: Known;
  locale?: string | undefined;
  /** The visitor's choice on this page, if they made one. */
  out?: boolean;
  /** By member: when a bar was last in sight, and which. */
  last: Record<string, string>;
}

const css = base + bar + card + slide + modal + inline + tabs + formed;

export function createBar(shared: Shared, config: Runtime, { locale, manual }: DOMStringMap): Bar {
  const { k: key, h: host, d: tab, f: often = {}, t: target, w: triggers } = config;
  const root = document.documentElement;
  let waiting = manual !== undefined;
  let armed = new AbortController();
  /** Has it been shown, or is it not due? Then only a press on an element of the page shows it. */
  let rests = false;
  const gone = new AbortController();
  let fire: ((index: number) => void) | undefined;
  /** Takes the bar, or the tab, out of sight, if it is in sight. */
  let hide: ((byVisitor?: boolean, atOnce?: boolean) => void) | undefined;
  let fold: (() => void) | undefined;
  let section: HTMLElement;
  let chosen: Variant | undefined;

  const variant = () => {
    chosen ??= (config.v[1] && pick(key, config.v)) || config.v[0]!;
    return chosen;
  };
  const mute = () => silent(config, shared.out);

  const emit = (name: EventName, more?: object) => {
    const detail: Detail = { key, variant: variant()[0], ...more };
    return document.dispatchEvent(new CustomEvent(`contactbar:${name}`, { detail, cancelable: true }));
  };

  /** Tells whoever asks for it why the bar does not show. */
  const say = (why: string) => {
    // biome-ignore lint/suspicious/noConsole: it was asked for, in the page's address
    if (/[?&]contactbar=debug/.test(location.search)) console.info('contactbar', key, why);
  };

  const rest = (session?: number) => +(recall(key, session) ?? 0);
  /** The longest holds: closing does not undo converting. */
  const stayAway = (days: number, session = +(days < 0)) =>
    days && remember(key, `${Math.max(rest(session), session ? 9e15 : Date.now() + days * 864e5)}`, session);

  /** When a bar of this member was last in sight, and which. */
  const last = (seen?: string) => {
    const name = `last.${config.m}`;
    if (seen) remember(name, seen);
    shared.last[name] = seen ?? shared.last[name] ?? recall(name) ?? '0';
    return shared.last[name].split(' ') as [time: string, key?: string];
  };

  /** The trees in the best of the bar's languages for the visitor. */
  const speech = (): [bar: Tree, tab?: Tree] => {
    const shows = variant()[2];
    for (const wanted of [shared.locale, locale, ...navigator.languages, config.l]) {
      for (let tag = wanted?.toLowerCase(); tag; tag = tag.replace(/-?[^-]*$/, '')) {
        const found = shows[tag];
        if (found) return (typeof found === 'string' ? shows[found] : found) as [Tree];
      }
    }
    return [] as never;
  };

  /** Puts something on the page, in a shadow root of its own; answers how to take it away. */
  const mount = (node: HTMLElement, lane: number) => {
    const outer = document.createElement('div');
    const shadow = outer.attachShadow({ mode: 'closed' });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css + config.c.replace('PAGE', () => getComputedStyle(document.body).fontFamily));
    shadow.adoptedStyleSheets = [sheet];
    shadow.append(node);
    const place: Place = [lane, 0, 0, (offset) => node.style.setProperty('--o', `${offset}px`)];
    const size = new ResizeObserver(() => {
      place[1] = node.offsetHeight + (lane > 1 ? 12 : 0);
      // Once the visitor has opened the form, the bar may cover the page.
      if (config.u && !node.matches('.open')) place[2] = place[1];
      shared.places.add(place);
      settle(shared);
    });
    /** Where the page may have taken it away, it comes back. */
    const mend = () => {
      if (outer.isConnected) return;
      if (config.i && lane > 8) document.querySelector(config.i)?.append(outer);
      else root.insertBefore(outer, lane & 1 ? null : document.body);
      const dialog = node as HTMLDialogElement;
      // Taken away, it is no longer modal, but still says that it is open.
      dialog.open = false;
      if (outer.isConnected) dialog.showModal?.();
    };
    /** Where the focus was before it came into the bar. */
    let back = document.activeElement;
    outer.addEventListener('focusin', ({ relatedTarget }) => {
      back = (relatedTarget as Element | null) ?? back;
    });
    const watch = new MutationObserver(mend);
    watch.observe(root, { childList: true, subtree: !!config.i });
    mend();
    if (lane < 9) size.observe(node);
    const move = node.animate(
      { opacity: [0, 1], translate: [`0 ${config.z}`, '0'] },
      { duration: matchMedia('(prefers-reduced-motion:reduce)').matches ? 0 : 300, easing: 'ease-out' },
    );
    return (atOnce?: boolean) => {
      watch.disconnect();
      size.disconnect();
      const held = document.activeElement === outer;
      shared.places.delete(place);
      settle(shared);
      // Behind a modal nothing can take the focus.
      if (atOnce || 'showModal' in node) outer.remove();
      else {
        move.onfinish = () => outer.remove();
        move.reverse();
      }
      if (held) (back as HTMLElement | null)?.focus({ preventScroll: true });
    };
  };

  /** Takes the form of the tab. */
  const collapse = __part('tab', () => {
    if (fold) return;
    const node = build(speech()[1]!);
    node.onclick = open;
    const away = mount(node, tab![0]);
    fold = () => {
      fold = undefined;
      away(true);
    };
  });

  /** `anew`: what was entered, when only the language changes. */
  const show = (asked?: boolean, anew?: Known): void => {
    if (hide) return;
    if (!anew) {
      const [time, other] = last();
      const due =
        !asked && often.g && other !== key
          ? (shared.bars.get(other!)?.shown() ? Date.now() : +time) + often.g * 1e3 - Date.now()
          : 0;
      if (due > 0) {
        say('not shown: gap');
        setTimeout(() => armed.signal.aborted || rests || show(), due);
        return;
      }
      if (!emit('can-show')) {
        say('not shown: can-show');
        return;
      }
    }
    fold?.();
    rests = true;
    const since = performance.now();
    section = build(speech()[0]);
    const find = <Found extends HTMLElement>(selector: string) => section.querySelector<Found>(selector);
    const tell = (kind: 'view' | 'click' | 'close', leaving?: boolean) =>
      report(
        `${host}/e`,
        { b: key, k: kind, ...circumstances(variant()[0], since, navigator.language) },
        mute,
        leaving,
      );

    let clicked = !!anew;
    const pressed = (leaving?: boolean) => {
      store();
      if (clicked) return;
      clicked = true;
      tell('click', leaving);
      emit('click');
    };
    const converted = () => often.o && stayAway(1e6);

    const link = find('a.main');
    if (link) {
      link.onclick = () => {
        pressed(true);
        converted();
      };
    }
    const form = find<HTMLFormElement>('form');
    if (form) {
      const post = id();
      animate(
        form,
        pressed,
        (entered) => send({ ...circumstances(variant()[0], since, section.lang), i: post, ...entered }),
        (text) => {
          const done = find('.done')!;
          section.className += ' open sent';
          done.textContent = text!;
          done.focus();
          converted();
          emit('submit');
        },
      );
      const opener = find('.opener');
      if (opener) {
        if (anew) section.className += ' open';
        else if (form.dataset.tall || matchMedia('(max-width:719px)').matches) section.className += ' shut';
        opener.onclick = () => {
          section.classList.replace('shut', 'open');
          controlsOf(section)[0]!.focus();
          pressed();
        };
      }
    }
    const close = find('.close');
    if (close) {
      close.onclick = section.onclose = () => hide?.(true);
      section.onkeydown = ({ key }) => {
        if (key === 'Escape') hide?.(true);
      };
    } else section.oncancel = (event) => event.preventDefault();

    // The page sees a key pressed in the bar as pressed on a mere element, and might take it for a shortcut.
    for (const type of ['keydown', 'keypress', 'keyup']) {
      section.addEventListener(type, (event) => event.stopPropagation());
    }

    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      tell('view');
    });
    if (!anew) seen.observe(section);
    const away = mount(section, config.y);
    if (often.s) stayAway(often.s);
    last(`${Date.now()} ${key}`);

    hide = (byVisitor, atOnce) => {
      hide = undefined;
      seen.disconnect();
      last(`${Date.now()} ${key}`);
      if (byVisitor) {
        store();
        tell('close');
        stayAway(often.c ?? 0);
      }
      away(atOnce);
      if (tab && byVisitor && !section.matches('.sent')) collapse();
      if (!atOnce) emit('close');
    };
    fill({ ...shared.known, ...anew });
    if (asked) section.focus();
    if (!anew) emit('show');
    say(mute() ? 'shown: opt-out' : 'shown');
  };

  /** Enters what is known into fields of that name or kind. */
  const fill = (known: Known) => {
    for (const control of hide ? controlsOf(section) : []) {
      const value = known[control.name] ?? known[control.dataset.k!];
      if (control.type === 'checkbox') control.checked ||= !!value;
      else control.value ||= `${value ?? ''}`;
    }
  };

  const send = async (body: object): Promise<Answer> => {
    let status = 0;
    try {
      const response = await fetch(`${host}/b/${key}/contacts`, {
        method: 'POST',
        body: JSON.stringify({ ...body, o: mute() }),
        credentials: 'omit',
      });
      status = response.status;
      if (response.ok || status === 422) return await response.json();
    } catch {
      // Answered like any other failure: what was entered stays, and can be sent again.
    }
    emit('error', { status });
    return;
  };

  /** Looks whether the bar belongs on this page, and waits for its time. */
  const watch = () => {
    if (hide) return;
    armed.abort();
    fold?.();
    const why = waiting ? 'start()' : target && misses(key, target);
    if (why) {
      say(`not shown: ${why}`);
      return;
    }
    armed = new AbortController();
    rests = [0, 1].some((session) => Date.now() < rest(session));
    if (rests) say('not shown: frequency');
    // Who closed it finds it as the tab; who converted does not.
    if (rests && tab && rest() < 9e12) collapse();
    const happened = new Set<number>();
    fire = (index) => {
      const asked = triggers[index]?.[0] === Trigger.Click;
      if (rests && (config.a || !asked)) return;
      happened.add(index);
      if (config.a && happened.size < triggers.length) return;
      if (tab?.[1] && !asked) collapse();
      else show(asked);
    };
    arm(config, fire, armed.signal);
  };

  const open = () => {
    if (config.j) fire?.(-1);
    else {
      show(true);
      section.focus();
    }
  };

  if (config.s) store();
  addEventListener('pagehide', flush, { signal: gone.signal });
  return {
    key,
    start() {
      waiting = false;
      watch();
    },
    open,
    close: () => hide?.(),
    toggle: () => (hide ? hide() : open()),
    destroy() {
      waiting = true;
      armed.abort();
      gone.abort();
      flush();
      fold?.();
      hide?.(false, true);
    },
    move() {
      if (hide && target && misses(key, target)) hide();
      watch();
    },
    renew(known) {
      if (known) fill(known);
      else if (hide) {
        const entered = valuesOf(section);
        hide(false, true);
        show(false, entered);
      } else if (fold) {
        fold();
        collapse();
      }
    },
    silent: mute,
    shown: () => !!hide,
  };
}

const pick = __part('variants', (key: string, variants: Variant[]): Variant | undefined => {
  const name = `${key}.v`;
  const known = recall(name);
  let found = variants.find(([other]) => other === known);
  if (!found) {
    let draw = Math.random() * variants.reduce((sum, [, weight]) => sum + weight, 0);
    found = variants.find(([, weight]) => {
      draw -= weight;
      return draw < 0;
    })!;
    remember(name, found[0]);
  }
  return found;
});
