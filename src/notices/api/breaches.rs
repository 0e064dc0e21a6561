//! `/operator/breaches`: a breach from its opening to its end.

use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi, Tags};

use super::operators::{count, cursor_of};
use super::shapes::{AudienceBody, WordsBody};
use crate::accounts::Operation;
use crate::clock::Timestamp;
use crate::http::page::{self, Cursor, in_our_time};
use crate::http::{Json, Problem};
use crate::ids::{BreachId, MemberId, NoticeId};
use crate::notices::rules::authority_due_at;
use crate::notices::{Affected, BreachClock, BreachView, NewBreach, Notices, State};
use crate::operators::Reason;
use crate::operators::api::{Caller, default_limit};

pub struct BreachesApi {
    pub notices: Notices,
}

#[derive(Tags)]
enum Tag {
    /// For operators: breaches of personal data. Each has a clock, a mail to those affected that no preference stops, and
    /// does not close without a corrective report.
    #[oai(rename = "Breaches")]
    Breaches,
}

/// A breach to be opened.
#[derive(Debug, Object)]
#[oai(example)]
pub struct OpenBreach {
    /// What happened.
    pub what: String,
    /// The 72 hours to tell the authority (GDPR, article 33) run from then.
    pub noticed_at: Timestamp,
}

impl Example for OpenBreach {
    fn example() -> Self {
        Self {
            what: "A backup was left on a public disk.".to_owned(),
            noticed_at: Timestamp::from_secs(1_763_805_600),
        }
    }
}

/// A breach, and how far it has come.
#[derive(Debug, Object)]
#[oai(rename = "Breach", example)]
pub struct BreachBody {
    pub id: BreachId,
    pub what: String,
    pub noticed_at: Timestamp,
    pub opened_at: Timestamp,
    /// When the authority is to be told by.
    pub due_at: Timestamp,
    pub clock: BreachClock,
    /// When the authority was told, or it was put on record why it need not be.
    pub authority_at: Option<Timestamp>,
    /// The authority's reference; or why it need not be told.
    pub authority: Option<String>,
    /// Whom it concerns. Absent: not known yet; naming nobody: nobody.
    pub affected: Option<AudienceBody>,
    /// How many members are affected, as far as is known.
    pub members: u32,
    /// The notice by which they are told.
    pub notice_id: Option<NoticeId>,
    /// How far that has come.
    pub told: Option<State>,
    /// What was done so that it does not happen again.
    pub report: Option<String>,
    pub reported_at: Option<Timestamp>,
    pub closed_at: Option<Timestamp>,
}

impl From<BreachView> for BreachBody {
    fn from(view: BreachView) -> Self {
        let breach = view.breach;
        Self {
            id: breach.id,
            what: breach.what,
            noticed_at: breach.noticed_at,
            opened_at: breach.opened_at,
            due_at: view.due_at,
            clock: view.clock,
            authority_at: breach.authority_at,
            authority: breach.authority_words,
            affected: breach.affected.map(Into::into),
            members: count(view.members),
            notice_id: breach.notice,
            told: view.told,
            report: breach.report,
            reported_at: breach.reported_at,
            closed_at: breach.closed_at,
        }
    }
}

impl Example for BreachBody {
    fn example() -> Self {
        let new = OpenBreach::example();
        Self {
            id: BreachId::from_uuid(uuid::Uuid::from_u128(7)),
            due_at: authority_due_at(new.noticed_at),
            what: new.what,
            noticed_at: new.noticed_at,
            opened_at: new.noticed_at,
            clock: BreachClock::Running,
            authority_at: None,
            authority: None,
            affected: Some(AudienceBody::example()),
            members: 12,
            notice_id: None,
            told: None,
            report: None,
            reported_at: None,
            closed_at: None,
        }
    }
}

/// All breaches, newest first.
#[derive(Debug, Object)]
#[oai(rename = "Breaches")]
pub struct BreachList {
    pub items: Vec<BreachBody>,
}

/// What the authority was told.
#[derive(Debug, Object)]
#[oai(example)]
pub struct BreachAuthority {
    /// When; left out: now.
    pub at: Option<Timestamp>,
    /// Its reference; or why it need not be told (GDPR, article 33, paragraph 1).
    pub words: String,
}

