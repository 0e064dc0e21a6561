//! What may be published, and which bars a list shows: decisions over values.

use std::collections::BTreeSet;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use poem_openapi::Enum;
use serde::{Deserialize, Serialize};

use super::configuration::{Configuration, FieldError};
use super::{BarName, BarState, BarSummary, HostPattern};
use crate::ids::BarId;

/// Everything that stands between a configuration and its publication.
pub fn publishing_problems(configuration: &Configuration) -> Vec<FieldError> {
    configuration.validate().err().unwrap_or_default()
}

/// `NAME (copy)`, shortened where it would grow too long.
pub fn name_of_copy(name: &BarName) -> BarName {
    const SUFFIX: &str = " (copy)";
    let room = BarName::MAX_CHARS - SUFFIX.len();
    let kept: String = name.as_str().chars().take(room).collect();
    format!("{}{SUFFIX}", kept.trim_end())
        .parse()
        .expect("a shortened name with a suffix is a name")
}

/// Which bars, in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub state: Option<BarState>,
    /// Part of the name, whatever the case.
    pub search: Option<String>,
    pub sort: Sort,
    pub after: Option<Cursor>,
    pub limit: usize,
}

/// The orders of a list of bars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum Sort {
    /// Those made last first.
    #[default]
    Newest,
    /// Those made first first.
    Oldest,
    /// By name, whatever the case.
    Name,
    /// Those changed last first.
    Changed,
}

/// A place in a list: behind this bar it goes on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor(Sort, i64, String, BarId);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not the `next_cursor` of this list in this order")]
pub struct NotACursor;

impl Cursor {
    fn of(sort: Sort, bar: &BarSummary) -> Self {
        let (number, text) = match sort {
            Sort::Newest => (-bar.created_at.micros(), String::new()),
            Sort::Oldest => (bar.created_at.micros(), String::new()),
            Sort::Name => (0, bar.name.as_str().to_lowercase()),
            Sort::Changed => (-bar.updated_at.micros(), String::new()),
        };
        Self(sort, number, text, bar.id)
    }

    fn place(&self) -> (i64, &str, BarId) {
        (self.1, &self.2, self.3)
    }

    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).expect("a cursor is plain data"))
    }

    /// Reads what `encode` wrote, for a list in the same order.
    pub fn decode(text: &str, sort: Sort) -> Result<Self, NotACursor> {
        let cursor: Self = text.parse()?;
        if cursor.0 == sort {
            Ok(cursor)
        } else {
            Err(NotACursor)
        }
    }
}

impl FromStr for Cursor {
    type Err = NotACursor;
    fn from_str(text: &str) -> Result<Self, NotACursor> {
        let json = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotACursor)?;
        serde_json::from_slice(&json).map_err(|_| NotACursor)
    }
}

/// A page of a list, and where the next begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BarPage {
    pub bars: Vec<BarSummary>,
    pub next: Option<Cursor>,
}

/// The page that was asked for, of all bars that a member has. In memory, for a member has at most a thousand, and so
/// that both databases order names alike.
pub fn page(mut bars: Vec<BarSummary>, listing: &Listing) -> BarPage {
    if let Some(state) = listing.state {
        bars.retain(|bar| bar.state == state);
    }
    if let Some(search) = &listing.search {
        let wanted = search.to_lowercase();
        bars.retain(|bar| bar.name.as_str().to_lowercase().contains(&wanted));
    }
    let mut placed: Vec<_> = bars
        .into_iter()
        .map(|bar| (Cursor::of(listing.sort, &bar), bar))
        .collect();
    placed.sort_by(|(a, _), (b, _)| a.place().cmp(&b.place()));
    if let Some(after) = &listing.after {
        placed.retain(|(place, _)| place.place() > after.place());
    }
    let more = placed.len() > listing.limit;
    placed.truncate(listing.limit);
    let next = placed.last().filter(|_| more).map(|(place, _)| place.clone());
    BarPage {
        bars: placed.into_iter().map(|(_, bar)| bar).collect(),
        next,
    }
}

