//! Mail: what is said to whom, kept on record and sent once.
//!
//! Owns addresses, templates, the outbox, transports, and who no longer wants which kind of mail. Knows nothing of
//! accounts, bars or contacts: whoever has something to say hands in a [`Draft`] with all the words' data in it,
//! inside the transaction that gives the reason. Must never send inside a transaction, and never build a link
//! from anything but the configured public address.

pub mod api;
pub mod dkim;
pub mod feedback;
#[cfg(test)]
mod generated_tests;
mod jobs;
mod mime;
mod preferences;
mod render;
pub mod reports;
mod rules;
mod service;
mod store;
pub mod templates;
pub mod transport;

use std::fmt;
use std::str::FromStr;

use email_address::Options;
use serde::{Deserialize, Serialize};

pub use jobs::{ReadReports, SendMail, SettleAddress, TidyMail};
pub use preferences::{Asked, Letter, Wish, Wisher};
pub use render::{Links, Rendered, Renderer};
pub use service::{Intake, Landing, Mailer, Personal, Recipient, Shared, Subscription};
pub use templates::{Announcement, NoticeKind, OutageStage, Template};
pub use transport::{Memory, Outgoing, SendError, Stamp, Transport};

use crate::clock::Timestamp;
use crate::db::{self, Conn};
use crate::ids::{MemberId, MessageId, UserId};
use crate::policies::Purpose;

/// Removes a part of the mail of a member that is gone; answers how many rows. 0: nothing is left.
pub fn forget_member(tx: &mut Conn, member: MemberId) -> db::Result<usize> {
    const BATCH: i64 = 500;
    store::delete_of_member(tx, member, BATCH)
}

/// Removes the reminders that an address was sent without being anybody's yet.
pub fn forget_lead(tx: &mut Conn, address: &EmailAddress) -> db::Result<()> {
    store::delete_of_lead(tx, address)?;
    Ok(())
}

/// Removes the mails to a user who is gone.
pub fn forget_user(tx: &mut Conn, user: UserId) -> db::Result<()> {
    store::delete_of_user(tx, user)?;
    store::tracks::set_tracked(tx, user)?;
    Ok(())
}

/// Whether looks at mails to a user are counted (promise 15).
pub fn counts_looks_of(conn: &mut Conn, user: UserId) -> db::Result<bool> {
    Ok(!store::tracks::is_untracked(conn, user)?)
}

/// What happened to a mail, for the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The server took it.
    Sent,
    /// Not now; it is tried again.
    Retried,
    /// It is given up, and parked.
    Failed,
    /// Its recipient wants no such mail.
    Suppressed,
    /// It came back.
    Bounced,
    /// Its recipient called it spam.
    Complained,
}

impl Told {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Retried => "retried",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
        }
    }
}

/// Hears what happens to mails of which kind.
pub type Tell = std::sync::Arc<dyn Fn(Category, Told) + Send + Sync>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Db(#[from] db::Error),
    #[error(transparent)]
    Render(#[from] render::Error),
    /// The ledger allowed another use than this mail is.
    #[error("this mail is for {needed}, and what was allowed is {allowed}")]
    OtherPurpose { needed: Purpose, allowed: Purpose },
}

/// A mail to be: what [`Mailer::enqueue`] takes.
#[derive(Clone, Debug)]
pub struct Draft {
    pub to: EmailAddress,
    pub to_name: Option<String>,
    /// Where an answer goes, if not to us.
    pub reply_to: Option<EmailAddress>,
    pub template: Template,
    pub language: Language,
    /// The member that it is about: it sees the message on record, and a refusal holds for it alone. None for what
    /// is between a person and us.
    pub member: Option<MemberId>,
    pub user: Option<UserId>,
}

impl Draft {
    pub fn new(to: EmailAddress, language: Language, template: Template) -> Self {
        Self {
            to,
            to_name: None,
            reply_to: None,
            template,
            language,
            member: None,
            user: None,
        }
    }

    pub fn to_name(self, name: impl Into<String>) -> Self {
        Self {
            to_name: Some(name.into()),
            ..self
        }
    }

    pub fn reply_to(self, address: EmailAddress) -> Self {
        Self {
            reply_to: Some(address),
            ..self
        }
    }

    pub fn about_member(self, member: MemberId) -> Self {
        Self {
            member: Some(member),
            ..self
        }
    }

    pub fn to_user(self, user: UserId) -> Self {
        Self {
            user: Some(user),
            ..self
        }
    }
}

/// A message as it stands on record (promise 25).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub to: EmailAddress,
    pub category: Category,
    pub template: String,
    pub language: Language,
    pub subject: String,
    pub state: MessageState,
    pub attempts: i32,
    /// The server's last word, while it did not take the message.
    pub error: Option<String>,
    pub queued_at: Timestamp,
    pub sent_at: Option<Timestamp>,
    /// What is known of looks at it; none where looks are not counted.
    pub looks: Option<Looks>,
    pub returned: feedback::Returned,
}

