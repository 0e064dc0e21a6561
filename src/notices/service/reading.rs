//! Notices as those see them whom they concern, until they have read them.

use std::collections::BTreeMap;

use super::Notices;
use crate::accounts::Role;
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::ids::{MemberId, NoticeId, UserId};
use crate::notices::{Announced, Error, Kind, Notice, rules, store};
use crate::policies;

/// Whose notices, and who looks at them.
#[derive(Clone, Copy, Debug)]
struct Reader {
    member: MemberId,
    role: Role,
    /// None: a program, which reads nothing for anybody.
    user: Option<UserId>,
}

impl Notices {
    /// What was announced to a member, newest first: notices, and versions of policies. `role`: who looks at them.
    pub async fn list_announced(
        &self,
        member: MemberId,
        role: Role,
        user: Option<UserId>,
        before: Option<(Timestamp, NoticeId)>,
        limit: i64,
    ) -> Result<Vec<Announced>, Error> {
        let reader = Reader { member, role, user };
        self.db
            .read(move |conn| {
                let mut all = announced(conn, reader, before, limit)?;
                all.sort_by_key(|one| std::cmp::Reverse((one.at, one.id)));
                all.truncate(usize::try_from(limit).unwrap_or(0));
                Ok(all)
            })
            .await
    }

    /// A user has read a notice of their member. Twice is as good as once.
    pub async fn mark_read(
        &self,
        member: MemberId,
        role: Role,
        user: UserId,
        id: NoticeId,
    ) -> Result<(), Error> {
        let now = self.now();
        let reader = Reader {
            member,
            role,
            user: Some(user),
        };
        self.db
            .write(move |tx| {
                // The list says what concerns them, and nothing else does.
                let known = announced(tx, reader, None, i64::MAX)?;
                if !known.iter().any(|one| one.id == id) {
                    return Err(Error::NotFound);
                }
                store::mark_read(tx, id, user, now)?;
                Ok(())
            })
            .await
    }
}

fn announced(
    conn: &mut Conn,
    reader: Reader,
    before: Option<(Timestamp, NoticeId)>,
    limit: i64,
) -> Result<Vec<Announced>, Error> {
    let kinds: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| !kind.is_advertising() && reader.role >= rules::shown_to(*kind))
        .collect();
    let notices = store::list_of_member(conn, reader.member, &kinds, before, limit)?;
    let threads: Vec<NoticeId> = notices.iter().filter_map(|(notice, _)| notice.thread).collect();
    let newest: BTreeMap<NoticeId, NoticeId> = store::newest_of_threads(conn, reader.member, &threads)?
        .into_iter()
        .collect();
    let mut all: Vec<Announced> = notices
        .into_iter()
        .map(|(notice, at)| {
            let is_newest = notice
                .thread
                .is_none_or(|thread| newest.get(&thread) == Some(&notice.id));
            of_notice(notice, at, is_newest)
        })
        .collect();
    for announced in of_policies(conn, reader.member)? {
        if before.is_none_or(|before| (announced.at, announced.id) < before) {
            all.push(announced);
        }
    }
    note_reads(conn, reader, &mut all)?;
    Ok(all)
}

/// Sets who has read what, and what is still asked for.
fn note_reads(conn: &mut Conn, reader: Reader, all: &mut [Announced]) -> Result<(), Error> {
    let Some(user) = reader.user else {
        for one in all {
            one.asks = false;
        }
        return Ok(());
    };
    let ids: Vec<NoticeId> = all.iter().map(|one| one.id).collect();
    let reads: BTreeMap<NoticeId, Timestamp> = store::list_reads(conn, user, &ids)?.into_iter().collect();
    let joined = store::joined_at(conn, reader.member, user)?;
    for one in all {
        one.read_at = reads.get(&one.id).copied();
        let is_older = joined.is_some_and(|joined| one.at < joined);
        one.asks = one.asks && one.read_at.is_none() && !is_older;
    }
    Ok(())
}

fn of_notice(notice: Notice, at: Timestamp, is_newest: bool) -> Announced {
    Announced {
        id: notice.id,
        kind: notice.kind,
        stage: notice.stage,
        thread: notice.thread,
        release: notice.release,
        starts_at: notice.starts_at,
        ends_at: notice.ends_at,
        title: notice.title,
        body: notice.body,
        policy_version: None,
        at,
        read_at: None,
        asks: is_newest,
    }
}

/// The versions of policies that were announced to a member: their mails have told of them, and so they stand here too.
fn of_policies(conn: &mut Conn, member: MemberId) -> Result<Vec<Announced>, Error> {
    let mut all = Vec::new();
    for row in policies::windows_of_member(conn, member)? {
        let version = policies::find_version_by_id(conn, row.version)?.ok_or(Error::NotFound)?;
        let (title, body) = rules::policy_words(&version);
        all.push(Announced {
            id: NoticeId::from_uuid(*version.id.uuid()),
            kind: Kind::PolicyChange,
            stage: None,
            thread: None,
            release: None,
            starts_at: None,
            ends_at: None,
            title,
            body,
            policy_version: Some(version.id),
            at: row.window.posted_at,
            read_at: None,
            asks: true,
        });
    }
    Ok(all)
}
