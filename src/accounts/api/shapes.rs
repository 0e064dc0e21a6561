//! What accounts look like from outside.

use poem_openapi::Object;
use poem_openapi::types::Example;

use crate::accounts::{Account, Current, LoginOutcome, LoginRecord, Membership, Name, Role, Session};
use crate::clock::Timestamp;
use crate::http::page::Cursor;
use crate::http::schema::Secret;
use crate::ids::{LoginRecordId, MemberId, PolicyVersionId, SessionId, UserId};
use crate::mail::{EmailAddress, Language};

/// A person who logs in.
#[derive(Debug, Object)]
#[oai(rename = "User", example)]
pub struct UserView {
    pub id: UserId,
    pub email: EmailAddress,
    /// Since when the address is known to be theirs.
    pub email_verified_at: Option<Timestamp>,
    pub name: Option<Name>,
    /// Of our mails to them.
    pub language: Language,
    /// Whether a code is asked for at log-in.
    pub totp: bool,
    /// Recovery codes that have not been used.
    pub recovery_codes_left: u32,
    /// Whether it is counted that they open our mails and follow their links; never of mails about passwords, security and
    /// policies.
    pub mail_tracking: bool,
    pub created_at: Timestamp,
}

impl From<Account> for UserView {
    fn from(account: Account) -> Self {
        let Account {
            user,
            recovery_codes_left,
            mail_tracking,
        } = account;
        Self {
            id: user.id,
            email: user.email,
            email_verified_at: user.email_verified_at,
            name: user.name,
            language: user.language,
            totp: user.totp_confirmed_at.is_some(),
            recovery_codes_left: u32::try_from(recovery_codes_left).unwrap_or(0),
            mail_tracking,
            created_at: user.created_at,
        }
    }
}

/// What the user is to one of their members.
#[derive(Debug, Clone, Object)]
#[oai(rename = "Membership", example)]
pub struct MembershipView {
    pub member_id: MemberId,
    pub name: Name,
    pub role: Role,
}

impl From<Membership> for MembershipView {
    fn from(membership: Membership) -> Self {
        Self {
            member_id: membership.member,
            name: membership.name,
            role: membership.role,
        }
    }
}

/// The session that the request came with.
#[derive(Debug, Object)]
#[oai(rename = "Session", example)]
pub struct CurrentView {
    pub id: SessionId,
    pub created_at: Timestamp,
    /// When it ends if it is not used; at the latest 30 days after it began.
    pub expires_at: Timestamp,
    pub user: UserView,
    /// The member that operations are done for. None: the user belongs to none, or left it.
    pub member: Option<MembershipView>,
    /// All members of the user; switch with `PATCH /session`.
    pub members: Vec<MembershipView>,
}

impl From<Current> for CurrentView {
    fn from(current: Current) -> Self {
        let members: Vec<MembershipView> = current.memberships.into_iter().map(Into::into).collect();
        let member = members
            .iter()
            .find(|member| Some(member.member_id) == current.session.member)
            .cloned();
        Self {
            id: current.session.id,
            created_at: current.session.created_at,
            expires_at: current.session.expires_at,
            user: current.account.into(),
            member,
            members,
        }
    }
}

/// One of the user's sessions.
#[derive(Debug, Object)]
#[oai(rename = "SessionEntry", example)]
pub struct SessionView {
    pub id: SessionId,
    /// The one that this request came with.
    pub current: bool,
    /// The address that it was begun from.
    pub address: Option<String>,
    pub browser: Option<String>,
    pub system: Option<String>,
    pub created_at: Timestamp,
    /// To within five minutes.
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
}

impl SessionView {
    pub fn of(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id,
            current: session.id == current,
            address: session.address,
            browser: session.browser,
            system: session.system,
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
        }
    }
}

/// The user's sessions, newest first.
#[derive(Debug, Object)]
pub struct Sessions {
    pub items: Vec<SessionView>,
}

