//! Bars to choose from when one begins: each complete, fit to be published, pleasant to look at, in English and German.

use std::collections::BTreeMap;

use super::language::primary;
use super::{
    AfterClose, AfterCloseDays, BarLayout, Configuration, Consent, ContactGoal, Corner, DelayTrigger, Edge,
    ExitIntentTrigger, Field, FieldKind, Font, Frequency, Goal, InlineLayout, Layout, LinkGoal, ModalLayout,
    NoticeGoal, Privacy, ScrollTrigger, ShowEveryDays, ShowRule, SlideInLayout, Tab, TabEdge, Targeting,
    Texts, Theme, Trigger, Triggers, Variant,
};

/// A bar to begin with.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// Its name for programs: it stays.
    pub key: &'static str,
    /// Its name for people.
    pub name: &'static str,
    /// What it is good for, in a sentence.
    pub description: &'static str,
    pub configuration: Configuration,
}

/// All templates, told in German or else in English, which is the bars' default language too.
pub fn templates(language: &str) -> Vec<Template> {
    let german = primary(language).eq_ignore_ascii_case("de");
    let plans = [
        newsletter(),
        call_back(),
        contact_us(),
        announcement(),
        discount(),
        event(),
        job(),
        feedback(),
    ];
    plans.into_iter().map(|plan| plan.into_template(german)).collect()
}

/// What a template consists of; the rest is as everywhere.
struct Plan {
    key: &'static str,
    english: Words,
    german: Words,
    layout: Layout,
    tab: Option<Tab>,
    goal: Goal,
    theme: Theme,
    on: Vec<Trigger>,
    /// Days between two appearances; 0: on every page.
    every_days: u16,
}

/// What it says in one language. What is empty is not said.
#[derive(Default)]
struct Words {
    name: &'static str,
    description: &'static str,
    message: &'static str,
    button: &'static str,
    success: &'static str,
    consent: &'static str,
    tab: &'static str,
    labels: &'static [(&'static str, &'static str)],
    options: &'static [(&'static str, &'static [(&'static str, &'static str)])],
}

impl Plan {
    fn into_template(self, german: bool) -> Template {
        let words = if german { &self.german } else { &self.english };
        Template {
            key: self.key,
            name: words.name,
            description: words.description,
            configuration: Configuration {
                layout: self.layout,
                tab: self.tab,
                default_language: if german { "de" } else { "en" }.to_owned(),
                variants: vec![Variant {
                    key: "a".to_owned(),
                    weight: 100,
                    goal: self.goal,
                    texts: [
                        ("en".to_owned(), self.english.texts()),
                        ("de".to_owned(), self.german.texts()),
                    ]
                    .into(),
                }],
                theme: self.theme,
                triggers: Triggers {
                    on: self.on,
                    ..Triggers::default()
                },
                targeting: Targeting::default(),
                frequency: frequency(self.every_days),
                privacy: Privacy::default(),
            },
        }
    }
}

impl Words {
    fn texts(&self) -> Texts {
        let said = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        let map = |pairs: &[(&str, &str)]| -> BTreeMap<_, _> {
            let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
            pairs.iter().map(owned).collect()
        };
        Texts {
            message: self.message.to_owned(),
            button: said(self.button),
            success: said(self.success),
            consent: said(self.consent),
            tab: said(self.tab),
            labels: map(self.labels),
            options: { self.options.iter() }
                .map(|(name, options)| ((*name).to_owned(), map(options)))
                .collect(),
            ..Texts::default()
        }
    }
}

fn frequency(every_days: u16) -> Frequency {
    match every_days {
        0 => Frequency::default(),
        days => Frequency {
            show: ShowRule::EveryDays(ShowEveryDays { days }),
            after_close: AfterClose::Days(AfterCloseDays { days: days.max(7) }),
            ..Frequency::default()
        },
    }
}

fn field(name: &str, kind: FieldKind, required: bool) -> Field {
    Field {
        required,
        ..Field::new(name, kind)
    }
}

fn form(fields: Vec<Field>) -> Goal {
    Goal::Contact(ContactGoal {
        fields,
        consent: None,
    })
}

fn link(new_tab: bool) -> Goal {
    Goal::Link(LinkGoal {
        url: "https://example.com/".to_owned(),
        new_tab,
    })
}

