//! Which browsers are the member's own: those in which somebody of the team was signed in, today or yesterday.
//!
//! A beacon comes from another site and carries no cookie, so it can't say who sent it. What it shares with the dashboard's
//! requests is the address and the user agent. Of these a hash with the day's salt is remembered, as visitors are, for
//! members that wish it; with the salt it is gone two days later. Who shares the address and has the same browser is taken
//! for the same: in an office these are mostly colleagues. That is why it is off unless it is asked for.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::visitors::{Salt, Salts, first_day_kept};
use super::{Visit, store};
use crate::clock::{Clock, MINUTE, Timestamp};
use crate::db::{self, Db};
use crate::ids::{MemberId, UserId, VisitorId};

/// How long what is known of a member is believed.
const FRESH: Duration = Duration::from_secs(5);
/// How long a browser that was noticed need not be noticed again.
const NOTICED: Duration = Duration::from_secs(600);
/// Bounds of what is remembered; past them all of it is forgotten, and read again.
const MAX_MEMBERS: usize = 5_000;
const MAX_NOTICED: usize = 50_000;

/// The own browsers of members. Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct OwnBrowsers {
    db: Db,
    clock: Clock,
    salts: Salts,
    known: Arc<Mutex<HashMap<MemberId, Known>>>,
    /// By a hash of user, address and user agent that means nothing outside of this process.
    noticed: Arc<Mutex<HashMap<u64, Timestamp>>>,
    hasher: RandomState,
}

/// Of one member: for each day that has any its salt and the browsers.
#[derive(Clone)]
struct Known {
    days: Arc<Vec<(Salt, HashSet<VisitorId>)>>,
    until: Timestamp,
}

impl OwnBrowsers {
    pub fn new(db: Db, clock: Clock, salts: Salts) -> Self {
        Self {
            db,
            clock,
            salts,
            known: Arc::default(),
            noticed: Arc::default(),
            hasher: RandomState::new(),
        }
    }

    pub fn salts(&self) -> &Salts {
        &self.salts
    }

    /// A user is at work in this browser: it is one of theirs, for each of their members that wishes to know.
    pub async fn notice(&self, user: UserId, network: IpAddr, user_agent: &str) -> db::Result<()> {
        let now = self.clock.now();
        let key = self.hasher.hash_one((user, network, user_agent));
        if self.was_noticed(key, now) {
            return Ok(());
        }
        let wishing = self
            .db
            .read(move |conn| store::list_members_excluding_users(conn, user))
            .await?;
        if !wishing.is_empty() {
            let browser = self.salts.of(now).await?.browser(network, user_agent);
            let (day, members) = (now.day(), wishing.clone());
            self.db
                .write(move |tx| store::insert_own_browsers(tx, &members, day, browser))
                .await?;
            let mut known = self.known.lock().expect("no holder of this lock panics");
            for member in wishing {
                known.remove(&member);
            }
        }
        let mut noticed = self.noticed.lock().expect("no holder of this lock panics");
        if noticed.len() >= MAX_NOTICED {
            noticed.clear();
        }
        noticed.insert(key, now + NOTICED);
        Ok(())
    }

    fn was_noticed(&self, key: u64, now: Timestamp) -> bool {
        let noticed = self.noticed.lock().expect("no holder of this lock panics");
        noticed.get(&key).is_some_and(|until| now < *until)
    }

    /// Does this visit come from one of the member's own browsers?
    pub async fn is_own(&self, member: MemberId, visit: &Visit<'_>) -> db::Result<bool> {
        let days = self.days_of(member).await?;
        Ok(days
            .iter()
            .any(|(salt, browsers)| browsers.contains(&salt.browser(visit.network, visit.user_agent))))
    }

    async fn days_of(&self, member: MemberId) -> db::Result<Arc<Vec<(Salt, HashSet<VisitorId>)>>> {
        let now = self.clock.now();
        if let Some(known) = self
            .known
            .lock()
            .expect("no holder of this lock panics")
            .get(&member)
            && now < known.until
        {
            return Ok(known.days.clone());
        }
        let from = first_day_kept(now.day());
        let days = self
            .db
            .read(move |conn| store::list_own_browsers(conn, member, from))
            .await?;
        let days = Arc::new(days);
        let mut known = self.known.lock().expect("no holder of this lock panics");
        if known.len() >= MAX_MEMBERS {
            known.clear();
        }
        known.insert(
            member,
            Known {
                days: days.clone(),
                until: now + FRESH,
            },
        );
        Ok(days)
    }

    /// A member has changed its mind: whoever is at work is noticed anew.
    pub fn wishes_changed(&self) {
        self.noticed
            .lock()
            .expect("no holder of this lock panics")
            .clear();
        self.known.lock().expect("no holder of this lock panics").clear();
    }

    /// Forgets what is stale, salts above all. To be called now and then.
    pub fn forget_stale(&self) {
        let now = self.clock.now();
        self.salts.forget_stale(now);
        let mut known = self.known.lock().expect("no holder of this lock panics");
        known.retain(|_, known| now < known.until && known.until.since(now) <= MINUTE);
        let mut noticed = self.noticed.lock().expect("no holder of this lock panics");
        noticed.retain(|_, until| now < *until);
    }
}
