//! The management API of bars. A bar of another member is as little there as one that never was: 404.

mod shapes;
mod showing;
mod templates;

use poem_openapi::param::{Header, Path, Query};
use poem_openapi::{ApiResponse, OpenApi, Tags};

use super::{Bar, BarName, BarState, Bars, Change, Cursor, Error, Listing, NewBar, Note, RestoreTo, Sort};
use crate::accounts::api::Caller;
use crate::accounts::{Access, Operation, Principal};
use crate::audit::Actor;
use crate::bars::configuration::{Configuration, GoalKind};
use crate::http::answers::{Created, NoContent};
use crate::http::{FieldError, Json, MaybeJson, Problem};
use crate::ids::BarId;
pub use shapes::faults_under;
pub use showing::ShowingApi;
pub use templates::TemplatesApi;

use shapes::{
    BarBody, BarList, BarVersion, BarVersionList, ChangeBar, ChangeDraft, CreateBar, DraftBody, DuplicateBar,
    Place, PublishBar, Published, RestoreVersion, hosts, settings,
};

/// Somebody else changed the draft meanwhile: read it again.
pub const DRAFT_CHANGED: &str = "urn:contactbar:problem:draft-changed";
/// The member has as many bars as there may be.
pub const TOO_MANY_BARS: &str = "urn:contactbar:problem:too-many-bars";
/// Nothing was published yet that one could go back to.
pub const NEVER_PUBLISHED: &str = "urn:contactbar:problem:never-published";

pub struct BarsApi {
    bars: Bars,
    place: Place,
}

impl BarsApi {
    /// `embed_url` is where pages load the script from.
    pub fn new(bars: Bars, embed_url: &url::Url) -> Self {
        Self {
            bars,
            place: Place::new(embed_url),
        }
    }
}

#[derive(Tags)]
enum Tag {
    /// What members design and embed: a draft to work on, versions that were published, and what happens around them.
    Bars,
}

#[derive(ApiResponse)]
enum Shown {
    /// The draft. `ETag` is its revision, for `If-Match`.
    #[oai(status = 200)]
    Draft(Json<DraftBody>, #[oai(header = "ETag")] String),
}

#[OpenApi]
impl BarsApi {
    /// List bars
    ///
    /// Each with a `look`: what a small picture of its draft needs.
    #[oai(path = "/bars", method = "get", operation_id = "list_bars", tag = "Tag::Bars")]
    async fn list(
        &self,
        caller: Caller,
        /// Only those in this state.
        state: Query<Option<BarState>>,
        /// Only those with this in their name, whatever the case.
        #[oai(validator(max_length = 100))]
        search: Query<Option<String>>,
        /// The order.
        #[oai(default)]
        sort: Query<Sort>,
        /// How many at most.
        #[oai(default = "limit", validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<u32>,
        /// The `next_cursor` of the page before, in the same order.
        after: Query<Option<String>>,
    ) -> Result<Json<BarList>, Problem> {
        let access = caller.may(Operation::ListBars)?;
        let after = match &after.0 {
            Some(text) => Some(Cursor::decode(text, sort.0).map_err(|error| bad_parameter("after", &error))?),
            None => None,
        };
        let listing = Listing {
            state: state.0,
            search: search.0,
            sort: sort.0,
            after,
            limit: limit.0 as usize,
        };
        Ok(Json(self.bars.list(access.member, listing).await?.into()))
    }

