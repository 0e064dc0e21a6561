//! What members do with bars, each in one transaction with its entry in the audit log.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::configuration::{Configuration, FieldError};
use super::jobs::{DeletedBar, PurgeBar};
use super::published::PublishedBars;
use super::{
    Bar, BarKey, BarName, BarState, BarSummary, Draft, HostPattern, ListedBar, ListedBars, Listing,
    MOST_BARS, Note, Publication, Settings, Version, rules, store,
};
use crate::audit::{self, Actor};
use crate::clock::{Clock, MINUTE};
use crate::db::{self, Conn, Db};
use crate::ids::{BarId, JobId, MemberId};
use crate::jobs;
use crate::plans::{self, Plans, Wanted};
use crate::secrets::Random;

/// Why not. What is not there, or another's, is `None` instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else changed the draft meanwhile: nothing was written.
    #[error("the draft is at revision {current} by now, not {seen}")]
    DraftChanged { seen: i64, current: i64 },
    #[error("a member has at most {MOST_BARS} bars")]
    TooManyBars,
    #[error("nothing was published yet")]
    NeverPublished,
    #[error("the configuration can't be published")]
    Unpublishable(Vec<FieldError>),
    #[error(transparent)]
    Plan(#[from] plans::Refused),
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// A bar to be.
pub struct NewBar {
    pub name: BarName,
    pub configuration: Configuration,
    pub allowed_hosts: Vec<HostPattern>,
    pub settings: Settings,
}

/// What to change about a bar besides its draft; `None` leaves it.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub name: Option<BarName>,
    pub allowed_hosts: Option<Vec<HostPattern>>,
    pub settings: Option<Settings>,
}

/// Where an earlier version returns to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RestoreTo {
    /// It becomes the draft, in place of the one of this revision.
    Draft { seen: i64 },
    /// It is published again, as a new version. A draft with changes stays as it is; one without goes along.
    Published,
}

/// A change that was made, for the record; `None`: there was nothing to change.
type Done = Option<(&'static str, Value)>;

/// Told, in the transaction of a publication, the bar's key. `app.rs` hands it in, for who listens stands above this
/// feature.
pub type Announce = Arc<dyn Fn(&mut Conn, &BarKey) -> db::Result<()> + Send + Sync>;

/// The bars of all members. Cheap to clone.
#[derive(Clone)]
pub struct Bars {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) random: Random,
    pub(super) published: PublishedBars,
    announce: Announce,
    plans: Plans,
}

impl Bars {
    pub fn new(db: Db, clock: Clock, random: Random, published: PublishedBars, announce: Announce) -> Self {
        Self {
            db,
            clock,
            random,
            published,
            announce,
            plans: Plans { sold: false },
        }
    }

    /// The same where plans are sold: they limit how many bars and sites a member adds.
    pub fn with_plans(self, plans: Plans) -> Self {
        Self { plans, ..self }
    }

    /// The look-up by key, for visitors' requests.
    pub fn published(&self) -> &PublishedBars {
        &self.published
    }

    pub async fn create(&self, member: MemberId, actor: Actor, new: NewBar) -> Result<Bar, Error> {
        let key = BarKey::new(&self.random);
        self.create_with_key(member, actor, key, new).await
    }

    /// For the demo, whose page knows its bar by a fixed key.
    pub async fn create_with_key(
        &self,
        member: MemberId,
        actor: Actor,
        key: BarKey,
        new: NewBar,
    ) -> Result<Bar, Error> {
        let now = self.clock.now();
        let bar = Bar {
            id: BarId::new(&self.clock, &self.random),
            member,
            key,
            legacy_id: None,
            name: new.name,
            state: BarState::Active,
            allowed_hosts: new.allowed_hosts,
            settings: new.settings,
            draft: Draft {
                configuration: new.configuration,
                revision: 1,
            },
            published: None,
            created_at: now,
            updated_at: now,
        };
        let bar = self
            .insert(actor, bar, "bar.created", Value::Object(Default::default()))
            .await?;
        self.published.forget(&bar.key);
        Ok(bar)
    }

    /// A new bar with the draft, hosts and settings of another; nothing of it is published.
    pub async fn duplicate(
        &self,
        member: MemberId,
        actor: Actor,
        id: BarId,
        name: Option<BarName>,
    ) -> Result<Option<Bar>, Error> {
        let Some(original) = self.find(member, id).await? else {
            return Ok(None);
        };
        let now = self.clock.now();
        let copy = Bar {
            id: BarId::new(&self.clock, &self.random),
            key: BarKey::new(&self.random),
            legacy_id: None,
            name: name.unwrap_or_else(|| rules::name_of_copy(&original.name)),
            state: BarState::Active,
            draft: Draft {
                revision: 1,
                ..original.draft
            },
            published: None,
            created_at: now,
            updated_at: now,
            ..original
        };
        self.insert(actor, copy, "bar.duplicated", json!({ "from": id }))
            .await
            .map(Some)
    }

