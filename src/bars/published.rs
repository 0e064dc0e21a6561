//! The look-up that every visitor's request begins with: what is published under a key, from memory.
//!
//! What this process changes it forgets at once; a change by another process is seen when an entry expires, after
//! [`FRESH`] at the latest. While the database is away, what is known stays in use.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use super::configuration::Configuration;
use super::recent::Recent;
use super::settings::Settings;
use super::{BarKey, BarName, BarState, HostPattern, LegacyId, is_allowed, store};
use crate::accounts::OwnVisits;
use crate::clock::Clock;
use crate::db::{self, Conn, Db};
use crate::ids::{BarId, MemberId};
use crate::plans::Plan;

/// How long an entry is believed.
pub const FRESH: Duration = Duration::from_secs(5);
/// How long a database that was away is left alone, and what is known believed beyond its time.
const AWAY: Duration = Duration::from_secs(1);
/// What is not answered after so long is not answered: who asks holds up everybody else who wants the same bar.
const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
/// The bound of all bars in memory, by an estimate of what each takes.
const FOUND_BYTES: usize = 24 << 20;
/// The bound of the keys that are known to be nobody's.
const UNKNOWN_KEYS: usize = 20_000;
/// The bound of the ids of old snippets that are known, be it as nobody's.
const LEGACY_IDS: usize = 20_000;
/// Keys share so many turns at the database: one look-up a key at a time, however many visitors wait for it.
const TURNS: usize = 64;

/// A bar as visitors meet it. A bar that was never published is none; a paused one is, with its state.
#[derive(Clone, Debug, PartialEq)]
pub struct PublishedBar {
    pub bar: BarId,
    pub member: MemberId,
    pub key: BarKey,
    pub name: BarName,
    pub state: BarState,
    pub allowed_hosts: Vec<HostPattern>,
    pub version: i32,
    pub configuration: Configuration,
    pub settings: Settings,
    /// The member's.
    pub plan: Plan,
    /// What of its own visits the member does not want counted.
    pub own_visits: OwnVisits,
}

impl PublishedBar {
    pub fn is_active(&self) -> bool {
        self.state == BarState::Active
    }

    /// May it be shown on this host (as a URL has it: lower case, ASCII, no port)?
    pub fn may_show_on(&self, host: &str) -> bool {
        is_allowed(&self.allowed_hosts, host)
    }

    /// About what it takes in memory.
    fn weight(&self) -> usize {
        let json = serde_json::to_string(&self.configuration).map_or(0, |json| json.len());
        1024 + 3 * json + 64 * self.allowed_hosts.len()
    }
}

/// What is published, by key. Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct PublishedBars {
    db: Db,
    clock: Clock,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    turns: [tokio::sync::Mutex<()>; TURNS],
}

struct State {
    found: Recent<BarKey, Found>,
    unknown: Recent<BarKey, Duration>,
    /// What old snippets mean; `None`: no bar.
    legacy: Recent<LegacyId, (Option<BarKey>, Duration)>,
    /// Grows with every change in this process, so that a look-up that began before one is not kept.
    changes: u64,
    /// As all times here, of the clock's uptime: entries expire whatever is done to the time of day.
    away_until: Duration,
}

struct Found {
    bar: Arc<PublishedBar>,
    until: Duration,
}

enum Look {
    Known(Option<Arc<PublishedBar>>),
    Away,
    Unsure { changes: u64 },
}

impl PublishedBars {
    pub fn new(db: Db, clock: Clock) -> Self {
        let state = State {
            found: Recent::new(FOUND_BYTES),
            unknown: Recent::new(UNKNOWN_KEYS),
            legacy: Recent::new(LEGACY_IDS),
            changes: 0,
            away_until: Duration::ZERO,
        };
        let shared = Shared {
            state: Mutex::new(state),
            turns: [const { tokio::sync::Mutex::const_new(()) }; TURNS],
        };
        Self {
            db,
            clock,
            shared: Arc::new(shared),
        }
    }

    /// The bar of that key, unless there is none, it is deleted or was never published.
    pub async fn find_published(&self, key: &BarKey) -> db::Result<Option<Arc<PublishedBar>>> {
        if let Look::Known(known) = self.look(key) {
            return Ok(known);
        }
        let _turn = self.shared.turns[turn_of(key.as_str())].lock().await;
        let changes = match self.look(key) {
            Look::Known(known) => return Ok(known),
            Look::Away => return Err(db::Error::Unavailable("it was away a moment ago".into())),
            Look::Unsure { changes } => changes,
        };
        let wanted = *key;
        match self.ask(move |conn| store::find_published(conn, wanted)).await {
            Ok(found) => Ok(self.keep(wanted, found.map(Arc::new), changes)),
            Err(error) if error.is_unavailable() => self.bridge(key, error),
            Err(error) => Err(error),
        }
    }

