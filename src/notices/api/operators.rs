//! `/operator/notices`: writing, looking at, scheduling and cancelling notices.

use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi, Tags};

use super::shapes::{AudienceBody, WordsBody, example_time};
use crate::accounts::Operation;
use crate::clock::Timestamp;
use crate::http::page::{self, Cursor, in_our_time};
use crate::http::{Json, Problem};
use crate::ids::{BreachId, MemberId, NoticeId};
use crate::mail::Language;
use crate::markdown;
use crate::notices::{Kind, NewNotice, Notice, Notices, Preview, Progress, Recipient, Stage, State};
use crate::operators::Reason;
use crate::operators::api::{Caller, default_limit};

pub struct WrittenNoticesApi {
    pub notices: Notices,
}

#[derive(Tags)]
enum Tag {
    /// For operators: what is announced to members.
    #[oai(rename = "Operators' notices")]
    OperatorsNotices,
}

/// A notice to be.
#[derive(Debug, Object)]
#[oai(example)]
pub struct WriteNotice {
    /// Neither `policy_change`, which is announced by posting a version, nor `security_breach`, which is a breach's.
    pub kind: Kind,
    /// Needed for an outage, and only for that.
    pub stage: Option<Stage>,
    /// A notice of the outage that this one goes on with; it goes to the same members.
    pub follows: Option<NoticeId>,
    /// Needed for a release, and only for that: which version it is.
    pub release: Option<String>,
    /// Needed for a planned outage.
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    /// At most 120 characters each.
    pub title: WordsBody,
    /// In Markdown, at most 20,000 characters each. Raw HTML is shown as text.
    pub body: WordsBody,
    /// Left out where it follows another.
    pub audience: Option<AudienceBody>,
}

impl From<WriteNotice> for NewNotice {
    fn from(body: WriteNotice) -> Self {
        Self {
            kind: body.kind,
            stage: body.stage,
            follows: body.follows,
            release: body.release,
            starts_at: body.starts_at,
            ends_at: body.ends_at,
            title: body.title.into(),
            body: body.body.into(),
            audience: body.audience.unwrap_or_default().into(),
        }
    }
}

impl Example for WriteNotice {
    fn example() -> Self {
        Self {
            kind: Kind::Outage,
            stage: Some(Stage::Planned),
            follows: None,
            release: None,
            starts_at: Some(example_time() + crate::clock::DAY),
            ends_at: Some(example_time() + crate::clock::DAY + crate::clock::HOUR),
            title: WordsBody::example(),
            body: WordsBody {
                en: "Bars **stay on**; the dashboard is away for some minutes.".to_owned(),
                de: "Die Leisten **bleiben an**; das Dashboard ist einige Minuten nicht da.".to_owned(),
            },
            audience: Some(AudienceBody::example()),
        }
    }
}

/// A notice, as it was written.
#[derive(Debug, Object)]
#[oai(example)]
pub struct WrittenNotice {
    pub id: NoticeId,
    pub kind: Kind,
    pub state: State,
    pub stage: Option<Stage>,
    /// The first notice of the outage.
    pub thread_id: Option<NoticeId>,
    pub release: Option<String>,
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub title: WordsBody,
    pub body: WordsBody,
    pub audience: AudienceBody,
    /// The breach that it tells of.
    pub breach_id: Option<BreachId>,
    pub written_at: Timestamp,
    pub scheduled_for: Option<Timestamp>,
    pub begun_at: Option<Timestamp>,
    pub sent_at: Option<Timestamp>,
    pub cancelled_at: Option<Timestamp>,
    /// How far it has come; only where it is read alone.
    pub progress: Option<ProgressBody>,
}

impl From<Notice> for WrittenNotice {
    fn from(notice: Notice) -> Self {
        Self {
            id: notice.id,
            kind: notice.kind,
            state: notice.state,
            stage: notice.stage,
            thread_id: notice.thread,
            release: notice.release,
            starts_at: notice.starts_at,
            ends_at: notice.ends_at,
            title: notice.title.into(),
            body: notice.body.into(),
            audience: notice.audience.into(),
            breach_id: notice.breach,
            written_at: notice.written_at,
            scheduled_for: notice.scheduled_for,
            begun_at: notice.begun_at,
            sent_at: notice.sent_at,
            cancelled_at: notice.cancelled_at,
            progress: None,
        }
    }
}

impl Example for WrittenNotice {
    fn example() -> Self {
        let new = WriteNotice::example();
        let id = NoticeId::from_uuid(uuid::Uuid::from_u128(7));
        Self {
            id,
            kind: new.kind,
            state: State::Draft,
            stage: new.stage,
            thread_id: Some(id),
            release: None,
            starts_at: new.starts_at,
            ends_at: new.ends_at,
            title: new.title,
            body: new.body,
            audience: AudienceBody::example(),
            breach_id: None,
            written_at: example_time(),
            scheduled_for: None,
            begun_at: None,
            sent_at: None,
            cancelled_at: None,
            progress: None,
        }
    }
}

