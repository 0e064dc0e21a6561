//! Bars: what members design and embed.
//!
//! Owns a bar's name, key, state, allowed hosts and settings, its draft, what was published and when, and the look-up
//! by key that every visitor's request begins with ([`PublishedBars`]). Must never show a visitor anything but a
//! published version, nor a member another's bar; counts nothing and keeps no contacts. Bars of a member that is leaving
//! are as if they were paused.

pub mod api;
pub mod configuration;
mod hosts;
mod jobs;
mod legacy;
mod published;
pub mod recent;
mod rules;
mod service;
mod settings;
mod store;

use std::fmt;
use std::str::FromStr;

use poem_openapi::Enum;

use crate::clock::Timestamp;
use crate::ids::{self, BarId, MemberId, UserId};
use crate::secrets::Random;
use crate::text;
use configuration::{Configuration, FieldError, Look};

pub use hosts::{HostPattern, NotAHostPattern, is_allowed};
pub use jobs::{Forget, PurgeBar, forget_member};
pub use legacy::{LegacyId, LegacyIdError};
pub use published::{FRESH, PublishedBar, PublishedBars};
pub use rules::{Cursor, Listing, NotACursor, Sort};
pub use service::{Announce, Bars, Change, Error, NewBar, RestoreTo};
pub use settings::{Autoresponse, AutoresponseText, Notification, NotificationMode, Settings};

/// More bars than this no member has: a list of them is still read at one go.
pub const MOST_BARS: usize = 1000;

/// A text that is not what the type says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(pub &'static str);

/// The public name of a bar in a page: 10 characters of Crockford's base32 in lower case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BarKey([u8; Self::LENGTH]);

impl BarKey {
    pub const LENGTH: usize = 10;

    /// A key that nobody can guess, nor two bars share but once in a thousand million million.
    pub fn new(random: &Random) -> Self {
        ids::public_key(random)
            .parse()
            .expect("public keys are of this form")
    }

    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only letters and digits were let in")
    }
}

impl FromStr for BarKey {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        let bytes = text.as_bytes().try_into().ok();
        let fits = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z') && !b"ilou".contains(byte);
        bytes
            .filter(|bytes: &[u8; Self::LENGTH]| bytes.iter().all(fits))
            .map(Self)
            .ok_or(Unfit("is not the key of a bar"))
    }
}

impl fmt::Display for BarKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for BarKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the member calls the bar: 1 to 100 characters on one line, without spaces around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarName(String);

impl BarName {
    pub const MAX_CHARS: usize = 100;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BarName {
    type Err = text::Refused;
    fn from_str(name: &str) -> Result<Self, text::Refused> {
        Ok(Self(text::line(name, Self::MAX_CHARS)?))
    }
}

impl fmt::Display for BarName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a member notes at a publication: at most 500 characters, lines allowed. May be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Note(String);

impl Note {
    pub const MAX_CHARS: usize = 500;

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Note {
    type Err = text::Refused;
    fn from_str(note: &str) -> Result<Self, text::Refused> {
        match text::prose(note, Self::MAX_CHARS) {
            Ok(note) => Ok(Self(note)),
            Err(text::Refused::Empty) => Ok(Self::default()),
            Err(refused) => Err(refused),
        }
    }
}

/// Is the bar switched on?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum BarState {
    /// The published version is shown.
    Active,
    /// Nothing is shown and nothing counted, until it is resumed.
    Paused,
}

impl BarState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
        }
    }
}

impl FromStr for BarState {
    type Err = Unfit;
    fn from_str(text: &str) -> Result<Self, Unfit> {
        match text {
            "active" => Ok(Self::Active),
            "paused" => Ok(Self::Paused),
            _ => Err(Unfit("is neither `active` nor `paused`")),
        }
    }
}

/// A bar, whole.
#[derive(Clone, Debug, PartialEq)]
pub struct Bar {
    pub id: BarId,
    pub member: MemberId,
    pub key: BarKey,
    /// What old snippets call it, if it has been shown on pages since before our time.
    pub legacy_id: Option<LegacyId>,
    pub name: BarName,
    pub state: BarState,
    /// Where it may be shown; empty: anywhere.
    pub allowed_hosts: Vec<HostPattern>,
    pub settings: Settings,
    pub draft: Draft,
    pub published: Option<Publication>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Bar {
    /// Does the draft differ from what visitors see?
    pub fn has_changes(&self) -> bool {
        has_changes(
            self.draft.revision,
            self.published.as_ref().and_then(|live| live.revision),
        )
    }
}

fn has_changes(draft: i64, published: Option<i64>) -> bool {
    published != Some(draft)
}

/// What the member is working on.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    pub configuration: Configuration,
    /// Grows with every change: who changes a draft says which one they saw.
    pub revision: i64,
}

impl Draft {
    /// What stands between the draft and its publication.
    pub fn problems(&self) -> Vec<FieldError> {
        rules::publishing_problems(&self.configuration)
    }
}

/// When and as what the shown version was published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    pub version: i32,
    pub published_at: Timestamp,
    pub published_by: Option<UserId>,
    pub note: String,
    /// The revision of the draft that says the same; `None`: the draft says something else. Compared at each change of
    /// either, so that no look-up has to.
    revision: Option<i64>,
}

/// A published version, as the history keeps it.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    pub publication: Publication,
    pub configuration: Configuration,
}

/// A bar in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarSummary {
    pub id: BarId,
    pub key: BarKey,
    pub name: BarName,
    pub state: BarState,
    pub published_version: Option<i32>,
    pub has_changes: bool,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// A bar in a list, and how its draft looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBar {
    pub bar: BarSummary,
    pub look: Look,
}

/// A page of a list, and where the next begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedBars {
    pub bars: Vec<ListedBar>,
    pub next: Option<Cursor>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_ten_letters_and_digits_that_nobody_mistakes() {
        assert_eq!("0123456789".parse::<BarKey>().unwrap().as_str(), "0123456789");
        for text in [
            "",
            "012345678",
            "0123456789a",
            "012345678I",
            "012345678A",
            "01234567/9",
            "ééééé",
        ] {
            assert!(text.parse::<BarKey>().is_err(), "{text}");
        }
        assert_ne!(BarKey::new(&Random::seeded(1)), BarKey::new(&Random::seeded(2)));
    }

    #[test]
    fn a_name_is_one_line_of_text() {
        assert_eq!(
            " Spring sale ".parse::<BarName>().unwrap().as_str(),
            "Spring sale"
        );
        for text in [
            "",
            "  ",
            "a\nb",
            "a\u{7f}",
            "4111 1111 1111 1111",
            &"x".repeat(101),
        ] {
            assert!(text.parse::<BarName>().is_err(), "{text}");
        }
    }
}
