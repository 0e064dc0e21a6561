//! Counting: what bars report becomes events and roll-ups, exactly once, and statistics are read from the roll-ups.
//!
//! Owns events, roll-ups, drops, sites, visitors' salts and the statistics API. Must not store an address, count what
//! it has not committed, or answer a statistic by scanning events where a roll-up knows it.

mod agents;
pub mod api;
pub(crate) mod beacon;
mod cardinality;
mod countries;
mod experiment;
mod filter;
mod fold;
mod ingest;
mod jobs;
mod journal;
mod networks;
mod own;
mod period;
mod reroll;
mod rollup;
mod rules;
mod service;
mod statistics;
mod store;
mod visitors;

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;

use poem_openapi::Enum;
use serde::{Deserialize, Serialize};
use url::Url;

#[cfg(feature = "fuzzing")]
pub(crate) use agents::Agents as UserAgents;
pub use agents::{Agent, Device};
pub use beacon::{Beacon, Malformed};
pub use countries::{Countries, NotCountries};
pub use experiment::Decision;
pub use filter::{Filters, Unfit as FilterUnfit};
pub use fold::{NotFolded, Tell, Told};
pub use ingest::{NotKept, QueueError};
pub use jobs::{ForgetVisitors, PurgeEvents, forget_bar, forget_member};
pub use networks::{Networks, NotNetworks};
pub use own::OwnBrowsers;
pub use period::{Interval, Period, Unfit as PeriodUnfit};
pub use reroll::{Reroll, Rerolled, Whose};
pub use rollup::Counts;
pub use service::{CountError, Dropped, Post, Surroundings, Tracking};
pub use statistics::{
    AllBars, Breakdown, DroppedByReason, Estimate, OfBar, OfVariant, Point, RankBy, Ranking, Series, Site,
    SitePage, Totals, Variants, rate,
};
pub use visitors::Salts;

use crate::clock::Timestamp;
use crate::ids::{BarId, EventId, MemberId, VisitorId};

/// What a bar reports of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    View,
    Click,
    Close,
    Submit,
}

impl EventKind {
    /// Its number in the database.
    pub const fn code(self) -> i16 {
        match self {
            Self::View => 1,
            Self::Click => 2,
            Self::Close => 3,
            Self::Submit => 4,
        }
    }

    pub const fn from_code(code: i16) -> Option<Self> {
        Some(match code {
            1 => Self::View,
            2 => Self::Click,
            3 => Self::Close,
            4 => Self::Submit,
            _ => return None,
        })
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Click => "click",
            Self::Close => "close",
            Self::Submit => "submit",
        }
    }
}

impl FromStr for EventKind {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "view" => Ok(Self::View),
            "click" => Ok(Self::Click),
            "close" => Ok(Self::Close),
            "submit" => Ok(Self::Submit),
            _ => Err(()),
        }
    }
}

/// Why something that arrived was not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Enum)]
#[oai(rename_all = "snake_case")]
pub enum DropReason {
    /// No bar has this key.
    UnknownBar,
    /// The bar is paused or not published.
    Paused,
    /// The visitor opted out, by the form's mark, or by GPC or DNT where the bar respects them.
    OptedOut,
    /// The browser fetched ahead; nobody saw anything.
    Prefetch,
    /// The browser says that a program drives it.
    Webdriver,
    /// The user agent is a known bot's.
    Bot,
    /// It came from one of the addresses that the member calls its own.
    OwnAddress,
    /// It came from a browser in which somebody of the member's team was signed in.
    OwnUser,
    /// It came from a data centre, where no visitors sit.
    DataCenter,
    /// The page's host is not among the bar's allowed hosts.
    HostNotAllowed,
    /// The published bar has no such variant.
    UnknownVariant,
    /// A form post that a machine filled in: nothing of it was kept.
    AutomatedForm,
}

