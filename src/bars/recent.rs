//! A map that keeps what was used lately, within a bound: what every cache on the visitors' way is made of.
//!
//! Two generations: what is used moves to the young one; when that is full it becomes the old one, and the old one is
//! dropped. No entry used among the last half of the bound is ever lost, and nothing costs more than a look-up.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::mem;

#[derive(Debug)]
pub struct Recent<K, V> {
    young: Generation<K, V>,
    old: Generation<K, V>,
    half: usize,
}

#[derive(Debug)]
struct Generation<K, V> {
    entries: HashMap<K, (V, usize)>,
    weight: usize,
}

impl<K, V> Default for Generation<K, V> {
    fn default() -> Self {
        Self {
            entries: HashMap::new(),
            weight: 0,
        }
    }
}

impl<K: Hash + Eq, V> Generation<K, V> {
    fn take<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<(K, V, usize)>
    where
        K: Borrow<Q>,
    {
        let (key, (value, weight)) = self.entries.remove_entry(key)?;
        self.weight -= weight;
        Some((key, value, weight))
    }
}

impl<K: Hash + Eq, V> Recent<K, V> {
    /// Keeps entries of at most `bound` in all, in whatever unit their weights are.
    pub fn new(bound: usize) -> Self {
        Self {
            young: Generation::default(),
            old: Generation::default(),
            half: bound / 2,
        }
    }

    pub fn get<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        if !self.young.entries.contains_key(key) {
            let (key, value, weight) = self.old.take(key)?;
            self.insert(key, value, weight);
        }
        self.young.entries.get(key).map(|(value, _)| value)
    }

    /// Keeps an entry, in place of the one of the same key. What is heavier than half the bound is not kept at all.
    pub fn insert(&mut self, key: K, value: V, weight: usize) {
        self.remove(&key);
        if weight > self.half {
            return;
        }
        if self.young.weight + weight > self.half {
            self.old = mem::take(&mut self.young);
        }
        self.young.weight += weight;
        self.young.entries.insert(key, (value, weight));
    }

    pub fn remove<Q: Hash + Eq + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        self.young.take(key);
        self.old.take(key);
    }

    pub fn weight(&self) -> usize {
        self.young.weight + self.old.weight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_used_stays_and_what_is_not_goes() {
        let mut recent = Recent::new(20);
        recent.insert(0, "used", 1);
        for key in 1..100 {
            recent.insert(key, "seen once", 1);
            assert!(recent.get(&0).is_some(), "after {key}");
            assert!(recent.weight() <= 20);
        }
        assert!(recent.get(&50).is_none() && recent.get(&99).is_some());
    }

    #[test]
    fn an_entry_replaces_the_one_before_it_and_what_is_removed_is_gone() {
        let mut recent = Recent::new(10);
        recent.insert("a", 1, 3);
        recent.insert("a", 2, 4);
        assert_eq!((recent.get("a").copied(), recent.weight()), (Some(2), 4));
        recent.remove("a");
        assert_eq!((recent.get("a").copied(), recent.weight()), (None, 0));
        recent.insert("too heavy", 3, 6);
        assert_eq!(recent.get("too heavy"), None);
    }
}
