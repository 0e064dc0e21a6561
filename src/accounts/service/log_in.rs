//! Logging in: a password, perhaps a code, and a record of each try.

use super::sessions::NewSession;
use super::throttling::Counter;
use super::{Accounts, Current, sessions};
use crate::accounts::passwords::Verdict;
use crate::accounts::rules::{self, Device, LOGIN_RECORD, cut};
use crate::accounts::store::users::Credentials;
use crate::accounts::store::{logins, users};
use crate::accounts::{Client, Error, LoginOutcome, LoginRecord, SignedIn};
use crate::db::Conn;
use crate::ids::{LoginRecordId, PolicyVersionId};
use crate::mail::{EmailAddress, Template};

/// What somebody logs in with.
#[derive(Clone)]
pub struct LogIn {
    /// As typed; what is no address is no account's.
    pub email: String,
    pub password: String,
    pub second_factor: Option<SecondFactor>,
}

/// A code beside the password.
#[derive(Clone, PartialEq, Eq)]
pub enum SecondFactor {
    Totp(String),
    RecoveryCode(String),
}

/// A log-in that succeeded.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    pub begun: NewSession,
    pub current: Current,
}

/// A try that has been counted and written down, as a failure until proved otherwise.
struct Try {
    account: Counter,
    network: Counter,
    known: Option<(Credentials, LoginRecordId)>,
}

impl Accounts {
    /// Logs in. For an address that is unknown the same is done as for a wrong password: one hash, the same answer.
    pub async fn log_in(&self, log_in: LogIn, client: Client) -> Result<LoggedIn, Error> {
        let LogIn {
            email,
            password,
            second_factor,
        } = log_in;
        let (service, asking) = (self.clone(), client.clone());
        let tried = self
            .db
            .write(move |tx| service.begin_try(tx, &email, &asking))
            .await?;
        let stored = tried.known.as_ref().map(|(known, _)| known.password_hash.clone());
        let verdict = self.passwords.verify(password.clone(), stored.clone()).await?;
        let (Some((known, record)), false) = (tried.known, verdict == Verdict::Wrong) else {
            return Err(Error::WrongCredentials);
        };
        let user = known.user.id;
        let (service, account, network) = (self.clone(), tried.account, tried.network);
        let logged_in = self
            .db
            .write(move |tx| {
                // A refusal is an answer to keep, not an error that would undo its record.
                service.end_try(tx, known, record, second_factor, &account, &network, &client)
            })
            .await??;
        if let (Verdict::RightButOld, Some(old)) = (verdict, stored) {
            let new = self.passwords.hash_again(password).await?;
            self.db
                .write(move |tx| Ok::<_, Error>(users::rehash(tx, user, &old, &new)?))
                .await?;
        }
        Ok(logged_in)
    }

    /// Counts a try before it is made, and writes it down.
    fn begin_try(&self, tx: &mut Conn, email: &str, client: &Client) -> Result<Try, Error> {
        let now = self.now();
        let (account, network) = (Counter::account(email), Counter::network(client.network));
        account.count(tx, now)?;
        network.count(tx, now)?;
        let known = match email.parse::<EmailAddress>() {
            Ok(email) => users::find_by_address(tx, &email)?,
            Err(_) => None,
        };
        let known = match known {
            Some(known) => {
                let under = self.collected_by(tx, known.user.id)?.under;
                let record = self.login_record(client, under);
                logins::insert(tx, known.user.id, &record)?;
                Some((known, record.id))
            }
            None => None,
        };
        Ok(Try {
            account,
            network,
            known,
        })
    }

    fn login_record(&self, client: &Client, policy_version: PolicyVersionId) -> LoginRecord {
        let (now, device) = (self.now(), Device::of(client.user_agent.as_deref()));
        LoginRecord {
            id: LoginRecordId::new(&self.clock, &self.random),
            outcome: LoginOutcome::WrongPassword,
            address: Some(client.address.to_string()),
            browser: device.browser,
            browser_version: device.browser_version,
            system: device.system,
            language: client.language.as_deref().map(|text| cut(text, 100)),
            referrer: client.referrer.as_deref().map(|text| cut(text, 300)),
            policy_version,
            at: now,
            purge_at: now + LOGIN_RECORD,
        }
    }

    /// The password was right. What else is needed?
    #[allow(
        clippy::too_many_arguments,
        reason = "the two halves of one log-in, around the hashing"
    )]
    fn end_try(
        &self,
        tx: &mut Conn,
        verified: Credentials,
        record: LoginRecordId,
        second_factor: Option<SecondFactor>,
        account: &Counter,
        network: &Counter,
        client: &Client,
    ) -> Result<Result<LoggedIn, Error>, Error> {
        users::lock(tx, verified.user.id)?;
        let known = match users::find(tx, verified.user.id)? {
            // The password may have been changed while the old one was being checked.
            Some(known) if known.password_hash == verified.password_hash => known,
            _ => return Ok(Err(Error::WrongCredentials)),
        };
        let refusal = if known.user.email_verified_at.is_none() {
            Some((LoginOutcome::NotVerified, Error::NotVerified))
        } else if !known.totp_on() {
            None
        } else {
            match second_factor {
                None => Some((LoginOutcome::CodeNeeded, Error::SecondFactorNeeded)),
                Some(code) if self.use_code(tx, &known, &code)? => None,
                Some(_) => Some((LoginOutcome::WrongCode, Error::WrongCode)),
            }
        };
        if let Some((outcome, error)) = refusal {
            logins::set_outcome(tx, record, outcome)?;
            if outcome != LoginOutcome::WrongCode {
                account.take_back(tx)?;
                network.take_back(tx)?;
            }
            return Ok(Err(error));
        }
        account.clear(tx)?;
        network.take_back(tx)?;
        self.mail_if_new_device(tx, &known, client)?;
        logins::set_outcome(tx, record, LoginOutcome::Success)?;
        let begun = self.begin_session(tx, known.user.id, None, client)?;
        let signed_in = SignedIn {
            user: known.user.id,
            session: begun.session.id,
            membership: None,
        };
        let current = sessions::current(tx, signed_in, self.now())?;
        Ok(Ok(LoggedIn { begun, current }))
    }

    /// Tells of a log-in with a browser or system that was not seen in the time that records are kept.
    fn mail_if_new_device(&self, tx: &mut Conn, known: &Credentials, client: &Client) -> Result<(), Error> {
        let device = rules::Device::of(client.user_agent.as_deref());
        let (all, alike) = logins::count_successes(
            tx,
            known.user.id,
            device.browser.as_deref(),
            device.system.as_deref(),
        )?;
        if all == 0 || alike > 0 {
            return Ok(());
        }
        let sessions_link = self.mailer.links().page("settings/sessions", &[]);
        let template = Template::NewLogin {
            at: self.now(),
            device: device.describe(),
            sessions_link,
        };
        self.mail(tx, &known.user, template)
    }
}