    /// The key of the bar that old snippets with this id mean; from memory, as bars are.
    pub async fn find_key(&self, id: &LegacyId) -> db::Result<Option<BarKey>> {
        if let Some(key) = self.known_key(id)? {
            return Ok(key);
        }
        let _turn = self.shared.turns[turn_of(id.as_str())].lock().await;
        if let Some(key) = self.known_key(id)? {
            return Ok(key);
        }
        let changes = self.state().changes;
        let wanted = id.clone();
        let found = self
            .ask(move |conn| store::find_key_of_legacy_id(conn, &wanted))
            .await;
        let mut state = self.state();
        match found {
            Ok(key) => {
                if state.changes == changes {
                    let until = self.clock.uptime() + FRESH;
                    state.legacy.insert(id.clone(), (key, until), 1);
                }
                Ok(key)
            }
            Err(error) if error.is_unavailable() => {
                state.away_until = self.clock.uptime() + AWAY;
                state.legacy.get(id).map(|(key, _)| *key).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    /// Asks the database; one that hangs is away.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&mut Conn) -> db::Result<T> + Send + 'static,
    ) -> db::Result<T> {
        match tokio::time::timeout(ANSWERED_WITHIN, self.db.read(question)).await {
            Ok(answer) => answer,
            Err(_) => Err(db::Error::Unavailable("a bar could not be read in time".into())),
        }
    }

    /// `None`: the database must be asked.
    fn known_key(&self, id: &LegacyId) -> db::Result<Option<Option<BarKey>>> {
        let now = self.clock.uptime();
        let mut state = self.state();
        let away = now < state.away_until;
        match state.legacy.get(id) {
            Some((key, until)) if now < *until || away => Ok(Some(*key)),
            None if away => Err(db::Error::Unavailable("it was away a moment ago".into())),
            _ => Ok(None),
        }
    }

    /// Forgets what an old snippet's id meant: call it after the commit.
    pub(super) fn forget_legacy_id(&self, id: &LegacyId) {
        let mut state = self.state();
        state.changes += 1;
        state.legacy.remove(id);
    }

    /// The same as the database has it now, whatever is in memory.
    pub async fn read_published(&self, key: &BarKey) -> db::Result<Option<PublishedBar>> {
        let wanted = *key;
        self.db
            .read(move |conn| store::find_published(conn, wanted))
            .await
    }

    /// What is published of a member's bar, as the database has it now. `None`: nothing, or it is no bar of theirs.
    pub fn published_of(conn: &mut Conn, member: MemberId, bar: BarId) -> db::Result<Option<PublishedBar>> {
        match store::find_key(conn, member, bar)? {
            Some(key) => store::find_published(conn, key),
            None => Ok(None),
        }
    }

    /// Forgets all bars: a member's end was asked for, or withdrawn. That is rare, and what is needed is read again. Call
    /// it after the commit.
    pub fn forget_all(&self) {
        let mut state = self.state();
        state.changes += 1;
        state.found = Recent::new(FOUND_BYTES);
    }

    /// Forgets a bar that has just been changed: call it after the commit.
    pub(super) fn forget(&self, key: &BarKey) {
        let mut state = self.state();
        state.changes += 1;
        state.found.remove(key);
        state.unknown.remove(key);
    }

    fn look(&self, key: &BarKey) -> Look {
        let now = self.clock.uptime();
        let mut state = self.state();
        let away = now < state.away_until;
        match state.found.get(key) {
            Some(found) if now < found.until || away => return Look::Known(Some(found.bar.clone())),
            _ => {}
        }
        match state.unknown.get(key) {
            Some(until) if now < *until => Look::Known(None),
            _ if away => Look::Away,
            _ => Look::Unsure {
                changes: state.changes,
            },
        }
    }

    fn keep(&self, key: BarKey, found: Option<Arc<PublishedBar>>, changes: u64) -> Option<Arc<PublishedBar>> {
        let until = self.clock.uptime() + FRESH;
        let weight = found.as_ref().map(|bar| bar.weight());
        let mut state = self.state();
        if state.changes == changes {
            match (&found, weight) {
                (Some(bar), Some(weight)) => {
                    state.unknown.remove(&key);
                    state.found.insert(
                        key,
                        Found {
                            bar: bar.clone(),
                            until,
                        },
                        weight,
                    );
                }
                _ => {
                    state.found.remove(&key);
                    state.unknown.insert(key, until, 1);
                }
            }
        }
        found
    }

    /// The database is away: what is known serves on, and nobody asks again for a moment.
    fn bridge(&self, key: &BarKey, error: db::Error) -> db::Result<Option<Arc<PublishedBar>>> {
        let mut state = self.state();
        state.away_until = self.clock.uptime() + AWAY;
        match state.found.get(key) {
            Some(found) => {
                tracing::warn!(%error, "bars are served from memory while the database is away");
                Ok(Some(found.bar.clone()))
            }
            None => Err(error),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().expect("no holder of this lock panics")
    }
}

fn turn_of(key: &str) -> usize {
    // Keys are random: any of their letters spread them.
    key.bytes()
        .rev()
        .take(2)
        .fold(0, |sum, byte| sum * 31 + usize::from(byte))
        % TURNS
}
