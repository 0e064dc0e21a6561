//! Reading and changing what of its own visits a member does not want counted.

use serde_json::json;

use super::Accounts;
use crate::accounts::own_visits::OwnVisits;
use crate::accounts::store::{own_visits, team};
use crate::accounts::{Access, Error};
use crate::ids::MemberId;

impl Accounts {
    pub async fn find_own_visits(&self, member: MemberId) -> Result<OwnVisits, Error> {
        let found = self.db.read(move |conn| own_visits::find(conn, member)).await?;
        found.ok_or(Error::NotFound)
    }

    /// Replaces the wishes. They hold from now on; what has been counted stays counted.
    pub async fn update_own_visits(&self, access: &Access, own: OwnVisits) -> Result<OwnVisits, Error> {
        let (service, access) = (self.clone(), access.clone());
        let own = self
            .db
            .write(move |tx| {
                team::lock_member(tx, access.member)?;
                let before = own_visits::find(tx, access.member)?.ok_or(Error::NotFound)?;
                let mut changed = Vec::new();
                if before.addresses != own.addresses {
                    changed.push("addresses");
                }
                if before.users != own.users {
                    changed.push("users");
                }
                if !changed.is_empty() {
                    own_visits::save(tx, access.member, &own)?;
                    // The addresses themselves are nobody's business in the record.
                    let detail = json!({ "fields": changed });
                    service.note(tx, &access, "own_visits.changed", access.member, detail)?;
                }
                Ok::<_, Error>(own)
            })
            .await?;
        (self.bars_changed)();
        Ok(own)
    }
}