/// The sites of all bars, and those of all but one (`None`: of all).
pub fn sites(
    bars: &[(BarId, Vec<HostPattern>)],
    but: Option<BarId>,
) -> (BTreeSet<&HostPattern>, BTreeSet<&HostPattern>) {
    let all = bars.iter().flat_map(|(_, hosts)| hosts);
    let others = bars.iter().filter(|(bar, _)| Some(*bar) != but);
    (all.collect(), others.flat_map(|(_, hosts)| hosts).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::{Clock, Timestamp};
    use crate::secrets::Random;

    fn bars(names: &[&str]) -> Vec<BarSummary> {
        let (clock, random) = (
            Clock::frozen(Timestamp::from_secs(1_800_000_000)),
            Random::seeded(1),
        );
        names
            .iter()
            .map(|name| {
                clock.advance(crate::clock::MINUTE);
                BarSummary {
                    id: BarId::new(&clock, &random),
                    key: super::super::BarKey::new(&random),
                    name: name.parse().unwrap(),
                    state: if name.starts_with('p') {
                        BarState::Paused
                    } else {
                        BarState::Active
                    },
                    published_version: None,
                    has_changes: true,
                    created_at: clock.now(),
                    updated_at: clock.now(),
                }
            })
            .collect()
    }

    fn names(page: &BarPage) -> Vec<&str> {
        page.bars.iter().map(|bar| bar.name.as_str()).collect()
    }

    #[test]
    fn pages_join_without_gap_or_overlap_in_every_order() {
        for (sort, order) in [
            (Sort::Newest, ["Beta", "alpha", "Äther", "paused"]),
            (Sort::Oldest, ["paused", "Äther", "alpha", "Beta"]),
            (Sort::Name, ["alpha", "Beta", "paused", "Äther"]),
            (Sort::Changed, ["Beta", "alpha", "Äther", "paused"]),
        ] {
            let mut seen = Vec::new();
            let mut after = None;
            loop {
                let listing = Listing {
                    sort,
                    after,
                    limit: 1,
                    ..Listing::default()
                };
                let page = page(bars(&["paused", "Äther", "alpha", "Beta"]), &listing);
                seen.extend(names(&page).into_iter().map(str::to_owned));
                let Some(next) = page.next else { break };
                after = Some(Cursor::decode(&next.encode(), sort).unwrap());
            }
            assert_eq!(seen, order, "{sort:?}");
        }
    }

    #[test]
    fn a_list_is_searched_and_filtered() {
        let all = || bars(&["paused", "Äther", "alpha", "Beta"]);
        let search = Listing {
            search: Some("ÄTH".into()),
            limit: 10,
            ..Listing::default()
        };
        assert_eq!(names(&page(all(), &search)), ["Äther"]);
        let paused = Listing {
            state: Some(BarState::Paused),
            limit: 10,
            ..Listing::default()
        };
        assert_eq!(names(&page(all(), &paused)), ["paused"]);
    }

    #[test]
    fn a_cursor_of_another_order_is_refused() {
        let first = page(
            bars(&["a", "b"]),
            &Listing {
                limit: 1,
                ..Listing::default()
            },
        );
        assert_eq!(
            Cursor::decode(&first.next.unwrap().encode(), Sort::Name),
            Err(NotACursor)
        );
        assert_eq!(Cursor::decode("nonsense", Sort::Name), Err(NotACursor));
    }

    #[test]
    fn a_copy_of_the_longest_name_still_has_a_name() {
        let long: BarName = "x".repeat(100).parse().unwrap();
        assert!(name_of_copy(&long).as_str().ends_with("x (copy)"));
        assert_eq!(name_of_copy(&"Sale".parse().unwrap()).as_str(), "Sale (copy)");
    }
}
