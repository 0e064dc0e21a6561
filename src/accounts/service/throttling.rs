//! Tries are counted before they are made, in the database, for all processes.

use super::Accounts;
use crate::accounts::Error;
use crate::accounts::rules::{self, Throttle};
use crate::accounts::store::throttles;
use crate::clock::Timestamp;
use crate::db::{self, Conn};
use crate::mail::EmailAddress;
use crate::secrets::sha256;

/// What is counted, and for whom; only its hash is stored.
#[derive(Clone, Debug)]
pub(super) struct Counter {
    key: Vec<u8>,
    throttle: Throttle,
}

impl Counter {
    fn new(kind: &str, whom: &str, throttle: Throttle) -> Self {
        Self {
            key: sha256(format!("{kind}:{whom}").as_bytes()).to_vec(),
            throttle,
        }
    }

    /// Failures of an account, which need not exist.
    pub fn account(email: &str) -> Self {
        Self::new("account", &email.trim().to_lowercase(), rules::ACCOUNT)
    }

    /// Failures from a network.
    pub fn network(network: std::net::IpAddr) -> Self {
        Self::new("network", &network.to_string(), rules::NETWORK)
    }

    /// Mails to an address that nobody who is logged in asked for.
    pub fn mails(email: &EmailAddress) -> Self {
        Self::new("mails", &email.folded(), rules::MAILS)
    }

    /// Such mails, asked for from a network.
    pub fn mails_of_network(network: std::net::IpAddr) -> Self {
        Self::new("mails_of_network", &network.to_string(), rules::MAILS_OF_NETWORK)
    }

    /// Counts a try, or says how long to wait. Always in the order account, network: who waits for a row holds no later one.
    pub fn count(&self, tx: &mut Conn, now: Timestamp) -> Result<(), Error> {
        let before = throttles::lock(tx, &self.key, now)?;
        match rules::count_try(before, self.throttle, now) {
            Ok(tally) => Ok(throttles::set(tx, &self.key, tally)?),
            Err(wait) => Err(Error::TooMany {
                retry_after_secs: wait.as_millis().div_ceil(1000).max(1) as u64,
            }),
        }
    }

    /// The try was none.
    pub fn take_back(&self, tx: &mut Conn) -> db::Result<()> {
        throttles::take_back(tx, &self.key)
    }

    /// All is well with this one: forgets its failures.
    pub fn clear(&self, tx: &mut Conn) -> db::Result<()> {
        throttles::clear(tx, &self.key)
    }
}

impl Accounts {
    /// Counts a request for a mail from this network.
    pub(super) async fn count_mail_request(&self, network: std::net::IpAddr) -> Result<(), Error> {
        let (counter, now) = (Counter::mails_of_network(network), self.now());
        self.db.write(move |tx| counter.count(tx, now)).await
    }

    /// Whether this address may get another mail that anybody can ask for. It goes unsaid when not: the answer must not
    /// depend on what the address has got before.
    pub(super) fn may_mail(&self, tx: &mut Conn, email: &EmailAddress) -> Result<bool, Error> {
        match Counter::mails(email).count(tx, self.now()) {
            Ok(()) => Ok(true),
            Err(Error::TooMany { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}