    async fn insert(
        &self,
        actor: Actor,
        bar: Bar,
        action: &'static str,
        detail: Value,
    ) -> Result<Bar, Error> {
        let this = self.clone();
        self.db
            .write(move |tx| {
                let plan = this.plans.of_locked(tx, bar.member)?;
                let count = store::count(tx, bar.member)?;
                if count >= MOST_BARS as i64 {
                    return Err(Error::TooManyBars);
                }
                plans::admit(plan, Wanted::Bars(count + 1))?;
                this.may_add_sites(tx, bar.member, None, &bar.allowed_hosts)?;
                store::insert(tx, &bar)?;
                this.record(tx, actor, &bar, action, detail)?;
                Ok(bar)
            })
            .await
    }

    pub async fn find(&self, member: MemberId, id: BarId) -> Result<Option<Bar>, Error> {
        Ok(self.db.read(move |conn| store::find(conn, member, id)).await?)
    }

    pub async fn find_by_key(&self, member: MemberId, key: &BarKey) -> Result<Option<Bar>, Error> {
        let key = *key;
        self.db
            .read(move |conn| {
                let bars = store::list(conn, member)?;
                match bars.iter().find(|bar| bar.key == key) {
                    Some(bar) => Ok(store::find(conn, member, bar.id)?),
                    None => Ok(None),
                }
            })
            .await
    }

    /// A page of the member's bars, with how each draft looks. Only the drafts of that page are read.
    pub async fn list(&self, member: MemberId, listing: Listing) -> Result<ListedBars, Error> {
        let (page, mut looks) = self
            .db
            .read(move |conn| {
                let page = rules::page(store::list(conn, member)?, &listing);
                let bars: Vec<_> = page.bars.iter().map(|bar| bar.id).collect();
                let looks = store::list_looks(conn, member, &bars)?;
                Ok::<_, db::Error>((page, looks))
            })
            .await?;
        let listed = |bar: BarSummary| {
            // One that was purged between the two looks is not there.
            let look = looks.remove(&bar.id)?;
            Some(ListedBar { bar, look })
        };
        Ok(ListedBars {
            bars: page.bars.into_iter().filter_map(listed).collect(),
            next: page.next,
        })
    }

    pub async fn change(
        &self,
        member: MemberId,
        actor: Actor,
        id: BarId,
        change: Change,
    ) -> Result<Option<Bar>, Error> {
        self.edit(member, actor, id, move |this, tx, bar| {
            if let Some(hosts) = &change.allowed_hosts {
                this.may_add_sites(tx, member, Some(id), hosts)?;
            }
            let mut changed = Vec::new();
            put(&mut bar.name, change.name, "name", &mut changed);
            put(
                &mut bar.allowed_hosts,
                change.allowed_hosts,
                "allowed_hosts",
                &mut changed,
            );
            put(&mut bar.settings, change.settings, "settings", &mut changed);
            Ok((!changed.is_empty()).then(|| ("bar.changed", json!({ "fields": changed }))))
        })
        .await
    }

    /// Whether the plan has room for these hosts of a bar (`None`: of a new one), beside those of the others. Taking hosts away
    /// is always possible.
    fn may_add_sites(
        &self,
        tx: &mut Conn,
        member: MemberId,
        bar: Option<BarId>,
        hosts: &[HostPattern],
    ) -> Result<(), Error> {
        let plan = self.plans.of_locked(tx, member)?;
        let all = store::list_allowed_hosts(tx, member)?;
        let (before, others) = rules::sites(&all, bar);
        let after: BTreeSet<_> = others.into_iter().chain(hosts).collect();
        if after.is_subset(&before) {
            return Ok(());
        }
        let count = i64::try_from(after.len()).unwrap_or(i64::MAX);
        Ok(plans::admit(plan, Wanted::Sites(count))?)
    }

    /// Puts a draft in place of the one of revision `seen`.
    pub async fn change_draft(
        &self,
        member: MemberId,
        actor: Actor,
        id: BarId,
        seen: i64,
        configuration: Configuration,
    ) -> Result<Option<Bar>, Error> {
        self.edit(member, actor, id, move |_, _, bar| {
            replace_draft(bar, seen, configuration).map(|changed| {
                changed.then(|| ("bar.draft_changed", json!({ "revision": bar.draft.revision })))
            })
        })
        .await
    }

