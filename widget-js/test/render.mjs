// Bars as the tests write them, in the form that the server gives them to the script: what
// src/bars/configuration/runtime writes. That the two agree is shown by `starters.json`, which the server wrote.

const element = (tag, attributes, ...children) => [
  tag,
  Object.fromEntries(
    Object.entries(attributes)
      .filter(([, value]) => value || value === 0)
      .map(([name, value]) => [name, value === true ? '' : `${value}`]),
  ),
  ...children.filter((child) => child !== undefined),
];

const CONTROLS = {
  email: { type: 'email', maxlength: 254, autocomplete: 'email' },
  name: { type: 'text', maxlength: 200, autocomplete: 'name' },
  phone: { type: 'tel', maxlength: 40, autocomplete: 'tel' },
  text: { type: 'text', maxlength: 200 },
  message: { maxlength: 4000 },
};

function field({ name, kind, required, options = [] }, index, texts) {
  const id = `f${index}`;
  const given = { id, name, required, 'aria-describedby': `${id}e` };
  const typed = {
    ...given,
    ...CONTROLS[kind],
    placeholder: ' ',
    'data-k': ['email', 'name', 'phone', 'message'].includes(kind) && kind,
  };
  const choices = options.map((value) =>
    element('option', { value }, texts.options?.[name]?.[value] ?? value),
  );
  const control =
    {
      message: () => element('textarea', typed),
      select: () => element('select', given, ['option', { value: '' }], ...choices),
      checkbox: () => element('input', { ...given, type: 'checkbox' }),
    }[kind]?.() ?? element('input', typed);
  const frame = kind === 'checkbox' ? 'tick' : kind === 'message' ? 'field wide' : 'field';
  const label = element('label', { for: id }, texts.labels?.[name] ?? name);
  return element('div', { class: frame }, control, label, fault(id));
}

const fault = (id) => element('p', { class: 'wrong', id: `${id}e` });

function consentOf({ required, policy_url: policy }, texts) {
  const link = { href: policy, target: '_blank', rel: 'noopener' };
  return element(
    'div',
    { class: 'tick' },
    element('input', { id: 'c', name: 'consent', required, type: 'checkbox', 'aria-describedby': 'ce' }),
    element(
      'span',
      {},
      element('label', { for: 'c' }, texts.consent),
      ...(policy ? [' ', element('a', link, texts.policy)] : []),
    ),
    fault('c'),
  );
}

const isTall = (goal) => {
  const seen = goal.fields.filter(({ kind }) => kind !== 'hidden');
  return seen.length > 2 || !!goal.consent || seen.some(({ kind }) => kind === 'message');
};

function contents(goal, texts, layout) {
  if (goal.kind === 'link') {
    const apart = goal.new_tab && { target: '_blank', rel: 'noopener' };
    return [element('a', { class: 'main', href: goal.url, ...apart }, texts.button)];
  }
  if (goal.kind !== 'contact') return [];
  const form = element(
    'form',
    { novalidate: true, 'data-e': texts.error, 'data-tall': isTall(goal) && 1 },
    ...goal.fields.flatMap((one, index) => (one.kind === 'hidden' ? [] : [field(one, index, texts)])),
    ...(goal.consent ? [consentOf(goal.consent, texts)] : []),
    element(
      'div',
      { hidden: true },
      element('input', { name: 'web-site', tabindex: -1, autocomplete: 'off' }),
    ),
    element('button', { class: 'main' }, texts.button),
    element('p', { class: 'wrong alert', role: 'alert' }),
  );
  const opener = element('button', { class: 'main opener', 'aria-expanded': 'false' }, texts.button);
  const done = element('p', { class: 'done', role: 'status', tabindex: -1 }, texts.success);
  return layout === 'bar' ? [done, form, opener] : [done, form];
}

const RTL = /^(ar|he|fa)/;

/** The trees of a variant in one language. */
function shows(bar, goal, texts, lang) {
  const { layout, tab, closable, policy } = bar;
  const standing = {
    bar: () => `bar${goal.kind === 'contact' && !isTall(goal) ? ' row' : ''}`,
    slide_in: () => 'card slide open',
    modal: () => 'card modal open',
    inline: () => 'card inline open',
  }[layout.kind]();
  const flags = [
    layout.position === 'bottom' || layout.corner?.startsWith('bottom') ? ' bottom' : '',
    layout.corner?.endsWith('left') ? ' left' : '',
    layout.push === false ? ' over' : '',
    layout.sticky === false ? ' free' : '',
  ].join('');
  const dir = RTL.test(lang) ? 'rtl' : 'ltr';
  const modal = layout.kind === 'modal';
  const tree = element(
    modal ? 'dialog' : 'section',
    {
      class: standing + flags,
      'aria-labelledby': 'm',
      lang,
      dir,
      tabindex: -1,
      closedby: modal && (closable ? 'any' : 'none'),
    },
    element('p', { class: 'message', id: 'm' }, texts.message),
    ...contents(goal, texts, layout.kind),
    policy
      ? element('a', { class: 'policy', href: policy, target: '_blank', rel: 'noopener' }, 'Privacy policy')
      : undefined,
    closable
      ? element('button', { class: 'close', type: 'button', 'aria-label': texts.close ?? 'Close' }, '×')
      : undefined,
  );
  if (!tab) return [tree];
  const button = element('button', { class: 'main', 'aria-expanded': 'false' }, texts.tab);
  return [tree, element('section', { class: `tab ${tab.edge}`, 'aria-label': texts.tab, lang, dir }, button)];
}

