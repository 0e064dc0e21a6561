//! The `bars` and `bar_versions` tables. Every query that a member causes is scoped by member; deleted bars are none.

use std::collections::HashMap;

use diesel::prelude::*;

use super::configuration::{Configuration, Look};
use super::published::PublishedBar;
use super::settings::Settings;
use super::{
    Bar, BarKey, BarName, BarState, BarSummary, Draft, HostPattern, LegacyId, Publication, Version,
    has_changes,
};
use crate::accounts::{Network, OwnVisits};
use crate::clock::Timestamp;
use crate::db::schema::{bar_versions, bars, members};
use crate::db::{Conn, Json, Result};
use crate::ids::{BarId, MemberId, UserId};
use crate::plans::Plan;

text_column!(BarKey, BarName, BarState, LegacyId);

type BarRow = (
    BarId,
    MemberId,
    BarKey,
    BarName,
    BarState,
    Json<Configuration>,
    i64,
    Option<i32>,
    Option<i64>,
    Json<Vec<HostPattern>>,
    Json<Settings>,
    Timestamp,
    Timestamp,
    Option<LegacyId>,
);

pub fn insert(conn: &mut Conn, bar: &Bar) -> Result<()> {
    diesel::insert_into(bars::table)
        .values((
            bars::id.eq(bar.id),
            bars::member_id.eq(bar.member),
            bars::key.eq(bar.key),
            bars::name.eq(&bar.name),
            bars::state.eq(bar.state),
            bars::draft.eq(Json(bar.draft.configuration.clone())),
            bars::draft_revision.eq(bar.draft.revision),
            bars::allowed_hosts.eq(Json(bar.allowed_hosts.clone())),
            bars::settings.eq(Json(bar.settings.clone())),
            bars::created_at.eq(bar.created_at),
            bars::updated_at.eq(bar.updated_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Everything of a bar that can change.
pub fn save(conn: &mut Conn, bar: &Bar) -> Result<()> {
    let live = bar.published.as_ref();
    diesel::update(
        bars::table
            .filter(bars::member_id.eq(bar.member))
            .filter(bars::id.eq(bar.id)),
    )
    .set((
        bars::name.eq(&bar.name),
        bars::state.eq(bar.state),
        bars::draft.eq(Json(bar.draft.configuration.clone())),
        bars::draft_revision.eq(bar.draft.revision),
        bars::published_version.eq(live.map(|live| live.version)),
        bars::published_revision.eq(live.and_then(|live| live.revision)),
        bars::allowed_hosts.eq(Json(bar.allowed_hosts.clone())),
        bars::settings.eq(Json(bar.settings.clone())),
        bars::updated_at.eq(bar.updated_at),
    ))
    .execute(conn)?;
    Ok(())
}

/// Makes other writers of this bar wait until the transaction ends. SQLite has one writer anyway.
pub fn lock(conn: &mut Conn, member: MemberId, id: BarId) -> Result<()> {
    if let Conn::Postgres(conn) = conn {
        bars::table
            .filter(bars::member_id.eq(member))
            .filter(bars::id.eq(id))
            .select(bars::id)
            .for_update()
            .execute(conn)?;
    }
    Ok(())
}

pub fn find(conn: &mut Conn, member: MemberId, id: BarId) -> Result<Option<Bar>> {
    let row: Option<BarRow> = bars::table
        .filter(bars::member_id.eq(member))
        .filter(bars::id.eq(id))
        .filter(bars::deleted_at.is_null())
        .select((
            bars::id,
            bars::member_id,
            bars::key,
            bars::name,
            bars::state,
            bars::draft,
            bars::draft_revision,
            bars::published_version,
            bars::published_revision,
            bars::allowed_hosts,
            bars::settings,
            bars::created_at,
            bars::updated_at,
            bars::legacy_id,
        ))
        .first(conn)
        .optional()?;
    let Some(row) = row else { return Ok(None) };
    let published = match row.7 {
        Some(version) => find_publication(conn, member, id, version)?.map(|publication| Publication {
            revision: row.8,
            ..publication
        }),
        None => None,
    };
    Ok(Some(Bar {
        id: row.0,
        member: row.1,
        key: row.2,
        name: row.3,
        state: row.4,
        draft: Draft {
            configuration: row.5.0,
            revision: row.6,
        },
        published,
        allowed_hosts: row.9.0,
        settings: row.10.0,
        created_at: row.11,
        updated_at: row.12,
        legacy_id: row.13,
    }))
}

pub fn count(conn: &mut Conn, member: MemberId) -> Result<i64> {
    Ok(bars::table
        .filter(bars::member_id.eq(member))
        .filter(bars::deleted_at.is_null())
        .count()
        .get_result(conn)?)
}

/// Where each of a member's bars may be shown.
pub fn list_allowed_hosts(conn: &mut Conn, member: MemberId) -> Result<Vec<(BarId, Vec<HostPattern>)>> {
    let rows: Vec<(BarId, Json<Vec<HostPattern>>)> = bars::table
        .filter(bars::member_id.eq(member))
        .filter(bars::deleted_at.is_null())
        .select((bars::id, bars::allowed_hosts))
        .load(conn)?;
    Ok(rows.into_iter().map(|(bar, Json(hosts))| (bar, hosts)).collect())
}

type SummaryRow = (
    BarId,
    BarKey,
    BarName,
    BarState,
    i64,
    Option<i32>,
    Option<i64>,
    Timestamp,
    Timestamp,
);

pub fn list(conn: &mut Conn, member: MemberId) -> Result<Vec<BarSummary>> {
    let rows: Vec<SummaryRow> = bars::table
        .filter(bars::member_id.eq(member))
        .filter(bars::deleted_at.is_null())
        .select((
            bars::id,
            bars::key,
            bars::name,
            bars::state,
            bars::draft_revision,
            bars::published_version,
            bars::published_revision,
            bars::created_at,
            bars::updated_at,
        ))
        .load(conn)?;
    let summary = |row: SummaryRow| BarSummary {
        id: row.0,
        key: row.1,
        name: row.2,
        state: row.3,
        has_changes: has_changes(row.4, row.6),
        published_version: row.5,
        created_at: row.7,
        updated_at: row.8,
    };
    Ok(rows.into_iter().map(summary).collect())
}

pub fn find_key(conn: &mut Conn, member: MemberId, id: BarId) -> Result<Option<BarKey>> {
    Ok(bars::table
        .filter(bars::member_id.eq(member))
        .filter(bars::id.eq(id))
        .filter(bars::deleted_at.is_null())
        .select(bars::key)
        .first(conn)
        .optional()?)
}

/// How the drafts of these bars look.
pub fn list_looks(conn: &mut Conn, member: MemberId, ids: &[BarId]) -> Result<HashMap<BarId, Look>> {
    let rows: Vec<(BarId, Json<Configuration>)> = bars::table
        .filter(bars::member_id.eq(member))
        .filter(bars::id.eq_any(ids.to_vec()))
        .select((bars::id, bars::draft))
        .load(conn)?;
    let look = |(id, Json(draft)): (BarId, Json<Configuration>)| (id, draft.look());
    Ok(rows.into_iter().map(look).collect())
}

/// Whose bar has this key. For those who run the service: no member is asked for.
pub fn find_owner(conn: &mut Conn, key: BarKey) -> Result<Option<(MemberId, BarId)>> {
    Ok(bars::table
        .filter(bars::key.eq(key))
        .filter(bars::deleted_at.is_null())
        .select((bars::member_id, bars::id))
        .first(conn)
        .optional()?)
}

/// Which bar old snippets with this id mean.
pub fn find_key_of_legacy_id(conn: &mut Conn, id: &LegacyId) -> Result<Option<BarKey>> {
    Ok(bars::table
        .filter(bars::legacy_id.eq(id))
        .filter(bars::deleted_at.is_null())
        .select(bars::key)
        .first(conn)
        .optional()?)
}

pub fn put_legacy_id(conn: &mut Conn, bar: &Bar) -> Result<()> {
    diesel::update(
        bars::table
            .filter(bars::member_id.eq(bar.member))
            .filter(bars::id.eq(bar.id)),
    )
    .set((
        bars::legacy_id.eq(&bar.legacy_id),
        bars::updated_at.eq(bar.updated_at),
    ))
    .execute(conn)?;
    Ok(())
}

/// Takes a bar away from everybody, and gives its legacy id free; its rows are purged by a job.
pub fn mark_deleted(conn: &mut Conn, member: MemberId, id: BarId, now: Timestamp) -> Result<()> {
    diesel::update(
        bars::table
            .filter(bars::member_id.eq(member))
            .filter(bars::id.eq(id)),
    )
    .set((bars::deleted_at.eq(now), bars::legacy_id.eq(None::<LegacyId>)))
    .execute(conn)?;
    Ok(())
}

/// Removes the rows of a deleted bar: its versions and sites go with it.
pub fn purge(conn: &mut Conn, member: MemberId, id: BarId) -> Result<()> {
    diesel::delete(
        bars::table
            .filter(bars::member_id.eq(member))
            .filter(bars::id.eq(id))
            .filter(bars::deleted_at.is_not_null()),
    )
    .execute(conn)?;
    Ok(())
}

/// Removes some bars of a member, deleted ones too: versions, sites and scripts go with them.
pub fn delete_of_member(conn: &mut Conn, member: MemberId, limit: i64) -> Result<usize> {
    let some: Vec<BarId> = bars::table
        .filter(bars::member_id.eq(member))
        .select(bars::id)
        .limit(limit)
        .load(conn)?;
    Ok(diesel::delete(bars::table.filter(bars::id.eq_any(some))).execute(conn)?)
}

pub fn insert_version(
    conn: &mut Conn,
    bar: &Bar,
    publication: &Publication,
    configuration: &Configuration,
) -> Result<()> {
    diesel::insert_into(bar_versions::table)
        .values((
            bar_versions::bar_id.eq(bar.id),
            bar_versions::version.eq(publication.version),
            bar_versions::member_id.eq(bar.member),
            bar_versions::configuration.eq(Json(configuration.clone())),
            bar_versions::note.eq(&publication.note),
            bar_versions::published_by.eq(publication.published_by),
            bar_versions::published_at.eq(publication.published_at),
        ))
        .execute(conn)?;
    Ok(())
}

pub fn last_version(conn: &mut Conn, bar: BarId) -> Result<Option<i32>> {
    Ok(bar_versions::table
        .filter(bar_versions::bar_id.eq(bar))
        .select(diesel::dsl::max(bar_versions::version))
        .first(conn)?)
}

type PublicationRow = (i32, Timestamp, Option<UserId>, String);

fn publication((version, published_at, published_by, note): PublicationRow) -> Publication {
    Publication {
        version,
        published_at,
        published_by,
        note,
        revision: None,
    }
}

const PUBLICATION: (
    bar_versions::version,
    bar_versions::published_at,
    bar_versions::published_by,
    bar_versions::note,
) = (
    bar_versions::version,
    bar_versions::published_at,
    bar_versions::published_by,
    bar_versions::note,
);

fn find_publication(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    version: i32,
) -> Result<Option<Publication>> {
    let row = bar_versions::table
        .filter(bar_versions::member_id.eq(member))
        .filter(bar_versions::bar_id.eq(bar))
        .filter(bar_versions::version.eq(version))
        .select(PUBLICATION)
        .first(conn)
        .optional()?;
    Ok(row.map(publication))
}

pub fn find_version(conn: &mut Conn, member: MemberId, bar: BarId, version: i32) -> Result<Option<Version>> {
    let row: Option<(PublicationRow, Json<Configuration>)> = bar_versions::table
        .filter(bar_versions::member_id.eq(member))
        .filter(bar_versions::bar_id.eq(bar))
        .filter(bar_versions::version.eq(version))
        .select((PUBLICATION, bar_versions::configuration))
        .first(conn)
        .optional()?;
    Ok(row.map(|(row, Json(configuration))| Version {
        publication: publication(row),
        configuration,
    }))
}

/// The history, newest first, from below `before`.
pub fn list_versions(
    conn: &mut Conn,
    member: MemberId,
    bar: BarId,
    before: Option<i32>,
    limit: i64,
) -> Result<Vec<Publication>> {
    let rows: Vec<PublicationRow> = bar_versions::table
        .filter(bar_versions::member_id.eq(member))
        .filter(bar_versions::bar_id.eq(bar))
        .filter(bar_versions::version.lt(before.unwrap_or(i32::MAX)))
        .order(bar_versions::version.desc())
        .limit(limit)
        .select(PUBLICATION)
        .load(conn)?;
    Ok(rows.into_iter().map(publication).collect())
}

type PublishedRow = (
    BarId,
    MemberId,
    BarName,
    BarState,
    Json<Vec<HostPattern>>,
    i32,
    Json<Configuration>,
    Json<Settings>,
    Option<Timestamp>,
    Json<Vec<Network>>,
    bool,
    Option<Timestamp>,
    Plan,
);

/// What visitors see under a key: of whichever member.
pub fn find_published(conn: &mut Conn, key: BarKey) -> Result<Option<PublishedBar>> {
    let shown = bar_versions::bar_id
        .eq(bars::id)
        .and(bars::published_version.eq(bar_versions::version.nullable()));
    let row: Option<PublishedRow> = bars::table
        .inner_join(bar_versions::table.on(shown))
        .inner_join(members::table.on(members::id.eq(bars::member_id)))
        .filter(bars::key.eq(key))
        .filter(bars::deleted_at.is_null())
        .select((
            bars::id,
            bars::member_id,
            bars::name,
            bars::state,
            bars::allowed_hosts,
            bar_versions::version,
            bar_versions::configuration,
            bars::settings,
            members::ends_at,
            members::own_addresses,
            members::excludes_own_users,
            members::resting_until,
            members::plan,
        ))
        .first(conn)
        .optional()?;
    let bar = |row: PublishedRow| PublishedBar {
        bar: row.0,
        member: row.1,
        key,
        name: row.2,
        // Of a member that is leaving nothing is shown and nothing counted; nor of one that chose to pause when the views of
        // its plan are used up, until the next period.
        state: match row.8.or(row.11) {
            Some(_) => BarState::Paused,
            None => row.3,
        },
        allowed_hosts: row.4.0,
        version: row.5,
        configuration: row.6.0,
        settings: row.7.0,
        plan: row.12,
        own_visits: OwnVisits {
            addresses: row.9.0,
            users: row.10,
        },
    };
    Ok(row.map(bar))
}