    /// Make a bar
    ///
    /// From a configuration of yours (`draft`), or from a complete one of ours for a `goal` and `language`. Nothing is
    /// shown to anybody before it is published. A member has at most 1000 bars.
    #[oai(
        path = "/bars",
        method = "post",
        operation_id = "create_bar",
        tag = "Tag::Bars"
    )]
    async fn create(&self, caller: Caller, body: Json<CreateBar>) -> Result<Created<BarBody>, Problem> {
        let access = caller.may(Operation::CreateBar)?;
        let CreateBar {
            name,
            goal,
            language,
            draft,
            allowed_hosts,
            settings: around,
        } = body.0;
        let mut faults = Vec::new();
        let name = parsed::<BarName>("name", &name, &mut faults);
        let configuration = first_draft(goal, language, draft, &mut faults);
        let allowed_hosts = hosts(allowed_hosts, &mut faults);
        let settings = settings(around, &mut faults);
        let (Some(name), true) = (name, faults.is_empty()) else {
            return Err(Problem::unprocessable(faults));
        };
        let new = NewBar {
            name,
            configuration,
            allowed_hosts,
            settings,
        };
        Ok(self.made(self.bars.create(access.member, actor(&access), new).await?))
    }

    /// Read a bar
    ///
    /// With its draft, what stands between it and its publication, and the line to paste into a page.
    #[oai(
        path = "/bars/:bar_id",
        method = "get",
        operation_id = "read_bar",
        tag = "Tag::Bars"
    )]
    async fn read(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
    ) -> Result<Json<BarBody>, Problem> {
        let access = caller.may(Operation::ReadBar)?;
        self.answer(self.bars.find(access.member, bar_id.0).await?)
    }

    /// Change a bar's name, hosts or settings
    ///
    /// What is left out stays. `settings` and `allowed_hosts` are replaced as a whole, and hold at once (for visitors
    /// served by another process of the service, within 5 seconds).
    #[oai(
        path = "/bars/:bar_id",
        method = "patch",
        operation_id = "update_bar",
        tag = "Tag::Bars"
    )]
    async fn change(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        body: Json<ChangeBar>,
    ) -> Result<Json<BarBody>, Problem> {
        let access = caller.may(Operation::UpdateBar)?;
        let ChangeBar {
            name,
            allowed_hosts,
            settings: around,
        } = body.0;
        let mut faults = Vec::new();
        let change = Change {
            name: name.and_then(|name| parsed("name", &name, &mut faults)),
            allowed_hosts: allowed_hosts.map(|patterns| hosts(patterns, &mut faults)),
            settings: around.map(|around| settings(around, &mut faults)),
        };
        if !faults.is_empty() {
            return Err(Problem::unprocessable(faults));
        }
        self.answer(
            self.bars
                .change(access.member, actor(&access), bar_id.0, change)
                .await?,
        )
    }

    /// Delete a bar
    ///
    /// For good: pages that embed it show nothing from now on, and what was counted is purged. Contacts that it brought
    /// stay. Its key is never given to another bar.
    #[oai(
        path = "/bars/:bar_id",
        method = "delete",
        operation_id = "delete_bar",
        tag = "Tag::Bars"
    )]
    async fn delete(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
    ) -> Result<NoContent, Problem> {
        let access = caller.may(Operation::DeleteBar)?;
        match self.bars.delete(access.member, actor(&access), bar_id.0).await? {
            true => Ok(NoContent),
            false => Err(Problem::not_found()),
        }
    }

    /// Duplicate a bar
    ///
    /// The copy has the draft, hosts and settings of the original, and a key of its own. Nothing of it is published.
    #[oai(
        path = "/bars/:bar_id/duplicate",
        method = "post",
        operation_id = "duplicate_bar",
        tag = "Tag::Bars"
    )]
    async fn duplicate(
        &self,
        caller: Caller,
        /// The original.
        bar_id: Path<BarId>,
        body: MaybeJson<DuplicateBar>,
    ) -> Result<Created<BarBody>, Problem> {
        let access = caller.may(Operation::DuplicateBar)?;
        let mut faults = Vec::new();
        let name = body
            .0
            .and_then(|body| body.name)
            .and_then(|name| parsed("name", &name, &mut faults));
        if !faults.is_empty() {
            return Err(Problem::unprocessable(faults));
        }
        let copy = self
            .bars
            .duplicate(access.member, actor(&access), bar_id.0, name)
            .await?;
        Ok(self.made(copy.ok_or_else(Problem::not_found)?))
    }

    /// Pause a bar
    ///
    /// Pages show nothing and nothing is counted until it is resumed. A bar that is paused already stays so.
    #[oai(
        path = "/bars/:bar_id/pause",
        method = "post",
        operation_id = "pause_bar",
        tag = "Tag::Bars"
    )]
    async fn pause(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
    ) -> Result<Json<BarBody>, Problem> {
        let access = caller.may(Operation::PauseBar)?;
        self.answer(self.bars.pause(access.member, actor(&access), bar_id.0).await?)
    }

    /// Resume a paused bar
    #[oai(
        path = "/bars/:bar_id/resume",
        method = "post",
        operation_id = "resume_bar",
        tag = "Tag::Bars"
    )]
    async fn resume(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
    ) -> Result<Json<BarBody>, Problem> {
        let access = caller.may(Operation::ResumeBar)?;
        self.answer(self.bars.resume(access.member, actor(&access), bar_id.0).await?)
    }

    /// Read the draft
    #[oai(
        path = "/bars/:bar_id/draft",
        method = "get",
        operation_id = "read_draft",
        tag = "Tag::Bars"
    )]
    async fn read_draft(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
    ) -> Result<Shown, Problem> {
        let access = caller.may(Operation::ReadDraft)?;
        draft(self.bars.find(access.member, bar_id.0).await?)
    }

    /// Change the draft
    ///
    /// Replaces the draft of the revision that you read: name it as `revision` or as `If-Match`. If it is not the
    /// current one any more, somebody else changed the draft meanwhile: 409, and nothing is written. A draft may be
    /// unfinished; `problems` in the answer says what it needs before it can be published.
    #[oai(
        path = "/bars/:bar_id/draft",
        method = "put",
        operation_id = "update_draft",
        tag = "Tag::Bars"
    )]
    async fn change_draft(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// The `ETag` of the draft that you read.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
        body: Json<ChangeDraft>,
    ) -> Result<Shown, Problem> {
        let access = caller.may(Operation::UpdateDraft)?;
        let ChangeDraft {
            configuration,
            revision,
        } = body.0;
        let seen = needed(seen_revision(revision, if_match.0.as_deref())?)?;
        let (bar, by) = (bar_id.0, actor(&access));
        draft(
            self.bars
                .change_draft(access.member, by, bar, seen, configuration)
                .await?,
        )
    }

    /// Discard the draft
    ///
    /// Puts what is published in its place. Name the revision that you want to be rid of as `revision` or as
    /// `If-Match`. 409 if it is another by now, or if nothing was published yet.
    #[oai(
        path = "/bars/:bar_id/draft",
        method = "delete",
        operation_id = "discard_draft",
        tag = "Tag::Bars"
    )]
    async fn discard_draft(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// The revision of the draft that you read.
        revision: Query<Option<i64>>,
        /// The `ETag` of the draft that you read.
        #[oai(name = "If-Match")]
        if_match: Header<Option<String>>,
    ) -> Result<Shown, Problem> {
        let access = caller.may(Operation::DiscardDraft)?;
        let seen = needed(seen_revision(revision.0, if_match.0.as_deref())?)?;
        draft(
            self.bars
                .discard_draft(access.member, actor(&access), bar_id.0, seen)
                .await?,
        )
    }

    /// Publish the draft
    ///
    /// Visitors get it from now on (within a minute, where a browser has the script; within 5 seconds from another
    /// process of the service). With a `revision` only that one is published, else 409. A configuration that is not
    /// sensible is refused with each field. A draft that is published already makes no new version.
    #[oai(
        path = "/bars/:bar_id/publish",
        method = "post",
        operation_id = "publish_bar",
        tag = "Tag::Bars"
    )]
    async fn publish(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        body: MaybeJson<PublishBar>,
    ) -> Result<Json<BarBody>, Problem> {
        let access = caller.may(Operation::PublishBar)?;
        let PublishBar { revision, note } = body.0.unwrap_or_default();
        let note = noted(note.as_deref())?;
        let (bar, by) = (bar_id.0, actor(&access));
        self.answer(self.bars.publish(access.member, by, bar, revision, note).await?)
    }

    /// List published versions
    ///
    /// Newest first.
    #[oai(
        path = "/bars/:bar_id/versions",
        method = "get",
        operation_id = "list_bar_versions",
        tag = "Tag::Bars"
    )]
    async fn list_versions(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// How many at most.
        #[oai(default = "limit", validator(minimum(value = "1"), maximum(value = "200")))]
        limit: Query<u32>,
        /// The `next_cursor` of the page before.
        after: Query<Option<String>>,
    ) -> Result<Json<BarVersionList>, Problem> {
        let access = caller.may(Operation::ListBarVersions)?;
        let before = match &after.0 {
            Some(text) => Some(
                text.parse::<i32>()
                    .map_err(|_| bad_parameter("after", &"is not a `next_cursor`"))?,
            ),
            None => None,
        };
        let limit = limit.0 as usize;
        let mut versions = self
            .bars
            .list_versions(access.member, bar_id.0, before, limit)
            .await?
            .ok_or_else(Problem::not_found)?;
        let more = versions.len() > limit;
        versions.truncate(limit);
        let next_cursor = versions
            .last()
            .filter(|_| more)
            .map(|last| last.version.to_string());
        Ok(Json(BarVersionList {
            items: versions.into_iter().map(Published::from).collect(),
            next_cursor,
        }))
    }

    /// Read a published version
    #[oai(
        path = "/bars/:bar_id/versions/:version",
        method = "get",
        operation_id = "read_bar_version",
        tag = "Tag::Bars"
    )]
    async fn read_version(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// The version: 1, 2, 3, …
        version: Path<i32>,
    ) -> Result<Json<BarVersion>, Problem> {
        let access = caller.may(Operation::ReadBarVersion)?;
        let found = self.bars.find_version(access.member, bar_id.0, version.0).await?;
        Ok(Json(found.ok_or_else(Problem::not_found)?.into()))
    }

    /// Return to a published version
    ///
    /// `to: draft` makes it the draft, in place of the one of the `revision` that you read (409 if that is another by
    /// now). `to: published` shows it to visitors again at once, as a new version, and leaves the draft alone.
    #[oai(
        path = "/bars/:bar_id/versions/:version/restore",
        method = "post",
        operation_id = "restore_bar_version",
        tag = "Tag::Bars"
    )]
    async fn restore(
        &self,
        caller: Caller,
        /// The bar.
        bar_id: Path<BarId>,
        /// The version: 1, 2, 3, …
        version: Path<i32>,
        body: Json<RestoreVersion>,
    ) -> Result<Json<BarBody>, Problem> {
        let access = caller.may(Operation::RestoreBarVersion)?;
        let RestoreVersion { to, revision, note } = body.0;
        let to = match to {
            shapes::RestoreTarget::Draft => RestoreTo::Draft {
                seen: needed(revision)?,
            },
            shapes::RestoreTarget::Published if revision.is_some() => {
                return Err(Problem::field(
                    "revision",
                    "is for `draft` only: a draft with changes stays as it is",
                ));
            }
            shapes::RestoreTarget::Published => RestoreTo::Published,
        };
        let note = noted(note.as_deref())?;
        let (bar, by) = (bar_id.0, actor(&access));
        self.answer(
            self.bars
                .restore(access.member, by, bar, version.0, to, note)
                .await?,
        )
    }

    fn made(&self, bar: Bar) -> Created<BarBody> {
        Created(self.place.body(bar))
    }

    fn answer(&self, bar: Option<Bar>) -> Result<Json<BarBody>, Problem> {
        Ok(Json(self.place.body(bar.ok_or_else(Problem::not_found)?)))
    }
}

