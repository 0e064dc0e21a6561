//! Configurations to begin with: complete, fit to be published, and pleasant to look at.

use std::collections::BTreeMap;

use super::language::primary;
use super::{
    BarLayout, Configuration, ContactGoal, Edge, Field, FieldKind, Frequency, Goal, GoalKind, Layout,
    LinkGoal, NoticeGoal, Privacy, Targeting, Texts, Theme, Triggers, Variant,
};

impl Configuration {
    /// A bar to begin with, for that goal. It speaks English and German; `language` says which of them is
    /// its default (English for any other).
    pub fn starter(goal: GoalKind, language: &str) -> Self {
        let german = primary(language).eq_ignore_ascii_case("de");
        let texts = [("en", false), ("de", true)].map(|(tag, german)| (tag.to_owned(), texts(goal, german)));
        Self {
            layout: Layout::Bar(BarLayout {
                position: match goal {
                    GoalKind::Contact => Edge::Bottom,
                    GoalKind::Link | GoalKind::Notice => Edge::Top,
                },
                ..BarLayout::default()
            }),
            tab: None,
            default_language: if german { "de" } else { "en" }.to_owned(),
            variants: vec![Variant {
                key: "a".to_owned(),
                weight: 100,
                goal: match goal {
                    GoalKind::Contact => Goal::Contact(ContactGoal {
                        fields: vec![Field::new("name", FieldKind::Name), Field::email()],
                        consent: None,
                    }),
                    GoalKind::Link => Goal::Link(LinkGoal {
                        url: "https://example.com/".to_owned(),
                        new_tab: false,
                    }),
                    GoalKind::Notice => Goal::Notice(NoticeGoal {}),
                },
                texts: BTreeMap::from(texts),
            }],
            theme: theme(goal),
            triggers: Triggers::default(),
            targeting: Targeting::default(),
            frequency: Frequency::default(),
            privacy: Privacy::default(),
        }
    }
}

fn texts(goal: GoalKind, german: bool) -> Texts {
    let (message, button, success) = match (goal, german) {
        (GoalKind::Contact, false) => (
            "Have a question? Leave your email and we’ll get back to you today.",
            Some("Get in touch"),
            Some("Thank you! We’ll be in touch very soon."),
        ),
        (GoalKind::Contact, true) => (
            "Noch Fragen? Hinterlassen Sie Ihre E-Mail-Adresse, wir melden uns noch heute.",
            Some("Kontakt aufnehmen"),
            Some("Vielen Dank! Wir melden uns in Kürze."),
        ),
        (GoalKind::Link, false) => (
            "Something new is here, and it’s worth a look.",
            Some("See what’s new"),
            None,
        ),
        (GoalKind::Link, true) => (
            "Es gibt Neues, und ein Blick lohnt sich.",
            Some("Jetzt ansehen"),
            None,
        ),
        (GoalKind::Notice, false) => ("Good to know: our opening hours change next week.", None, None),
        (GoalKind::Notice, true) => (
            "Gut zu wissen: Ab nächster Woche gelten neue Öffnungszeiten.",
            None,
            None,
        ),
    };
    Texts {
        message: message.to_owned(),
        button: button.map(str::to_owned),
        success: success.map(str::to_owned),
        ..Texts::default()
    }
}

fn theme(goal: GoalKind) -> Theme {
    let (light, dark) = match goal {
        GoalKind::Contact => (
            ["#312e81", "#ffffff", "#fde68a", "#312e81"],
            ["#1e1b4b", "#e0e7ff", "#fde68a", "#1e1b4b"],
        ),
        GoalKind::Link => (
            ["#115e59", "#ffffff", "#ffffff", "#115e59"],
            ["#042f2e", "#ccfbf1", "#5eead4", "#042f2e"],
        ),
        GoalKind::Notice => (
            ["#fef3c7", "#451a03", "#451a03", "#fef3c7"],
            ["#292524", "#fef3c7", "#fde68a", "#292524"],
        ),
    };
    Theme::painted(light, dark)
}
