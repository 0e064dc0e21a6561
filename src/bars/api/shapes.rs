//! What goes in and comes out: the bodies of the bars' API.

use poem_openapi::types::Example;
use poem_openapi::{Enum, Object};

use crate::bars::configuration::{self, Configuration, GoalKind, Look};
use crate::bars::{
    Bar, BarKey, BarState, HostPattern, ListedBar, ListedBars, Publication, Settings, Version,
};
use crate::clock::Timestamp;
use crate::http::FieldError;
use crate::ids::{BarId, UserId};

const MOST_HOSTS: usize = 100;

/// A bar to be made.
#[derive(Debug, Object)]
#[oai(example)]
pub struct CreateBar {
    /// What you call it, 1 to 100 characters.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub name: String,
    /// What it is for, if it begins with a configuration of ours; `contact` if you don't say.
    pub goal: Option<GoalKind>,
    /// The default language of a configuration of ours: `en` (if you don't say) or `de`.
    #[oai(validator(max_length = 35))]
    pub language: Option<String>,
    /// The configuration that it begins with, instead of one of ours.
    pub draft: Option<Configuration>,
    /// Where it may be shown, at most 100: `example.org`, `*.example.org` for all hosts below, `*` for any. Ports do not
    /// matter. None: anywhere.
    #[oai(default, validator(max_items = 100))]
    pub allowed_hosts: Vec<String>,
    /// What happens around it.
    #[oai(default)]
    pub settings: Settings,
}

impl Example for CreateBar {
    fn example() -> Self {
        Self {
            name: "Ask us anything".to_owned(),
            goal: Some(GoalKind::Contact),
            language: Some("en".to_owned()),
            draft: None,
            allowed_hosts: vec!["shop.example".to_owned(), "*.shop.example".to_owned()],
            settings: Settings::default(),
        }
    }
}

/// What to change; what is left out stays.
#[derive(Debug, Object)]
#[oai(example)]
pub struct ChangeBar {
    /// What you call it, 1 to 100 characters.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub name: Option<String>,
    /// Where it may be shown, at most 100 hosts, as a whole. An empty list: anywhere.
    #[oai(validator(max_items = 100))]
    pub allowed_hosts: Option<Vec<String>>,
    /// What happens around it, as a whole.
    pub settings: Option<Settings>,
}

impl Example for ChangeBar {
    fn example() -> Self {
        Self {
            name: Some("Spring sale".to_owned()),
            allowed_hosts: None,
            settings: None,
        }
    }
}

/// A copy to be made.
#[derive(Debug, Object)]
#[oai(example)]
pub struct DuplicateBar {
    /// What you call the copy; `NAME (copy)` if you don't say.
    #[oai(validator(min_length = 1, max_length = 100))]
    pub name: Option<String>,
}

impl Example for DuplicateBar {
    fn example() -> Self {
        Self {
            name: Some("Summer sale".to_owned()),
        }
    }
}

/// A draft in place of another.
#[derive(Debug, Object)]
#[oai(example)]
pub struct ChangeDraft {
    /// The new configuration, whole.
    pub configuration: Configuration,
    /// The revision of the draft that you read, unless `If-Match` says it.
    pub revision: Option<i64>,
}

impl Example for ChangeDraft {
    fn example() -> Self {
        Self {
            configuration: Configuration::starter(GoalKind::Link, "en"),
            revision: Some(3),
        }
    }
}

/// A publication.
#[derive(Debug, Default, Object)]
#[oai(example)]
pub struct PublishBar {
    /// Publish only if the draft is at this revision.
    pub revision: Option<i64>,
    /// What is new, for the history: at most 500 characters.
    #[oai(validator(max_length = 500))]
    pub note: Option<String>,
}

impl Example for PublishBar {
    fn example() -> Self {
        Self {
            revision: Some(3),
            note: Some("Prices of May".to_owned()),
        }
    }
}

/// What an earlier version becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum RestoreTarget {
    /// The draft, in place of the current one.
    Draft,
    /// What visitors see, as a new version. The draft goes along, unless it holds changes of its own.
    Published,
}