impl DropReason {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::UnknownBar => "unknown_bar",
            Self::Paused => "paused",
            Self::OptedOut => "opted_out",
            Self::Prefetch => "prefetch",
            Self::Webdriver => "webdriver",
            Self::Bot => "bot",
            Self::OwnAddress => "own_address",
            Self::OwnUser => "own_user",
            Self::DataCenter => "data_center",
            Self::HostNotAllowed => "host_not_allowed",
            Self::UnknownVariant => "unknown_variant",
            Self::AutomatedForm => "automated_form",
        }
    }
}

impl FromStr for DropReason {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        [
            Self::UnknownBar,
            Self::Paused,
            Self::OptedOut,
            Self::Prefetch,
            Self::Webdriver,
            Self::Bot,
            Self::OwnAddress,
            Self::OwnUser,
            Self::DataCenter,
            Self::HostNotAllowed,
            Self::UnknownVariant,
            Self::AutomatedForm,
        ]
        .into_iter()
        .find(|reason| reason.as_str() == text)
        .ok_or(())
    }
}

/// What counts are told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Not told apart: all of a bar's counts, under the empty value.
    Total,
    Variant,
    /// Host and path, such as `example.com/pricing`.
    Page,
    Site,
    /// The host that led to the page; empty when none did, or the site itself.
    Referrer,
    Browser,
    System,
    Device,
    /// The first part of the browser's language tag, such as `de`.
    Language,
    /// Two letters of ISO 3166-1, such as `DE`; empty when unknown. Only where the operator has a file of countries.
    Country,
    UtmSource,
    UtmMedium,
    UtmCampaign,
}

impl Dimension {
    pub const COUNT: usize = 13;

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Variant => "variant",
            Self::Page => "page",
            Self::Site => "site",
            Self::Referrer => "referrer",
            Self::Browser => "browser",
            Self::System => "system",
            Self::Device => "device",
            Self::Language => "language",
            Self::Country => "country",
            Self::UtmSource => "utm_source",
            Self::UtmMedium => "utm_medium",
            Self::UtmCampaign => "utm_campaign",
        }
    }

    /// Its values come from outside, so that their number has to be bounded.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Total | Self::Variant | Self::Device | Self::Country)
    }

    /// An event may have no value at all, which is another thing than an unknown one, and can be asked for. (Of a country
    /// that nobody looked for nobody asks.)
    pub const fn may_be_absent(self) -> bool {
        matches!(self, Self::UtmSource | Self::UtmMedium | Self::UtmCampaign)
    }

    pub const ALL: [Self; Self::COUNT] = [
        Self::Total,
        Self::Variant,
        Self::Page,
        Self::Site,
        Self::Referrer,
        Self::Browser,
        Self::System,
        Self::Device,
        Self::Language,
        Self::Country,
        Self::UtmSource,
        Self::UtmMedium,
        Self::UtmCampaign,
    ];
}

impl FromStr for Dimension {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL
            .into_iter()
            .find(|dimension| dimension.as_str() == text)
            .ok_or(())
    }
}

/// Where values go that are too many to be kept apart.
pub const OTHER: &str = "(other)";

/// Where an address is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Country {
    Unknown,
    Known(CountryCode),
}

/// The two letters of ISO 3166-1, in upper case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CountryCode([u8; 2]);

impl Country {
    /// Empty when unknown.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Unknown => "",
            Self::Known(code) => std::str::from_utf8(&code.0).expect("they are letters of ASCII"),
        }
    }
}

impl FromStr for Country {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        match *text.as_bytes() {
            [a, b] if a.is_ascii_alphabetic() && b.is_ascii_alphabetic() => Ok(Self::Known(CountryCode([
                a.to_ascii_uppercase(),
                b.to_ascii_uppercase(),
            ]))),
            _ => Err(()),
        }
    }
}

/// The campaign that led to a page.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Utm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub campaign: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub term: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<String>,
}

impl Utm {
    /// Longer values are cut.
    const MAX_CHARS: usize = 100;