const FONT = 'system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif';
const paint = ([background, text, button, label]) =>
  `--b:var(--contactbar-background,${background})!important;--t:var(--contactbar-text,${text})!important;` +
  `--k:var(--contactbar-button,${button})!important;--l:var(--contactbar-button-text,${label})!important`;
const themed = (colours, dark) =>
  `:host{${paint(colours)};--r:var(--contactbar-radius,8px)!important;` +
  `--z:var(--contactbar-font-size,16px)!important;--f:var(--contactbar-font,${FONT})!important}` +
  (dark ? `@media(prefers-color-scheme:dark){:host{${paint(dark)};color-scheme:dark!important}}` : '');

/** The lanes of `src/stack.ts`. */
function lane({ kind, position, corner, sticky }) {
  if (kind === 'bar') return position === 'bottom' ? (sticky === false ? 9 : 1) : 0;
  if (kind !== 'slide_in') return 9;
  return ['top_right', 'bottom_right', 'top_left', 'bottom_left'].indexOf(corner) + 2;
}

/** A bar with this key; `more` overrides what the script receives. */
export function render(key, bar, more = {}) {
  const {
    layout = { kind: 'bar' },
    tab,
    colours = ['#312e81', '#ffffff', '#fde68a', '#312e81'],
    dark,
    variants = [['a', 100, bar.goal, bar.texts]],
    closable = true,
  } = bar;
  const whole = { layout, tab, closable, ...bar };
  return {
    k: key,
    m: 'member01',
    y: lane(layout),
    u: layout.kind === 'bar' && layout.push !== false && lane(layout) < 9 ? 1 : undefined,
    i: layout.selector,
    z: layout.kind === 'bar' ? (layout.position === 'bottom' ? '100%' : '-100%') : '1em',
    d: tab && [{ left: 6, right: 8, bottom: 7 }[tab.edge], tab.starts_collapsed ? 1 : 0],
    c: themed(colours, dark),
    l: 'en',
    v: variants.map(([name, weight, goal, texts]) => [
      name,
      weight,
      Object.fromEntries(
        Object.entries(texts).map(([tag, words]) => [
          tag.toLowerCase(),
          typeof words === 'string' ? words : shows(whole, goal, words, tag),
        ]),
      ),
    ]),
    w: [[0]],
    f: { c: 7, o: 1 },
    g: 1,
    q: 1,
    ...more,
  };
}

// ── Bars to begin with ───────────────────────────────────────────────────────────────────────────────────

export const link = (key, more, bar) =>
  render(
    key,
    {
      goal: { kind: 'link', url: 'https://example.com/', new_tab: bar?.apart },
      texts: {
        en: {
          message: 'Something new is here, and it’s worth a look.',
          button: 'See what’s new',
          tab: 'News',
        },
      },
      ...bar,
    },
    more,
  );

export const notice = (key, more, bar) =>
  render(
    key,
    {
      goal: { kind: 'notice' },
      texts: { en: { message: 'Good to know: our opening hours change next week.', tab: 'Hours' } },
      ...bar,
    },
    more,
  );

const WORDS = {
  message: 'Have a question? Leave us a line and we’ll get back to you today.',
  button: 'Get in touch',
  error: 'That could not be sent. Please try again.',
  success: 'Thank you, Ada!',
  close: 'Close',
  tab: 'Contact us',
};
const BOTTOM = { layout: { kind: 'bar', position: 'bottom' } };

export const contact = (key, more, bar) =>
  render(
    key,
    {
      ...BOTTOM,
      goal: {
        kind: 'contact',
        fields: [
          { name: 'name', kind: 'name' },
          { name: 'email', kind: 'email', required: true },
        ],
      },
      texts: { en: { ...WORDS, labels: { name: 'Your name', email: 'Your email' } } },
      ...bar,
    },
    more,
  );

/** Every kind of field, and consent, from left to right and from right to left. */
export const everything = (key, more, bar) =>
  render(
    key,
    {
      ...BOTTOM,
      goal: {
        kind: 'contact',
        fields: [
          { name: 'name', kind: 'name' },
          { name: 'email', kind: 'email', required: true },
          { name: 'phone', kind: 'phone' },
          { name: 'topic', kind: 'select', required: true, options: ['sales', 'help'] },
          { name: 'company', kind: 'text' },
          { name: 'message', kind: 'message' },
          { name: 'news', kind: 'checkbox' },
          { name: 'source', kind: 'hidden', value: 'bar' },
        ],
        consent: { required: true, policy_url: 'https://example.com/privacy' },
      },
      texts: {
        en: {
          ...WORDS,
          labels: {
            name: 'Your name',
            email: 'Your email',
            phone: 'Your phone',
            topic: 'Topic',
            company: 'Company',
            message: 'Your message',
            news: 'Send me news',
          },
          options: { topic: { sales: 'Sales', help: 'Help & support' } },
          consent: 'I agree that my details are used to answer me.',
          policy: 'Privacy policy',
        },
        he: {
          ...WORDS,
          message: 'יש לכם שאלה? השאירו פרטים ונחזור אליכם היום.',
          button: 'צרו קשר',
          success: 'תודה!',
          close: 'סגירה',
          tab: 'צרו קשר',
          labels: {
            name: 'השם שלך',
            email: 'האימייל שלך',
            phone: 'טלפון',
            topic: 'נושא',
            company: 'חברה',
            message: 'ההודעה שלך',
            news: 'שלחו לי חדשות',
          },
          options: { topic: { sales: 'מכירות', help: 'תמיכה' } },
          consent: 'אני מסכים שהפרטים ישמשו למענה.',
          policy: 'מדיניות פרטיות',
        },
      },
      ...bar,
    },
    more,
  );