fn limit() -> u32 {
    crate::http::page::DEFAULT_LIMIT
}

fn draft(bar: Option<Bar>) -> Result<Shown, Problem> {
    let bar = bar.ok_or_else(Problem::not_found)?;
    let etag = format!("\"{}\"", bar.draft.revision);
    Ok(Shown::Draft(Json(DraftBody::of(&bar)), etag))
}

fn actor(access: &Access) -> Actor {
    match &access.principal {
        Principal::User(signed_in) => Actor::User(signed_in.user),
        Principal::Token { token, .. } => Actor::Token(*token),
        Principal::Anonymous => Actor::Anonymous,
    }
}

/// The revision that was seen, from the body or query and from `If-Match`; both at once must agree.
fn seen_revision(revision: Option<i64>, if_match: Option<&str>) -> Result<Option<i64>, Problem> {
    let tagged = match if_match {
        Some(tag) => {
            let digits = tag.trim().trim_start_matches("W/").trim_matches('"');
            Some(
                digits
                    .parse::<i64>()
                    .map_err(|_| bad_parameter("If-Match", &"is not the `ETag` of a draft"))?,
            )
        }
        None => None,
    };
    match (revision, tagged) {
        (Some(revision), Some(tagged)) if revision != tagged => {
            Err(Problem::field("revision", "is another one than `If-Match`"))
        }
        (revision, tagged) => Ok(revision.or(tagged)),
    }
}

