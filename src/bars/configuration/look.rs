//! What a small picture of a bar needs, without all that it is made of.

use poem_openapi::{Enum, Object};

use super::{Configuration, Corner, Edge, GoalKind, Layout};

/// How a bar looks at a glance: enough for a small picture of it.
#[derive(Clone, Debug, PartialEq, Eq, Object)]
#[oai(rename = "BarLook", skip_serializing_if_is_none)]
pub struct Look {
    /// What its first variant is for.
    pub goal: GoalKind,
    pub layout: LayoutKind,
    /// The edge of the window at which it stands; for `bar` only.
    pub edge: Option<Edge>,
    /// The corner of the window in which it stands; for `slide_in` only.
    pub corner: Option<Corner>,
    /// The colour behind everything, as `#rrggbb`.
    pub background: String,
    /// The colour of the text.
    pub text: String,
    /// The colour of the main button.
    pub button: String,
    /// The colour of the text on the main button.
    pub button_text: String,
    /// What its first variant says in the default language.
    pub message: String,
    /// On its main button; absent if it has none.
    pub button_label: Option<String>,
}

/// The layouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum LayoutKind {
    Bar,
    SlideIn,
    Modal,
    Inline,
}

impl Layout {
    /// Which of the layouts it is.
    pub fn kind(&self) -> LayoutKind {
        match self {
            Self::Bar(_) => LayoutKind::Bar,
            Self::SlideIn(_) => LayoutKind::SlideIn,
            Self::Modal(_) => LayoutKind::Modal,
            Self::Inline(_) => LayoutKind::Inline,
        }
    }
}

impl Configuration {
    /// How it looks at a glance, in bright light.
    pub fn look(&self) -> Look {
        let first = self.variants.first();
        let goal = first.map_or(GoalKind::Notice, |variant| variant.goal.kind());
        let spoken = first.map(|variant| self.spoken(variant, None));
        let label = spoken.and_then(|spoken| spoken.button());
        let colours = &self.theme.colours;
        Look {
            goal,
            layout: self.layout.kind(),
            edge: match &self.layout {
                Layout::Bar(bar) => Some(bar.position),
                _ => None,
            },
            corner: match &self.layout {
                Layout::SlideIn(slide) => Some(slide.corner),
                _ => None,
            },
            background: colours.background.clone(),
            text: colours.text.clone(),
            button: colours.button.clone(),
            button_text: colours.button_text.clone(),
            message: spoken.map_or_else(String::new, |spoken| spoken.message().to_owned()),
            button_label: label.filter(|_| goal != GoalKind::Notice).map(str::to_owned),
        }
    }
}