/// How often a message was looked at (promise 15): by people, so far as that can be told, and by machines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Looks {
    /// When a person first opened it.
    pub opened_at: Option<Timestamp>,
    pub opens: u32,
    /// When a person first followed one of its links.
    pub clicked_at: Option<Timestamp>,
    pub clicks: u32,
    /// Opens and clicks by scanners and mail proxies, which look ahead of people or in their place.
    pub by_machines: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum MessageState {
    Queued,
    /// The server took it.
    Sent,
    /// It won't be tried again by itself.
    Failed,
    /// Its recipient wants no such mail.
    Suppressed,
}

impl MessageState {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sent => "sent",
            Self::Failed => "failed",
            Self::Suppressed => "suppressed",
        }
    }
}

impl FromStr for MessageState {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        [Self::Queued, Self::Sent, Self::Failed, Self::Suppressed]
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

/// An address that mail can be sent to. It only parses: no display name, no line break, ASCII before the `@`
/// (few servers take anything else), the domain in lower case and in its ASCII form.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// Why a text is not an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not an email address that we can send to")]
pub struct NotAnAddress;

impl EmailAddress {
    /// RFC 5321: a path is at most 256 octets, angle brackets included.
    pub const MAX_BYTES: usize = 254;

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the `@`.
    pub fn domain(&self) -> &str {
        self.0
            .rsplit_once('@')
            .expect("an address was parsed with an @")
            .1
    }

    /// All in lower case: what two addresses are compared by. Practically no server tells `Anna` from `anna`.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }

    /// `a…@example.com`: enough to recognise one's own address, too little to learn another's.
    pub fn masked(&self) -> String {
        format!("{}…@{}", &self.0[..1], self.domain())
    }
}

impl FromStr for EmailAddress {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let text = text.trim_matches(' ');
        // The crate counts octets of the parts; quoted local parts are valid, unused and trouble.
        if text.len() > Self::MAX_BYTES
            || text.contains(|c: char| c.is_control() || c.is_whitespace() || c == '"')
        {
            return Err(NotAnAddress);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(NotAnAddress)?;
        let url::Host::Domain(domain) = url::Host::parse(domain).map_err(|_| NotAnAddress)? else {
            return Err(NotAnAddress);
        };
        let address = format!("{local}@{domain}");
        let options = Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld();
        if !address.is_ascii() || address.len() > Self::MAX_BYTES {
            return Err(NotAnAddress);
        }
        email_address::EmailAddress::parse_with_options(&address, options).map_err(|_| NotAnAddress)?;
        Ok(Self(address))
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = NotAnAddress;
    fn try_from(text: String) -> Result<Self, NotAnAddress> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Who our mails come from: `Name <address>`, or an address alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    pub name: String,
    pub address: EmailAddress,
}

impl FromStr for Sender {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, NotAnAddress> {
        let (name, address) = match text.trim().strip_suffix('>') {
            Some(named) => named.rsplit_once('<').ok_or(NotAnAddress)?,
            None => ("", text),
        };
        let name = name.trim().trim_matches('"');
        if name.contains(|c: char| c.is_control() || "<>\"".contains(c)) {
            return Err(NotAnAddress);
        }
        let name = if name.is_empty() { "Contactbar" } else { name };
        Ok(Self {
            name: name.to_owned(),
            address: address.parse()?,
        })
    }
}

impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", self.name, self.address)
    }
}