/// A return to an earlier version.
#[derive(Debug, Object)]
#[oai(example)]
pub struct RestoreVersion {
    /// What it becomes.
    pub to: RestoreTarget,
    /// The revision of the draft that it replaces: needed for `draft`, and only there.
    pub revision: Option<i64>,
    /// What it is for, for the history: at most 500 characters. Kept for `published` only.
    #[oai(validator(max_length = 500))]
    pub note: Option<String>,
}

impl Example for RestoreVersion {
    fn example() -> Self {
        Self {
            to: RestoreTarget::Published,
            revision: None,
            note: Some("The sale is over".to_owned()),
        }
    }
}

/// A bar, whole.
#[derive(Debug, Object)]
#[oai(rename = "Bar", example)]
pub struct BarBody {
    pub id: BarId,
    /// Its public name, in the script's address and in beacons.
    pub key: String,
    /// What old ManyContacts snippets call it. Only those who run the service give it: ask them. Absent: none.
    #[oai(skip_serializing_if_is_none)]
    pub legacy_id: Option<String>,
    pub name: String,
    pub state: BarState,
    /// Where it may be shown; none: anywhere.
    pub allowed_hosts: Vec<String>,
    pub settings: Settings,
    /// What is being worked on.
    pub draft: DraftBody,
    /// What visitors see: the configuration is that of this version. Absent: nothing was published yet.
    #[oai(skip_serializing_if_is_none)]
    pub published: Option<Published>,
    /// Where the script is.
    pub script_url: String,
    /// The one line of HTML to paste into a page.
    pub snippet: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl Example for BarBody {
    fn example() -> Self {
        let at = Timestamp::from_secs(1_795_343_400);
        Place {
            base_url: "https://embed.example".to_owned(),
        }
        .body(Bar {
            id: BarId::from_uuid(example_uuid()),
            member: crate::ids::MemberId::from_uuid(example_uuid()),
            key: "7m2k9x4qtz".parse().expect("it is a key"),
            legacy_id: None,
            name: "Ask us anything".parse().expect("it is a name"),
            state: BarState::Active,
            allowed_hosts: vec!["shop.example".parse().expect("it is a host")],
            settings: Settings::default(),
            draft: crate::bars::Draft {
                configuration: Configuration::starter(GoalKind::Contact, "en"),
                revision: 3,
            },
            published: None,
            created_at: at,
            updated_at: at,
        })
    }
}

fn example_uuid() -> uuid::Uuid {
    uuid::Uuid::from_u128(0x0194_0d34_4ae9_7be8_a2d5_6a64_f404_68d5)
}

/// What is being worked on.
#[derive(Debug, Object)]
#[oai(rename = "Draft")]
pub struct DraftBody {
    /// Grows with every change.
    pub revision: i64,
    /// Does it differ from what visitors see?
    pub has_changes: bool,
    /// What has to be put right before it can be published.
    pub problems: Vec<FieldError>,
    pub configuration: Configuration,
}

impl DraftBody {
    pub fn of(bar: &Bar) -> Self {
        Self {
            revision: bar.draft.revision,
            has_changes: bar.has_changes(),
            problems: faults_under("", bar.draft.problems()),
            configuration: bar.draft.configuration.clone(),
        }
    }
}

/// When and by whom a version was published.
#[derive(Debug, Object)]
#[oai(rename = "Publication", skip_serializing_if_is_none)]
pub struct Published {
    /// 1, 2, 3, … within the bar.
    pub version: i32,
    pub published_at: Timestamp,
    /// The user; absent if an API token or the command line did it.
    pub published_by: Option<UserId>,
    /// What was noted; may be empty.
    pub note: String,
}

impl From<Publication> for Published {
    fn from(publication: Publication) -> Self {
        let Publication {
            version,
            published_at,
            published_by,
            note,
            ..
        } = publication;
        Self {
            version,
            published_at,
            published_by,
            note,
        }
    }
}

/// A published version. Immutable.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct BarVersion {
    /// 1, 2, 3, … within the bar.
    pub version: i32,
    pub published_at: Timestamp,
    /// The user; absent if an API token or the command line did it.
    pub published_by: Option<UserId>,
    /// What was noted; may be empty.
    pub note: String,
    pub configuration: Configuration,
}

