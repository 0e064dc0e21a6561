//! The tables `policy_versions` and `policy_decisions`, which only grow, `policy_drafts` and `policy_windows`.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::draft::Draft;
use super::rules::{Decided, Ledger, Posted, Window};
use super::{Change, ChangeKey, Current, Decision, Document, PolicyVersion, Recorded, Way};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{policy_decisions, policy_drafts, policy_versions, policy_windows};
use crate::db::types::{Moment, Uid};
use crate::db::{Conn, Json, Result};
use crate::ids::{MemberId, MessageId, PolicyDecisionId, PolicyVersionId, UserId};

text_column!(Document, Decision, Way, ChangeKey);

type Row = (
    PolicyVersionId,
    Document,
    i32,
    String,
    String,
    Json<Vec<Change>>,
    Vec<u8>,
    Timestamp,
    Option<Vec<u8>>,
);

fn version_of(
    (id, document, version, title, body, Json(changes), sha256, posted_at, key): Row,
) -> PolicyVersion {
    PolicyVersion {
        id,
        document,
        version,
        title,
        body,
        changes,
        sha256,
        posted_at,
        key: key.unwrap_or_default(),
    }
}

type Inserted<'a> = (
    diesel::dsl::Eq<policy_versions::id, PolicyVersionId>,
    diesel::dsl::Eq<policy_versions::document, Document>,
    diesel::dsl::Eq<policy_versions::version, i32>,
    diesel::dsl::Eq<policy_versions::title, &'a str>,
    diesel::dsl::Eq<policy_versions::body, &'a str>,
    diesel::dsl::Eq<policy_versions::changes, Json<Vec<Change>>>,
    diesel::dsl::Eq<policy_versions::sha256, &'a [u8]>,
    diesel::dsl::Eq<policy_versions::posted_at, Timestamp>,
    diesel::dsl::Eq<policy_versions::key, Option<&'a [u8]>>,
);

fn row_of(version: &PolicyVersion) -> Inserted<'_> {
    (
        policy_versions::id.eq(version.id),
        policy_versions::document.eq(version.document),
        policy_versions::version.eq(version.version),
        policy_versions::title.eq(version.title.as_str()),
        policy_versions::body.eq(version.body.as_str()),
        policy_versions::changes.eq(Json(version.changes.clone())),
        policy_versions::sha256.eq(version.sha256.as_slice()),
        policy_versions::posted_at.eq(version.posted_at),
        policy_versions::key.eq(Some(version.key.as_slice())),
    )
}

