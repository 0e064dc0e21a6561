//! What happens with accounts, each thing whole: one transaction, its mails and jobs inside.

mod addresses;
mod api_tokens;
mod cleanup;
mod invitations;
mod leads;
mod leaving;
mod log_in;
mod own_password;
mod own_visits;
mod policy_changes;
mod preferences;
mod profile;
mod record;
mod registration;
mod second_factor;
mod sessions;
mod team;
mod throttling;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::passwords::Passwords;
use super::store::{links, members, users};
use super::{Error, Membership, Name, Purpose, Session, User};
use crate::audit::{self, Actor, Entry};
use crate::clock::{Clock, Timestamp};
use crate::db::{self, Conn, Db};
use crate::ids::{AccountTokenId, LeadId, MemberId, PolicyVersionId, UserId};
use crate::mail::{Draft, EmailAddress, Language, Mailer, Template};
use crate::plans::Plans;
use crate::policies::{self, Collected};
use crate::secrets::{Random, Token};

pub use leaving::Ending;
pub use log_in::{LogIn, LoggedIn, SecondFactor};
pub use registration::{Agreed, Registration};
pub use second_factor::TotpEnrolment;
pub use sessions::NewSession;

/// Members, users and what lets them in. Cheap to clone.
#[derive(Clone)]
pub struct Accounts {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) mailer: Mailer,
    pub(super) passwords: Passwords,
    secure_cookies: bool,
    bars_changed: BarsChanged,
    plans: Plans,
    end_changed: EndChanged,
}

/// Told, in the transaction, that a member's end was set or taken back. `app.rs` hands it in, for who has to act on it (what is
/// paid for ends too) stands above this feature.
pub type EndChanged = Arc<dyn Fn(&mut Conn, MemberId) -> db::Result<()> + Send + Sync>;

/// Told, after the commit, that bars of a member went off or on again, or what of them counts has changed. `app.rs` hands
/// it in, for who keeps bars in memory stands above this feature.
pub type BarsChanged = Arc<dyn Fn() + Send + Sync>;

/// A user as they see themself.
#[derive(Clone, Debug)]
pub struct Account {
    pub user: User,
    pub recovery_codes_left: i64,
    /// Whether it is counted that they open our mails (promise 15).
    pub mail_tracking: bool,
}

/// What a session shows of itself.
#[derive(Clone, Debug)]
pub struct Current {
    pub session: Session,
    pub account: Account,
    pub memberships: Vec<Membership>,
}

/// What somebody without a log-in asked for, by an address. It is answered by mail and from a job, so that the answer to
/// the request is the same, and costs the same, whether we know the address or not (promise 31).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Asked {
    Register {
        user: UserId,
        member: MemberId,
        email: EmailAddress,
        password_hash: String,
        name: Option<Name>,
        member_name: Name,
        language: Language,
        privacy: PolicyVersionId,
        terms: PolicyVersionId,
    },
    VerifyAgain {
        email: EmailAddress,
    },
    ResetPassword {
        email: EmailAddress,
    },
    ChangeAddress {
        user: UserId,
        email: EmailAddress,
    },
    /// To be reminded of us, some day.
    Remind {
        lead: LeadId,
        email: EmailAddress,
        language: Language,
        at: Timestamp,
    },
}

impl Accounts {
    /// `secure_cookies`: whether browsers reach us by HTTPS.
    pub fn new(
        db: Db,
        clock: Clock,
        random: Random,
        mailer: Mailer,
        passwords: Passwords,
        secure_cookies: bool,
        bars_changed: BarsChanged,
    ) -> Self {
        Self {
            db,
            clock,
            random,
            mailer,
            passwords,
            secure_cookies,
            bars_changed,
            plans: Plans { sold: false },
            end_changed: Arc::new(|_, _| Ok(())),
        }
    }

    /// The same where plans are sold: they limit teams, and `end_changed` hears of ends.
    pub fn with_plans(self, plans: Plans, end_changed: EndChanged) -> Self {
        Self {
            plans,
            end_changed,
            ..self
        }
    }

    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    pub(super) fn secure_cookies(&self) -> bool {
        self.secure_cookies
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Makes a link for a mail, and the earlier ones for that purpose dead. Its address is ours as configured, whatever
    /// host a request named.
    fn link(
        &self,
        tx: &mut Conn,
        user: UserId,
        purpose: Purpose,
        new_email: Option<&EmailAddress>,
    ) -> Result<url::Url, Error> {
        use super::rules::{CHANGE_LINK, RESET_LINK, VERIFY_LINK};
        let (page, lasts) = match purpose {
            Purpose::VerifyAddress => ("verify", VERIFY_LINK),
            Purpose::ResetPassword => ("reset-password", RESET_LINK),
            Purpose::ChangeAddress => ("confirm-address", CHANGE_LINK),
        };
        let (token, now) = (Token::new("", &self.random), self.now());
        let under = self.collected_by(tx, user)?.under;
        let link = links::NewLink {
            id: AccountTokenId::new(&self.clock, &self.random),
            user,
            purpose,
            token_sha256: &token.sha256(),
            new_email,
            expires_at: now + lasts,
            policy_version: under,
        };
        links::replace(tx, &link, now)?;
        Ok(self.mailer.links().page(page, &[("token", token.reveal())]))
    }

    /// Where somebody who didn't do this gets their account back.
    fn forgotten_link(&self) -> url::Url {
        self.mailer.links().page("forgot-password", &[])
    }

    fn mail(&self, tx: &mut Conn, user: &User, template: Template) -> Result<(), Error> {
        self.mail_to(tx, user.email.clone(), user, template)
    }

    fn mail_to(&self, tx: &mut Conn, to: EmailAddress, user: &User, template: Template) -> Result<(), Error> {
        let purpose = template.category().purpose();
        if let Some(allowed) = policies::ask(tx, None, user.collected, purpose, self.now())? {
            let draft = Draft::new(to, user.language, template).to_user(user.id);
            self.mailer.enqueue(tx, draft, allowed)?;
        }
        Ok(())
    }

    /// How something is collected from a user now: under the oldest version that is in effect for their members.
    fn collected_by(&self, tx: &mut Conn, user: UserId) -> Result<Collected, Error> {
        let memberships = members::list_memberships(tx, user)?;
        let members: Vec<MemberId> = memberships.iter().map(|membership| membership.member).collect();
        Ok(policies::collected_now_by(tx, &members, self.now())?)
    }

    /// Puts what a user did with their own account on record.
    fn record(&self, tx: &mut Conn, user: UserId, action: &str) -> Result<(), Error> {
        let entry = Entry::new(&self.clock, &self.random, None, Actor::User(user), action, user);
        Ok(audit::record(tx, &entry)?)
    }
}

/// The user of a session; a session without its user is gone.
fn existing(conn: &mut Conn, id: UserId) -> Result<users::Credentials, Error> {
    users::find(conn, id)?.ok_or(Error::NotFound)
}