/// A try to log in (promise 12).
#[derive(Debug, Object)]
#[oai(rename = "Login", example)]
pub struct LoginView {
    pub id: LoginRecordId,
    pub outcome: LoginOutcome,
    pub address: Option<String>,
    pub browser: Option<String>,
    pub browser_version: Option<String>,
    pub system: Option<String>,
    pub language: Option<String>,
    pub referrer: Option<String>,
    /// The privacy policy that it was collected under.
    pub policy_version_id: PolicyVersionId,
    pub collected_at: Timestamp,
    /// When it is deleted.
    pub purge_at: Timestamp,
}

impl From<LoginRecord> for LoginView {
    fn from(record: LoginRecord) -> Self {
        Self {
            id: record.id,
            outcome: record.outcome,
            address: record.address,
            browser: record.browser,
            browser_version: record.browser_version,
            system: record.system,
            language: record.language,
            referrer: record.referrer,
            policy_version_id: record.policy_version,
            collected_at: record.at,
            purge_at: record.purge_at,
        }
    }
}

/// Tries to log in, newest first.
#[derive(Debug, Object)]
pub struct Logins {
    pub items: Vec<LoginView>,
    pub next_cursor: Option<Cursor>,
}

/// An id of an example: ids only parse, so this one is spelled out.
pub fn example_id<T: std::str::FromStr<Err = crate::ids::NotAnId>>(prefix: &str) -> T {
    format!("{prefix}_01jd3k8q9x7v2m5n6p4r8s0tbw")
        .parse()
        .expect("this is an id")
}

pub fn example_time() -> Timestamp {
    Timestamp::from_secs(1_795_343_400)
}

pub fn example_email() -> EmailAddress {
    "anna@example.com".parse().expect("this is an address")
}

pub fn example_name(name: &str) -> Name {
    name.parse().expect("this is a name")
}

impl Example for UserView {
    fn example() -> Self {
        Self {
            id: example_id("usr"),
            email: example_email(),
            email_verified_at: Some(example_time()),
            name: Some(example_name("Anna Blume")),
            language: Language::En,
            totp: false,
            recovery_codes_left: 0,
            mail_tracking: true,
            created_at: example_time(),
        }
    }
}

impl Example for MembershipView {
    fn example() -> Self {
        Self {
            member_id: example_id("mem"),
            name: example_name("Bloom & Co"),
            role: Role::Owner,
        }
    }
}

impl Example for CurrentView {
    fn example() -> Self {
        Self {
            id: example_id("ses"),
            created_at: example_time(),
            expires_at: example_time() + crate::accounts::rules::SESSION_IDLE,
            user: UserView::example(),
            member: Some(MembershipView::example()),
            members: vec![MembershipView::example()],
        }
    }
}

impl Example for SessionView {
    fn example() -> Self {
        Self {
            id: example_id("ses"),
            current: true,
            address: Some("203.0.113.9".to_owned()),
            browser: Some("Firefox".to_owned()),
            system: Some("Linux".to_owned()),
            created_at: example_time(),
            last_seen_at: example_time(),
            expires_at: example_time() + crate::accounts::rules::SESSION_IDLE,
        }
    }
}

impl Example for LoginView {
    fn example() -> Self {
        Self {
            id: example_id("log"),
            outcome: LoginOutcome::Success,
            address: Some("203.0.113.9".to_owned()),
            browser: Some("Firefox".to_owned()),
            browser_version: Some("128.0".to_owned()),
            system: Some("Linux".to_owned()),
            language: Some("en-GB,en".to_owned()),
            referrer: None,
            policy_version_id: example_id("pol"),
            collected_at: example_time(),
            purge_at: example_time() + crate::accounts::rules::LOGIN_RECORD,
        }
    }
}

/// That it is really you.
#[derive(Debug, Object)]
#[oai(example)]
pub struct Proof {
    #[oai(validator(max_length = 128))]
    pub password: Secret,
}

impl Example for Proof {
    fn example() -> Self {
        Self {
            password: Secret("correct horse battery".to_owned()),
        }
    }
}
