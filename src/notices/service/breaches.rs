//! A breach, from its opening to its end (promise 35).

use serde_json::json;

use super::Notices;
use super::writing::people_of;
use crate::accounts::{self, Role};
use crate::clock::Timestamp;
use crate::db::{Conn, Result as DbResult};
use crate::ids::{BreachId, MemberId};
use crate::mail::{Draft, EmailAddress, Language, Template};
use crate::notices::breaches::{Affected, Breach, BreachClock, BreachView, NewBreach};
use crate::notices::{Audience, By, Error, Kind, NewNotice, rules, store};
use crate::policies::{self, Words};

impl Notices {
    /// Opens a breach: its clock runs from when it was noticed.
    pub async fn open_breach(&self, by: By, new: NewBreach) -> Result<BreachView, Error> {
        let now = self.now();
        let what = rules::checked_words("what", &new.what).map_err(Error::Wrong)?;
        if new.noticed_at > now {
            return Err(Error::Wrong(vec![rules::Wrong {
                field: "noticed_at",
                message: "must not lie ahead".to_owned(),
            }]));
        }
        let service = self.clone();
        self.db
            .write(move |tx| {
                let breach = Breach {
                    id: BreachId::new(&service.clock, &service.random),
                    what,
                    noticed_at: new.noticed_at,
                    opened_at: now,
                    affected: None,
                    notice: None,
                    authority_at: None,
                    authority_words: None,
                    report: None,
                    reported_at: None,
                    closed_at: None,
                };
                store::insert_breach(tx, &breach)?;
                let detail = json!({ "noticed_at": breach.noticed_at });
                service.record(tx, by, "breach.opened", breach.id, detail)?;
                service.view(tx, breach)
            })
            .await
    }

    /// All breaches, newest first.
    pub async fn list_breaches(&self) -> Result<Vec<BreachView>, Error> {
        let service = self.clone();
        self.db
            .read(move |conn| {
                let mut all = Vec::new();
                for breach in store::list_breaches(conn)? {
                    all.push(service.view(conn, breach)?);
                }
                Ok(all)
            })
            .await
    }

    pub async fn find_breach(&self, id: BreachId) -> Result<BreachView, Error> {
        let service = self.clone();
        self.db
            .read(move |conn| {
                let breach = store::find_breach(conn, id)?.ok_or(Error::NotFound)?;
                service.view(conn, breach)
            })
            .await
    }

    /// Says who is affected; an audience of nobody says that nobody is. Until they are told it can be said anew.
    pub async fn set_affected(&self, by: By, id: BreachId, affected: Audience) -> Result<BreachView, Error> {
        let mut faults = Vec::new();
        let affected = rules::checked_audience(affected, &mut faults);
        if !faults.is_empty() {
            return Err(Error::Wrong(faults));
        }
        self.change(by, id, "breach.affected", move |_, breach| {
            if breach.notice.is_some() {
                return Err(Error::Announced);
            }
            breach.affected = Some(affected);
            Ok(())
        })
        .await
    }

    /// Notes that the authority was told, with its reference; or why it need not be. The clock stops.
    pub async fn note_authority(
        &self,
        by: By,
        id: BreachId,
        at: Option<Timestamp>,
        words: String,
    ) -> Result<BreachView, Error> {
        let now = self.now();
        let words = rules::checked_words("words", &words).map_err(Error::Wrong)?;
        let at = at.unwrap_or(now);
        if at > now {
            return Err(Error::Wrong(vec![rules::Wrong {
                field: "at",
                message: "must not lie ahead".to_owned(),
            }]));
        }
        self.change(by, id, "breach.authority", move |_, breach| {
            breach.authority_at = Some(at);
            breach.authority_words = Some(words);
            Ok(())
        })
        .await
    }

    /// Tells those affected, at once, by a mail that no preference stops and in their dashboards. Once.
    pub async fn notify_breach(
        &self,
        by: By,
        id: BreachId,
        title: Words,
        body: Words,
    ) -> Result<BreachView, Error> {
        let service = self.clone();
        self.change(by, id, "breach.notified", move |tx, breach| {
            if breach.notice.is_some() {
                return Err(Error::Announced);
            }
            let affected = breach.affected.clone().filter(|affected| !affected.is_nobody());
            let audience = affected.ok_or(Error::NobodyAffected)?;
            // Checked as any notice is; only its kind is the breach's own.
            let new = NewNotice {
                kind: Kind::Abuse,
                stage: None,
                follows: None,
                release: None,
                starts_at: None,
                ends_at: None,
                title,
                body,
                audience,
            };
            let new = NewNotice {
                kind: Kind::SecurityBreach,
                ..rules::checked(new, &[]).map_err(Error::Wrong)?
            };
            let notice = service.keep(tx, new, None, Some(id))?;
            breach.notice = Some(notice.id);
            service.schedule(tx, by, notice, None)?;
            Ok(())
        })
        .await
    }

