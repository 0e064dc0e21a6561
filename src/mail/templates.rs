//! What our mails say: one template a mail, the words once a language, HTML and text from the same blocks.
//!
//! A template is a value with all that its words need, so a mail with a hole can't be written; each language is one
//! exhaustive `match`, so a mail without its translation does not compile. Words that people wrote (names, texts,
//! pages) only ever go into a block's text, and never become markup: `render` escapes them.

mod de;
mod en;

use serde::{Deserialize, Serialize};
use url::Url;

use super::{Category, EmailAddress, Language};
use crate::clock::Timestamp;
use crate::ids::MemberId;
use crate::markdown;
use crate::policies::{Change, Document, Purpose, Words};

/// Every mail that we write.
#[derive(Clone, Debug)]
pub enum Template {
    /// Somebody registered, or gave a new address for the first time.
    VerifyAddress { link: Url, valid_hours: u32 },
    /// A member invites a person to its team.
    Invitation {
        member_name: String,
        inviter: String,
        link: Url,
        valid_days: u32,
    },
    /// Somebody forgot the password of this address.
    PasswordReset { link: Url, valid_minutes: u32 },
    /// The password was changed; `reset_link` for whoever didn't.
    PasswordChanged { at: Timestamp, reset_link: Url },
    /// To the new address: confirm it.
    AddressChangeConfirm { link: Url, valid_hours: u32 },
    /// To the old address: somebody asked for another one.
    AddressChangeNotice {
        new_address: EmailAddress,
        reset_link: Url,
    },
    /// To both: it is done (promise 39).
    AddressChanged {
        old_address: EmailAddress,
        new_address: EmailAddress,
        at: Timestamp,
    },
    /// Somebody registered with an address that has an account.
    AlreadyRegistered { login_link: Url, reset_link: Url },
    /// A visitor left their details.
    NewContact(NewContact),
    /// Several visitors did.
    ContactDigest(ContactDigest),
    /// The member's own words to a visitor.
    Autoresponse {
        sender: String,
        site: String,
        subject: String,
        text: String,
    },
    SecondFactorChanged {
        change: SecondFactorChange,
        at: Timestamp,
        reset_link: Url,
    },
    /// Somebody wants advertising of that kind at this address: is it them?
    ConfirmOffers {
        category: Category,
        link: Url,
        valid_days: u32,
    },
    /// To a lead who has not registered: the first reminder, or the second and last.
    Nudge { last: bool, register_link: Url },
    /// An owner ended the member's account: when it is purged, and how it stays after all.
    MemberEnding {
        member_name: String,
        ends_at: Timestamp,
        settings_link: Url,
    },
    /// An owner took that back.
    MemberStays { member_name: String, bars_link: Url },
    /// A policy changes: what, and how to say no. `answer_link` is the recipient's own.
    PolicyChange {
        document: Document,
        version: i32,
        changes: Vec<Change>,
        read_link: Url,
        answer_link: Url,
    },
    /// A member objected to a change that can't be left out for it alone: its account ends.
    ObjectionEnding {
        member_name: String,
        change: Words,
        ends_at: Timestamp,
        export_link: Url,
        withdraw_link: Url,
    },
    /// To the operator: members to whom a version could not be sent, so that it is not in effect for them.
    PolicyNotSent {
        document: Document,
        version: i32,
        members: Vec<MemberId>,
        /// How many there are in all; `members` may name fewer.
        total: u32,
    },
    /// What operators announce (promise 23), and the mail about a breach that no preference stops (promise 35).
    Notice(Announcement),
    /// To the operator: the time to tell the authority of a breach is nearly over, or over.
    BreachDue {
        what: String,
        due_at: Timestamp,
        passed: bool,
        /// Its id, as the command line takes it.
        breach: String,
    },
    /// A log-in from a device that we hadn't seen.
    NewLogin {
        at: Timestamp,
        device: String,
        sessions_link: Url,
    },
    TokenCreated {
        name: String,
        at: Timestamp,
        tokens_link: Url,
    },
    /// So much of the views of a period is used.
    UsageReached {
        member_name: String,
        percent: u32,
        views: i64,
        limit: i64,
        period_ends: Timestamp,
        follows: AtLimit,
        billing_link: Url,
    },
    /// A payment did not go through; `last`: there won't be another such mail.
    PaymentFailed {
        member_name: String,
        amount: Option<String>,
        falls_at: Timestamp,
        last: bool,
        billing_link: Url,
    },
    /// The bank wants its customer to confirm a payment.
    PaymentActionNeeded {
        member_name: String,
        amount: String,
        billing_link: Url,
    },
    /// What was paid for has ended.
    BackOnFree {
        member_name: String,
        plan: String,
        billing_link: Url,
    },
    TrialEnding {
        member_name: String,
        plan: String,
        ends_at: Timestamp,
        has_card: bool,
        billing_link: Url,
    },
    CardExpiring {
        member_name: String,
        card: String,
        month: String,
        billing_link: Url,
    },
    /// To the operator: a refund, or a dispute that has to be answered.
    MoneyWentBack {
        member: MemberId,
        disputed: bool,
        amount: String,
        charge: String,
    },
}

