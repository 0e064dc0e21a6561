//! Who is to be told of a new version of a policy.

use diesel::prelude::*;
use diesel::sql_types::{Integer, Nullable, Text};

use crate::both;
use crate::clock::Timestamp;
use crate::db::types::{Moment, Uid};
use crate::db::{Conn, Result};
use crate::ids::{MemberId, PolicyVersionId, UserId};
use crate::mail::{EmailAddress, Language};
use crate::policies::{Document, PolicyVersion};

/// An open account, and the last address that it gave: that of the owner who gave theirs last, if it is verified.
#[derive(Debug, Clone, QueryableByName)]
pub struct Account {
    #[diesel(sql_type = Uid)]
    pub member: MemberId,
    #[diesel(sql_type = Text)]
    pub language: Language,
    #[diesel(sql_type = Nullable<Uid>)]
    pub user: Option<UserId>,
    #[diesel(sql_type = Nullable<Text>)]
    pub email: Option<EmailAddress>,
    #[diesel(sql_type = Nullable<Moment>)]
    pub collected_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Uid>)]
    pub policy_version_id: Option<PolicyVersionId>,
}

const ACCOUNTS: &str = "SELECT m.id AS member, m.language AS language, o.id AS \"user\", o.email AS email, \
     o.collected_at AS collected_at, o.policy_version_id AS policy_version_id \
     FROM members m LEFT JOIN (SELECT ms.member_id, u.id, u.email, u.collected_at, u.policy_version_id, \
       row_number() OVER (PARTITION BY ms.member_id ORDER BY u.collected_at DESC, u.id DESC) AS place \
       FROM memberships ms JOIN users u ON u.id = ms.user_id \
       WHERE ms.role = 'owner' AND u.email_verified_at IS NOT NULL) o ON o.member_id = m.id AND o.place = 1 ";

/// The open accounts that joined under an older version and have no window for this one. A material version opens one
/// for each when it is posted; who was leaving then and stays after all gets theirs later.
pub fn list_untold(conn: &mut Conn, version: &PolicyVersion) -> Result<Vec<Account>> {
    let statement = format!(
        "{ACCOUNTS} WHERE m.ends_at IS NULL \
         AND NOT EXISTS (SELECT 1 FROM policy_windows w WHERE w.member_id = m.id AND w.policy_version_id = $1) \
         AND NOT EXISTS (SELECT 1 FROM policy_decisions d JOIN policy_versions v ON v.id = d.policy_version_id \
           WHERE d.member_id = m.id AND d.decision = 'accept' AND v.document = $2 AND v.version >= $3) \
         ORDER BY m.id"
    );
    let query = diesel::sql_query(statement)
        .bind::<Uid, _>(version.id)
        .bind::<Text, Document>(version.document)
        .bind::<Integer, _>(version.version);
    Ok(both!(conn, |c| query.load(c))?)
}

/// One account, as long as it is open.
pub fn find_account(conn: &mut Conn, member: MemberId) -> Result<Option<Account>> {
    let statement = format!("{ACCOUNTS} WHERE m.ends_at IS NULL AND m.id = $1");
    let query = diesel::sql_query(statement).bind::<Uid, _>(member);
    Ok(both!(conn, |c| query.get_result(c).optional())?)
}
