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
    return document.dispatchEvent(
      new CustomEvent(`contactbar:${name}`, {
        detail: { key, variant: variant()[0], ...more } as Detail,
        cancelable: true,
      }),
    );
  };

  /** Tells whoever asks for it why the bar does not show. */
  const say = (why: string) => {
    // biome-ignore lint/suspicious/noConsole: it was asked for, in the page's address
    if (/[?&]contactbar=debug/.test(location.search)) console.info('contactbar', key, why);
  };

  const rest = (session?: number) => +(recall(key, session) ?? 0);
  /** The longest holds: closing does not undo converting. */
  const stayAway = (days = 0, session = +(days < 0)) =>
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
        if (found) return (shows[found as string] ?? found) as [Tree];
      }
    }
    return [] as never;
  };

  /** What nobody has asked for has a task of its own. */
  const soon = (step: () => void, asked?: boolean) => {
    if (asked) step();
    else setTimeout(step);
  };

  /**
   * Puts something on the page, in a shadow root of its own; answers how to take it away. What nobody has asked for
   * comes in several tasks, so that the page has its turn between style, layout and painting.
   */
  const mount = (node: HTMLElement, lane: number, asked?: boolean) => {
    const outer = document.createElement('div');
    const shadow = outer.attachShadow({ mode: 'closed' });
    const sheet = new CSSStyleSheet();
    shadow.adoptedStyleSheets = [sheet];
    const place: Place = [lane, 0, 0, (offset) => node.style.setProperty('--o', `${offset}px`)];
    const size = new ResizeObserver(() => {
      place[1] = node.offsetHeight + (lane > 1 ? 12 : 0);
      // Once the visitor has opened the form, the bar may cover the page.
      if (config.u && !node.matches('.open')) place[2] = place[1];
      shared.places.add(place);
      settle(shared);
    });
    /** In the top layer, where browsers have one for it, nothing of the page lies above. */
    const lift = () => {
      const dialog = node as HTMLDialogElement;
      // At first it is laid out only. Taken away, it is no longer modal, but still says that it is open.
      dialog.open = !dialog.open;
      if (!dialog.open) dialog.showModal?.();
      if (lane < 9) node.togglePopover?.(true);
    };
    /** Where the page may have taken it away, it comes back. */
    const mend = () => {
      watch.observe(root, { childList: true, subtree: !!config.i });
      if (outer.isConnected) return;
      if (config.i && lane > 8) document.querySelector(config.i)?.append(outer);
      else root.insertBefore(outer, lane & 1 ? null : document.body);
      if (outer.isConnected) lift();
    };
    const watch = new MutationObserver(mend);
    /** Where the focus was before it came into the bar. */
    let back = document.activeElement;
    outer.addEventListener('focusin', ({ relatedTarget }) => {
      back = (relatedTarget as Element | null) ?? back;
    });
    if (lane < 9) {
      node.popover = 'manual';
      size.observe(node);
    }
    const move = node.animate(
      { opacity: [0, 1], translate: [`0 ${config.z}`, '0'] },
      { duration: matchMedia('(prefers-reduced-motion:reduce)').matches ? 0 : 300, easing: 'ease-out' },
    );
    const measure = () => node.offsetHeight;
    const steps = [
      () => shadow.append(node),
      () =>
        sheet.replaceSync(css + config.c.replace('PAGE', () => getComputedStyle(document.body).fontFamily)),
      mend,
      measure,
      lift,
      measure,
    ];
    const go = () => {
      steps.shift()?.();
      if (steps[0]) soon(go, asked);
    };
    soon(go, asked);
    return (atOnce?: boolean) => {
      steps.length = 0;
      watch.disconnect();
      size.disconnect();
      const held = document.activeElement === outer;
      shared.places.delete(place);
      settle(shared);
      // Behind a modal nothing can take the focus.
      if (atOnce || 'showModal' in node) outer.remove();
      else {
        move.reverse();
        move.onfinish = () => outer.remove();
        // A browser that draws no frames (in the background, or too busy) does not say that it has finished.
        setTimeout(move.onfinish, 400);
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

  const show = (asked?: boolean): void => {
    if (hide) return;
    const [time, other] = last();
    const due =
      !asked && often.g && other !== key
        ? (shared.bars.get(other!)?.shown() ? Date.now() : +time) + often.g * 1e3 - Date.now()
        : 0;
    if (due > 0) {
      say('not shown: gap');
      // Unless the page has moved on by then.
      const { signal } = armed;
      setTimeout(() => signal.aborted || rests || show(), due);
      return;
    }
    if (!emit('can-show')) {
      say('not shown: can-show');
      return;
    }
    fold?.();
    rests = true;
    section = build(speech()[0]);
    last(`${Date.now()} ${key}`);
    // Until it is there, there is nothing to take away.
    // biome-ignore lint/suspicious/noAssignInExpressions: as two statements it is more than 6,000 bytes
    const wait = (hide = () => {
      hide = undefined;
    });
    soon(() => {
      if (hide !== wait) return;
      const since = performance.now();
      const about = (language: string) => circumstances(variant()[0], since, language);
      const find = <Found extends HTMLElement>(selector: string) => section.querySelector<Found>(selector);
      const tell = (kind: 'view' | 'click' | 'close', leaving?: boolean) =>
        report(`${host}/e`, { b: key, k: kind, ...about(navigator.language) }, mute, leaving);

      let clicked = false;
      const pressed = (leaving?: boolean) => {
        store();
        if (clicked) return;
        clicked = true;
        tell('click', leaving);
        emit('click');
      };
      const converted = () => often.o && stayAway(1e6);
      const close = find('.close');
      section.onclick = ({ target }) => {
        const hits = (selector: string) => (target as Element).closest(selector);
        if (hits('a.main')) {
          pressed(true);
          converted();
        }
        if (hits('.opener')) {
          section.classList.replace('shut', 'open');
          controlsOf(section)[0]!.focus();
          pressed();
        }
        if (hits('.close')) hide?.(true);
      };
      section.onclose = () => hide?.(true);
      section.oncancel = (event) => close || event.preventDefault();
      // The page sees a key pressed in the bar as pressed on a mere element, and might take it for a shortcut.
      section.onkeypress = section.onkeyup = (event) => event.stopPropagation();
      section.onkeydown = (event) => {
        event.stopPropagation();
        if (close && event.key === 'Escape') hide?.(true);
      };

      const form = find('form');
      if (form) {
        const post = id();
        if (find('.opener') && (form.dataset.tall || matchMedia('(max-width:719px)').matches)) {
          section.className += ' shut';
        }
        animate(
          section,
          pressed,
          (entered) => send({ ...about(section.lang), i: post, ...entered }),
          () => {
            section.className += ' open sent';
            find('.done')!.focus();
            converted();
            emit('submit');
          },
        );
      }

      const seen = new IntersectionObserver((entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        seen.disconnect();
        tell('view');
      });
      seen.observe(section);
      const away = mount(section, config.y, asked);
      stayAway(often.s);

      hide = (byVisitor, atOnce) => {
        hide = undefined;
        seen.disconnect();
        last(`${Date.now()} ${key}`);
        if (byVisitor) {
          store();
          tell('close');
          stayAway(often.c);
        }
        away(atOnce);
        if (tab && byVisitor && !section.matches('.sent')) collapse();
        if (!atOnce) emit('close');
      };
      fill(shared.known);
      if (asked) section.focus();
      emit('show');
      say(mute() ? 'shown: opt-out' : 'shown');
    }, asked);
  };

  /** Enters what is known into fields of that name or kind. */
  const fill = (known: Known) => {
    if (hide)
      for (const control of controlsOf(section)) {
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
    rests = Date.now() < Math.max(rest(0), rest(1));
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
        const anew = build(speech()[0]);
        section.lang = anew.lang;
        section.dir = anew.dir;
        section.replaceChildren(...anew.childNodes);
        fill(entered);
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