    /// Puts what is published in place of the draft of revision `seen`.
    pub async fn discard_draft(
        &self,
        member: MemberId,
        actor: Actor,
        id: BarId,
        seen: i64,
    ) -> Result<Option<Bar>, Error> {
        self.edit(member, actor, id, move |_, tx, bar| {
            let Some(live) = &bar.published else {
                return Err(Error::NeverPublished);
            };
            let version =
                store::find_version(tx, bar.member, bar.id, live.version)?.ok_or(Error::NeverPublished)?;
            if seen == bar.draft.revision && !bar.has_changes() {
                return Ok(None);
            }
            replace_draft(bar, seen, version.configuration)?;
            Ok(Some((
                "bar.draft_discarded",
                json!({ "revision": bar.draft.revision }),
            )))
        })
        .await
    }

    /// Shows the draft to visitors from now on. A draft that is shown already makes no new version. With `seen`, only
    /// the draft of that revision.
    pub async fn publish(
        &self,
        member: MemberId,
        actor: Actor,
        id: BarId,
        seen: Option<i64>,
        note: Note,
    ) -> Result<Option<Bar>, Error> {
        self.edit(member, actor, id, move |this, tx, bar| {
            if let Some(seen) = seen {
                expect_revision(bar, seen)?;
            }
            if !bar.has_changes() {
                return Ok(None);
            }
            let configuration = bar.draft.configuration.clone();
            let version = this.put_live(tx, actor, bar, &configuration, note)?;
            Ok(Some(("bar.published", json!({ "version": version }))))
        })
        .await
    }

    /// Returns to an earlier version.
    pub async fn restore(
        &self,
        member: MemberId,
        actor: Actor,
        id: BarId,
        version: i32,
        to: RestoreTo,
        note: Note,
    ) -> Result<Option<Bar>, Error> {
        // A version that is not there is as little there as a bar.
        if self.find_version(member, id, version).await?.is_none() {
            return Ok(None);
        }
        self.edit(member, actor, id, move |this, tx, bar| {
            let Some(earlier) = store::find_version(tx, member, id, version)? else {
                return Ok(None);
            };
            match to {
                RestoreTo::Draft { seen } => {
                    let changed = replace_draft(bar, seen, earlier.configuration)?;
                    Ok(changed.then(|| ("bar.draft_restored", json!({ "from_version": version }))))
                }
                RestoreTo::Published => {
                    if bar.published.as_ref().is_some_and(|live| live.version == version) {
                        return Ok(None);
                    }
                    let untouched = !bar.has_changes();
                    let new = this.put_live(tx, actor, bar, &earlier.configuration, note)?;
                    if untouched {
                        let seen = bar.draft.revision;
                        replace_draft(bar, seen, earlier.configuration)?;
                    }
                    Ok(Some((
                        "bar.published",
                        json!({ "version": new, "from_version": version }),
                    )))
                }
            }
        })
        .await
    }

    pub async fn pause(&self, member: MemberId, actor: Actor, id: BarId) -> Result<Option<Bar>, Error> {
        self.switch(member, actor, id, BarState::Paused, "bar.paused")
            .await
    }

    pub async fn resume(&self, member: MemberId, actor: Actor, id: BarId) -> Result<Option<Bar>, Error> {
        self.switch(member, actor, id, BarState::Active, "bar.resumed")
            .await
    }

    async fn switch(
        &self,
        member: MemberId,
        actor: Actor,
        id: BarId,
        state: BarState,
        action: &'static str,
    ) -> Result<Option<Bar>, Error> {
        self.edit(member, actor, id, move |_, _, bar| {
            let changed = bar.state != state;
            bar.state = state;
            Ok(changed.then(|| (action, json!({}))))
        })
        .await
    }

    /// Takes the bar away at once and for good; a job purges what was counted. Contacts stay. False: there is none.
    pub async fn delete(&self, member: MemberId, actor: Actor, id: BarId) -> Result<bool, Error> {
        let this = self.clone();
        let gone = self
            .db
            .write(move |tx| {
                store::lock(tx, member, id)?;
                let Some(bar) = store::find(tx, member, id)? else {
                    return Ok::<_, Error>(None);
                };
                store::mark_deleted(tx, member, id, this.clock.now())?;
                this.record(tx, actor, &bar, "bar.deleted", json!({ "key": bar.key.as_str() }))?;
                // Other processes may count for it until what they know expires: purge after that.
                let (job, run_at) = (JobId::new(&this.clock, &this.random), this.clock.now() + MINUTE);
                jobs::enqueue_for::<PurgeBar>(tx, job, &DeletedBar { member, bar: id }, run_at, None)?;
                Ok(Some(bar.key))
            })
            .await?;
        if let Some(key) = &gone {
            self.published.forget(key);
        }
        Ok(gone.is_some())
    }