/// Inserts a version unless the document has one of that number.
pub(super) fn insert_version_once(tx: &mut Conn, version: &PolicyVersion) -> Result<()> {
    let row = row_of(version);
    both!(tx, |c| diesel::insert_into(policy_versions::table)
        .values(row)
        .on_conflict((policy_versions::document, policy_versions::version))
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// Posts a version: immutable from then on. A second one of that number is a unique violation.
pub fn insert_version(tx: &mut Conn, version: &PolicyVersion) -> Result<()> {
    diesel::insert_into(policy_versions::table)
        .values(row_of(version))
        .execute(tx)?;
    Ok(())
}

/// The newest version of both documents. They are there from the first migration on.
pub fn current(conn: &mut Conn) -> Result<Current> {
    let mut newest = |document: Document| {
        policy_versions::table
            .filter(policy_versions::document.eq(document))
            .order(policy_versions::version.desc())
            .first::<Row>(conn)
            .map(version_of)
    };
    Ok(Current {
        privacy: newest(Document::Privacy)?,
        terms: newest(Document::Terms)?,
    })
}

pub fn find_version(conn: &mut Conn, document: Document, version: i32) -> Result<Option<PolicyVersion>> {
    let row = policy_versions::table
        .filter(policy_versions::document.eq(document))
        .filter(policy_versions::version.eq(version))
        .first::<Row>(conn)
        .optional()?;
    Ok(row.map(version_of))
}

pub fn find_version_by_id(conn: &mut Conn, id: PolicyVersionId) -> Result<Option<PolicyVersion>> {
    let row = policy_versions::table
        .filter(policy_versions::id.eq(id))
        .first::<Row>(conn)
        .optional()?;
    Ok(row.map(version_of))
}

/// All versions of a document, newest first.
pub fn list_versions(conn: &mut Conn, document: Document) -> Result<Vec<PolicyVersion>> {
    let rows = policy_versions::table
        .filter(policy_versions::document.eq(document))
        .order(policy_versions::version.desc())
        .load::<Row>(conn)?;
    Ok(rows.into_iter().map(version_of).collect())
}

/// All versions that start windows, oldest first.
pub fn posted_material(conn: &mut Conn) -> Result<Vec<PolicyVersion>> {
    let rows = policy_versions::table
        .filter(policy_versions::version.gt(1))
        .order((policy_versions::posted_at, policy_versions::version))
        .load::<Row>(conn)?;
    let versions = rows.into_iter().map(version_of);
    Ok(versions.filter(PolicyVersion::is_material).collect())
}

/// Makes others who post a version of it wait until the transaction ends. SQLite has one writer anyway.
pub fn lock_document(tx: &mut Conn, document: Document) -> Result<()> {
    if let Conn::Postgres(conn) = tx {
        policy_versions::table
            .filter(policy_versions::document.eq(document))
            .filter(policy_versions::version.eq(1))
            .select(policy_versions::id)
            .for_update()
            .execute(conn)?;
    }
    Ok(())
}

pub(super) fn sha256_of_version(conn: &mut Conn, id: PolicyVersionId) -> Result<Vec<u8>> {
    Ok(policy_versions::table
        .filter(policy_versions::id.eq(id))
        .select(policy_versions::sha256)
        .first(conn)?)
}

/// Keeps a draft, in the place of the one before.
pub fn save_draft(tx: &mut Conn, draft: &Draft) -> Result<()> {
    forget_draft(tx, draft.document)?;
    diesel::insert_into(policy_drafts::table)
        .values((
            policy_drafts::document.eq(draft.document),
            policy_drafts::title.eq(&draft.title),
            policy_drafts::body.eq(&draft.body),
            policy_drafts::changes.eq(Json(draft.changes.clone())),
            policy_drafts::drafted_at.eq(draft.drafted_at),
        ))
        .execute(tx)?;
    Ok(())
}

pub fn find_draft(conn: &mut Conn, document: Document) -> Result<Option<Draft>> {
    type Row = (Document, String, String, Json<Vec<Change>>, Timestamp);
    let row: Option<Row> = policy_drafts::table
        .filter(policy_drafts::document.eq(document))
        .first(conn)
        .optional()?;
    Ok(
        row.map(|(document, title, body, Json(changes), drafted_at)| Draft {
            document,
            title,
            body,
            changes,
            drafted_at,
        }),
    )
}

pub fn forget_draft(tx: &mut Conn, document: Document) -> Result<()> {
    diesel::delete(policy_drafts::table.filter(policy_drafts::document.eq(document))).execute(tx)?;
    Ok(())
}

pub(super) fn insert_decision(tx: &mut Conn, decision: &Recorded) -> Result<()> {
    diesel::insert_into(policy_decisions::table)
        .values((
            policy_decisions::id.eq(decision.id),
            policy_decisions::member_id.eq(decision.member),
            policy_decisions::user_id.eq(decision.user),
            policy_decisions::policy_version_id.eq(decision.version),
            policy_decisions::decision.eq(decision.decision),
            policy_decisions::way.eq(decision.way),
            policy_decisions::language.eq(&decision.language),
            policy_decisions::decided_at.eq(decision.at),
            policy_decisions::change_key.eq(decision.change.as_ref()),
            policy_decisions::version_sha256.eq(&decision.version_sha256),
        ))
        .execute(tx)?;
    Ok(())
}

pub(super) fn last_decision_at(conn: &mut Conn, member: MemberId) -> Result<Option<Timestamp>> {
    Ok(policy_decisions::table
        .filter(policy_decisions::member_id.eq(member))
        .order(policy_decisions::decided_at.desc())
        .select(policy_decisions::decided_at)
        .first(conn)
        .optional()?)
}

type DecisionRow = (
    PolicyDecisionId,
    MemberId,
    Option<UserId>,
    PolicyVersionId,
    Decision,
    Way,
    String,
    Timestamp,
    Option<ChangeKey>,
    Vec<u8>,
);

/// All that was ever decided for a member, in its order.
pub fn decisions_of_member(conn: &mut Conn, member: MemberId) -> Result<Vec<Recorded>> {
    let rows: Vec<DecisionRow> = policy_decisions::table
        .filter(policy_decisions::member_id.eq(member))
        .order(policy_decisions::decided_at)
        .load(conn)?;
    let recorded = rows.into_iter().map(
        |(id, member, user, version, decision, way, language, at, change, version_sha256)| Recorded {
            id,
            member,
            user,
            version,
            version_sha256,
            change,
            decision,
            way,
            language,
            at,
        },
    );
    Ok(recorded.collect())
}

/// The privacy policy's versions, with the member's windows and decisions.
pub(super) fn ledger(conn: &mut Conn, member: Option<MemberId>) -> Result<Ledger> {
    type Row = (PolicyVersionId, i32, Timestamp, Json<Vec<Change>>);
    let rows: Vec<Row> = policy_versions::table
        .filter(policy_versions::document.eq(Document::Privacy))
        .order(policy_versions::version)
        .select((
            policy_versions::id,
            policy_versions::version,
            policy_versions::posted_at,
            policy_versions::changes,
        ))
        .load(conn)?;
    let mut ledger = Ledger::default();
    for (id, number, posted_at, Json(changes)) in rows {
        ledger.versions.push(Posted {
            id,
            number,
            posted_at,
            changes,
            window: None,
        });
    }
    let Some(member) = member else { return Ok(ledger) };
    if ledger.versions.len() > 1 {
        let windows = windows_of_member(conn, member)?;
        for posted in &mut ledger.versions {
            let own = windows.iter().find(|row| row.version == posted.id);
            posted.window = own.map(|row| row.window);
        }
    }
    let all = decisions_of_member(conn, member)?;
    let number = |id| {
        let mut versions = ledger.versions.iter();
        versions
            .find(|posted| posted.id == id)
            .map(|posted| posted.number)
    };
    // The first word about the policy is that of registration; who never gave one is bound by the first version.
    ledger.joined = Some(
        all.iter()
            .filter(|recorded| recorded.decision == Decision::Accept)
            .find_map(|recorded| number(recorded.version))
            .unwrap_or(1),
    );
    ledger.decisions = all
        .into_iter()
        .filter_map(|recorded| {
            Some(Decided {
                version: recorded.version,
                change: recorded.change?,
                decision: recorded.decision,
                at: recorded.at,
            })
        })
        .collect();
    Ok(ledger)
}

/// A member's window for a version, with its mail.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowRow {
    pub member: MemberId,
    pub version: PolicyVersionId,
    pub window: Window,
    pub message: Option<MessageId>,
    /// The end of the account that an objection to this version brought about.
    pub ends_at: Option<Timestamp>,
}

type WindowColumns = (
    MemberId,
    PolicyVersionId,
    Timestamp,
    Option<Timestamp>,
    Option<Timestamp>,
    Option<Timestamp>,
    Option<Timestamp>,
    Option<MessageId>,
    Option<Timestamp>,
);

type Columns = (
    policy_windows::member_id,
    policy_windows::policy_version_id,
    policy_windows::posted_at,
    policy_windows::sent_at,
    policy_windows::delivered_at,
    policy_windows::bounced_at,
    policy_windows::failed_at,
    policy_windows::message_id,
    policy_windows::ends_at,
);

const COLUMNS: Columns = (
    policy_windows::member_id,
    policy_windows::policy_version_id,
    policy_windows::posted_at,
    policy_windows::sent_at,
    policy_windows::delivered_at,
    policy_windows::bounced_at,
    policy_windows::failed_at,
    policy_windows::message_id,
    policy_windows::ends_at,
);

fn window_of(
    (member, version, posted_at, sent_at, delivered_at, bounced_at, failed_at, message, ends_at): WindowColumns,
) -> WindowRow {
    WindowRow {
        member,
        version,
        window: Window {
            posted_at,
            sent_at,
            delivered_at,
            bounced_at,
            failed_at,
        },
        message,
        ends_at,
    }
}

/// A member's windows, newest version first.
pub fn windows_of_member(conn: &mut Conn, member: MemberId) -> Result<Vec<WindowRow>> {
    let rows: Vec<WindowColumns> = policy_windows::table
        .filter(policy_windows::member_id.eq(member))
        .order((
            policy_windows::posted_at.desc(),
            policy_windows::policy_version_id.desc(),
        ))
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(window_of).collect())
}