fn bar(position: Edge) -> Layout {
    Layout::Bar(BarLayout {
        position,
        ..BarLayout::default()
    })
}

fn slide_in(corner: Corner) -> Layout {
    Layout::SlideIn(SlideInLayout { corner })
}

fn at_once() -> Vec<Trigger> {
    Triggers::default().on
}

fn after(seconds: u16) -> Vec<Trigger> {
    vec![Trigger::Delay(DelayTrigger { seconds })]
}

fn newsletter() -> Plan {
    Plan {
        key: "newsletter",
        english: Words {
            name: "Newsletter",
            description: "A bar at the bottom that asks for an email address, with consent.",
            message: "Good ideas, once a month: join our newsletter.",
            button: "Sign me up",
            success: "You’re in! The next issue comes to your inbox.",
            consent: "Yes, send me the newsletter. I can unsubscribe at any time.",
            ..Words::default()
        },
        german: Words {
            name: "Newsletter",
            description: "Eine Leiste am unteren Rand, die um eine E-Mail-Adresse bittet, mit Einwilligung.",
            message: "Gute Ideen, einmal im Monat: unser Newsletter.",
            button: "Anmelden",
            success: "Willkommen! Die nächste Ausgabe kommt in Ihr Postfach.",
            consent: "Ja, ich möchte den Newsletter erhalten. Ich kann ihn jederzeit abbestellen.",
            ..Words::default()
        },
        layout: bar(Edge::Bottom),
        tab: None,
        goal: Goal::Contact(ContactGoal {
            fields: vec![field("email", FieldKind::Email, true)],
            consent: Some(Consent {
                required: true,
                policy_url: None,
            }),
        }),
        theme: Theme {
            radius_px: 24,
            ..Theme::painted(
                ["#ecfdf5", "#064e3b", "#047857", "#ffffff"],
                ["#022c22", "#d1fae5", "#34d399", "#022c22"],
            )
        },
        on: vec![Trigger::Scroll(ScrollTrigger { percent: 30 })],
        every_days: 0,
    }
}

fn call_back() -> Plan {
    Plan {
        key: "call_back",
        english: Words {
            name: "Call me back",
            description: "A card in the corner that asks for a phone number.",
            message: "Rather talk? Leave your number and we’ll call you back.",
            button: "Call me back",
            success: "Thank you! Your phone will ring soon.",
            ..Words::default()
        },
        german: Words {
            name: "Rückruf",
            description: "Eine Karte in der Ecke, die um eine Telefonnummer bittet.",
            message: "Lieber persönlich? Hinterlassen Sie Ihre Nummer, wir rufen Sie zurück.",
            button: "Bitte um Rückruf",
            success: "Vielen Dank! Wir rufen Sie bald an.",
            ..Words::default()
        },
        layout: slide_in(Corner::BottomRight),
        tab: None,
        goal: form(vec![
            field("name", FieldKind::Name, false),
            field("phone", FieldKind::Phone, true),
        ]),
        theme: Theme::painted(
            ["#ffffff", "#1e293b", "#1d4ed8", "#ffffff"],
            ["#0f172a", "#e2e8f0", "#60a5fa", "#0f172a"],
        ),
        on: after(10),
        every_days: 0,
    }
}

fn contact_us() -> Plan {
    Plan {
        key: "contact_us",
        english: Words {
            name: "Contact us",
            description: "A tab at the edge that opens a card with a contact form.",
            message: "How can we help? Write to us.",
            button: "Send",
            success: "Thank you! We’ll get back to you soon.",
            tab: "Contact us",
            ..Words::default()
        },
        german: Words {
            name: "Kontakt",
            description: "Ein Reiter am Rand, der eine Karte mit Kontaktformular öffnet.",
            message: "Wie können wir helfen? Schreiben Sie uns.",
            button: "Senden",
            success: "Vielen Dank! Wir melden uns bald.",
            tab: "Kontakt",
            ..Words::default()
        },
        layout: slide_in(Corner::BottomLeft),
        tab: Some(Tab {
            edge: TabEdge::Left,
            starts_collapsed: true,
        }),
        goal: form(vec![
            field("name", FieldKind::Name, false),
            field("email", FieldKind::Email, true),
            field("message", FieldKind::Message, true),
        ]),
        theme: Theme {
            radius_px: 12,
            ..Theme::painted(
                ["#faf5ff", "#3b0764", "#7e22ce", "#ffffff"],
                ["#2e1065", "#f3e8ff", "#d8b4fe", "#2e1065"],
            )
        },
        on: at_once(),
        every_days: 0,
    }
}

