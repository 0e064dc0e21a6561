//! The parts of the built script, and which of them a bar needs.

use std::str::FromStr;

use super::{Kind, Runtime, TriggerForm};
use crate::bars::configuration::GoalKind;

/// Not the name of a part.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no part of the script has this name")]
pub struct NotAPart;

macro_rules! parts {
    ($($name:ident = $text:literal,)*) => {
        /// A part of the script that not every bar needs.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Part { $($name,)* }

        impl Part {
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in the built script.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

parts! {
    Bar = "bar",
    Card = "card",
    Slide = "slide",
    Modal = "modal",
    Inline = "inline",
    Tab = "tab",
    Form = "form",
    Target = "target",
    Schedule = "schedule",
    Scroll = "scroll",
    Exit = "exit",
    Idle = "idle",
    Click = "click",
    Variants = "variants",
}

impl FromStr for Part {
    type Err = NotAPart;
    fn from_str(name: &str) -> Result<Self, NotAPart> {
        let part = Self::ALL.iter().find(|part| part.as_str() == name);
        part.copied().ok_or(NotAPart)
    }
}

impl Runtime {
    /// Is the bar less without this part?
    pub fn needs(&self, part: Part) -> bool {
        let has_goal = |kind: GoalKind| self.variants.iter().any(|variant| variant.kind == kind);
        let has_trigger = |is: fn(&TriggerForm) -> bool| self.triggers.iter().any(is);
        match part {
            Part::Bar => self.layout == Kind::Bar,
            Part::Card => self.layout != Kind::Bar,
            Part::Slide => self.layout == Kind::SlideIn,
            Part::Modal => self.layout == Kind::Modal,
            Part::Inline => self.layout == Kind::Inline,
            Part::Tab => self.tab.is_some(),
            Part::Form => has_goal(GoalKind::Contact),
            Part::Target => !self.target.is_everybody(),
            Part::Schedule => self.target.has_schedule(),
            Part::Scroll => has_trigger(|on| matches!(on, TriggerForm::Scroll(_))),
            Part::Exit => has_trigger(|on| matches!(on, TriggerForm::ExitIntent)),
            Part::Idle => has_trigger(|on| matches!(on, TriggerForm::Inactivity(_))),
            Part::Click => has_trigger(|on| matches!(on, TriggerForm::Click(_))),
            Part::Variants => self.variants.len() > 1,
        }
    }
}
