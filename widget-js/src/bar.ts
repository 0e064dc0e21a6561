/** One bar: when it shows, how it looks, what it does. */

import type { Detail, EventName } from './api';
import styles from './bar.css';
import { circumstances, id, report } from './beacon';
import { element, safeUrl } from './element';
import { type Answer, createForm, type Form, type Post } from './form';
import type { Colours, Runtime } from './runtime';
import { arrange, leave, type Place } from './stack';
import { away, silent, stayAway } from './visitor';

export interface Bar {
  config: Runtime;
  /** Shows itself when its time comes. */
  start(): void;
  open(): void;
  close(): void;
  destroy(): void;
}

const FONTS = [
  'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif',
  '',
  'Georgia,Cambria,"Times New Roman",serif',
  'ui-monospace,Menlo,Consolas,monospace',
];

export function createBar(config: Runtime, base: string, locale?: string): Bar {
  let timer = 0;
  /** Takes the bar out of sight, if it is in sight. */
  let hide: ((byVisitor?: boolean, atOnce?: boolean) => void) | undefined;
  let focus: (() => void) | undefined;

  const emit = (name: EventName, more?: object) => {
    const detail: Detail = { key: config.k, variant: config.v, ...more };
    document.dispatchEvent(new CustomEvent(`contactbar:${name}`, { detail }));
  };

  function show(): void {
    if (hide) return;
    const language = speak(config, locale);
    const texts = config.t[language]!;
    const since = performance.now();
    const place: Place = {
      bottom: !!config.b,
      sticky: !config.n,
      push: !config.o,
      height: 0,
      room: 0,
      put: (offset) => position.replaceSync(`:host{${standing(config, offset)}}`),
    };
    const position = new CSSStyleSheet();
    const look = new CSSStyleSheet();
    const rules = new CSSStyleSheet();
    look.replaceSync(appearance(config));
    rules.replaceSync(styles);

    const message = element('p', { class: 'message', id: 'm' }, texts.m);
    const done = element('p', { class: 'done', role: 'status', tabindex: -1 });
    const section = element(
      'section',
      {
        class: `${config.b ? 'bottom' : ''} ${config.o ? 'over' : ''}`,
        'aria-labelledby': 'm',
        lang: language,
        dir: texts.r ? 'rtl' : 'ltr',
        tabindex: -1,
      },
      message,
      done,
    );

    let clicked = false;
    const pressed = (leaving?: boolean) => {
      if (clicked) return;
      clicked = true;
      report(base, config, 'click', since, leaving);
      emit('click');
    };
    const converted = () => config.s && stayAway(config.k, Infinity);

    /** Once the visitor has opened the form, the bar may cover the page. */
    let settled = true;
    let form: Form | undefined;
    if (config.g.u) {
      const link = element(
        'a',
        {
          class: 'main',
          href: safeUrl(config.g.u),
          target: config.g.n && '_blank',
          rel: config.g.n && 'noopener',
        },
        texts.b ?? '',
      );
      link.addEventListener('click', () => {
        pressed(true);
        converted();
      });
      section.append(link);
    } else if (config.g.f) {
      const post = id();
      form = createForm(
        config,
        texts,
        pressed,
        (entered) => send({ ...circumstances(config, since, language), i: post }, entered),
        (text) => {
          settled = false;
          message.hidden = form!.node.hidden = true;
          done.textContent = text;
          section.setAttribute('aria-label', text);
          section.removeAttribute('aria-labelledby');
          done.focus();
          converted();
          emit('submit');
        },
      );
      section.append(form.node);
      if (form.tall || innerWidth < 720) {
        const opener = element('button', { class: 'main', 'aria-expanded': 'false' }, texts.b ?? '');
        form.node.hidden = true;
        opener.addEventListener('click', () => {
          settled = false;
          section.classList.add('tall');
          opener.hidden = true;
          form!.node.hidden = false;
          form!.focus();
          pressed();
        });
        section.append(opener);
      } else section.classList.add('row');
    }
    if (config.x) {
      const close = element('button', { class: 'close', type: 'button', 'aria-label': texts.x });
      close.addEventListener('click', () => hide?.(true));
      section.addEventListener('keydown', ({ key }) => key === 'Escape' && hide?.(true));
      section.append(close);
    }

    // The page sees a key pressed in the bar as pressed on a mere element, and might take it for a shortcut.
    for (const type of ['keydown', 'keypress', 'keyup']) {
      section.addEventListener(type, (event) => event.stopPropagation());
    }

    const host = element('div');
    const shadow = host.attachShadow({ mode: 'closed' });
    shadow.adoptedStyleSheets = [rules, look, position];
    shadow.append(section);
    /** Where the focus was before it came into the bar. */
    let back: EventTarget | null = document.activeElement;
    host.addEventListener('focusin', ({ relatedTarget }) => {
      back = relatedTarget ?? back;
    });
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      report(base, config, 'view', since);
    });
    const size = new ResizeObserver(() => {
      place.height = section.offsetHeight;
      if (settled) place.room = place.height;
      arrange(place);
    });

    place.put(0);
    const root = document.documentElement;
    root.insertBefore(host, config.b ? null : document.body);
    seen.observe(section);
    size.observe(section);
    const still = matchMedia('(prefers-reduced-motion:reduce)').matches;
    const slide = [{ transform: `translateY(${config.b ? '' : '-'}100%)` }, { transform: 'none' }];
    const move = (frames: Keyframe[], duration: number) =>
      section.animate(frames, { duration: still ? 0 : duration, easing: 'cubic-bezier(.2,.8,.2,1)' });
    move(slide, 400);

    focus = () => section.focus();
    hide = (byVisitor, atOnce) => {
      hide = undefined;
      seen.disconnect();
      size.disconnect();
      if (document.activeElement === host) (back as HTMLElement | null)?.focus?.({ preventScroll: true });
      if (byVisitor) {
        report(base, config, 'close', since);
        stayAway(config.k, config.a ?? 0);
      }
      leave(place);
      if (atOnce) host.remove();
      else move(slide.reverse(), 200).onfinish = () => host.remove();
      emit('close');
    };
    emit('show');
  }

  async function send(about: Record<string, unknown>, entered: Post): Promise<Answer> {
    let status = 0;
    try {
      const response = await fetch(`${base}/b/${config.k}/contacts`, {
        method: 'POST',
        body: JSON.stringify({ ...about, ...entered, o: silent(config) }),
        credentials: 'omit',
      });
      status = response.status;
      const answer = await response.json();
      if (response.ok) return { message: answer.message };
      if (status === 422) return { errors: answer.errors ?? [] };
    } catch {
      // Answered like any other failure: what was entered stays, and can be sent again.
    }
    emit('error', { status });
    return;
  }

  return {
    config,
    start() {
      const wait = config.w ?? 0;
      if (wait >= 0 && !away(config.k)) timer = setTimeout(show, wait * 1e3);
    },
    open() {
      clearTimeout(timer);
      show();
      focus?.();
    },
    close() {
      hide?.();
    },
    destroy() {
      clearTimeout(timer);
      hide?.(false, true);
    },
  };
}