    fn set(&mut self, parameter: &str, value: &str) {
        let place = match parameter {
            "utm_source" => &mut self.source,
            "utm_medium" => &mut self.medium,
            "utm_campaign" => &mut self.campaign,
            "utm_term" => &mut self.term,
            "utm_content" => &mut self.content,
            _ => return,
        };
        let clean: String = value
            .trim()
            .chars()
            .filter(|c| !c.is_control())
            .take(Self::MAX_CHARS)
            .collect();
        if place.is_none() && !clean.is_empty() {
            *place = Some(clean);
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The page on which a bar was seen: its host and its path, and of the query only the campaign. What else a query or a
/// fragment says is nobody's business and is forgotten here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageUrl {
    /// Host and path in one, as the statistics name a page.
    text: String,
    host_bytes: usize,
    pub utm: Utm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the http or https URL of a page, of at most 2048 characters")]
pub struct NotAPage;

impl PageUrl {
    pub const MAX_URL_BYTES: usize = 2048;
    /// Longer paths are cut.
    const MAX_PATH_BYTES: usize = 512;

    /// In lower case and Punycode, without a port.
    pub fn host(&self) -> &str {
        &self.text[..self.host_bytes]
    }

    pub fn path(&self) -> &str {
        &self.text[self.host_bytes..]
    }

    /// Host and path: `example.com/pricing`.
    pub fn page(&self) -> &str {
        &self.text
    }
}

impl FromStr for PageUrl {
    type Err = NotAPage;
    fn from_str(text: &str) -> Result<Self, NotAPage> {
        if text.len() > Self::MAX_URL_BYTES {
            return Err(NotAPage);
        }
        let url = Url::parse(text).map_err(|_| NotAPage)?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(NotAPage);
        }
        let host = url.host_str().ok_or(NotAPage)?.trim_end_matches('.');
        if host.is_empty() {
            return Err(NotAPage);
        }
        let mut utm = Utm::default();
        if url.query().is_some_and(|query| query.contains("utm_")) {
            for (name, value) in url.query_pairs() {
                utm.set(&name, &value);
            }
        }
        // `Url` leaves only ASCII in hosts and paths: any byte is a place to cut.
        let path = &url.path()[..url.path().len().min(Self::MAX_PATH_BYTES)];
        let mut page = String::with_capacity(host.len() + path.len());
        page.push_str(host);
        page.push_str(path);
        Ok(Self {
            text: page,
            host_bytes: host.len(),
            utm,
        })
    }
}

/// The host of a referrer; empty when there is none, it can't be read, or it is the page's own site.
pub fn referrer_host(referrer: Option<&str>, page: &PageUrl) -> String {
    referrer
        .filter(|text| text.len() <= PageUrl::MAX_URL_BYTES)
        .and_then(|text| Url::parse(text).ok())
        .and_then(|url| Some(url.host_str()?.trim_end_matches('.').to_ascii_lowercase()))
        .filter(|host| host != page.host() && host.chars().all(|c| c.is_ascii_graphic()))
        .unwrap_or_default()
}

/// The first part of a language tag or of an `Accept-Language` field, in lower case; empty when there is none.
pub fn primary_language(tags: Option<&str>) -> String {
    let first = tags
        .unwrap_or_default()
        .trim_start()
        .split(['-', '_', ',', ';'])
        .next()
        .unwrap_or_default();
    let first = first.trim();
    if (2..=3).contains(&first.len()) && first.bytes().all(|b| b.is_ascii_alphabetic()) {
        first.to_ascii_lowercase()
    } else {
        String::new()
    }
}

/// What a request says of the visitor. Borrowed from it, and gone with it: only what [`Event`] names is kept.
#[derive(Clone, Copy, Debug)]
pub struct Visit<'a> {
    /// The client's address. Held against lists and the file of countries, and kept nowhere.
    pub address: IpAddr,
    /// The same, an IPv6 one cut to its network. Goes into the visitor's hash and nowhere else.
    pub network: IpAddr,
    pub user_agent: &'a str,
    /// `Sec-CH-UA`, `Sec-CH-UA-Platform`, `Sec-CH-UA-Platform-Version`, `Sec-CH-UA-Mobile`.
    pub brands: &'a str,
    pub platform: &'a str,
    pub platform_version: &'a str,
    pub mobile: bool,
    pub accept_language: Option<&'a str>,
    pub gpc: bool,
    pub dnt: bool,
    /// The browser fetches ahead of a visit that may never come.
    pub prefetch: bool,
}

/// An event that is going to be counted, as it will stand in the database.
#[derive(Clone, Debug)]
pub struct Event {
    pub member: MemberId,
    pub bar: BarId,
    pub id: EventId,
    pub kind: EventKind,
    pub received_at: Timestamp,
    pub visitor: VisitorId,
    pub variant: String,
    pub page: PageUrl,
    pub referrer_host: String,
    pub agent: Arc<Agent>,
    pub language: String,
    /// `None`: there was no file to look it up in.
    pub country: Option<Country>,
    /// How long the bar had been shown.
    pub shown_ms: Option<i32>,
}

/// One thing that is not counted, but counted as not counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drop {
    pub member: MemberId,
    pub bar: BarId,
    /// Whole hours of UTC since 1970.
    pub hour: i32,
    pub reason: DropReason,
}