/// What happens when the views of a period are used up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AtLimit {
    Pause,
    /// The subscription goes on to this plan.
    NextPlan(String),
    /// Nothing was chosen that can be done: bars go on.
    GoOn,
}

/// What an announcement is of (promise 23).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "NoticeKind")]
pub enum NoticeKind {
    Outage,
    /// What the service can do now: the one kind that may be refused.
    Feature,
    Version,
    PointRelease,
    MajorRelease,
    Abuse,
    PolicyChange,
    SecurityBreach,
    /// Advertising for the service: mailed to those who asked for it (promise 19), and shown nowhere.
    Promotion,
    /// Advertising for something else of ours, likewise (promise 18).
    CrossSelling,
}

impl NoticeKind {
    pub const ALL: [Self; 10] = [
        Self::Outage,
        Self::Feature,
        Self::Version,
        Self::PointRelease,
        Self::MajorRelease,
        Self::Abuse,
        Self::PolicyChange,
        Self::SecurityBreach,
        Self::Promotion,
        Self::CrossSelling,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Outage => "outage",
            Self::Feature => "feature",
            Self::Version => "version",
            Self::PointRelease => "point_release",
            Self::MajorRelease => "major_release",
            Self::Abuse => "abuse",
            Self::PolicyChange => "policy_change",
            Self::SecurityBreach => "security_breach",
            Self::Promotion => "promotion",
            Self::CrossSelling => "cross_selling",
        }
    }

    /// The kind of mail that it is: what may be refused and what may not (promise 23).
    pub fn category(self) -> Category {
        match self {
            Self::Feature => Category::Features,
            Self::Promotion => Category::Promotion,
            Self::CrossSelling => Category::CrossSelling,
            Self::Outage
            | Self::Version
            | Self::PointRelease
            | Self::MajorRelease
            | Self::Abuse
            | Self::PolicyChange
            | Self::SecurityBreach => Category::SystemAlerts,
        }
    }

    /// Whether it only goes to those who asked for it.
    pub fn is_advertising(self) -> bool {
        self.category().is_asked_for()
    }

    /// Whether somebody has to know at once: it goes before whatever else is on its way.
    pub fn is_urgent(self) -> bool {
        matches!(self, Self::Outage | Self::Abuse | Self::SecurityBreach)
    }
}

impl std::str::FromStr for NoticeKind {
    type Err = super::UnknownName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| super::UnknownName(text.to_owned()))
    }
}

/// Where an outage stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, poem_openapi::Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "OutageStage")]
pub enum OutageStage {
    Planned,
    Begun,
    Over,
}

impl OutageStage {
    pub const ALL: [Self; 3] = [Self::Planned, Self::Begun, Self::Over];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Begun => "begun",
            Self::Over => "over",
        }
    }
}

impl std::str::FromStr for OutageStage {
    type Err = super::UnknownName;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|stage| stage.as_str() == text)
            .ok_or_else(|| super::UnknownName(text.to_owned()))
    }
}

/// A notice, as its mail says it.
#[derive(Clone, Debug)]
pub struct Announcement {
    pub kind: NoticeKind,
    /// Of an outage.
    pub stage: Option<OutageStage>,
    /// Of a release, such as `1.4.2`.
    pub release: Option<String>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub title: Words,
    /// Markdown.
    pub body: Words,
    /// All notices, in the dashboard.
    pub link: Url,
}

