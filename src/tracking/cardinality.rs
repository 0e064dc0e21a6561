//! How many values stand by themselves; what comes after is counted under `(other)`. Of a bar, an open dimension and a day
//! at most [`MAX_VALUES`], be it by day or by hour; of a bar's sites, which are of all days, at most [`MAX_SITES`].
//!
//! Each process remembers the values that it has seen, as hashes, after reading once what the database already holds. What
//! other processes add meanwhile it does not see: with `n` processes the bound is at most `n` times as high, and that is
//! enough to be one. A restart does not raise it, for what stands is read first.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::sync::Mutex;

use super::Dimension;
use crate::ids::BarId;

pub const MAX_VALUES: u16 = 500;
pub const MAX_SITES: u16 = 2000;

/// Of all bars together; past it everything is forgotten and read again when needed.
const MAX_REMEMBERED: usize = 400_000;

#[derive(Default)]
pub struct Cardinality {
    hasher: RandomState,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    days: HashMap<(BarId, i32), Day>,
    sites: HashMap<BarId, HashSet<u64>>,
    remembered: usize,
}

#[derive(Default)]
struct Day {
    values: HashSet<u64>,
    counts: [u16; Dimension::COUNT],
}

impl Cardinality {
    fn lock(&self) -> std::sync::MutexGuard<'_, Known> {
        self.known.lock().expect("no holder of this lock panics")
    }

    /// Forgets everything if it has become too much: before anything of a batch is learnt, never within one.
    pub fn make_room(&self) {
        let mut known = self.lock();
        if known.remembered > MAX_REMEMBERED {
            *known = Known::default();
        }
    }

    /// Nothing is known of this bar's day: its values have to be read first.
    pub fn is_new(&self, bar: BarId, day: i32) -> bool {
        !self.lock().days.contains_key(&(bar, day))
    }

    /// What a bar's day holds already.
    pub fn learn(&self, bar: BarId, day: i32, values: &[(Dimension, String)]) {
        let mut known = self.lock();
        if !known.days.keys().any(|(_, known_day)| *known_day == day) {
            // A new day: what is older than yesterday is over.
            known.days.retain(|(_, known_day), _| *known_day >= day - 1);
            let of_days: usize = known.days.values().map(|day| day.values.len()).sum();
            let of_sites: usize = known.sites.values().map(HashSet::len).sum();
            known.remembered = of_days + of_sites;
        }
        known.days.entry((bar, day)).or_default();
        drop(known);
        for (dimension, value) in values {
            self.admit(bar, *dimension, day, value);
        }
    }

    /// May this value stand by itself?
    pub fn admit(&self, bar: BarId, dimension: Dimension, day: i32, value: &str) -> bool {
        let hash = self.hasher.hash_one((dimension, value));
        let mut known = self.lock();
        let of_day = known.days.entry((bar, day)).or_default();
        if of_day.values.contains(&hash) {
            return true;
        }
        let count = &mut of_day.counts[dimension as usize];
        if *count >= MAX_VALUES {
            return false;
        }
        *count += 1;
        of_day.values.insert(hash);
        known.remembered += 1;
        true
    }

    /// Nothing is known of this bar's sites: they have to be read first.
    pub fn sites_are_new(&self, bar: BarId) -> bool {
        !self.lock().sites.contains_key(&bar)
    }

    /// The hosts that a bar's sites name already.
    pub fn learn_sites(&self, bar: BarId, hosts: &[String]) {
        self.lock().sites.entry(bar).or_default();
        for host in hosts {
            self.admit_site(bar, host);
        }
    }

    /// May this host stand by itself among the bar's sites?
    pub fn admit_site(&self, bar: BarId, host: &str) -> bool {
        let hash = self.hasher.hash_one(host);
        let mut known = self.lock();
        let hosts = known.sites.entry(bar).or_default();
        if hosts.contains(&hash) {
            return true;
        }
        if hosts.len() >= usize::from(MAX_SITES) {
            return false;
        }
        hosts.insert(hash);
        known.remembered += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::secrets::Random;

    #[test]
    fn only_so_many_values_stand_by_themselves_and_those_known_stay() {
        let bar = BarId::new(
            &Clock::frozen(Timestamp::from_secs(1_800_000_000)),
            &Random::seeded(1),
        );
        let cardinality = Cardinality::default();
        assert!(cardinality.is_new(bar, 1));
        cardinality.learn(bar, 1, &[(Dimension::Page, "known".into())]);
        assert!(!cardinality.is_new(bar, 1));
        let admitted = (0..2000)
            .filter(|n| cardinality.admit(bar, Dimension::Page, 1, &n.to_string()))
            .count();
        assert_eq!(admitted, usize::from(MAX_VALUES) - 1);
        assert!(cardinality.admit(bar, Dimension::Page, 1, "known"));
        assert!(cardinality.admit(bar, Dimension::Page, 1, "5"));
        assert!(!cardinality.admit(bar, Dimension::Page, 1, "new"));
        assert!(cardinality.admit(bar, Dimension::Referrer, 1, "new"));
        assert!(cardinality.admit(bar, Dimension::Page, 2, "new"));
    }

    #[test]
    fn sites_are_bounded_over_all_days() {
        let bar = BarId::new(
            &Clock::frozen(Timestamp::from_secs(1_800_000_000)),
            &Random::seeded(1),
        );
        let cardinality = Cardinality::default();
        assert!(cardinality.sites_are_new(bar));
        cardinality.learn_sites(bar, &["known.example".to_owned()]);
        assert!(!cardinality.sites_are_new(bar));
        let admitted = (0..3000)
            .filter(|n| cardinality.admit_site(bar, &format!("{n}.example")))
            .count();
        assert_eq!(admitted, usize::from(MAX_SITES) - 1);
        cardinality.learn(bar, 1, &[]);
        cardinality.learn(bar, 5, &[]);
        assert!(cardinality.admit_site(bar, "known.example"));
        assert!(!cardinality.admit_site(bar, "new.example"));
    }
}
