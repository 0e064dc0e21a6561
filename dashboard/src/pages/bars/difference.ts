import type {
  AfterClose,
  Configuration,
  Frequency,
  Goal,
  Layout,
  PageRule,
  Privacy,
  ReferrerRule,
  Schedule,
  ShowRule,
  Targeting,
  Texts,
  Theme,
  Trigger,
  Variant,
} from '../../api/schema';
import type { Catalogue } from '../../i18n/en';

/** What two configurations differ in, in words: each is told as a list of facts, and the lists are compared. */
type Words = Catalogue['bars']['difference'];
export type Group = keyof Words['groups'];
export type Value = { text: string; colour?: boolean };
type Fact = Value & { group: Group; key: string; label: string };
export type Change = { key: string; label: string; before?: Value; after?: Value };
export type Difference = { group: Group; changes: Change[] }[];

/** What is different, group by group. Empty: nothing is. */
export function difference(
  before: Configuration,
  after: Configuration,
  words: Words,
  language: string,
): Difference {
  const told = [before, after].map((one) => new Teller(words, language).tell(one));
  const old = new Map(told[0]!.map((fact) => [fact.key, fact]));
  const fresh = new Map(told[1]!.map((fact) => [fact.key, fact]));
  const groups = new Map<Group, Change[]>(keysOf(words.groups).map((group) => [group, []]));
  for (const key of new Set([...old.keys(), ...fresh.keys()])) {
    const [was, is] = [old.get(key), fresh.get(key)];
    if (was?.text === is?.text) continue;
    const { group, label } = (is ?? was)!;
    groups.get(group)!.push({ key, label, before: was, after: is });
  }
  return [...groups]
    .filter(([, changes]) => changes.length > 0)
    .map(([group, changes]) => ({ group, changes }));
}

function keysOf<K extends string>(record: Record<K, unknown>): K[] {
  return Object.keys(record) as K[];
}

/** Tells a configuration. */
class Teller {
  #facts: Fact[] = [];
  #group: Group = 'content';
  #names: Intl.DisplayNames;
  #list: Intl.ListFormat;

  constructor(
    private readonly words: Words,
    language: string,
  ) {
    this.#names = new Intl.DisplayNames([language], { type: 'language' });
    this.#list = new Intl.ListFormat(language, { type: 'unit', style: 'short' });
  }

  tell(of: Configuration): Fact[] {
    this.#group = 'content';
    this.#say('default-language', this.words.defaultLanguage, this.#language(of.default_language ?? 'en'));
    const weights = of.variants.map((variant) => variant.weight ?? 100);
    const whole = weights.reduce((sum, weight) => sum + weight, 0) || 1;
    of.variants.forEach((variant, index) => {
      const share = of.variants.length > 1 ? weights[index]! / whole : undefined;
      this.#variant(variant, share);
    });
    this.#layout(of);
    this.#look(of);
    this.#group = 'triggers';
    const on = of.triggers?.on ?? [{ kind: 'immediately' as const }];
    this.#say('trigger', this.words.trigger, this.#join(on.map((trigger) => this.#trigger(trigger))));
    if (on.length > 1)
      this.#say('trigger-mode', this.words.triggerMode, this.words.triggerModes[of.triggers?.mode ?? 'any']);
    this.#audience(of.targeting ?? {});
    this.#frequency(of);
    return this.#facts;
  }