#[derive(Clone, Debug)]
pub struct NewContact {
    pub bar_name: String,
    /// Labels as the visitor saw them, and what they wrote.
    pub fields: Vec<(String, String)>,
    /// Where; shown, never linked: a page's address comes from the visitor.
    pub page: String,
    pub at: Timestamp,
    /// In the dashboard.
    pub link: Url,
}

#[derive(Clone, Debug)]
pub struct ContactDigest {
    /// How many there were in all; `contacts` may hold fewer.
    pub total: u32,
    pub contacts: Vec<DigestLine>,
    /// The list in the dashboard.
    pub link: Url,
}

#[derive(Clone, Debug)]
pub struct DigestLine {
    pub at: Timestamp,
    pub bar_name: String,
    /// What best names the contact: an address, a name, a phone.
    pub summary: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactorChange {
    On,
    Off,
    RecoveryCodesRenewed,
}

/// What a language makes of a template.
#[derive(Clone, Debug)]
pub struct Letter {
    pub subject: String,
    /// The line that mail clients show beside the subject.
    pub preview: String,
    pub blocks: Vec<Block>,
    /// Why the recipient gets this mail; stands in the foot.
    pub reason: String,
}

impl Letter {
    fn printable(self) -> Self {
        Self {
            subject: printable(self.subject),
            preview: printable(self.preview),
            blocks: self.blocks.into_iter().map(Block::printable).collect(),
            reason: printable(self.reason),
        }
    }
}

/// Line breaks are `\n`; every other control character goes, and what turns the direction of the text around it.
pub(super) fn printable(text: String) -> String {
    let hidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FFFE}' | '\u{FFFF}')
    };
    if !text.contains(hidden) {
        return text;
    }
    text.replace("\r\n", "\n")
        .replace('\t', " ")
        .chars()
        .filter(|c| *c == '\n' || !hidden(*c))
        .collect()
}

/// A count, its digits in threes with a mark between them.
fn grouped(count: i64, mark: char) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(mark);
        }
        text.push(digit);
    }
    text
}

/// A free text as blocks, one for each paragraph.
fn paragraphs(text: &str) -> Vec<Block> {
    text.replace("\r\n", "\n")
        .split("\n\n")
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(Block::text)
        .collect()
}

/// What operators wrote, as blocks.
fn written(markdown: &str) -> impl Iterator<Item = Block> {
    markdown::to_paragraphs(markdown).into_iter().map(Block::text)
}

/// What a mail is made of. Two renderers know these: MJML and plain text.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "kind", content = "content", rename_all = "snake_case")]
pub enum Block {
    Heading(String),
    /// Line breaks are kept.
    Text(String),
    /// What the mail is about: at most one a mail.
    Button(Link),
    /// What else one may want.
    Link(Link),
    /// Labels with values.
    Rows(Vec<(String, String)>),
    Small(String),
}

/// A way out of the mail, always to us.
#[derive(Clone, Debug, Serialize)]
pub struct Link {
    pub label: String,
    pub url: Url,
}

impl Block {
    fn heading(text: impl Into<String>) -> Self {
        Self::Heading(text.into())
    }
    fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }
    fn button(label: impl Into<String>, url: &Url) -> Self {
        Self::Button(Link {
            label: label.into(),
            url: url.clone(),
        })
    }
    fn link(label: impl Into<String>, url: &Url) -> Self {
        Self::Link(Link {
            label: label.into(),
            url: url.clone(),
        })
    }
    fn small(text: impl Into<String>) -> Self {
        Self::Small(text.into())
    }

    fn printable(self) -> Self {
        let pair = |(label, value)| (printable(label), printable(value));
        match self {
            Self::Heading(text) => Self::Heading(printable(text)),
            Self::Text(text) => Self::Text(printable(text)),
            Self::Small(text) => Self::Small(printable(text)),
            Self::Rows(rows) => Self::Rows(rows.into_iter().map(pair).collect()),
            Self::Button(_) | Self::Link(_) => self,
        }
    }
}

