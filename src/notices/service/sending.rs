//! A notice on its way: batch by batch, each in a transaction of its own with its mails.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::{Notices, is_for_the_leaving};
use crate::accounts::{self, Addressee, Role};
use crate::db::Conn;
use crate::ids::{JobId, MemberId, NoticeId, UserId};
use crate::jobs::{self, Priority};
use crate::mail::{Language, Recipient, Shared};
use crate::notices::jobs::{SendNotice, SendNoticePayload};
use crate::notices::{By, Error, Kind, Notice, State, store};
use crate::policies::{self, Allowed, Data, Ledger, Refused, may_use};

/// So many members in one transaction.
const BATCH: i64 = 500;
/// So many transactions in one run; then another job goes on.
const MOST_BATCHES: usize = 40;

impl Notices {
    /// Sends what is due of a notice. Runs again where it stopped; does nothing for what was cancelled or is sent.
    pub(in crate::notices) async fn send_due(&self, id: NoticeId) -> Result<(), Error> {
        for _ in 0..MOST_BATCHES {
            if !self.send_some(id).await? {
                return Ok(());
            }
        }
        let (job, now) = (JobId::new(&self.clock, &self.random), self.now());
        let payload = SendNoticePayload { notice: id };
        self.db
            .write(move |tx| jobs::enqueue_for::<SendNotice>(tx, job, &payload, now, None))
            .await?;
        Ok(())
    }

    /// One batch; false: there is nothing left.
    pub async fn send_some(&self, id: NoticeId) -> Result<bool, Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                let Some(kind) = store::find(tx, id)?.map(|notice| notice.kind) else {
                    return Ok(false);
                };
                if kind.is_advertising() {
                    // One at a time: how much somebody was sent lately is counted before the next.
                    store::lock_kinds(
                        tx,
                        &Kind::ALL
                            .into_iter()
                            .filter(|kind| kind.is_advertising())
                            .collect::<Vec<_>>(),
                    )?;
                } else {
                    store::lock(tx, id)?;
                }
                let Some(mut notice) = store::find(tx, id)? else {
                    return Ok(false);
                };
                let now = service.now();
                match notice.state {
                    State::Draft | State::Sent | State::Cancelled => return Ok(false),
                    State::Scheduled if notice.scheduled_for.is_some_and(|at| at > now) => {
                        // A clock that was set back has brought the job here too early.
                        let job = JobId::new(&service.clock, &service.random);
                        let payload = SendNoticePayload { notice: id };
                        let at = notice.scheduled_for.unwrap_or(now);
                        jobs::enqueue_for::<SendNotice>(tx, job, &payload, at, None)?;
                        return Ok(false);
                    }
                    State::Scheduled => {
                        notice.state = State::Sending;
                        notice.begun_at = Some(now);
                        store::set_state(tx, &notice)?;
                    }
                    State::Sending => {}
                }
                service.send_batch(tx, notice)
            })
            .await
    }

    fn send_batch(&self, tx: &mut Conn, mut notice: Notice) -> Result<bool, Error> {
        let now = self.now();
        let members = store::list_untold(tx, &notice, is_for_the_leaving(notice.kind), BATCH)?;
        if members.is_empty() {
            notice.state = State::Sent;
            notice.sent_at = Some(now);
            store::set_state(tx, &notice)?;
            let detail = json!({
                "members": store::count_members(tx, notice.id)?,
                "mails": store::list_messages(tx, notice.id)?.len(),
            });
            self.record(tx, By::Service, "notice.sent", notice.id, detail)?;
            return Ok(false);
        }
        store::insert_members(tx, notice.id, &members, now)?;
        let people = self.people_to_mail(tx, &notice, &members)?;
        self.mail(tx, &notice, people)?;
        Ok(true)
    }

    /// Owners and admins of these members with an address that is theirs; each person once, whatever members they belong to.
    fn people_to_mail(
        &self,
        tx: &mut Conn,
        notice: &Notice,
        members: &[MemberId],
    ) -> Result<Vec<(MemberId, Addressee)>, Error> {
        let all = accounts::list_addressees(tx, members, Role::Admin)?;
        let users: Vec<UserId> = all.iter().map(|(_, addressee)| addressee.user).collect();
        let mut seen: BTreeSet<UserId> = store::list_mailed(tx, notice.id, &users)?.into_iter().collect();
        Ok(all
            .into_iter()
            .filter(|(_, addressee)| seen.insert(addressee.user))
            .collect())
    }

    fn mail(&self, tx: &mut Conn, notice: &Notice, people: Vec<(MemberId, Addressee)>) -> Result<(), Error> {
        let now = self.now();
        let mut by_language: BTreeMap<&'static str, (Language, Vec<Recipient>)> = BTreeMap::new();
        for (member, addressee, allowed) in self.allowed(tx, notice.kind, people)? {
            let language = addressee.language;
            let (_, recipients) = by_language
                .entry(language.as_str())
                .or_insert_with(|| (language, Vec::new()));
            recipients.push(Recipient {
                member,
                user: addressee.user,
                to: addressee.address,
                allowed,
            });
        }
        for (language, recipients) in by_language.into_values() {
            let shared = Shared {
                topic: notice.id.to_string(),
                template: self.template(notice),
                language,
                key: self.random.bytes::<32>().to_vec(),
                priority: if notice.kind.is_urgent() {
                    Priority::High
                } else {
                    Priority::Low
                },
            };
            let messages = self.mailer.enqueue_all(tx, &shared, &recipients)?;
            let rows: Vec<_> = recipients
                .iter()
                .zip(messages)
                .map(|(recipient, message)| (recipient.user, recipient.member, message))
                .collect();
            store::insert_recipients(tx, notice.id, &rows, now)?;
        }
        Ok(())
    }

    /// Who of these may be written to with a notice of a kind, each with the ledger's yes.
    pub(super) fn allowed(
        &self,
        conn: &mut Conn,
        kind: Kind,
        people: Vec<(MemberId, Addressee)>,
    ) -> Result<Vec<(MemberId, Addressee, Allowed)>, Error> {
        let (now, category) = (self.now(), kind.category());
        let purpose = category.purpose();
        let mut members: BTreeMap<UserId, Vec<MemberId>> = BTreeMap::new();
        if kind.is_advertising() {
            let users: Vec<UserId> = people.iter().map(|(_, addressee)| addressee.user).collect();
            for (user, member) in accounts::list_members_of(conn, &users)? {
                members.entry(user).or_default().push(member);
            }
        }
        // The first version allows notices, and no change takes that away: the versions alone answer for everybody.
        let versions = policies::ledger_of(conn, None)?;
        let mut all = Vec::new();
        for (member, addressee) in people {
            let ask = |ledger: &Ledger| {
                let data = Data {
                    collected: addressee.collected,
                    ledger,
                };
                may_use(&data, purpose, now)
            };
            let allowed = if kind.is_advertising() {
                if !self.mailer.may_advertise(conn, &addressee.address, category)? {
                    continue;
                }
                // One of a person's members that opted out is enough (promise 6).
                let mut answer = Err(Refused::NotGranted);
                for member in members.get(&addressee.user).into_iter().flatten() {
                    answer = ask(&policies::ledger_of(conn, Some(*member))?);
                    if answer.is_err() {
                        break;
                    }
                }
                answer
            } else {
                ask(&versions)
            };
            match allowed {
                Ok(allowed) => all.push((member, addressee, allowed)),
                Err(_) if kind.is_advertising() => {}
                Err(why) => {
                    tracing::warn!(user.id = %addressee.user, policy.refused = %why, "an address was left alone");
                }
            }
        }
        Ok(all)
    }
}
