//! The ledger as it is stored: asked by whoever collects or uses data, in their own transaction; and told what became
//! of the mails that say what changed.

use super::{Allowed, Collected, Data, Ledger, Purpose, Refused, may_use, store};
use crate::clock::Timestamp;
use crate::db::{self, Conn};
use crate::ids::{MemberId, MessageId, PolicyVersionId};

/// What is known about the privacy policy and a member; of nobody's account: the versions alone.
pub fn ledger_of(conn: &mut Conn, member: Option<MemberId>) -> db::Result<Ledger> {
    store::ledger(conn, member)
}

/// How something is collected now from a member: under the version that is in effect for it.
pub fn collected_now(conn: &mut Conn, member: MemberId, now: Timestamp) -> db::Result<Collected> {
    let under = ledger_of(conn, Some(member))?.under(now);
    under_or_current(conn, under, now)
}

/// The same from a person who belongs to several members, or to none: under the oldest of their versions.
pub fn collected_now_by(conn: &mut Conn, members: &[MemberId], now: Timestamp) -> db::Result<Collected> {
    let mut each = Vec::new();
    for member in members {
        each.push(collected_now(conn, *member, now)?);
    }
    let versions = ledger_of(conn, None)?;
    let under = match versions.strictest(&each) {
        Some(strictest) => Some(strictest.under),
        None => versions.under(now),
    };
    under_or_current(conn, under, now)
}

fn under_or_current(
    conn: &mut Conn,
    under: Option<PolicyVersionId>,
    now: Timestamp,
) -> db::Result<Collected> {
    let under = match under {
        Some(under) => under,
        // Only while a clock was set back: what is posted "later" is all there is.
        None => store::current(conn)?.privacy.id,
    };
    Ok(Collected { at: now, under })
}

/// May this be used for that purpose, now?
pub fn may(
    conn: &mut Conn,
    member: Option<MemberId>,
    collected: Collected,
    purpose: Purpose,
    now: Timestamp,
) -> db::Result<Result<Allowed, Refused>> {
    let ledger = ledger_of(conn, member)?;
    let data = Data {
        collected,
        ledger: &ledger,
    };
    Ok(may_use(&data, purpose, now))
}

/// The same for who goes on without it: `None` is noted in the log, and is no error.
pub fn ask(
    conn: &mut Conn,
    member: Option<MemberId>,
    collected: Collected,
    purpose: Purpose,
    now: Timestamp,
) -> db::Result<Option<Allowed>> {
    Ok(match may(conn, member, collected, purpose, now)? {
        Ok(allowed) => Some(allowed),
        Err(why) => {
            tracing::info!(policy.purpose = %purpose, policy.refused = %why, "data was left alone");
            None
        }
    })
}

/// The server took a message: if it told a member of a version, that is sent and delivered, until a bounce says otherwise.
pub fn message_sent(tx: &mut Conn, message: MessageId, now: Timestamp) -> db::Result<()> {
    store::set_sent(tx, message, now)
}

/// A message won't leave. What it should have told is not in effect.
pub fn message_failed(tx: &mut Conn, message: MessageId, now: Timestamp) -> db::Result<()> {
    store::set_failed(tx, message, now)
}

/// A message came back: the time to object does not run, however long ago it left.
pub fn message_bounced(tx: &mut Conn, message: MessageId, now: Timestamp) -> db::Result<()> {
    store::set_bounced(tx, message, now)
}