fn announcement() -> Plan {
    Plan {
        key: "announcement",
        english: Words {
            name: "Announcement",
            description: "A bar at the top that says one thing.",
            message: "We’re closed on public holidays. Orders placed then leave us on the next working day.",
            ..Words::default()
        },
        german: Words {
            name: "Hinweis",
            description: "Eine Leiste am oberen Rand, die eine Sache sagt.",
            message: "An Feiertagen ist geschlossen. Bestellungen gehen am nächsten Werktag hinaus.",
            ..Words::default()
        },
        layout: bar(Edge::Top),
        tab: None,
        goal: Goal::Notice(NoticeGoal {}),
        theme: Theme::painted(
            ["#fef9c3", "#422006", "#713f12", "#fefce8"],
            ["#292524", "#fef3c7", "#fcd34d", "#292524"],
        ),
        on: at_once(),
        every_days: 0,
    }
}

fn discount() -> Plan {
    Plan {
        key: "discount",
        english: Words {
            name: "Discount",
            description: "A dialogue for who is about to leave: a code for an email address.",
            message: "10 % off your first order? We’ll send you the code.",
            button: "Send me the code",
            success: "Done! The code is on its way to you.",
            ..Words::default()
        },
        german: Words {
            name: "Rabatt",
            description: "Ein Dialog für alle, die gerade gehen wollen: ein Code für eine E-Mail-Adresse.",
            message: "10 % auf Ihre erste Bestellung? Wir schicken Ihnen den Code.",
            button: "Code schicken",
            success: "Erledigt! Der Code ist unterwegs zu Ihnen.",
            ..Words::default()
        },
        layout: Layout::Modal(ModalLayout {}),
        tab: None,
        goal: form(vec![field("email", FieldKind::Email, true)]),
        theme: Theme {
            radius_px: 16,
            font: Font::Serif,
            ..Theme::painted(
                ["#fff1f2", "#4c0519", "#be123c", "#ffffff"],
                ["#3f0717", "#ffe4e6", "#fda4af", "#4c0519"],
            )
        },
        on: vec![Trigger::ExitIntent(ExitIntentTrigger {})],
        every_days: 30,
    }
}

fn event() -> Plan {
    Plan {
        key: "event",
        english: Words {
            name: "Webinar or event",
            description: "A bar at the top that leads to the registration.",
            message: "Free webinar: what our customers ask most, answered live.",
            button: "Save my seat",
            ..Words::default()
        },
        german: Words {
            name: "Webinar oder Veranstaltung",
            description: "Eine Leiste am oberen Rand, die zur Anmeldung führt.",
            message: "Kostenloses Webinar: die häufigsten Fragen unserer Kunden, live beantwortet.",
            button: "Platz sichern",
            ..Words::default()
        },
        layout: bar(Edge::Top),
        tab: None,
        goal: link(false),
        theme: Theme {
            radius_px: 4,
            ..Theme::painted(
                ["#0c4a6e", "#f0f9ff", "#fde047", "#0c4a6e"],
                ["#082f49", "#e0f2fe", "#fde047", "#082f49"],
            )
        },
        on: at_once(),
        every_days: 0,
    }
}

fn job() -> Plan {
    Plan {
        key: "job",
        english: Words {
            name: "Job opening",
            description: "A card in the corner that leads to your open positions, in a new tab.",
            message: "We’re hiring! Come and build what’s next with us.",
            button: "See open positions",
            ..Words::default()
        },
        german: Words {
            name: "Stellenangebot",
            description: "Eine Karte in der Ecke, die zu Ihren offenen Stellen führt, in einem neuen Tab.",
            message: "Wir stellen ein! Gestalten Sie mit uns, was morgen kommt.",
            button: "Offene Stellen ansehen",
            ..Words::default()
        },
        layout: slide_in(Corner::TopRight),
        tab: None,
        goal: link(true),
        theme: Theme {
            radius_px: 0,
            font: Font::Mono,
            ..Theme::painted(
                ["#18181b", "#fafafa", "#a3e635", "#1a2e05"],
                ["#09090b", "#f4f4f5", "#a3e635", "#1a2e05"],
            )
        },
        on: after(5),
        every_days: 7,
    }
}