impl Template {
    /// Under which it is kept on record.
    pub fn name(&self) -> &'static str {
        match self {
            Self::VerifyAddress { .. } => "verify_address",
            Self::Invitation { .. } => "invitation",
            Self::PasswordReset { .. } => "password_reset",
            Self::PasswordChanged { .. } => "password_changed",
            Self::AddressChangeConfirm { .. } => "address_change_confirm",
            Self::AddressChangeNotice { .. } => "address_change_notice",
            Self::AddressChanged { .. } => "address_changed",
            Self::AlreadyRegistered { .. } => "already_registered",
            Self::NewContact(_) => "new_contact",
            Self::ContactDigest(_) => "contact_digest",
            Self::Autoresponse { .. } => "autoresponse",
            Self::SecondFactorChanged { .. } => "second_factor_changed",
            Self::ConfirmOffers { .. } => "confirm_offers",
            Self::Nudge { .. } => "nudge",
            Self::MemberEnding { .. } => "member_ending",
            Self::MemberStays { .. } => "member_stays",
            Self::PolicyChange { .. } => "policy_change",
            Self::ObjectionEnding { .. } => "objection_ending",
            Self::PolicyNotSent { .. } => "policy_not_sent",
            Self::Notice(announcement) => match announcement.kind {
                NoticeKind::Outage => "notice_outage",
                NoticeKind::Feature => "notice_feature",
                NoticeKind::Version => "notice_version",
                NoticeKind::PointRelease => "notice_point_release",
                NoticeKind::MajorRelease => "notice_major_release",
                NoticeKind::Abuse => "notice_abuse",
                NoticeKind::PolicyChange => "notice_policy_change",
                NoticeKind::SecurityBreach => "notice_security_breach",
                NoticeKind::Promotion => "notice_promotion",
                NoticeKind::CrossSelling => "notice_cross_selling",
            },
            Self::BreachDue { .. } => "breach_due",
            Self::NewLogin { .. } => "new_login",
            Self::TokenCreated { .. } => "token_created",
            Self::UsageReached { .. } => "usage_reached",
            Self::PaymentFailed { .. } => "payment_failed",
            Self::PaymentActionNeeded { .. } => "payment_action_needed",
            Self::BackOnFree { .. } => "back_on_free",
            Self::TrialEnding { .. } => "trial_ending",
            Self::CardExpiring { .. } => "card_expiring",
            Self::MoneyWentBack { .. } => "money_went_back",
        }
    }

    pub fn category(&self) -> Category {
        match self {
            Self::VerifyAddress { .. }
            | Self::Invitation { .. }
            | Self::AlreadyRegistered { .. }
            | Self::ConfirmOffers { .. }
            | Self::MemberEnding { .. }
            | Self::MemberStays { .. }
            | Self::ObjectionEnding { .. } => Category::AccountMail,
            Self::PolicyChange { .. } | Self::PolicyNotSent { .. } | Self::BreachDue { .. } => {
                Category::SystemAlerts
            }
            Self::Notice(announcement) => announcement.kind.category(),
            Self::PasswordReset { .. }
            | Self::PasswordChanged { .. }
            | Self::AddressChangeConfirm { .. }
            | Self::AddressChangeNotice { .. }
            | Self::AddressChanged { .. }
            | Self::SecondFactorChanged { .. }
            | Self::NewLogin { .. }
            | Self::TokenCreated { .. } => Category::Security,
            Self::UsageReached { .. }
            | Self::PaymentFailed { .. }
            | Self::PaymentActionNeeded { .. }
            | Self::BackOnFree { .. }
            | Self::TrialEnding { .. }
            | Self::CardExpiring { .. }
            | Self::MoneyWentBack { .. } => Category::Billing,
            Self::NewContact(_) => Category::ContactNotification,
            Self::ContactDigest(_) => Category::ContactDigest,
            Self::Autoresponse { .. } => Category::Autoresponse,
            Self::Nudge { .. } => Category::Nudge,
        }
    }

    /// Whether the body holds a link that lets its reader in. Such a body is nobody's to read but the recipient's, and
    /// is forgotten once the mail has left; that it was sent stays on record.
    pub fn holds_secret(&self) -> bool {
        match self {
            Self::VerifyAddress { .. }
            | Self::Invitation { .. }
            | Self::PasswordReset { .. }
            | Self::AddressChangeConfirm { .. }
            | Self::ConfirmOffers { .. } => true,
            Self::PasswordChanged { .. }
            | Self::AddressChangeNotice { .. }
            | Self::AddressChanged { .. }
            | Self::AlreadyRegistered { .. }
            | Self::NewContact(_)
            | Self::ContactDigest(_)
            | Self::Autoresponse { .. }
            | Self::SecondFactorChanged { .. }
            | Self::Nudge { .. }
            | Self::MemberEnding { .. }
            | Self::MemberStays { .. }
            | Self::PolicyChange { .. }
            | Self::ObjectionEnding { .. }
            | Self::PolicyNotSent { .. }
            | Self::Notice(_)
            | Self::BreachDue { .. }
            | Self::NewLogin { .. }
            | Self::TokenCreated { .. }
            | Self::UsageReached { .. }
            | Self::PaymentFailed { .. }
            | Self::PaymentActionNeeded { .. }
            | Self::BackOnFree { .. }
            | Self::TrialEnding { .. }
            | Self::CardExpiring { .. }
            | Self::MoneyWentBack { .. } => false,
        }
    }

    /// In whose name it is written, if not in ours.
    pub fn sender(&self) -> Option<String> {
        match self {
            Self::Autoresponse { sender, .. } => Some(printable(sender.clone()).replace('\n', " ")),
            _ => None,
        }
    }

    /// The words, without the control characters that people may have sent along.
    pub fn letter(&self, language: Language) -> Letter {
        let letter = match language {
            Language::En => en::letter(self),
            Language::De => de::letter(self),
        };
        letter.printable()
    }

    /// One of each, with plausible data: for tests and for looking at them (`examples/render_mails.rs`).
    pub fn samples() -> Vec<Self> {
        samples()
    }
}