/** The best of the bar's languages for the visitor. The server chooses in the same way. */
function speak(config: Runtime, locale?: string): string {
  const tags = Object.keys(config.t);
  for (const wanted of [locale, ...navigator.languages]) {
    let tag = (wanted ?? '').toLowerCase();
    const tongue = tag.split('-')[0];
    while (tag) {
      const same = tags.find((other) => other.toLowerCase() === tag);
      if (same) return same;
      tag = tag.replace(/-?[^-]*$/, '');
    }
    const near = tags.find((other) => other.toLowerCase().split('-')[0] === tongue);
    if (near) return near;
  }
  return config.l;
}

/** Where the bar stands. */
function standing({ b: bottom, n: scrolls }: Runtime, offset: number): string {
  if (bottom && scrolls) return 'position:relative!important';
  return `position:${scrolls ? 'absolute' : 'fixed'}!important;${bottom ? 'bottom' : 'top'}:${offset}px!important`;
}

/** Colours, font, size and corners as custom properties. */
function appearance({ c, d, f = 0, z, r = 0 }: Runtime): string {
  const paint = ([background, text, button, label]: Colours) =>
    `:host{--b:${background}!important;--t:${text}!important;--k:${button}!important;--l:${label}!important}`;
  const font = FONTS[f] || getComputedStyle(document.body).fontFamily;
  return `${paint(c)}${d ? `@media(prefers-color-scheme:dark){${paint(d)}}` : ''}section{--r:${r}px;font:${z}px/1.4 ${font}}`;
}
