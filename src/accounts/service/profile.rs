//! Reading, changing and deleting the fields of a member's profile.

use serde_json::json;

use super::Accounts;
use crate::accounts::profile::{Profile, ProfileField, ProfileSource, ProfileValue};
use crate::accounts::store::{profile, team};
use crate::accounts::{Access, Error};
use crate::db::Conn;
use crate::ids::{MemberId, ProfileFieldId};
use crate::policies;

impl Accounts {
    pub async fn find_profile(&self, member: MemberId) -> Result<Profile, Error> {
        self.db.read(move |conn| current(conn, member)).await
    }

    /// Changes the fields that are given, to values that [`ProfileField::parse`] made. Each change is a new collection,
    /// under the policy of now (promise 4); what is the same stays as it was collected.
    pub async fn update_profile(
        &self,
        access: &Access,
        changes: Vec<(ProfileField, String)>,
    ) -> Result<Profile, Error> {
        let (service, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                team::lock_member(tx, access.member)?;
                let before = current(tx, access.member)?;
                let policy = policies::collected_now(tx, access.member, service.clock.now())?.under;
                let mut changed = Vec::new();
                for (field, value) in changes {
                    if before.get(&field).is_some_and(|known| known.value == value) {
                        continue;
                    }
                    let value = ProfileValue {
                        id: ProfileFieldId::new(&service.clock, &service.random),
                        field,
                        value,
                        source: ProfileSource::Member,
                        policy_version: policy,
                        collected_at: service.clock.now(),
                    };
                    profile::replace(tx, access.member, &value)?;
                    changed.push(field.as_str());
                }
                if !changed.is_empty() {
                    let detail = json!({ "fields": changed });
                    service.note(tx, &access, "profile.changed", access.member, detail)?;
                }
                current(tx, access.member)
            })
            .await
    }

    /// Deletes a field with all that it ever held; that is final (promise 41).
    pub async fn delete_profile_field(&self, access: &Access, field: ProfileField) -> Result<(), Error> {
        let (service, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                if profile::delete(tx, access.member, field)? == 0 {
                    return Err(Error::NotFound);
                }
                let detail = json!({ "fields": [field.as_str()] });
                service.note(tx, &access, "profile.field_deleted", access.member, detail)
            })
            .await
    }
}

fn current(conn: &mut Conn, member: MemberId) -> Result<Profile, Error> {
    let values = profile::list_current(conn, member)?;
    Ok(values.into_iter().map(|value| (value.field, value)).collect())
}
