//! The record of who changed what, as a member sees it (promise 26).

use super::Accounts;
use crate::accounts::Error;
use crate::audit::{self, Entry, Filter};
use crate::clock::Timestamp;
use crate::ids::{AuditEntryId, MemberId};

impl Accounts {
    /// A member's entries that fit, newest first.
    pub async fn list_audit_log(
        &self,
        member: MemberId,
        filter: Filter,
        before: Option<(Timestamp, AuditEntryId)>,
        limit: i64,
    ) -> Result<Vec<Entry>, Error> {
        self.db
            .read(move |conn| Ok(audit::list(conn, member, &filter, before, limit)?))
            .await
    }
}