impl Example for BreachAuthority {
    fn example() -> Self {
        Self {
            at: Some(Timestamp::from_secs(1_763_892_000)),
            words: "Reported online, reference 4711/26.".to_owned(),
        }
    }
}

/// What those affected are told.
#[derive(Debug, Object)]
#[oai(example)]
pub struct BreachWords {
    pub title: WordsBody,
    /// In Markdown: what happened, what we do, and what they can do.
    pub body: WordsBody,
}

impl Example for BreachWords {
    fn example() -> Self {
        Self {
            title: WordsBody {
                en: "Your contacts may have been seen by others".to_owned(),
                de: "Ihre Kontakte könnten von anderen gesehen worden sein".to_owned(),
            },
            body: WordsBody {
                en: "What happened, what we do, and what you can do.".to_owned(),
                de: "Was geschehen ist, was wir tun und was Sie tun können.".to_owned(),
            },
        }
    }
}

/// The corrective report.
#[derive(Debug, Object)]
#[oai(example)]
pub struct BreachReport {
    /// What was done so that it does not happen again.
    pub report: String,
}

impl Example for BreachReport {
    fn example() -> Self {
        Self {
            report: "Backups are encrypted now, and their place is checked daily.".to_owned(),
        }
    }
}

/// A member that is affected.
#[derive(Debug, Object)]
pub struct AffectedMember {
    pub member_id: MemberId,
    pub name: String,
    /// How many of its owners and admins can be written to.
    pub people: u32,
}

impl From<Affected> for AffectedMember {
    fn from(affected: Affected) -> Self {
        Self {
            member_id: affected.member,
            name: affected.name,
            people: count(affected.people),
        }
    }
}

/// A page of members, by their ids.
#[derive(Debug, Object)]
pub struct AffectedMembers {
    pub items: Vec<AffectedMember>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<Cursor>,
}

#[derive(ApiResponse)]
enum Opened {
    /// It is open, and its clock runs.
    #[oai(status = 201)]
    Created(Json<BreachBody>),
}