    /// Keeps the corrective report, in the place of the one before.
    pub async fn report_breach(&self, by: By, id: BreachId, report: String) -> Result<BreachView, Error> {
        let report = rules::checked_words("report", &report).map_err(Error::Wrong)?;
        let now = self.now();
        self.change(by, id, "breach.reported", move |_, breach| {
            breach.report = Some(report);
            breach.reported_at = Some(now);
            Ok(())
        })
        .await
    }

    /// Closes a breach of which nothing is left to be done.
    pub async fn close_breach(&self, by: By, id: BreachId) -> Result<BreachView, Error> {
        let now = self.now();
        self.change(by, id, "breach.closed", move |tx, breach| {
            let told = match breach.notice {
                Some(notice) => store::find(tx, notice)?.map(|notice| notice.state),
                None => None,
            };
            rules::may_close(breach, told)?;
            breach.closed_at = Some(now);
            Ok(())
        })
        .await
    }

    /// Who is affected, behind `after`.
    pub async fn list_affected(
        &self,
        id: BreachId,
        after: Option<MemberId>,
        limit: i64,
    ) -> Result<Vec<Affected>, Error> {
        self.db
            .read(move |conn| {
                let breach = store::find_breach(conn, id)?.ok_or(Error::NotFound)?;
                let Some(audience) = breach.affected else {
                    return Ok(Vec::new());
                };
                let members = store::list_meant(conn, &audience, true, after, limit)?;
                let people = accounts::list_addressees(conn, &members, Role::Admin)?;
                let names = store::names_of(conn, &members)?;
                let count = |member| people.iter().filter(|(of, _)| *of == member).count();
                Ok(names
                    .into_iter()
                    .map(|(member, name)| Affected {
                        member,
                        name,
                        people: count(member),
                    })
                    .collect())
            })
            .await
    }

    /// One change of an open breach, on record.
    async fn change<F>(
        &self,
        by: By,
        id: BreachId,
        action: &'static str,
        change: F,
    ) -> Result<BreachView, Error>
    where
        F: FnOnce(&mut Conn, &mut Breach) -> Result<(), Error> + Send + 'static,
    {
        let service = self.clone();
        self.db
            .write(move |tx| {
                store::lock_breach(tx, id)?;
                let mut breach = store::find_breach(tx, id)?.ok_or(Error::NotFound)?;
                if breach.closed_at.is_some() {
                    return Err(Error::Closed);
                }
                change(tx, &mut breach)?;
                store::update_breach(tx, &breach)?;
                let detail = json!({ "notice": breach.notice, "authority_at": breach.authority_at });
                service.record(tx, by, action, id, detail)?;
                service.view(tx, breach)
            })
            .await
    }

    fn view(&self, conn: &mut Conn, breach: Breach) -> Result<BreachView, Error> {
        let members = match &breach.affected {
            Some(affected) => people_of(conn, affected, true)?.members,
            None => 0,
        };
        let told = match breach.notice {
            Some(notice) => store::find(conn, notice)?.map(|notice| notice.state),
            None => None,
        };
        Ok(BreachView {
            due_at: rules::authority_due_at(breach.noticed_at),
            clock: rules::clock_of(&breach, self.now()),
            members,
            told,
            breach,
        })
    }

    /// Mails the operator once when a day is left to tell the authority, and once when the time is over.
    pub(in crate::notices) async fn watch_breaches(
        &self,
        operator: Option<EmailAddress>,
    ) -> Result<(), Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                let now = service.now();
                for (breach, warned_at, overdue_told_at) in store::list_unanswered(tx)? {
                    let passed = match rules::clock_of(&breach, now) {
                        BreachClock::NearlyOver if warned_at.is_none() => false,
                        BreachClock::Overdue if overdue_told_at.is_none() => true,
                        _ => continue,
                    };
                    service.alarm(tx, &breach, passed, operator.as_ref())?;
                    store::mark_warned(tx, breach.id, passed, now)?;
                }
                Ok(())
            })
            .await
    }

    fn alarm(
        &self,
        tx: &mut Conn,
        breach: &Breach,
        passed: bool,
        operator: Option<&EmailAddress>,
    ) -> Result<(), Error> {
        tracing::warn!(breach.id = %breach.id, breach.overdue = passed, "the authority has not been told of a breach");
        let action = if passed {
            "breach.overdue"
        } else {
            "breach.nearly_due"
        };
        self.record(tx, By::Service, action, breach.id, json!({}))?;
        let Some(to) = operator else { return Ok(()) };
        let template = Template::BreachDue {
            what: breach.what.clone(),
            due_at: rules::authority_due_at(breach.noticed_at),
            passed,
            breach: breach.id.to_string(),
        };
        let now = self.now();
        let collected = policies::collected_now_by(tx, &[], now)?;
        let purpose = template.category().purpose();
        let allowed: DbResult<_> = policies::ask(tx, None, collected, purpose, now);
        if let Some(allowed) = allowed? {
            let draft = Draft::new(to.clone(), Language::En, template);
            self.mailer.enqueue(tx, draft, allowed)?;
        }
        Ok(())
    }
}