impl From<Version> for BarVersion {
    fn from(version: Version) -> Self {
        let Published {
            version: number,
            published_at,
            published_by,
            note,
        } = version.publication.into();
        Self {
            version: number,
            published_at,
            published_by,
            note,
            configuration: version.configuration,
        }
    }
}

/// A page of the history, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct BarVersionList {
    pub items: Vec<Published>,
    /// Where the next page begins, for `after`; absent on the last one.
    pub next_cursor: Option<String>,
}

/// A bar in a list.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct BarListItem {
    pub id: BarId,
    /// Its public name, in the script's address and in beacons.
    pub key: String,
    pub name: String,
    pub state: BarState,
    /// The version that visitors see; absent: nothing was published yet.
    pub published_version: Option<i32>,
    /// Does the draft differ from what visitors see?
    pub has_changes: bool,
    /// How the draft looks, for a small picture of it.
    pub look: Look,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

impl From<ListedBar> for BarListItem {
    fn from(ListedBar { bar, look }: ListedBar) -> Self {
        Self {
            look,
            id: bar.id,
            key: bar.key.to_string(),
            name: bar.name.to_string(),
            state: bar.state,
            published_version: bar.published_version,
            has_changes: bar.has_changes,
            created_at: bar.created_at,
            updated_at: bar.updated_at,
        }
    }
}

/// A page of bars.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct BarList {
    pub items: Vec<BarListItem>,
    /// Where the next page begins, for `after`; absent on the last one.
    pub next_cursor: Option<String>,
}

impl From<ListedBars> for BarList {
    fn from(page: ListedBars) -> Self {
        Self {
            items: page.bars.into_iter().map(BarListItem::from).collect(),
            next_cursor: page.next.map(|next| next.encode()),
        }
    }
}

/// Where pages load scripts from.
pub struct Place {
    base_url: String,
}

impl Place {
    pub fn new(embed_url: &url::Url) -> Self {
        Self {
            base_url: embed_url.as_str().trim_end_matches('/').to_owned(),
        }
    }

    fn script_url(&self, key: &BarKey) -> String {
        format!("{}/b/{key}.js", self.base_url)
    }

    pub fn body(&self, bar: Bar) -> BarBody {
        let script_url = self.script_url(&bar.key);
        BarBody {
            id: bar.id,
            key: bar.key.to_string(),
            legacy_id: bar.legacy_id.as_ref().map(ToString::to_string),
            name: bar.name.to_string(),
            state: bar.state,
            allowed_hosts: bar.allowed_hosts.iter().map(ToString::to_string).collect(),
            draft: DraftBody::of(&bar),
            settings: bar.settings,
            published: bar.published.map(Published::from),
            snippet: format!("<script async src=\"{script_url}\"></script>"),
            script_url,
            created_at: bar.created_at,
            updated_at: bar.updated_at,
        }
    }
}

/// The findings of a part, at their places in the whole.
pub fn faults_under(prefix: &str, found: Vec<configuration::FieldError>) -> Vec<FieldError> {
    let place = |field: String| match (prefix, field.as_str()) {
        ("", _) => field,
        (_, "") => prefix.to_owned(),
        _ => format!("{prefix}.{field}"),
    };
    found
        .into_iter()
        .map(|fault| FieldError::new(place(fault.field), fault.message))
        .collect()
}

/// The hosts that were named, each once.
pub fn hosts(texts: Vec<String>, faults: &mut Vec<FieldError>) -> Vec<HostPattern> {
    if texts.len() > MOST_HOSTS {
        faults.push(FieldError::new("allowed_hosts", "has more than 100 entries"));
    }
    let mut patterns = Vec::new();
    for (index, text) in texts.iter().enumerate().take(MOST_HOSTS) {
        match text.parse::<HostPattern>() {
            Ok(pattern) if patterns.contains(&pattern) => {}
            Ok(pattern) => patterns.push(pattern),
            Err(error) => faults.push(FieldError::new(
                format!("allowed_hosts[{index}]"),
                error.to_string(),
            )),
        }
    }
    patterns
}

pub fn settings(settings: Settings, faults: &mut Vec<FieldError>) -> Settings {
    settings.check().unwrap_or_else(|found| {
        faults.extend(faults_under("settings", found));
        Settings::default()
    })
}
