//! Writing a notice, looking at it before it goes, scheduling and cancelling it, and seeing how far it has come.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Notices, is_for_the_leaving};
use crate::accounts::{self, Addressee, Role};
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::ids::{BreachId, JobId, MemberId, NoticeId, UserId};
use crate::jobs;
use crate::mail::{Language, Rendered};
use crate::notices::jobs::{SendNotice, SendNoticePayload};
use crate::notices::{Audience, By, Error, Kind, NewNotice, Notice, State, rules, store};

/// So many members are looked at in one go.
const BATCH: i64 = 5000;

/// What a notice would do, and how it would look.
#[derive(Clone, Debug, PartialEq)]
pub struct Preview {
    pub members: usize,
    /// Members of whom nobody can be written to.
    pub unreachable: usize,
    pub people: usize,
    /// How many of them refuse such mails. Of advertising: how many did not ask for it, or had enough of it lately.
    pub refusing: usize,
    /// How many are written to in each language.
    pub languages: Vec<(Language, usize)>,
    pub mails: Vec<(Language, Rendered)>,
}

/// How far a notice has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub members: usize,
    /// Its mails, by their state.
    pub mails: BTreeMap<&'static str, usize>,
}

/// A member that a notice went to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    pub member: MemberId,
    pub name: String,
    /// How many people were mailed for it. Who belongs to several members is counted for one.
    pub mails: i64,
}

/// The people of an audience.
pub(super) struct People {
    pub members: usize,
    pub unreachable: usize,
    pub people: BTreeMap<UserId, (MemberId, Addressee)>,
}

/// Owners and admins of all those meant, each once.
pub(super) fn people_of(conn: &mut Conn, audience: &Audience, leaving_too: bool) -> Result<People, Error> {
    let mut found = People {
        members: 0,
        unreachable: 0,
        people: BTreeMap::new(),
    };
    let mut after = None;
    loop {
        let members = store::list_meant(conn, audience, leaving_too, after, BATCH)?;
        let Some(last) = members.last() else {
            return Ok(found);
        };
        after = Some(*last);
        found.members += members.len();
        let mut reached = BTreeSet::new();
        for (member, addressee) in accounts::list_addressees(conn, &members, Role::Admin)? {
            reached.insert(member);
            found.people.entry(addressee.user).or_insert((member, addressee));
        }
        found.unreachable += members.len() - reached.len();
    }
}

