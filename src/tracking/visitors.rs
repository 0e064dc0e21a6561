//! Who is who, for one day and one site, without knowing who: a keyed hash whose key is destroyed after two days.

use std::sync::{Arc, RwLock};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use uuid::Uuid;

use super::{Visit, store};
use crate::clock::Timestamp;
use crate::db::{self, Db};
use crate::ids::{BarId, VisitorId};
use crate::secrets::Random;

/// The key of one day's hashes.
#[derive(Clone, Copy)]
pub struct Salt([u8; 32]);

impl Salt {
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The visitor of a bar on a host. Another day, bar or host makes another id: nobody is followed from site to site.
    pub fn visitor(&self, visit: &Visit<'_>, bar: BarId, host: &str) -> VisitorId {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length of key will do");
        match visit.network {
            std::net::IpAddr::V4(v4) => mac.update(&v4.octets()),
            std::net::IpAddr::V6(v6) => mac.update(&v6.octets()),
        }
        mac.update(bar.uuid().as_bytes());
        mac.update(&u32::try_from(host.len()).unwrap_or(u32::MAX).to_le_bytes());
        mac.update(host.as_bytes());
        mac.update(visit.user_agent.as_bytes());
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let half = digest[..16].try_into().expect("16 of 32 bytes");
        VisitorId::from_uuid(Uuid::from_bytes(half))
    }
}

impl std::fmt::Debug for Salt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Salt(…)")
    }
}

/// The salts: made once among all processes, in the database; only the day's is also kept here, which may
/// be an earlier one's again once a clock that went ahead is put right.
#[derive(Clone)]
pub struct Salts {
    db: Db,
    random: Random,
    latest: Arc<RwLock<Option<(i32, Salt)>>>,
}

impl Salts {
    pub fn new(db: Db, random: Random) -> Self {
        Self {
            db,
            random,
            latest: Arc::default(),
        }
    }

    /// The salt of the UTC day of `now`.
    pub async fn of(&self, now: Timestamp) -> db::Result<Salt> {
        let day = now.day();
        if let Some((of, salt)) = *self.latest.read().expect("no holder of this lock panics")
            && of == day
        {
            return Ok(salt);
        }
        let fresh = self.random.bytes::<32>();
        let salt = self
            .db
            .write(move |tx| store::find_or_make_salt(tx, day, &fresh, now))
            .await?;
        let mut latest = self.latest.write().expect("no holder of this lock panics");
        *latest = Some((day, salt));
        Ok(salt)
    }

    /// Forgets the salt in memory if it is not the day's: what is destroyed in the database must not live on here.
    pub fn forget_others(&self, now: Timestamp) {
        let mut latest = self.latest.write().expect("no holder of this lock panics");
        if latest.is_some_and(|(of, _)| of != now.day()) {
            *latest = None;
        }
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
            network: "192.0.2.1".parse().unwrap(),
            user_agent: "Firefox",
            brands: "",
            platform: "",
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