#[OpenApi]
impl BreachesApi {
    /// Open a breach
    #[oai(
        path = "/operator/breaches",
        method = "post",
        operation_id = "open_breach",
        tag = "Tag::Breaches"
    )]
    async fn open(&self, caller: Caller, body: Json<OpenBreach>) -> Result<Opened, Problem> {
        let by = caller.may(Operation::OpenBreach);
        let new = NewBreach {
            what: body.0.what,
            noticed_at: in_our_time(body.0.noticed_at),
        };
        let opened = self.notices.open_breach(by, new).await?;
        Ok(Opened::Created(Json(opened.into())))
    }

    /// List breaches
    ///
    /// Newest first, each with its clock.
    #[oai(
        path = "/operator/breaches",
        method = "get",
        operation_id = "list_breaches",
        tag = "Tag::Breaches"
    )]
    async fn list(&self, caller: Caller) -> Result<Json<BreachList>, Problem> {
        caller.looks(Operation::ListBreaches, "all", None).await?;
        let all = self.notices.list_breaches().await?;
        Ok(Json(BreachList {
            items: all.into_iter().map(Into::into).collect(),
        }))
    }

    /// Read a breach
    #[oai(
        path = "/operator/breaches/:breach_id",
        method = "get",
        operation_id = "read_breach",
        tag = "Tag::Breaches"
    )]
    async fn read(&self, caller: Caller, breach_id: Path<BreachId>) -> Result<Json<BreachBody>, Problem> {
        caller.looks(Operation::ReadBreach, breach_id.0, None).await?;
        Ok(Json(self.notices.find_breach(breach_id.0).await?.into()))
    }

    /// Say who is affected
    ///
    /// Until they are told it can be said anew. Naming nobody says that nobody is affected.
    #[oai(
        path = "/operator/breaches/:breach_id/affected",
        method = "put",
        operation_id = "set_breach_affected",
        tag = "Tag::Breaches"
    )]
    async fn set_affected(
        &self,
        caller: Caller,
        breach_id: Path<BreachId>,
        body: Json<AudienceBody>,
    ) -> Result<Json<BreachBody>, Problem> {
        let by = caller.may(Operation::SetBreachAffected);
        let view = self.notices.set_affected(by, breach_id.0, body.0.into()).await?;
        Ok(Json(view.into()))
    }

    /// List who is affected
    ///
    /// Members, by their ids. Needs a reason, and is on record with it.
    #[oai(
        path = "/operator/breaches/:breach_id/affected",
        method = "get",
        operation_id = "list_breach_affected",
        tag = "Tag::Breaches"
    )]
    async fn affected(
        &self,
        caller: Caller,
        breach_id: Path<BreachId>,
        /// Why this is looked at.
        reason: Query<Reason>,
        /// How many at most.
        #[oai(
            default = "default_limit",
            validator(minimum(value = "1"), maximum(value = "200"))
        )]
        limit: Query<u32>,
        /// The `next_cursor` of the page before.
        after: Query<Option<Cursor>>,
    ) -> Result<Json<AffectedMembers>, Problem> {
        caller
            .looks(Operation::ListBreachAffected, breach_id.0, Some(reason.0))
            .await?;
        let behind = after.0.map(|cursor| MemberId::from_uuid(cursor.id));
        let found = self
            .notices
            .list_affected(breach_id.0, behind, page::one_more(limit.0))
            .await?;
        let (items, next_cursor) = page::cut(found, limit.0, |one| cursor_of(one.member));
        Ok(Json(AffectedMembers {
            items: items.into_iter().map(Into::into).collect(),
            next_cursor,
        }))
    }

    /// Note what the authority was told
    ///
    /// Its reference, or why it need not be told. The clock stops.
    #[oai(
        path = "/operator/breaches/:breach_id/authority",
        method = "put",
        operation_id = "note_breach_authority",
        tag = "Tag::Breaches"
    )]
    async fn authority(
        &self,
        caller: Caller,
        breach_id: Path<BreachId>,
        body: Json<BreachAuthority>,
    ) -> Result<Json<BreachBody>, Problem> {
        let by = caller.may(Operation::NoteBreachAuthority);
        let (at, words) = (body.0.at.map(in_our_time), body.0.words);
        let view = self.notices.note_authority(by, breach_id.0, at, words).await?;
        Ok(Json(view.into()))
    }

    /// Tell those affected
    ///
    /// At once and once: by a mail that no preference stops, and in their dashboards. Members on their way out are told too.
    #[oai(
        path = "/operator/breaches/:breach_id/notice",
        method = "post",
        operation_id = "notify_breach",
        tag = "Tag::Breaches"
    )]
    async fn notify(
        &self,
        caller: Caller,
        breach_id: Path<BreachId>,
        body: Json<BreachWords>,
    ) -> Result<Json<BreachBody>, Problem> {
        let by = caller.may(Operation::NotifyBreach);
        let (title, text) = (body.0.title.into(), body.0.body.into());
        let view = self.notices.notify_breach(by, breach_id.0, title, text).await?;
        Ok(Json(view.into()))
    }

    /// Keep the corrective report
    #[oai(
        path = "/operator/breaches/:breach_id/report",
        method = "put",
        operation_id = "report_breach",
        tag = "Tag::Breaches"
    )]
    async fn report(
        &self,
        caller: Caller,
        breach_id: Path<BreachId>,
        body: Json<BreachReport>,
    ) -> Result<Json<BreachBody>, Problem> {
        let by = caller.may(Operation::ReportBreach);
        let view = self.notices.report_breach(by, breach_id.0, body.0.report).await?;
        Ok(Json(view.into()))
    }

    /// Close a breach
    ///
    /// Only when it is known who is affected and they were told, when the authority was told or it is on record why not, and
    /// when there is a corrective report; else a 409 that says what is missing.
    #[oai(
        path = "/operator/breaches/:breach_id/closing",
        method = "post",
        operation_id = "close_breach",
        tag = "Tag::Breaches"
    )]
    async fn close(&self, caller: Caller, breach_id: Path<BreachId>) -> Result<Json<BreachBody>, Problem> {
        let by = caller.may(Operation::CloseBreach);
        let view = self.notices.close_breach(by, breach_id.0).await?;
        Ok(Json(view.into()))
    }
}
