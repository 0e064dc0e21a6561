//! Who is who, for one day and one site, without knowing who: a keyed hash whose key is destroyed after two days.

use std::net::IpAddr;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::{Visit, store};
use crate::clock::Timestamp;
use crate::db::{self, Db};
use crate::ids::{BarId, VisitorId};
use crate::secrets::Random;

/// The key of one day's hashes. Its bytes are overwritten when it is dropped.
pub struct Salt(Zeroizing<[u8; 32]>);

impl Salt {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The visitor of a bar on a host. Another day, bar or host makes another id: nobody is followed from site to site.
    pub fn visitor(&self, visit: &Visit<'_>, bar: BarId, host: &str) -> VisitorId {
        let mut mac = self.hash_of(visit.network);
        mac.update(bar.uuid().as_bytes());
        mac.update(&u32::try_from(host.len()).unwrap_or(u32::MAX).to_le_bytes());
        mac.update(host.as_bytes());
        mac.update(visit.user_agent.as_bytes());
        id_of(mac)
    }

    /// A browser, wherever it goes: for telling a member's own. Never the id of a visitor.
    pub fn browser(&self, network: IpAddr, user_agent: &str) -> VisitorId {
        let mut mac = self.hash_of(network);
        mac.update(b"own browser");
        mac.update(user_agent.as_bytes());
        id_of(mac)
    }

    fn hash_of(&self, network: IpAddr) -> Hmac<Sha256> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&*self.0).expect("any length of key will do");
        match network {
            IpAddr::V4(v4) => mac.update(&v4.octets()),
            IpAddr::V6(v6) => mac.update(&v6.octets()),
        }
        mac
    }
}

fn id_of(mac: Hmac<Sha256>) -> VisitorId {
    let digest: [u8; 32] = mac.finalize().into_bytes().into();
    let half = digest[..16].try_into().expect("16 of 32 bytes");
    VisitorId::from_uuid(Uuid::from_bytes(half))
}

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// How long a salt is used without asking whether it is still there: one that is destroyed is used no longer than this.
const FRESH: Duration = Duration::from_secs(60);

/// The salts: made once among all processes, in the database, and destroyed there. Only the latest is also kept here, and
/// no longer than [`FRESH`] after it was last looked at.
#[derive(Clone)]
pub struct Salts {
    db: Db,
    random: Random,
    latest: Arc<RwLock<Option<Latest>>>,
    /// One look at the database at a time, however many wait for it.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Clone)]
struct Latest {
    day: i32,
    salt: Arc<Salt>,
    until: Timestamp,
}

impl Salts {
    pub fn new(db: Db, random: Random) -> Self {
        Self {
            db,
            random,
            latest: Arc::default(),
            turn: Arc::default(),
        }
    }

    /// The salt of the UTC day of `now`.
    pub async fn of(&self, now: Timestamp) -> db::Result<Arc<Salt>> {
        if let Some(salt) = self.known(now) {
            return Ok(salt);
        }
        let _turn = self.turn.lock().await;
        if let Some(salt) = self.known(now) {
            return Ok(salt);
        }
        let day = now.day();
        let found = self.db.read(move |conn| store::find_salt(conn, day)).await?;
        let salt = match found {
            Some(salt) => salt,
            None => {
                let fresh = Zeroizing::new(self.random.bytes::<32>());
                self.db
                    .write(move |tx| store::find_or_make_salt(tx, day, &fresh, now))
                    .await?
            }
        };
        let salt = Arc::new(salt);
        let mut latest = self.latest.write().expect("no holder of this lock panics");
        // An event of yesterday, or of a clock that was put back, does not take today's place.
        if latest.as_ref().is_none_or(|known| known.day <= day) {
            *latest = Some(Latest {
                day,
                salt: salt.clone(),
                until: now + FRESH,
            });
        }
        Ok(salt)
    }