/// How far a notice has come.
#[derive(Debug, Object)]
#[oai(rename = "NoticeProgress")]
pub struct ProgressBody {
    /// Members that have it in their dashboards.
    pub members: u32,
    /// Its mails, by their state.
    pub queued: u32,
    pub sent: u32,
    pub failed: u32,
    /// To people who refuse such mails.
    pub suppressed: u32,
}

impl From<Progress> for ProgressBody {
    fn from(progress: Progress) -> Self {
        let of = |state: &str| count(progress.mails.get(state).copied().unwrap_or(0));
        Self {
            members: count(progress.members),
            queued: of("queued"),
            sent: of("sent"),
            failed: of("failed"),
            suppressed: of("suppressed"),
        }
    }
}

pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A page of notices, newest first.
#[derive(Debug, Object)]
pub struct WrittenNotices {
    pub items: Vec<WrittenNotice>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<Cursor>,
}

/// How many are written to in a language.
#[derive(Debug, Object)]
pub struct PeopleByLanguage {
    pub language: Language,
    pub people: u32,
}

/// A mail as it would look.
#[derive(Debug, Object)]
pub struct PreviewedMail {
    pub language: Language,
    pub subject: String,
    pub html: String,
    pub text: String,
}

/// What a notice would do now, and how it would look.
#[derive(Debug, Object)]
pub struct NoticePreview {
    pub members: u32,
    /// Members of whom nobody has an address that is verified. Their dashboards show it.
    pub unreachable: u32,
    /// Owners and admins who would be mailed, each once.
    pub people: u32,
    /// How many of them refuse such mails: their dashboards show it. Of advertising: how many did not ask for it, or had enough
    /// of it lately.
    pub refusing: u32,
    pub languages: Vec<PeopleByLanguage>,
    pub mails: Vec<PreviewedMail>,
    pub title: WordsBody,
    /// As the dashboard shows it.
    pub html: WordsBody,
}

impl NoticePreview {
    fn of(preview: Preview, notice: Notice) -> Self {
        Self {
            members: count(preview.members),
            unreachable: count(preview.unreachable),
            people: count(preview.people),
            refusing: count(preview.refusing),
            languages: preview
                .languages
                .into_iter()
                .map(|(language, people)| PeopleByLanguage {
                    language,
                    people: count(people),
                })
                .collect(),
            mails: preview
                .mails
                .into_iter()
                .map(|(language, mail)| PreviewedMail {
                    language,
                    subject: mail.subject,
                    html: mail.html,
                    text: mail.text,
                })
                .collect(),
            html: WordsBody {
                en: markdown::to_html_below(&notice.body.en),
                de: markdown::to_html_below(&notice.body.de),
            },
            title: notice.title.into(),
        }
    }
}

/// When a notice goes.
#[derive(Debug, Object)]
#[oai(example)]
pub struct SendNoticeAt {
    /// Left out, or past: at once.
    pub at: Option<Timestamp>,
}

impl Example for SendNoticeAt {
    fn example() -> Self {
        Self {
            at: Some(example_time() + crate::clock::DAY * 365),
        }
    }
}

/// A member that a notice went to.
#[derive(Debug, Object)]
#[oai(rename = "NoticeRecipient")]
pub struct RecipientBody {
    pub member_id: MemberId,
    pub name: String,
    /// How many people were mailed for it. Who belongs to several members is counted for one.
    pub mails: i64,
}

impl From<Recipient> for RecipientBody {
    fn from(recipient: Recipient) -> Self {
        Self {
            member_id: recipient.member,
            name: recipient.name,
            mails: recipient.mails,
        }
    }
}

/// A page of members, by their ids.
#[derive(Debug, Object)]
pub struct NoticeRecipients {
    pub items: Vec<RecipientBody>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<Cursor>,
}

/// A cursor of a list that has no time.
pub(super) fn cursor_of(member: MemberId) -> Cursor {
    Cursor {
        at: Timestamp::from_secs(0),
        id: *member.uuid(),
    }
}

#[derive(ApiResponse)]
enum Written {
    /// It is kept; nobody is told yet.
    #[oai(status = 201)]
    Created(Json<WrittenNotice>),
}