  #say(key: string, label: string, text: string | undefined | null, colour = false) {
    if (text) this.#facts.push({ group: this.#group, key: `${this.#group}.${key}`, label, text, colour });
  }

  #yes(key: string, label: string, is: boolean) {
    this.#say(key, label, is ? this.words.yes : this.words.no);
  }

  #join(parts: readonly string[]): string {
    return this.#list.format(parts);
  }

  #language(tag: string): string {
    return this.#names.of(tag) ?? tag;
  }

  #variant(variant: Variant, share: number | undefined) {
    const { words } = this;
    const say = (key: string, label: string, text: string | undefined | null) =>
      this.#say(`${variant.key}.${key}`, words.ofVariant(variant.key.toUpperCase(), label), text);
    if (share !== undefined) say('weight', words.share, words.percent(Math.round(share * 100)));
    this.#goal(variant.goal as Goal, say);
    for (const [language, texts] of Object.entries(variant.texts))
      this.#texts(texts, (key, label, text) =>
        say(`${language}.${key}`, words.inLanguage(label, this.#language(language)), text),
      );
  }

  #goal(goal: Goal, say: (key: string, label: string, text: string) => void) {
    const { words } = this;
    say('goal', words.goal, words.goals[goal.kind]);
    if (goal.kind === 'link') {
      say('url', words.url, goal.url);
      say('new-tab', words.newTab, goal.new_tab ? words.yes : words.no);
    }
    if (goal.kind !== 'contact') return;
    const fields = goal.fields.map((field) => {
      const kind = words.fields[field.kind];
      const named = field.kind === field.name ? kind : words.named(kind, field.name);
      return field.required ? words.required(named) : named;
    });
    say('fields', words.form, this.#join(fields));
    for (const field of goal.fields) {
      if (field.options?.length)
        say(`options.${field.name}`, words.options(field.name), this.#join(field.options));
      if (field.value) say(`value.${field.name}`, words.hiddenValue(field.name), field.value);
    }
    const consent = goal.consent;
    say(
      'consent',
      words.consent,
      consent ? words.consents[(consent.required ?? true) ? 'required' : 'asked'] : words.no,
    );
    if (consent?.policy_url) say('policy-url', words.policyUrl, consent.policy_url);
  }

  #texts(texts: Texts, say: (key: string, label: string, text: string | undefined | null) => void) {
    for (const key of keysOf(this.words.texts)) say(key, this.words.texts[key], texts[key]);
    for (const [field, label] of Object.entries(texts.labels ?? {}))
      say(`label.${field}`, this.words.label(field), label);
    for (const [field, options] of Object.entries(texts.options ?? {}))
      for (const [value, read] of Object.entries(options))
        say(`option.${field}.${value}`, this.words.option(value), read);
  }

  #layout(of: Configuration) {
    const { words } = this;
    this.#group = 'layout';
    const layout = (of.layout ?? { kind: 'bar', position: 'top', push: true, sticky: true }) as Layout;
    this.#say('kind', words.layout, words.layouts[layout.kind]);
    if (layout.kind === 'bar') {
      this.#say('place', words.place, words.edges[layout.position ?? 'top']);
      this.#yes('push', words.push, layout.push ?? true);
      this.#yes('sticky', words.sticky, layout.sticky ?? true);
    }
    if (layout.kind === 'slide_in')
      this.#say('place', words.place, words.corners[layout.corner ?? 'bottom_right']);
    if (layout.kind === 'inline') this.#say('selector', words.selector, layout.selector);
    this.#say('tab', words.tab, of.tab ? words.tabEdges[of.tab.edge ?? 'right'] : words.no);
    if (of.tab) this.#yes('collapsed', words.collapsed, of.tab.starts_collapsed ?? false);
  }

  #look(of: Configuration) {
    const { words } = this;
    const theme: Partial<Theme> = of.theme ?? {};
    this.#group = 'look';
    for (const key of keysOf(words.colours)) {
      this.#say(`light.${key}`, words.colours[key], theme.colours?.[key], true);
      this.#say(`dark.${key}`, words.inDark(words.colours[key]), theme.dark?.[key], true);
    }
    this.#say('font', words.font, words.fonts[theme.font ?? 'system']);
    this.#say('size', words.size, words.sizes[theme.size ?? 'medium']);
    this.#say('radius', words.radius, words.pixels(theme.radius_px ?? 8));
    this.#yes('closable', words.closable, theme.closable ?? true);
  }

  #trigger(trigger: Trigger): string {
    const { triggers } = this.words;
    switch (trigger.kind) {
      case 'delay':
        return triggers.delay(trigger.seconds);
      case 'inactivity':
        return triggers.inactivity(trigger.seconds);
      case 'scroll':
        return triggers.scroll(trigger.percent);
      case 'click':
        return triggers.click(trigger.selector);
      default:
        return triggers[trigger.kind];
    }
  }

  #rules(rules: readonly (PageRule | ReferrerRule)[] | null | undefined): string {
    if (!rules?.length) return this.words.all;
    return rules
      .map((rule) => {
        const text = `${this.words.matches[rule.match]} ${rule.value}`;
        return rule.exclude ? this.words.not(text) : text;
      })
      .join('\n');
  }

  #audience(targeting: Partial<Targeting>) {
    const { words } = this;
    const some = <T>(all: readonly T[] | null | undefined, read: (one: T) => string) =>
      all?.length ? this.#join(all.map(read)) : words.all;
    this.#group = 'audience';
    this.#say('pages', words.pages, this.#rules(targeting.pages));
    this.#say('referrers', words.referrers, this.#rules(targeting.referrers));
    this.#say(
      'utm',
      words.utm,
      some(targeting.utm, (rule) => `utm_${rule.parameter}=${rule.value}`),
    );
    this.#say(
      'devices',
      words.devices,
      some(targeting.devices, (device) => words.deviceKinds[device]),
    );
    this.#say(
      'languages',
      words.languages,
      some(targeting.languages, (tag) => this.#language(tag)),
    );
    this.#say('visitors', words.visitors, words.visitorKinds[targeting.visitors ?? 'all']);
    this.#say('percentage', words.percentage, words.percent(targeting.percentage ?? 100));
    this.#say('schedule', words.schedule, this.#schedule(targeting.schedule));
  }

  #schedule(schedule: Schedule | null | undefined): string {
    const { words } = this;
    if (!schedule) return words.always;
    const days = schedule.weekdays?.length
      ? this.#join(schedule.weekdays.map((day) => words.weekdays[day]))
      : undefined;
    const dates = [schedule.from && words.from(schedule.from), schedule.until && words.until(schedule.until)];
    const hours = schedule.hours && `${schedule.hours.from}–${schedule.hours.until}`;
    return this.#join([...dates, days, hours, schedule.time_zone ?? 'UTC'].filter((part) => part != null));
  }

  #frequency(of: Configuration) {
    const { words } = this;
    const frequency: Partial<Frequency> = of.frequency ?? {};
    const show = frequency.show as ShowRule | null | undefined;
    const afterClose = frequency.after_close as AfterClose | null | undefined;
    this.#group = 'frequency';
    this.#say(
      'show',
      words.show,
      show?.kind === 'every_days' ? words.everyDays(show.days) : words.shows[show?.kind ?? 'every_page'],
    );
    this.#say(
      'after-close',
      words.afterClose,
      afterClose?.kind === 'days'
        ? words.awayDays(afterClose.days)
        : afterClose && words.afterCloses[afterClose.kind],
    );
    this.#say('gap', words.gap, words.seconds(frequency.gap_seconds ?? 0));
    this.#yes('stop', words.stop, frequency.stop_after_convert ?? true);
    this.#group = 'privacy';
    const privacy: Partial<Privacy> = of.privacy ?? {};
    this.#yes('gpc', words.gpc, privacy.respect_gpc ?? true);
    this.#yes('dnt', words.dnt, privacy.respect_dnt ?? true);
    this.#yes('store', words.store, privacy.store_before_action ?? false);
    this.#yes('policy-link', words.policyLink, privacy.policy_link ?? false);
  }
}
