//! Only some of what was counted: values of dimensions that all must hold. Pure.

use std::collections::BTreeMap;

use super::{Dimension, OTHER};

/// Which events: one value of each dimension that is named. None named: all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filters(BTreeMap<Dimension, String>);

/// Values that were too many to be told apart can't be told apart by something else either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`(other)` can't be combined with another filter or breakdown")]
pub struct Unfit {
    pub field: Dimension,
}

impl Filters {
    /// Only events with this value of the dimension.
    pub fn only(mut self, dimension: Dimension, value: impl Into<String>) -> Self {
        self.0.insert(dimension, value.into());
        self
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (Dimension, &str)> {
        self.0
            .iter()
            .map(|(dimension, value)| (*dimension, value.as_str()))
    }

    /// What the roll-ups may answer: nothing named, or one value, told apart by nothing else.
    pub(super) fn plain(&self, by: Option<Dimension>) -> Option<(Dimension, &str)> {
        let mut named = self.iter();
        match (named.next(), named.next()) {
            (None, _) => Some((Dimension::Total, "")),
            (Some((dimension, value)), None) if by.is_none_or(|by| by == dimension) => {
                // A campaign that there is not has no row there.
                (!(dimension.may_be_absent() && value.is_empty())).then_some((dimension, value))
            }
            _ => None,
        }
    }

    /// May this be asked?
    pub fn check(&self, by: Option<Dimension>) -> Result<(), Unfit> {
        match self.iter().find(|(_, value)| *value == OTHER) {
            Some((field, _)) if self.plain(by).is_none() => Err(Unfit { field }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_plain_unless_it_is_told_apart_or_absent() {
        let one = Filters::default().only(Dimension::Page, "a.example/");
        assert_eq!(one.plain(None), Some((Dimension::Page, "a.example/")));
        assert_eq!(
            one.plain(Some(Dimension::Page)),
            Some((Dimension::Page, "a.example/"))
        );
        assert_eq!(one.plain(Some(Dimension::Browser)), None);
        assert_eq!(one.only(Dimension::Browser, "Firefox").plain(None), None);
        let none = Filters::default().only(Dimension::UtmSource, "");
        assert_eq!(none.plain(None), None);
        let direct = Filters::default().only(Dimension::Referrer, "");
        assert_eq!(direct.plain(None), Some((Dimension::Referrer, "")));
    }

    #[test]
    fn what_is_not_told_apart_is_not_combined() {
        let other = Filters::default().only(Dimension::Page, OTHER);
        assert_eq!(other.check(None), Ok(()));
        assert_eq!(other.check(Some(Dimension::Page)), Ok(()));
        let unfit = Unfit {
            field: Dimension::Page,
        };
        assert_eq!(other.check(Some(Dimension::Browser)), Err(unfit));
        assert_eq!(other.only(Dimension::Device, "desktop").check(None), Err(unfit));
    }
}