/// What a mail is for. A recipient may refuse some kinds, one by one; refusing one never stops another.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, poem_openapi::Enum,
)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Category {
    /// Needed to have an account at all: verification, invitation, change of address.
    AccountMail,
    /// What a person must hear about their own log-in: reset, new log-in, tokens.
    Security,
    /// Notices about the service.
    SystemAlerts,
    /// What the service can do now: the one kind of notice that may be refused (promise 23).
    Features,
    /// What is owed and paid, and what of the plan is used up.
    Billing,
    /// "You have a new contact."
    ContactNotification,
    /// The same, gathered.
    ContactDigest,
    /// A member's answer to a visitor.
    Autoresponse,
    /// Advertising for the service, for those who asked for it (promise 19).
    Promotion,
    /// Advertising for something else of ours (promise 18).
    CrossSelling,
    /// To a lead who has not registered (promise 17).
    Nudge,
}

impl Category {
    pub const ALL: [Self; 11] = [
        Self::AccountMail,
        Self::Security,
        Self::SystemAlerts,
        Self::Features,
        Self::Billing,
        Self::ContactNotification,
        Self::ContactDigest,
        Self::Autoresponse,
        Self::Promotion,
        Self::CrossSelling,
        Self::Nudge,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountMail => "account_mail",
            Self::Security => "security",
            Self::SystemAlerts => "system_alerts",
            Self::Features => "features",
            Self::Billing => "billing",
            Self::ContactNotification => "contact_notification",
            Self::ContactDigest => "contact_digest",
            Self::Autoresponse => "autoresponse",
            Self::Promotion => "promotion",
            Self::CrossSelling => "cross_selling",
            Self::Nudge => "nudge",
        }
    }

    /// What it uses an address for: the ledger has to allow that.
    pub fn purpose(self) -> Purpose {
        match self {
            Self::AccountMail => Purpose::AccountMail,
            Self::Security => Purpose::Safety,
            Self::SystemAlerts | Self::Features => Purpose::SystemAlerts,
            Self::Billing => Purpose::Billing,
            Self::ContactNotification | Self::ContactDigest | Self::Autoresponse => Purpose::Service,
            Self::Promotion => Purpose::Promotion,
            Self::CrossSelling => Purpose::CrossSell,
            Self::Nudge => Purpose::Nudge,
        }
    }

    /// Whether it only comes to who asked for it and confirmed that (promise 19).
    pub fn is_asked_for(self) -> bool {
        matches!(self, Self::Promotion | Self::CrossSelling)
    }

    /// Whether it advertises: for the service, or for something else of ours.
    pub fn is_advertising(self) -> bool {
        self.is_asked_for() || self == Self::Nudge
    }

    /// Whether it may be known that such a mail was opened and its links followed: by a registered user who left that on
    /// (promise 15). Never of what concerns passwords, security, policies and objections, nor of mails to visitors and leads.
    pub fn may_be_tracked(self) -> bool {
        match self {
            Self::Features
            | Self::Billing
            | Self::ContactNotification
            | Self::ContactDigest
            | Self::Promotion
            | Self::CrossSelling => true,
            Self::AccountMail | Self::Security | Self::SystemAlerts | Self::Autoresponse | Self::Nudge => {
                false
            }
        }
    }

    /// Whose mails of this kind a refusal stops: a member's, or, where it is between a person and us, everybody's, whatever
    /// member a mail is on record for.
    pub fn scope(self, member: Option<MemberId>) -> Option<MemberId> {
        match self {
            Self::Features | Self::Promotion | Self::CrossSelling | Self::Nudge => None,
            _ => member,
        }
    }

    /// Whether a recipient may say no: then the mail carries a one-click way out (promise 20), and the others a link
    /// to the preferences.
    pub fn may_be_refused(self) -> bool {
        match self {
            Self::AccountMail | Self::Security | Self::SystemAlerts | Self::Billing => false,
            Self::Features
            | Self::ContactNotification
            | Self::ContactDigest
            | Self::Autoresponse
            | Self::Promotion
            | Self::CrossSelling
            | Self::Nudge => true,
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Category {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|category| category.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

/// A stored name that this version does not know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown name {0:?}")]
pub struct UnknownName(String);

/// The languages that our mails are written in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Language {
    #[default]
    En,
    De,
}

impl FromStr for Language {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|language| language.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

impl Language {
    pub const ALL: [Self; 2] = [Self::En, Self::De];

    /// The language of a tag such as `de-AT`; English for what we don't speak.
    pub fn from_tag(tag: &str) -> Self {
        let primary = tag.split(['-', '_']).next().unwrap_or_default();
        if primary.eq_ignore_ascii_case("de") {
            Self::De
        } else {
            Self::En
        }
    }

    /// What a reader likes best of what we speak, by their `Accept-Language`; English if nothing.
    pub fn preferred(accepted: Option<&str>) -> Self {
        let mut best = (0.0, Self::En);
        for range in accepted.unwrap_or_default().split(',') {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let primary = tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q="));
            let quality = quality.map_or(1.0, |quality| quality.parse::<f32>().unwrap_or(0.0));
            if let Ok(language) = primary.parse::<Self>()
                && quality > best.0
            {
                best = (quality, language);
            }
        }
        best.1
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_one_liked_best() {
        for (header, language) in [
            (None, Language::En),
            (Some("de"), Language::De),
            (Some("fr, de-AT;q=0.8, en;q=0.5"), Language::De),
            (Some("en;q=0.5, de;q=0.9"), Language::De),
            (Some("en-GB,de;q=0.9"), Language::En),
            (Some("de;q=0, fr"), Language::En),
            (Some("*;;=,\u{fffd}"), Language::En),
        ] {
            assert_eq!(Language::preferred(header), language, "{header:?}");
        }
    }

    #[test]
    fn addresses_only_parse() {
        for (text, expected) in [
            ("anna@example.com", "anna@example.com"),
            (" Anna.Smith+bar@EXAMPLE.Com ", "Anna.Smith+bar@example.com"),
            ("o'neil@sub.example.co.uk", "o'neil@sub.example.co.uk"),
            ("anna@bücher.example", "anna@xn--bcher-kva.example"),
        ] {
            assert_eq!(text.parse::<EmailAddress>().expect(text).as_str(), expected);
        }
        let long = format!("{}@example.com", "a".repeat(65));
        let longer = format!("a@{}.com", "b.".repeat(130));
        for text in [
            "",
            "anna",
            "@example.com",
            "anna@",
            "anna@localhost",
            "anna@@example.com",
            "anna@[127.0.0.1]",
            "anna@127.0.0.1",
            "Anna <anna@example.com>",
            "anna@example.com\r\nBcc: eve@example.com",
            "anna@example.com\n",
            "an\0na@example.com",
            "an na@example.com",
            "\"an na\"@example.com",
            "änna@example.com",
            "anna@example.com,eve@example.com",
            "anna@example.com>",
            "anna@exa mple.com",
            &long,
            &longer,
        ] {
            assert_eq!(text.parse::<EmailAddress>(), Err(NotAnAddress), "{text:?}");
        }
    }

    #[test]
    fn a_sender_is_a_name_and_an_address() {
        let sender = |text: &str| text.parse::<Sender>().map(|sender| sender.to_string());
        assert_eq!(
            sender("Bars & Co. <hello@example.com>").as_deref(),
            Ok("Bars & Co. <hello@example.com>")
        );
        assert_eq!(
            sender("hello@example.com").as_deref(),
            Ok("Contactbar <hello@example.com>")
        );
        for text in [
            "",
            "Bars",
            "Bars <hello>",
            "Bars <a@example.com",
            "B\r\nBcc: x <a@example.com>",
            "<x> <a@example.com>",
        ] {
            assert_eq!(sender(text), Err(NotAnAddress), "{text:?}");
        }
    }

    #[test]
    fn categories_keep_their_names() {
        for category in Category::ALL {
            assert_eq!(category.as_str().parse(), Ok(category));
            assert_eq!(serde_json::to_value(category).unwrap(), category.as_str());
        }
    }
}