fn samples() -> Vec<Template> {
    let url = |path: &str| {
        Url::parse(&format!("https://contactbar.example/{path}")).expect("a sample address parses")
    };
    let address = |text: &str| text.parse::<EmailAddress>().expect("a sample address parses");
    let at = |minutes: i64| Timestamp::from_secs(1_795_315_200 + minutes * 60);
    let token = "Zx8Qn4w2bJ0c-3mLr7TfVYkP5hDsE9uA1oXgNtKiB6M";
    vec![
        Template::VerifyAddress { link: url(&format!("verify?token={token}")), valid_hours: 24 },
        Template::Invitation {
            member_name: "Bloom & Petal".into(),
            inviter: "Anna Berg".into(),
            link: url(&format!("invitation?token={token}")),
            valid_days: 7,
        },
        Template::PasswordReset { link: url(&format!("reset?token={token}")), valid_minutes: 30 },
        Template::PasswordChanged { at: at(0), reset_link: url("forgotten") },
        Template::AddressChangeConfirm { link: url(&format!("verify?token={token}")), valid_hours: 24 },
        Template::AddressChangeNotice { new_address: address("anna@bloom.example"), reset_link: url("forgotten") },
        Template::AddressChanged {
            old_address: address("anna@old.example"),
            new_address: address("anna@bloom.example"),
            at: at(0),
        },
        Template::AlreadyRegistered { login_link: url("login"), reset_link: url("forgotten") },
        Template::NewContact(NewContact {
            bar_name: "Spring offer".into(),
            fields: vec![
                ("Your name".into(), "Jo Lindqvist".into()),
                ("Your email".into(), "jo@example.com".into()),
                ("Message".into(), "Do you deliver on Sundays?\nWe would need thirty bouquets by eleven.".into()),
            ],
            page: "https://bloom.example/pricing".into(),
            at: at(0),
            link: url("contacts/con_01jd9m4w9tq2v"),
        }),
        Template::ContactDigest(ContactDigest {
            total: 12,
            contacts: vec![
                DigestLine { at: at(0), bar_name: "Spring offer".into(), summary: "jo@example.com".into() },
                DigestLine { at: at(95), bar_name: "Spring offer".into(), summary: "sam.taylor@example.org".into() },
                DigestLine { at: at(180), bar_name: "Wedding flowers".into(), summary: "+49 30 901820".into() },
            ],
            link: url("contacts"),
        }),
        Template::Autoresponse {
            sender: "Bloom & Petal".into(),
            site: "bloom.example".into(),
            subject: "Thank you for your message".into(),
            text: "Hello Jo,\n\nthank you for writing. We read every message and answer within a day.\n\nAnna, Bloom & Petal"
                .into(),
        },
        Template::SecondFactorChanged { change: SecondFactorChange::On, at: at(0), reset_link: url("forgotten") },
        Template::SecondFactorChanged { change: SecondFactorChange::Off, at: at(0), reset_link: url("forgotten") },
        Template::SecondFactorChanged {
            change: SecondFactorChange::RecoveryCodesRenewed,
            at: at(0),
            reset_link: url("forgotten"),
        },
        Template::ConfirmOffers {
            category: Category::Promotion,
            link: url(&format!("mail/confirm/{token}")),
            valid_days: 7,
        },
        Template::ConfirmOffers {
            category: Category::CrossSelling,
            link: url(&format!("mail/confirm/{token}")),
            valid_days: 7,
        },
        Template::Nudge { last: false, register_link: url("register") },
        Template::Nudge { last: true, register_link: url("register") },
        Template::MemberEnding {
            member_name: "Bloom & Petal".into(),
            ends_at: at(30 * 24 * 60),
            settings_link: url("settings/account"),
        },
        Template::MemberStays { member_name: "Bloom & Petal".into(), bars_link: url("bars") },
        Template::PolicyChange {
            document: Document::Privacy,
            version: 2,
            changes: sample_changes(),
            read_link: url("policies/privacy/2"),
            answer_link: url(&format!("objection/{token}")),
        },
        Template::ObjectionEnding {
            member_name: "Bloom & Petal".into(),
            change: Words { en: "Support by a partner".into(), de: "Support durch einen Partner".into() },
            ends_at: at(30 * 24 * 60),
            export_link: url("contacts"),
            withdraw_link: url("settings/policies"),
        },
        Template::PolicyNotSent {
            document: Document::Privacy,
            version: 2,
            members: vec![MemberId::from_uuid(uuid::Uuid::from_u128(7))],
            total: 3,
        },
        Template::Notice(Announcement {
            stage: Some(OutageStage::Planned),
            starts_at: Some(at(3 * 24 * 60)),
            ends_at: Some(at(3 * 24 * 60 + 45)),
            ..sample_notice(NoticeKind::Outage, url("notices"), ["Maintenance on Wednesday night", "Wartung in der Nacht zum Donnerstag"])
        }),
        Template::Notice(Announcement {
            stage: Some(OutageStage::Over),
            ends_at: Some(at(3 * 24 * 60 + 40)),
            ..sample_notice(NoticeKind::Outage, url("notices"), ["The maintenance is over", "Die Wartung ist vorbei"])
        }),
        Template::Notice(sample_notice(
            NoticeKind::Feature,
            url("notices"),
            ["Compare two variants of a bar", "Zwei Varianten einer Leiste vergleichen"],
        )),
        Template::Notice(Announcement {
            release: Some("2.0.0".into()),
            ..sample_notice(NoticeKind::MajorRelease, url("notices"), ["Contactbar 2 is here", "Contactbar 2 ist da"])
        }),
        Template::Notice(sample_notice(
            NoticeKind::Abuse,
            url("notices"),
            ["Please look at one of your bars", "Bitte sehen Sie nach einer Ihrer Leisten"],
        )),
        Template::Notice(sample_notice(
            NoticeKind::SecurityBreach,
            url("notices"),
            ["Your contacts may have been seen by others", "Ihre Kontakte könnten von anderen gesehen worden sein"],
        )),
        Template::Notice(sample_notice(
            NoticeKind::Promotion,
            url("notices"),
            ["Two months of Pro for the price of one", "Zwei Monate Pro zum Preis von einem"],
        )),
        Template::Notice(sample_notice(
            NoticeKind::CrossSelling,
            url("notices"),
            ["Our newsletter tool is open to all", "Unser Werkzeug für Newsletter steht allen offen"],
        )),
        Template::BreachDue {
            what: "A backup was left on a public disk".into(),
            due_at: at(24 * 60),
            passed: false,
            breach: "brc_01jd3k8q9x7v2m5n6p4r8s0tbw".into(),
        },
        Template::BreachDue {
            what: "A backup was left on a public disk".into(),
            due_at: at(0),
            passed: true,
            breach: "brc_01jd3k8q9x7v2m5n6p4r8s0tbw".into(),
        },
        Template::NewLogin { at: at(0), device: "Firefox on Linux".into(), sessions_link: url("settings/sessions") },
        Template::TokenCreated { name: "Nightly export".into(), at: at(0), tokens_link: url("settings/tokens") },
        Template::UsageReached {
            member_name: "Bloom & Petal".into(),
            percent: 80,
            views: 160_312,
            limit: 200_000,
            period_ends: at(8 * 24 * 60),
            follows: AtLimit::NextPlan("Business".into()),
            billing_link: url("settings/billing"),
        },
        Template::UsageReached {
            member_name: "Bloom & Petal".into(),
            percent: 100,
            views: 10_000,
            limit: 10_000,
            period_ends: at(8 * 24 * 60),
            follows: AtLimit::Pause,
            billing_link: url("settings/billing"),
        },
        Template::UsageReached {
            member_name: "Bloom & Petal".into(),
            percent: 100,
            views: 10_004,
            limit: 10_000,
            period_ends: at(8 * 24 * 60),
            follows: AtLimit::GoOn,
            billing_link: url("settings/billing"),
        },
        Template::PaymentFailed {
            member_name: "Bloom & Petal".into(),
            amount: Some("12.00 EUR".into()),
            falls_at: at(10 * 24 * 60),
            last: false,
            billing_link: url("settings/billing"),
        },
        Template::PaymentActionNeeded {
            member_name: "Bloom & Petal".into(),
            amount: "12.00 EUR".into(),
            billing_link: url("settings/billing"),
        },
        Template::BackOnFree {
            member_name: "Bloom & Petal".into(),
            plan: "Pro".into(),
            billing_link: url("settings/billing"),
        },
        Template::TrialEnding {
            member_name: "Bloom & Petal".into(),
            plan: "Pro".into(),
            ends_at: at(3 * 24 * 60),
            has_card: false,
            billing_link: url("settings/billing"),
        },
        Template::CardExpiring {
            member_name: "Bloom & Petal".into(),
            card: "Visa …4242".into(),
            month: "12/2026".into(),
            billing_link: url("settings/billing"),
        },
        Template::MoneyWentBack {
            member: MemberId::from_uuid(uuid::Uuid::from_u128(7)),
            disputed: true,
            amount: "12.00 EUR".into(),
            charge: "ch_3PxYz".into(),
        },
    ]
}