fn feedback() -> Plan {
    Plan {
        key: "feedback",
        english: Words {
            name: "Feedback",
            description: "A form inside the page’s main part that asks how it was.",
            message: "Was this page helpful?",
            button: "Send feedback",
            success: "Thank you! That helps us.",
            labels: &[("rating", "Your answer"), ("message", "What can we do better?")],
            options: &[("rating", &[("yes", "Yes"), ("partly", "Partly"), ("no", "No")])],
            ..Words::default()
        },
        german: Words {
            name: "Rückmeldung",
            description: "Ein Formular im Hauptteil der Seite, das fragt, wie es war.",
            message: "War diese Seite hilfreich?",
            button: "Rückmeldung senden",
            success: "Vielen Dank! Das hilft uns.",
            labels: &[
                ("rating", "Ihre Antwort"),
                ("message", "Was können wir besser machen?"),
            ],
            options: &[(
                "rating",
                &[("yes", "Ja"), ("partly", "Teilweise"), ("no", "Nein")],
            )],
            ..Words::default()
        },
        layout: Layout::Inline(InlineLayout {
            selector: "main".to_owned(),
        }),
        tab: None,
        goal: form(vec![
            Field {
                options: ["yes", "partly", "no"].map(str::to_owned).into(),
                ..field("rating", FieldKind::Select, true)
            },
            field("message", FieldKind::Message, false),
        ]),
        theme: Theme {
            font: Font::Inherit,
            ..Theme::painted(
                ["#f1f5f9", "#334155", "#0f766e", "#ffffff"],
                ["#1e293b", "#e2e8f0", "#5eead4", "#134e4a"],
            )
        },
        on: at_once(),
        every_days: 0,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::{GoalKind, LayoutKind, contrast};
    use super::*;

    #[test]
    fn every_template_is_publishable_and_legible_in_both_languages() {
        for language in ["en", "de-AT", "fr"] {
            let all = templates(language);
            let keys: BTreeSet<_> = all.iter().map(|template| template.key).collect();
            assert_eq!((all.len(), keys.len()), (8, 8));
            for Template {
                key,
                name,
                description,
                configuration,
            } in all
            {
                assert_eq!(configuration.validate(), Ok(()), "{key}");
                let swapped = Configuration {
                    default_language: if language == "de-AT" { "en" } else { "de" }.to_owned(),
                    ..configuration.clone()
                };
                assert_eq!(
                    swapped.validate(),
                    Ok(()),
                    "{key} says as much in the other language"
                );
                assert!(!name.is_empty() && description.ends_with('.'), "{key}");
                let theme = &configuration.theme;
                for colours in [&theme.colours, theme.dark.as_ref().unwrap()] {
                    let reads = |one: &str, other: &str| contrast(one, other).unwrap();
                    assert!(reads(&colours.background, &colours.text) >= 7.0, "{key}: text");
                    assert!(
                        reads(&colours.button, &colours.button_text) >= 4.5,
                        "{key}: button"
                    );
                    assert!(
                        reads(&colours.background, &colours.button) >= 3.0,
                        "{key}: button on bar"
                    );
                }
            }
        }
        let german = templates("de");
        assert_eq!(
            (german[1].name, german[1].configuration.default_language.as_str()),
            ("Rückruf", "de")
        );
    }

    #[test]
    fn there_is_one_for_every_layout_and_goal_and_none_like_another() {
        let looks: Vec<_> = templates("en")
            .iter()
            .map(|template| template.configuration.look())
            .collect();
        for kind in [
            LayoutKind::Bar,
            LayoutKind::SlideIn,
            LayoutKind::Modal,
            LayoutKind::Inline,
        ] {
            assert!(looks.iter().any(|look| look.layout == kind), "{kind:?}");
        }
        for goal in [GoalKind::Contact, GoalKind::Link, GoalKind::Notice] {
            assert!(looks.iter().any(|look| look.goal == goal), "{goal:?}");
        }
        let colours: BTreeSet<_> = looks.iter().map(|look| &look.background).collect();
        assert_eq!(colours.len(), looks.len());
    }
}