/// The `submit` event of a form post, ready to be recorded in the transaction that keeps the contact.
#[derive(Clone, Debug)]
pub enum SubmitEvent {
    Counted(Box<Event>),
    Dropped(Drop),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_its_host_and_path_and_of_the_query_the_campaign_only() {
        let page: PageUrl =
            "https://Shop.Example.com:8443/a/b?token=secret&utm_source=news&utm_medium=%00mail#frag"
                .parse()
                .unwrap();
        assert_eq!(page.host(), "shop.example.com");
        assert_eq!(page.path(), "/a/b");
        assert_eq!(page.page(), "shop.example.com/a/b");
        assert_eq!(page.utm.source.as_deref(), Some("news"));
        assert_eq!(page.utm.medium.as_deref(), Some("mail"));
        assert!(!format!("{page:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_page_is_refused() {
        for text in [
            "",
            "/a",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "https://",
            "about:blank",
        ] {
            assert_eq!(text.parse::<PageUrl>(), Err(NotAPage), "{text}");
        }
        let long = format!("https://example.com/{}", "a".repeat(2048));
        assert_eq!(long.parse::<PageUrl>(), Err(NotAPage));
    }

    #[test]
    fn long_paths_are_cut() {
        let page: PageUrl = format!("https://example.com/{}", "ü".repeat(300))
            .parse()
            .unwrap();
        assert_eq!(page.path().len(), PageUrl::MAX_PATH_BYTES);
    }

    #[test]
    fn a_referrer_is_a_host_elsewhere() {
        let page: PageUrl = "https://example.com/".parse().unwrap();
        let host = |text| referrer_host(Some(text), &page);
        assert_eq!(host("https://News.Example.org/x?y"), "news.example.org");
        assert_eq!(host("https://example.com/other"), "");
        assert_eq!(host("nonsense"), "");
        assert_eq!(
            host("android-app://com.google.android.gm/"),
            "com.google.android.gm"
        );
        assert_eq!(referrer_host(None, &page), "");
    }

    #[test]
    fn a_language_is_its_first_part() {
        for (tags, language) in [
            ("de-AT", "de"),
            ("EN", "en"),
            ("fr-CH, fr;q=0.9, en;q=0.8", "fr"),
            ("*", ""),
            ("", ""),
            ("x-klingon", ""),
        ] {
            assert_eq!(primary_language(Some(tags)), language, "{tags}");
        }
    }

    #[test]
    fn names_read_back() {
        for dimension in Dimension::ALL {
            assert_eq!(dimension.as_str().parse(), Ok(dimension));
        }
        assert_eq!("opted_out".parse(), Ok(DropReason::OptedOut));
    }
}
