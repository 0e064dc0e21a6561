//! What a bar says and asks: its variants, their goals and their texts.

use std::collections::BTreeMap;

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use super::tagged::tagged;

/// One of the contents that share the bar's traffic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct Variant {
    /// Its name in events and statistics, unique in the bar.
    #[oai(validator(pattern = "^[a-z0-9_-]{1,16}$"))]
    pub key: String,
    /// Its share of the traffic, relative to the others, 0 to 1000. At least one variant has more than 0.
    #[serde(default = "weight")]
    #[oai(default = "weight", validator(maximum(value = "1000")))]
    pub weight: u16,
    /// What it is for.
    pub goal: Goal,
    /// What it says, by language (BCP 47 tag), 1 to 30 languages, the default language among them.
    #[oai(validator(min_properties = 1, max_properties = 30))]
    pub texts: BTreeMap<String, Texts>,
}

fn weight() -> u16 {
    100
}

/// What a variant is for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Goal {
    Contact(ContactGoal),
    Link(LinkGoal),
    Notice(NoticeGoal),
}

tagged!(Goal: "What a variant is for.",
    "contact" = ContactGoal,
    "link" = LinkGoal,
    "notice" = NoticeGoal,
);

impl Goal {
    /// Which of the goals it is.
    pub fn kind(&self) -> GoalKind {
        match self {
            Self::Contact(_) => GoalKind::Contact,
            Self::Link(_) => GoalKind::Link,
            Self::Notice(_) => GoalKind::Notice,
        }
    }
}

/// The goals that a bar can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum GoalKind {
    /// A form in which visitors leave their details.
    Contact,
    /// A button that leads elsewhere.
    Link,
    /// Only a message.
    Notice,
}

/// A form in which visitors leave their details.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct ContactGoal {
    /// What is asked, 1 to 12 fields, in order. At least one is not hidden.
    #[oai(validator(min_items = 1, max_items = 12))]
    pub fields: Vec<Field>,
    /// The consent that is asked for; its words are the text `consent`. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consent: Option<Consent>,
}

/// One field of a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(
    deny_unknown_fields,
    skip_serializing_if_is_none,
    skip_serializing_if_is_empty
)]
pub struct Field {
    /// Its name in posts, contacts and texts, unique in the form. `consent` is taken.
    #[oai(validator(pattern = "^[a-z][a-z0-9_]{0,31}$"))]
    pub name: String,
    /// What is asked. `email`, `name`, `phone` and `message` stand at most once in a form.
    pub kind: FieldKind,
    /// Can the form be sent without it?
    #[serde(default)]
    #[oai(default)]
    pub required: bool,
    /// The values to choose from, for `select` only: 1 to 30, each of 1 to 80 characters. What the visitor
    /// reads instead stands in the texts, under `options`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[oai(default, validator(max_items = 30))]
    pub options: Vec<String>,
    /// The value that is sent, for `hidden` only: 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(min_length = 1, max_length = 200))]
    pub value: Option<String>,
}

impl Field {
    /// One that may be left empty.
    pub(super) fn new(name: &str, kind: FieldKind) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            required: false,
            options: Vec::new(),
            value: None,
        }
    }

    /// The email address, which is needed.
    pub(super) fn email() -> Self {
        Self {
            required: true,
            ..Self::new("email", FieldKind::Email)
        }
    }
}

/// What a field asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum FieldKind {
    /// An email address, at most 254 characters.
    Email,
    /// The visitor's name, one line of at most 200 characters.
    Name,
    /// A telephone number, at most 40 characters.
    Phone,
    /// Several lines of at most 4000 characters.
    Message,
    /// One line of at most 200 characters.
    Text,
    /// One of `options`.
    Select,
    /// Yes or no; required means yes.
    Checkbox,
    /// Sent without being shown: `value`.
    Hidden,
}

impl FieldKind {
    /// How many characters a visitor may enter.
    pub fn max_length(self) -> usize {
        match self {
            Self::Email => 254,
            Self::Phone => 40,
            Self::Message => 4000,
            Self::Select => 80,
            Self::Name | Self::Text | Self::Hidden => 200,
            Self::Checkbox => 5,
        }
    }
}

/// The consent that a form asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct Consent {
    /// Is the form refused without it?
    #[serde(default = "super::yes")]
    #[oai(default = "super::yes")]
    pub required: bool,
    /// The member's privacy policy (`https:` or `http:`), linked behind the words. Absent: no link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(max_length = 2048))]
    pub policy_url: Option<String>,
}

/// A button that leads elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct LinkGoal {
    /// Where to: an absolute address with `https:`, `http:`, `mailto:` or `tel:`.
    #[oai(validator(max_length = 2048))]
    pub url: String,
    /// Open it in a new tab.
    #[serde(default)]
    #[oai(default)]
    pub new_tab: bool,
}

/// Only a message.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct NoticeGoal {}

/// What a variant says in one language.
///
/// What is absent is taken from the texts in the default language, and then from the product's own words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(
    deny_unknown_fields,
    skip_serializing_if_is_none,
    skip_serializing_if_is_empty
)]
pub struct Texts {
    /// What the bar says, 1 to 300 characters.
    #[oai(validator(min_length = 1, max_length = 300))]
    pub message: String,
    /// On the main button, 1 to 40 characters. Needed for `contact` and `link`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(min_length = 1, max_length = 40))]
    pub button: Option<String>,
    /// After the form was sent, 1 to 300 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(min_length = 1, max_length = 300))]
    pub success: Option<String>,
    /// When the form could not be sent, 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(min_length = 1, max_length = 200))]
    pub error: Option<String>,
    /// The label of each field by its name, 1 to 80 characters. Needed for `text`, `select` and `checkbox`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[oai(default)]
    pub labels: BTreeMap<String, String>,
    /// What is read for the values of `select` fields, by field and value, 1 to 80 characters.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[oai(default)]
    pub options: BTreeMap<String, BTreeMap<String, String>>,
    /// The words that are consented to, 1 to 600 characters. Needed where consent is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(min_length = 1, max_length = 600))]
    pub consent: Option<String>,
    /// The name of the link to the privacy policy, 1 to 60 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(min_length = 1, max_length = 60))]
    pub policy: Option<String>,
    /// On the collapsed tab, 1 to 40 characters. Needed where there is a tab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(min_length = 1, max_length = 40))]
    pub tab: Option<String>,
    /// What the closing button is called for screen readers, 1 to 40 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[oai(validator(min_length = 1, max_length = 40))]
    pub close: Option<String>,
}