    fn known(&self, now: Timestamp) -> Option<Arc<Salt>> {
        let latest = self.latest.read().expect("no holder of this lock panics");
        let known = latest.as_ref()?;
        // A time far before `until` is that of a clock that was put back.
        let fresh = now < known.until && known.until.since(now) <= FRESH;
        (known.day == now.day() && fresh).then(|| known.salt.clone())
    }

    /// Forgets a salt that was not looked at for a while. To be called now and then, for a process to which nothing comes
    /// would keep what is destroyed everywhere else.
    pub fn forget_stale(&self, now: Timestamp) {
        let mut latest = self.latest.write().expect("no holder of this lock panics");
        if latest.as_ref().is_some_and(|known| known.until <= now) {
            *latest = None;
        }
    }

    /// A salt is in this process's memory.
    pub fn is_remembering(&self) -> bool {
        self.latest
            .read()
            .expect("no holder of this lock panics")
            .is_some()
    }
}

/// The first day whose salt is kept on `today`: each for its own day and the next.
pub fn first_day_kept(today: i32) -> i32 {
    today - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_visitor_is_the_same_only_on_one_day_bar_and_host() {
        let (clock, random) = (
            Clock::frozen(Timestamp::from_secs(1_800_000_000)),
            Random::seeded(1),
        );
        let (bar, other_bar) = (BarId::new(&clock, &random), BarId::new(&clock, &random));
        let visit = Visit {
            address: "192.0.2.1".parse().unwrap(),
            network: "192.0.2.1".parse().unwrap(),
            user_agent: "Firefox",
            brands: "",
            platform: "",
            platform_version: "",
            mobile: false,
            accept_language: None,
            gpc: false,
            dnt: false,
            prefetch: false,
        };
        let (today, tomorrow) = (Salt::new(random.bytes()), Salt::new(random.bytes()));
        let id = today.visitor(&visit, bar, "example.com");
        assert_eq!(today.visitor(&visit, bar, "example.com"), id);
        assert_ne!(tomorrow.visitor(&visit, bar, "example.com"), id);
        assert_ne!(today.visitor(&visit, other_bar, "example.com"), id);
        assert_ne!(today.visitor(&visit, bar, "example.org"), id);
        assert_ne!(
            today.visitor(
                &Visit {
                    user_agent: "Chrome",
                    ..visit
                },
                bar,
                "example.com"
            ),
            id
        );
        assert_ne!(
            today.visitor(
                &Visit {
                    network: "192.0.2.2".parse().unwrap(),
                    ..visit
                },
                bar,
                "example.com"
            ),
            id
        );
    }
}

#[cfg(test)]
mod properties {
    use proptest::prelude::*;

    use super::*;

    fn visits() -> impl Strategy<Value = ([u8; 4], String, u128, String, [u8; 4])> {
        // Few of each, so that two are often alike, and texts that could run into each other.
        (
            prop_oneof![Just([1; 4]), Just([2; 4])],
            "[ab]{0,3}",
            0..2_u128,
            "[ab]{0,3}",
            prop_oneof![Just([7; 4]), Just([8; 4])],
        )
    }

    fn id((network, user_agent, bar, host, salt): &([u8; 4], String, u128, String, [u8; 4])) -> VisitorId {
        let visit = Visit {
            address: IpAddr::from(*network),
            network: IpAddr::from(*network),
            user_agent,
            brands: "",
            platform: "",
            platform_version: "",
            mobile: false,
            accept_language: None,
            gpc: false,
            dnt: false,
            prefetch: false,
        };
        let bytes = salt.repeat(8).try_into().unwrap();
        Salt::new(bytes).visitor(&visit, BarId::from_uuid(Uuid::from_u128(*bar)), host)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, cases: 2000, ..ProptestConfig::default() })]

        /// Two ids are the same if, and only if, all is the same: salt, address, user agent, bar and host.
        #[test]
        fn a_visitor_is_all_that_is_hashed_and_nothing_else(one in visits(), other in visits()) {
            prop_assert_eq!(id(&one) == id(&other), one == other);
        }
    }
}