pub fn find_window(conn: &mut Conn, member: MemberId, version: PolicyVersionId) -> Result<Option<WindowRow>> {
    let row: Option<WindowColumns> = policy_windows::table
        .filter(policy_windows::member_id.eq(member))
        .filter(policy_windows::policy_version_id.eq(version))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(window_of))
}

/// A window to be: the member, and the mail that tells it, where there is somebody to tell.
#[derive(Debug, Clone, Copy)]
pub struct NewWindow {
    pub member: MemberId,
    pub message: Option<MessageId>,
}

/// Opens windows, thousands in one statement.
pub fn insert_windows(
    tx: &mut Conn,
    version: PolicyVersionId,
    posted_at: Timestamp,
    now: Timestamp,
    windows: &[NewWindow],
) -> Result<()> {
    for some in windows.chunks(10_000) {
        let rows: Vec<(String, Option<String>)> = some
            .iter()
            .map(|new| {
                let message = new.message.map(|id| id.uuid().simple().to_string());
                (new.member.uuid().simple().to_string(), message)
            })
            .collect();
        let rows = serde_json::to_string(&rows).expect("ids are plain data");
        let statement = match tx {
            Conn::Sqlite(_) => {
                "INSERT INTO policy_windows (policy_version_id, posted_at, queued_at, member_id, message_id) \
                 SELECT $1, $2, CASE WHEN value ->> 1 IS NULL THEN NULL ELSE $3 END, unhex(value ->> 0), unhex(value ->> 1) \
                 FROM json_each($4)"
            }
            Conn::Postgres(_) => {
                "INSERT INTO policy_windows (policy_version_id, posted_at, queued_at, member_id, message_id) \
                 SELECT $1, $2, CASE WHEN value ->> 1 IS NULL THEN NULL ELSE $3 END, (value ->> 0)::uuid, (value ->> 1)::uuid \
                 FROM json_array_elements($4::json)"
            }
        };
        let query = diesel::sql_query(statement)
            .bind::<Uid, _>(version)
            .bind::<Moment, _>(posted_at)
            .bind::<Moment, _>(now)
            .bind::<Text, _>(rows);
        both!(tx, |c| query.execute(c))?;
    }
    Ok(())
}

