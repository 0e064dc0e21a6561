//! The fields of members' profiles. A change is a new row; the one before is kept as replaced until the field is deleted.

use diesel::prelude::*;

use crate::accounts::profile::{ProfileField, ProfileSource, ProfileValue};
use crate::clock::Timestamp;
use crate::db::schema::profile_fields;
use crate::db::{Conn, Result};
use crate::ids::{MemberId, PolicyVersionId, ProfileFieldId};

text_column!(ProfileField, ProfileSource);

type Row = (
    ProfileFieldId,
    ProfileField,
    String,
    ProfileSource,
    PolicyVersionId,
    Timestamp,
);

/// The values that hold now.
pub fn list_current(conn: &mut Conn, member: MemberId) -> Result<Vec<ProfileValue>> {
    let rows: Vec<Row> = profile_fields::table
        .filter(profile_fields::member_id.eq(member))
        .filter(profile_fields::replaced_at.is_null())
        .select((
            profile_fields::id,
            profile_fields::field,
            profile_fields::value,
            profile_fields::source,
            profile_fields::policy_version_id,
            profile_fields::collected_at,
        ))
        .load(conn)?;
    Ok(rows
        .into_iter()
        .map(
            |(id, field, value, source, policy_version, collected_at)| ProfileValue {
                id,
                field,
                value,
                source,
                policy_version,
                collected_at,
            },
        )
        .collect())
}

/// Puts a value in the place of the one before.
pub fn replace(tx: &mut Conn, member: MemberId, value: &ProfileValue) -> Result<()> {
    diesel::update(
        profile_fields::table
            .filter(profile_fields::member_id.eq(member))
            .filter(profile_fields::field.eq(value.field))
            .filter(profile_fields::replaced_at.is_null()),
    )
    .set(profile_fields::replaced_at.eq(Some(value.collected_at)))
    .execute(tx)?;
    diesel::insert_into(profile_fields::table)
        .values((
            profile_fields::id.eq(value.id),
            profile_fields::member_id.eq(member),
            profile_fields::field.eq(value.field),
            profile_fields::value.eq(&value.value),
            profile_fields::source.eq(value.source),
            profile_fields::policy_version_id.eq(value.policy_version),
            profile_fields::collected_at.eq(value.collected_at),
        ))
        .execute(tx)?;
    Ok(())
}

/// Deletes a field with all that it ever held. Answers how many values that were.
pub fn delete(tx: &mut Conn, member: MemberId, field: ProfileField) -> Result<usize> {
    Ok(diesel::delete(
        profile_fields::table
            .filter(profile_fields::member_id.eq(member))
            .filter(profile_fields::field.eq(field)),
    )
    .execute(tx)?)
}
