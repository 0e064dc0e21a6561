//! `/notices`: what was announced to the member, until it is read.

use poem_openapi::param::{Path, Query};
use poem_openapi::types::Example;
use poem_openapi::{ApiResponse, Object, OpenApi, Tags};

use super::shapes::{WordsBody, example_time};
use crate::accounts::api::Caller;
use crate::accounts::{Operation, Role};
use crate::clock::Timestamp;
use crate::http::page::{self, Cursor, in_our_time};
use crate::http::{Json, Problem};
use crate::ids::{NoticeId, PolicyVersionId};
use crate::markdown;
use crate::notices::{Announced, Kind, Notices, Stage};
use crate::operators::api::default_limit;

pub struct NoticesApi {
    pub notices: Notices,
}

#[derive(Tags)]
enum Tag {
    /// What the operators announce: outages, releases, abuse, changes of policies and breaches. They can't be refused, but
    /// for mails about new features.
    Notices,
}

/// Something that was announced to the member.
#[derive(Debug, Object)]
#[oai(rename = "Notice", example)]
pub struct NoticeBody {
    pub id: NoticeId,
    pub kind: Kind,
    /// Of an outage.
    pub stage: Option<Stage>,
    /// The first notice of the outage: all of it share that.
    pub thread_id: Option<NoticeId>,
    /// Of a release, such as `1.4.2`.
    pub release: Option<String>,
    /// Of an outage.
    pub starts_at: Option<Timestamp>,
    pub ends_at: Option<Timestamp>,
    pub title: WordsBody,
    /// In Markdown.
    pub body: WordsBody,
    /// The body as HTML without scripts, styles or pictures, and with no heading above the third.
    pub html: WordsBody,
    /// The version that changes a policy: see the operations on changes of policies.
    pub policy_version_id: Option<PolicyVersionId>,
    pub announced_at: Timestamp,
    /// When the user read it. A token has read nothing.
    pub read_at: Option<Timestamp>,
    /// Whether the user is to be shown it on every page: not read, not overtaken by a later one of the same outage, and
    /// not older than their membership.
    pub asks: bool,
}

impl From<Announced> for NoticeBody {
    fn from(announced: Announced) -> Self {
        let html = WordsBody {
            en: markdown::to_html_below(&announced.body.en),
            de: markdown::to_html_below(&announced.body.de),
        };
        Self {
            id: announced.id,
            kind: announced.kind,
            stage: announced.stage,
            thread_id: announced.thread,
            release: announced.release,
            starts_at: announced.starts_at,
            ends_at: announced.ends_at,
            title: announced.title.into(),
            body: announced.body.into(),
            html,
            policy_version_id: announced.policy_version,
            announced_at: announced.at,
            read_at: announced.read_at,
            asks: announced.asks,
        }
    }
}

impl Example for NoticeBody {
    fn example() -> Self {
        let id = NoticeId::from_uuid(uuid::Uuid::from_u128(7));
        let words = |en: &str, de: &str| WordsBody {
            en: en.to_owned(),
            de: de.to_owned(),
        };
        Self {
            id,
            kind: Kind::Outage,
            stage: Some(Stage::Planned),
            thread_id: Some(id),
            release: None,
            starts_at: Some(example_time()),
            ends_at: Some(example_time() + crate::clock::HOUR),
            title: WordsBody::example(),
            body: words("Bars **stay on**.", "Die Leisten **bleiben an**."),
            html: words(
                "<p>Bars <strong>stay on</strong>.</p>\n",
                "<p>Die Leisten <strong>bleiben an</strong>.</p>\n",
            ),
            policy_version_id: None,
            announced_at: example_time(),
            read_at: None,
            asks: true,
        }
    }
}

/// A page of notices, newest first.
#[derive(Debug, Object)]
#[oai(rename = "Notices")]
pub struct NoticePage {
    pub items: Vec<NoticeBody>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<Cursor>,
}

#[derive(ApiResponse)]
enum Read {
    /// It is read.
    #[oai(status = 204)]
    Done,
}

#[OpenApi]
impl NoticesApi {
    /// List what was announced
    ///
    /// Notices that concern the current member, and versions of policies that were announced to it, newest first. Notices of
    /// abuse and of breaches are for owners and admins. A token sees what a viewer does.
    #[oai(
        path = "/notices",
        method = "get",
        operation_id = "list_notices",
        tag = "Tag::Notices"
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
    ) -> Result<Json<NoticePage>, Problem> {
        let access = caller.may(Operation::ListNotices)?;
        let before = after
            .0
            .map(|cursor| (in_our_time(cursor.at), NoticeId::from_uuid(cursor.id)));
        let role = access.role.unwrap_or(Role::Viewer);
        let found = self
            .notices
            .list_announced(access.member, role, access.user, before, page::one_more(limit.0))
            .await?;
        let (items, next_cursor) = page::cut(found, limit.0, |one| Cursor {
            at: one.at,
            id: *one.id.uuid(),
        });
        Ok(Json(NoticePage {
            items: items.into_iter().map(Into::into).collect(),
            next_cursor,
        }))
    }

    /// Mark a notice as read
    ///
    /// By the user, for themself: it is no longer shown on every page. Twice is as good as once.
    #[oai(
        path = "/notices/:notice_id/read",
        method = "post",
        operation_id = "mark_notice_read",
        tag = "Tag::Notices"
    )]
    async fn read(&self, caller: Caller, notice_id: Path<NoticeId>) -> Result<Read, Problem> {
        let access = caller.may(Operation::MarkNoticeRead)?;
        let (user, role) = access
            .user
            .zip(access.role)
            .expect("only a user does what is done in person");
        self.notices
            .mark_read(access.member, role, user, notice_id.0)
            .await?;
        Ok(Read::Done)
    }
}