fn sample_notice(kind: NoticeKind, link: Url, title: [&str; 2]) -> Announcement {
    Announcement {
        kind,
        stage: None,
        release: None,
        starts_at: None,
        ends_at: None,
        title: Words {
            en: title[0].into(),
            de: title[1].into(),
        },
        body: Words {
            en: "What it means for you:\n\n- Your bars **stay as they are**, and so do your contacts.\n- Nothing has to be done on your \
                 pages.\n\nMore on [our page about it](https://contactbar.example/docs)."
                .into(),
            de: "Was das für Sie heißt:\n\n- Ihre Leisten **bleiben, wie sie sind**, und Ihre Kontakte auch.\n- Auf Ihren Seiten ist nichts zu \
                 tun.\n\nMehr auf [unserer Seite dazu](https://contactbar.example/docs)."
                .into(),
        },
        link,
    }
}

fn sample_changes() -> Vec<Change> {
    let change = |key: &str, purpose, marketing, per_account, title: [&str; 2], summary: [&str; 2]| Change {
        key: key.parse().expect("a sample key parses"),
        purpose,
        marketing,
        material: true,
        per_account,
        sensitive: false,
        title: Words {
            en: title[0].into(),
            de: title[1].into(),
        },
        summary: Words {
            en: summary[0].into(),
            de: summary[1].into(),
        },
    };
    vec![
        change(
            "benchmarks",
            Purpose::Benchmarking,
            false,
            true,
            ["Benchmarks by industry", "Vergleichswerte nach Branche"],
            [
                "We compare how often bars are clicked, by industry and never by name.",
                "Wir vergleichen, wie oft Leisten angeklickt werden: nach Branche und nie mit Namen.",
            ],
        ),
        change(
            "promotion",
            Purpose::Promotion,
            true,
            false,
            ["News about what is new", "Neuigkeiten über Neues"],
            [
                "Once a month we write what is new.",
                "Einmal im Monat schreiben wir, was es Neues gibt.",
            ],
        ),
        change(
            "partner",
            Purpose::Transfer,
            false,
            false,
            ["Support by a partner", "Support durch einen Partner"],
            [
                "A partner in the EU answers requests for support at night.",
                "Nachts beantwortet ein Partner in der EU Anfragen an den Support.",
            ],
        ),
    ]
}
