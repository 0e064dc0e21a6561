//! The `bar_scripts` table: scripts in their compressed forms, by bar and hash. Rows are made, and go with their bar;
//! nothing ever changes one.

use diesel::prelude::*;

use super::ScriptHash;
use super::script::Packed;
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::bar_scripts;
use crate::db::{Conn, Result};
use crate::ids::{BarId, MemberId};

text_column!(ScriptHash);

/// Whose script it is, and of which version it was made first.
#[derive(Clone, Copy, Debug)]
pub struct Owner {
    pub member: MemberId,
    pub bar: BarId,
    pub version: i32,
}

/// Keeps a script, unless it is there already.
pub fn insert(
    conn: &mut Conn,
    owner: Owner,
    hash: ScriptHash,
    packed: &Packed,
    now: Timestamp,
) -> Result<()> {
    let row = (
        bar_scripts::bar_id.eq(owner.bar),
        bar_scripts::hash.eq(hash),
        bar_scripts::member_id.eq(owner.member),
        bar_scripts::version.eq(owner.version),
        bar_scripts::gzip.eq(&packed.gzip[..]),
        bar_scripts::brotli.eq(&packed.brotli[..]),
        bar_scripts::created_at.eq(now),
    );
    both!(conn, |c| diesel::insert_into(bar_scripts::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

pub fn find(conn: &mut Conn, member: MemberId, bar: BarId, hash: ScriptHash) -> Result<Option<Packed>> {
    let row: Option<(Vec<u8>, Vec<u8>)> = bar_scripts::table
        .filter(bar_scripts::member_id.eq(member))
        .filter(bar_scripts::bar_id.eq(bar))
        .filter(bar_scripts::hash.eq(hash))
        .select((bar_scripts::gzip, bar_scripts::brotli))
        .first(conn)
        .optional()?;
    Ok(row.map(|(gzip, brotli)| Packed {
        gzip: gzip.into(),
        brotli: brotli.into(),
    }))
}