/// Another mail tells the member what the first did not.
pub fn requeue(
    tx: &mut Conn,
    member: MemberId,
    version: PolicyVersionId,
    message: MessageId,
    now: Timestamp,
) -> Result<()> {
    let window = policy_windows::table
        .filter(policy_windows::member_id.eq(member))
        .filter(policy_windows::policy_version_id.eq(version));
    diesel::update(window)
        .set((
            policy_windows::message_id.eq(Some(message)),
            policy_windows::queued_at.eq(Some(now)),
            policy_windows::failed_at.eq(None::<Timestamp>),
            policy_windows::told_at.eq(None::<Timestamp>),
        ))
        .execute(tx)?;
    Ok(())
}

pub(super) fn set_sent(tx: &mut Conn, message: MessageId, now: Timestamp) -> Result<()> {
    let window = || policy_windows::table.filter(policy_windows::message_id.eq(message));
    // A second mail delivers; in effect it has been since the first.
    diesel::update(window().filter(policy_windows::sent_at.is_null()))
        .set(policy_windows::sent_at.eq(Some(now)))
        .execute(tx)?;
    diesel::update(window().filter(policy_windows::delivered_at.is_null()))
        .set((
            policy_windows::delivered_at.eq(Some(now)),
            policy_windows::bounced_at.eq(None::<Timestamp>),
            policy_windows::failed_at.eq(None::<Timestamp>),
        ))
        .execute(tx)?;
    Ok(())
}

pub(super) fn set_failed(tx: &mut Conn, message: MessageId, now: Timestamp) -> Result<()> {
    let window = policy_windows::table
        .filter(policy_windows::message_id.eq(message))
        .filter(policy_windows::delivered_at.is_null());
    diesel::update(window)
        .set(policy_windows::failed_at.eq(Some(now)))
        .execute(tx)?;
    Ok(())
}

pub(super) fn set_bounced(tx: &mut Conn, message: MessageId, now: Timestamp) -> Result<()> {
    let window = policy_windows::table.filter(policy_windows::message_id.eq(message));
    diesel::update(window)
        .set((
            policy_windows::delivered_at.eq(None::<Timestamp>),
            policy_windows::bounced_at.eq(Some(now)),
        ))
        .execute(tx)?;
    Ok(())
}

/// The member has seen in the dashboard what no mail brought it: from now on the time to object runs.
pub fn see_window(tx: &mut Conn, member: MemberId, version: PolicyVersionId, now: Timestamp) -> Result<()> {
    let window = policy_windows::table
        .filter(policy_windows::member_id.eq(member))
        .filter(policy_windows::policy_version_id.eq(version))
        .filter(policy_windows::bounced_at.is_not_null())
        .filter(policy_windows::delivered_at.is_null());
    diesel::update(window)
        .set((
            policy_windows::delivered_at.eq(Some(now)),
            policy_windows::bounced_at.eq(None::<Timestamp>),
        ))
        .execute(tx)?;
    Ok(())
}

/// When an objection to a version ends the account; `None`: it doesn't.
pub fn set_window_end(
    tx: &mut Conn,
    member: MemberId,
    version: PolicyVersionId,
    ends_at: Option<Timestamp>,
) -> Result<()> {
    let window = policy_windows::table
        .filter(policy_windows::member_id.eq(member))
        .filter(policy_windows::policy_version_id.eq(version));
    diesel::update(window)
        .set(policy_windows::ends_at.eq(ends_at))
        .execute(tx)?;
    Ok(())
}