    /// The history of a bar, newest first, from below `before`; one more than `limit` if there is more.
    pub async fn list_versions(
        &self,
        member: MemberId,
        id: BarId,
        before: Option<i32>,
        limit: usize,
    ) -> Result<Option<Vec<Publication>>, Error> {
        self.db
            .read(move |conn| {
                if store::find(conn, member, id)?.is_none() {
                    return Ok(None);
                }
                let limit = i64::try_from(limit).unwrap_or(i64::MAX - 1) + 1;
                Ok(Some(store::list_versions(conn, member, id, before, limit)?))
            })
            .await
    }

    pub async fn find_version(
        &self,
        member: MemberId,
        id: BarId,
        version: i32,
    ) -> Result<Option<Version>, Error> {
        self.db
            .read(move |conn| {
                if store::find(conn, member, id)?.is_none() {
                    return Ok(None);
                }
                Ok(store::find_version(conn, member, id, version)?)
            })
            .await
    }

    /// Changes a bar that nobody else changes meanwhile, keeps and records what was done, and tells the look-up.
    async fn edit(
        &self,
        member: MemberId,
        actor: Actor,
        id: BarId,
        work: impl FnOnce(&Self, &mut Conn, &mut Bar) -> Result<Done, Error> + Send + 'static,
    ) -> Result<Option<Bar>, Error> {
        let this = self.clone();
        let edited = self
            .db
            .write(move |tx| {
                store::lock(tx, member, id)?;
                let Some(mut bar) = store::find(tx, member, id)? else {
                    return Ok::<_, Error>(None);
                };
                let before = (bar.draft.revision, bar.published.clone());
                if let Some((action, detail)) = work(&this, tx, &mut bar)? {
                    if before != (bar.draft.revision, bar.published.clone()) {
                        compare(tx, &mut bar)?;
                    }
                    bar.updated_at = this.clock.now();
                    store::save(tx, &bar)?;
                    this.record(tx, actor, &bar, action, detail)?;
                }
                Ok(Some(bar))
            })
            .await?;
        if let Some(bar) = &edited {
            self.published.forget(&bar.key);
        }
        Ok(edited)
    }

    fn put_live(
        &self,
        tx: &mut Conn,
        actor: Actor,
        bar: &mut Bar,
        configuration: &Configuration,
        note: Note,
    ) -> Result<i32, Error> {
        let problems = rules::publishing_problems(configuration);
        if !problems.is_empty() {
            return Err(Error::Unpublishable(problems));
        }
        let version = store::last_version(tx, bar.id)?.unwrap_or(0) + 1;
        let publication = Publication {
            version,
            published_at: self.clock.now(),
            published_by: match actor {
                Actor::User(user) => Some(user),
                Actor::Token(_) | Actor::Anonymous | Actor::System => None,
            },
            note: note.as_str().to_owned(),
            revision: None,
        };
        store::insert_version(tx, bar, &publication, configuration)?;
        (self.announce)(tx, &bar.key)?;
        bar.published = Some(publication);
        Ok(version)
    }

    pub(super) fn record(
        &self,
        tx: &mut Conn,
        actor: Actor,
        bar: &Bar,
        action: &str,
        detail: Value,
    ) -> db::Result<()> {
        let entry = audit::Entry::new(&self.clock, &self.random, Some(bar.member), actor, action, bar.id);
        audit::record(tx, &entry.with(detail))
    }
}

fn expect_revision(bar: &Bar, seen: i64) -> Result<(), Error> {
    let current = bar.draft.revision;
    if seen == current {
        Ok(())
    } else {
        Err(Error::DraftChanged { seen, current })
    }
}

/// Notes whether the draft says what visitors see, however it came to.
fn compare(tx: &mut Conn, bar: &mut Bar) -> db::Result<()> {
    let Some(live) = &mut bar.published else {
        return Ok(());
    };
    let shown = store::find_version(tx, bar.member, bar.id, live.version)?;
    let same = shown.is_some_and(|shown| shown.configuration == bar.draft.configuration);
    live.revision = same.then_some(bar.draft.revision);
    Ok(())
}

/// True if that made a difference.
fn replace_draft(bar: &mut Bar, seen: i64, configuration: Configuration) -> Result<bool, Error> {
    expect_revision(bar, seen)?;
    if bar.draft.configuration == configuration {
        return Ok(false);
    }
    bar.draft = Draft {
        configuration,
        revision: bar.draft.revision + 1,
    };
    Ok(true)
}

fn put<T: PartialEq>(place: &mut T, new: Option<T>, name: &'static str, changed: &mut Vec<&'static str>) {
    if let Some(new) = new
        && *place != new
    {
        *place = new;
        changed.push(name);
    }
}
