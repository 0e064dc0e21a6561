//! What is over is forgotten: sessions, links, log-in records, tallies, registrations that nobody verified.

use super::Accounts;
use crate::accounts::Error;
use crate::accounts::rules::UNVERIFIED;
use crate::accounts::store::{invitations, leads, links, logins, members, sessions, throttles, users};
use crate::accounts::team::INVITATION_KEPT;
use crate::clock::DAY;

/// Registrations forgotten in one transaction.
const BATCH: i64 = 100;

impl Accounts {
    pub(in crate::accounts) async fn purge(&self) -> Result<(), Error> {
        let now = self.now();
        self.db
            .write(move |tx| {
                let sessions = sessions::delete_expired(tx, now)?;
                let links = links::delete_expired(tx, now)?;
                let logins = logins::purge(tx, now)?;
                throttles::delete_old(tx, now - 3 * DAY)?;
                invitations::purge(tx, now - INVITATION_KEPT)?;
                tracing::info!(sessions, links, logins, "purged what is over");
                Ok::<_, Error>(())
            })
            .await?;
        while self.forget_unverified().await? {}
        while self.forget_old_leads().await? {}
        self.end_the_overdue().await?;
        Ok(())
    }

    /// Forgets some registrations that were never verified, and the members that only they made. True: there may be more.
    async fn forget_unverified(&self) -> Result<bool, Error> {
        let before = self.now() - UNVERIFIED;
        self.db
            .write(move |tx| {
                let unverified = users::list_unverified(tx, before, BATCH)?;
                for user in &unverified {
                    for member in users::sole_members(tx, *user)? {
                        members::delete(tx, member)?;
                    }
                    leads::delete_of_user(tx, *user)?;
                    users::delete(tx, *user)?;
                }
                Ok(unverified.len() as i64 == BATCH)
            })
            .await
    }
}