/// The versions in effect for a member by whose use nothing was noted yet.
pub fn unaware_of_use(conn: &mut Conn, member: MemberId, now: Timestamp) -> Result<Vec<PolicyVersionId>> {
    let noted = policy_decisions::table
        .filter(policy_decisions::member_id.eq(member))
        .filter(policy_decisions::decision.eq(Decision::ContinuedUse))
        .select(policy_decisions::policy_version_id);
    Ok(policy_windows::table
        .filter(policy_windows::member_id.eq(member))
        .filter(policy_windows::sent_at.le(now))
        .filter(policy_windows::policy_version_id.ne_all(noted))
        .order(policy_windows::posted_at)
        .select(policy_windows::policy_version_id)
        .load(conn)?)
}

/// A window whose mail has not arrived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Undelivered {
    pub member: MemberId,
    pub message: Option<MessageId>,
    pub sent_at: Option<Timestamp>,
    pub failed_at: Option<Timestamp>,
    pub bounced_at: Option<Timestamp>,
    pub queued_at: Option<Timestamp>,
    pub told_at: Option<Timestamp>,
}

/// The windows of a version whose mails have not arrived and won't by themselves: nobody to write to, refused, come back,
/// or still waiting though they were queued before `late`.
pub fn list_undelivered(
    conn: &mut Conn,
    version: PolicyVersionId,
    late: Timestamp,
) -> Result<Vec<Undelivered>> {
    type Row = (
        MemberId,
        Option<MessageId>,
        Option<Timestamp>,
        Option<Timestamp>,
        Option<Timestamp>,
        Option<Timestamp>,
        Option<Timestamp>,
    );
    let rows: Vec<Row> = policy_windows::table
        .filter(policy_windows::policy_version_id.eq(version))
        .filter(policy_windows::delivered_at.is_null())
        .filter(
            policy_windows::queued_at
                .is_null()
                .or(policy_windows::queued_at.lt(late))
                .or(policy_windows::failed_at.is_not_null())
                .or(policy_windows::bounced_at.is_not_null()),
        )
        .order(policy_windows::member_id)
        .select((
            policy_windows::member_id,
            policy_windows::message_id,
            policy_windows::sent_at,
            policy_windows::failed_at,
            policy_windows::bounced_at,
            policy_windows::queued_at,
            policy_windows::told_at,
        ))
        .load(conn)?;
    let undelivered = rows.into_iter().map(
        |(member, message, sent_at, failed_at, bounced_at, queued_at, told_at)| Undelivered {
            member,
            message,
            sent_at,
            failed_at,
            bounced_at,
            queued_at,
            told_at,
        },
    );
    Ok(undelivered.collect())
}

/// The operator knows of these.
pub fn mark_told(
    tx: &mut Conn,
    version: PolicyVersionId,
    members: &[MemberId],
    now: Timestamp,
) -> Result<()> {
    for some in members.chunks(500) {
        let windows = policy_windows::table
            .filter(policy_windows::policy_version_id.eq(version))
            .filter(policy_windows::member_id.eq_any(some.to_vec()));
        diesel::update(windows)
            .set(policy_windows::told_at.eq(Some(now)))
            .execute(tx)?;
    }
    Ok(())
}

/// How many members a version is on its way to, and how far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, QueryableByName)]
pub struct Status {
    #[diesel(sql_type = BigInt)]
    pub members: i64,
    #[diesel(sql_type = BigInt)]
    pub sent: i64,
    #[diesel(sql_type = BigInt)]
    pub delivered: i64,
    #[diesel(sql_type = BigInt)]
    pub bounced: i64,
    #[diesel(sql_type = BigInt)]
    pub unsent: i64,
    #[diesel(sql_type = BigInt)]
    pub ending: i64,
}

pub fn status(conn: &mut Conn, version: PolicyVersionId) -> Result<Status> {
    let query = diesel::sql_query(
        "SELECT count(*) AS members, count(sent_at) AS sent, count(delivered_at) AS delivered, \
         count(bounced_at) AS bounced, count(ends_at) AS ending, \
         count(CASE WHEN sent_at IS NULL AND (failed_at IS NOT NULL OR message_id IS NULL) THEN 1 END) AS unsent \
         FROM policy_windows WHERE policy_version_id = $1",
    )
    .bind::<Uid, _>(version);
    Ok(both!(conn, |c| query.get_result(c))?)
}