impl Notices {
    /// Keeps a notice. Nobody is told yet.
    pub async fn write(&self, by: By, new: NewNotice) -> Result<Notice, Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                let thread = match new.follows {
                    Some(id) => {
                        let followed = store::find(tx, id)?.filter(|notice| notice.kind == Kind::Outage);
                        match followed.and_then(|notice| notice.thread) {
                            Some(thread) => store::list_thread(tx, thread)?,
                            None => Vec::new(),
                        }
                    }
                    None => Vec::new(),
                };
                let new = rules::checked(new, &thread).map_err(Error::Wrong)?;
                let first = thread.first().map(|notice| notice.id);
                let notice = service.keep(tx, new, first, None)?;
                let detail = json!({ "kind": notice.kind, "stage": notice.stage });
                service.record(tx, by, "notice.written", notice.id, detail)?;
                Ok(notice)
            })
            .await
    }

    pub(super) fn keep(
        &self,
        tx: &mut Conn,
        new: NewNotice,
        thread: Option<NoticeId>,
        breach: Option<BreachId>,
    ) -> Result<Notice, Error> {
        let id = NoticeId::new(&self.clock, &self.random);
        let notice = Notice {
            id,
            thread: (new.kind == Kind::Outage).then(|| thread.unwrap_or(id)),
            kind: new.kind,
            stage: new.stage,
            release: new.release,
            starts_at: new.starts_at,
            ends_at: new.ends_at,
            title: new.title,
            body: new.body,
            audience: new.audience,
            state: State::Draft,
            breach,
            written_at: self.now(),
            scheduled_for: None,
            begun_at: None,
            sent_at: None,
            cancelled_at: None,
        };
        store::insert(tx, &notice)?;
        Ok(notice)
    }

    /// Notices as they were written, newest first.
    pub async fn list_written(
        &self,
        before: Option<(Timestamp, NoticeId)>,
        limit: i64,
    ) -> Result<Vec<Notice>, Error> {
        self.db
            .read(move |conn| Ok(store::list(conn, before, limit)?))
            .await
    }

    /// One of them, and how far it has come.
    pub async fn find_written(&self, id: NoticeId) -> Result<(Notice, Progress), Error> {
        let service = self.clone();
        self.db
            .read(move |conn| {
                let notice = store::find(conn, id)?.ok_or(Error::NotFound)?;
                let messages = store::list_messages(conn, id)?;
                let progress = Progress {
                    members: usize::try_from(store::count_members(conn, id)?).unwrap_or(0),
                    mails: service.mailer.count_states(conn, &messages)?,
                };
                Ok((notice, progress))
            })
            .await
    }

    /// Who and how many would be told now, and how the mail looks.
    pub async fn preview(&self, id: NoticeId) -> Result<Preview, Error> {
        let service = self.clone();
        self.db
            .read(move |conn| {
                let notice = store::find(conn, id)?.ok_or(Error::NotFound)?;
                let found = people_of(conn, &notice.audience, is_for_the_leaving(notice.kind))?;
                let refusing = if notice.kind.is_advertising() {
                    let people = found.people.values().cloned().collect();
                    found.people.len() - service.allowed(conn, notice.kind, people)?.len()
                } else {
                    let to = found.people.values().map(|(member, one)| (&one.address, *member));
                    service.mailer.count_refusing(conn, notice.kind.category(), to)?
                };
                let count = |language| {
                    let in_it = found.people.values().filter(|(_, one)| one.language == language);
                    (language, in_it.count())
                };
                let template = service.template(&notice);
                let mut mails = Vec::new();
                for language in Language::ALL {
                    mails.push((language, service.mailer.preview(&template, language)?));
                }
                Ok(Preview {
                    members: found.members,
                    unreachable: found.unreachable,
                    people: found.people.len(),
                    refusing,
                    languages: Language::ALL.map(count).to_vec(),
                    mails,
                })
            })
            .await
    }

    /// Lets a notice go at a time, or at once. Twice is as good as once, as long as the time is the same.
    pub async fn send(&self, by: By, id: NoticeId, at: Option<Timestamp>) -> Result<Notice, Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                store::lock(tx, id)?;
                let notice = store::find(tx, id)?.ok_or(Error::NotFound)?;
                service.schedule(tx, by, notice, at)
            })
            .await
    }

    pub(super) fn schedule(
        &self,
        tx: &mut Conn,
        by: By,
        mut notice: Notice,
        at: Option<Timestamp>,
    ) -> Result<Notice, Error> {
        if notice.state == State::Scheduled && at.is_some() && at == notice.scheduled_for {
            return Ok(notice);
        }
        if notice.state != State::Draft {
            return Err(Error::State(notice.state));
        }
        let now = self.now();
        let at = at.map_or(now, |at| at.max(now));
        notice.state = State::Scheduled;
        notice.scheduled_for = Some(at);
        store::set_state(tx, &notice)?;
        let job = JobId::new(&self.clock, &self.random);
        let payload = SendNoticePayload { notice: notice.id };
        jobs::enqueue_for::<SendNotice>(tx, job, &payload, at, None)?;
        let detail = json!({ "at": at });
        self.record(tx, by, "notice.scheduled", notice.id, detail)?;
        Ok(notice)
    }

    /// Keeps a notice from going. Once it has begun to go out it can't be held back.
    pub async fn cancel(&self, by: By, id: NoticeId) -> Result<Notice, Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                store::lock(tx, id)?;
                let mut notice = store::find(tx, id)?.ok_or(Error::NotFound)?;
                match notice.state {
                    State::Cancelled => return Ok(notice),
                    State::Sending | State::Sent => return Err(Error::State(notice.state)),
                    State::Draft | State::Scheduled => {}
                }
                notice.state = State::Cancelled;
                notice.cancelled_at = Some(service.now());
                store::set_state(tx, &notice)?;
                service.record(tx, by, "notice.cancelled", id, json!({}))?;
                Ok(notice)
            })
            .await
    }

    /// The members that a notice went to, behind `after`.
    pub async fn list_recipients(
        &self,
        id: NoticeId,
        after: Option<MemberId>,
        limit: i64,
    ) -> Result<Vec<Recipient>, Error> {
        self.db
            .read(move |conn| {
                store::find(conn, id)?.ok_or(Error::NotFound)?;
                let told = store::list_told(conn, id, after, limit)?;
                Ok(told
                    .into_iter()
                    .map(|(member, name, mails)| Recipient { member, name, mails })
                    .collect())
            })
            .await
    }
}