#[OpenApi]
impl WrittenNoticesApi {
    /// Write a notice
    ///
    /// Nobody is told yet: look at its preview, then let it go.
    #[oai(
        path = "/operator/notices",
        method = "post",
        operation_id = "write_notice",
        tag = "Tag::OperatorsNotices"
    )]
    async fn write(&self, caller: Caller, body: Json<WriteNotice>) -> Result<Written, Problem> {
        let by = caller.may(Operation::WriteNotice);
        let notice = self.notices.write(by, body.0.into()).await?;
        Ok(Written::Created(Json(notice.into())))
    }

    /// List what was written
    ///
    /// Newest first.
    #[oai(
        path = "/operator/notices",
        method = "get",
        operation_id = "list_written_notices",
        tag = "Tag::OperatorsNotices"
    )]
    async fn list(
        &self,
        caller: Caller,
        /// How many at most.
        #[oai(
            default = "default_limit",
            validator(minimum(value = "1"), maximum(value = "200"))
        )]
        limit: Query<u32>,
        /// The `next_cursor` of the page before.
        after: Query<Option<Cursor>>,
    ) -> Result<Json<WrittenNotices>, Problem> {
        caller.looks(Operation::ListWrittenNotices, "all", None).await?;
        let before = after
            .0
            .map(|cursor| (in_our_time(cursor.at), NoticeId::from_uuid(cursor.id)));
        let found = self.notices.list_written(before, page::one_more(limit.0)).await?;
        let (items, next_cursor) = page::cut(found, limit.0, |notice| Cursor {
            at: notice.written_at,
            id: *notice.id.uuid(),
        });
        Ok(Json(WrittenNotices {
            items: items.into_iter().map(Into::into).collect(),
            next_cursor,
        }))
    }

    /// Read a notice, and how far it has come
    #[oai(
        path = "/operator/notices/:notice_id",
        method = "get",
        operation_id = "read_written_notice",
        tag = "Tag::OperatorsNotices"
    )]
    async fn read(&self, caller: Caller, notice_id: Path<NoticeId>) -> Result<Json<WrittenNotice>, Problem> {
        caller
            .looks(Operation::ReadWrittenNotice, notice_id.0, None)
            .await?;
        let (notice, progress) = self.notices.find_written(notice_id.0).await?;
        Ok(Json(WrittenNotice {
            progress: Some(progress.into()),
            ..notice.into()
        }))
    }

    /// Preview a notice
    ///
    /// Who would be told if it went now, and how many; its mail in each language, and what the dashboard shows.
    #[oai(
        path = "/operator/notices/:notice_id/preview",
        method = "get",
        operation_id = "preview_notice",
        tag = "Tag::OperatorsNotices"
    )]
    async fn preview(
        &self,
        caller: Caller,
        notice_id: Path<NoticeId>,
    ) -> Result<Json<NoticePreview>, Problem> {
        caller.looks(Operation::PreviewNotice, notice_id.0, None).await?;
        let preview = self.notices.preview(notice_id.0).await?;
        let (notice, _) = self.notices.find_written(notice_id.0).await?;
        Ok(Json(NoticePreview::of(preview, notice)))
    }

    /// Let a notice go
    ///
    /// At a time, or at once: it is mailed to owners and admins of those whom it concerns, each person once, and shown in
    /// their dashboards. Until it has begun to go it can be cancelled.
    #[oai(
        path = "/operator/notices/:notice_id/sending",
        method = "post",
        operation_id = "send_notice",
        tag = "Tag::OperatorsNotices"
    )]
    async fn send(
        &self,
        caller: Caller,
        notice_id: Path<NoticeId>,
        body: Json<SendNoticeAt>,
    ) -> Result<Json<WrittenNotice>, Problem> {
        let by = caller.may(Operation::SendNotice);
        let at = body.0.at.map(in_our_time);
        let notice = self.notices.send(by, notice_id.0, at).await?;
        Ok(Json(notice.into()))
    }

    /// Cancel a notice
    ///
    /// It won't go. Twice is as good as once; once it has begun to go it is a 409.
    #[oai(
        path = "/operator/notices/:notice_id/cancellation",
        method = "post",
        operation_id = "cancel_notice",
        tag = "Tag::OperatorsNotices"
    )]
    async fn cancel(
        &self,
        caller: Caller,
        notice_id: Path<NoticeId>,
    ) -> Result<Json<WrittenNotice>, Problem> {
        let by = caller.may(Operation::CancelNotice);
        let notice = self.notices.cancel(by, notice_id.0).await?;
        Ok(Json(notice.into()))
    }

    /// List whom a notice went to
    ///
    /// Members, by their ids. Needs a reason, and is on record with it.
    #[oai(
        path = "/operator/notices/:notice_id/recipients",
        method = "get",
        operation_id = "list_notice_recipients",
        tag = "Tag::OperatorsNotices"
    )]
    async fn recipients(
        &self,
        caller: Caller,
        notice_id: Path<NoticeId>,
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
    ) -> Result<Json<NoticeRecipients>, Problem> {
        caller
            .looks(Operation::ListNoticeRecipients, notice_id.0, Some(reason.0))
            .await?;
        let behind = after.0.map(|cursor| MemberId::from_uuid(cursor.id));
        let found = self
            .notices
            .list_recipients(notice_id.0, behind, page::one_more(limit.0))
            .await?;
        let (items, next_cursor) = page::cut(found, limit.0, |one| cursor_of(one.member));
        Ok(Json(NoticeRecipients {
            items: items.into_iter().map(Into::into).collect(),
            next_cursor,
        }))
    }
}