fn needed(seen: Option<i64>) -> Result<i64, Problem> {
    seen.ok_or_else(|| Problem::field("revision", "is required: which draft did you read?"))
}

fn noted(note: Option<&str>) -> Result<Note, Problem> {
    note.unwrap_or_default()
        .parse()
        .map_err(|error: crate::text::Refused| Problem::field("note", error.to_string()))
}

fn bad_parameter(name: &str, error: &dyn std::fmt::Display) -> Problem {
    Problem::field(name, error.to_string()).with_status(poem::http::StatusCode::BAD_REQUEST)
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
    field: &str,
    text: &str,
    faults: &mut Vec<FieldError>,
) -> Option<T> {
    text.parse()
        .map_err(|error: T::Err| faults.push(FieldError::new(field, error.to_string())))
        .ok()
}

fn first_draft(
    goal: Option<GoalKind>,
    language: Option<String>,
    draft: Option<Configuration>,
    faults: &mut Vec<FieldError>,
) -> Configuration {
    match draft {
        Some(draft) => {
            if goal.is_some() || language.is_some() {
                faults.push(FieldError::new(
                    "draft",
                    "stands for itself: leave out `goal` and `language`",
                ));
            }
            draft
        }
        None => Configuration::starter(
            goal.unwrap_or(GoalKind::Contact),
            language.as_deref().unwrap_or("en"),
        ),
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::DraftChanged { seen, current } => Problem::conflict(format!(
                "The draft is at revision {current} by now, not {seen}: read it again. Nothing was changed."
            ))
            .kind(DRAFT_CHANGED),
            Error::TooManyBars => {
                Problem::conflict("A member has at most 1000 bars: delete one first.").kind(TOO_MANY_BARS)
            }
            Error::NeverPublished => Problem::conflict("Nothing was published yet.").kind(NEVER_PUBLISHED),
            Error::Unpublishable(problems) => Problem::unprocessable(faults_under("", problems))
                .detail("The configuration can't be published; the fields say why."),
            Error::Plan(refused) => refused.into(),
            Error::Db(error) => error.into(),
        }
    }
}
