//! Counting again from the raw events, after a rule has changed or a fault was found: a bar's roll-ups, a day at a time.
//!
//! Only days of which every event is still kept are touched. What events don't know stays as it is: what was dropped,
//! and where a bar was seen since ever (`sites`).

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::cardinality::MAX_VALUES;
use super::rollup::{Key, Sums};
use super::{Counts, Dimension, Tracking, store};
use crate::bars::BarKey;
use crate::clock::Timestamp;
use crate::db::{self, Conn};
use crate::ids::{BarId, JobId, MemberId};
use crate::jobs::{self, Attempt, Handler, JobError};

/// Whose bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    Bar(BarKey),
    Member(MemberId),
    Everybody,
}

/// The counts of a value in an hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counted {
    pub dimension: Dimension,
    pub hour: i32,
    pub value: String,
    pub counts: Counts,
}

/// What became of a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rerolled {
    /// Its roll-ups are the sums of its events now.
    Done,
    /// Not all of its events are kept: it was left as it is.
    NotKept,
}

/// The roll-ups of a day's counts, hourly and daily.
pub fn sums_of(member: MemberId, bar: BarId, counted: &[Counted]) -> Sums<'_> {
    let mut sums = Sums::default();
    for one in counted {
        let key = |bucket| Key {
            member,
            bar,
            dimension: one.dimension,
            bucket,
            value: one.value.as_str(),
        };
        *sums.hourly.entry(key(one.hour)).or_default() += one.counts;
        *sums.daily.entry(key(one.hour.div_euclid(24))).or_default() += one.counts;
    }
    sums
}

/// So often a day's events are added up before its roll-ups are locked. After that they are added up under the lock, for
/// events come faster than they can be added up.
const TRIES: usize = 3;

/// So many bars are enqueued in one transaction.
const BARS: i64 = 500;

impl Tracking {
    /// Counts a bar's day (UTC) again. Beacons may come meanwhile: each is counted once, either here or by its own batch.
    ///
    /// The long part, adding up, happens outside the transaction; the short one replaces the roll-ups if no event has come
    /// or gone since.
    pub async fn reroll_day(&self, member: MemberId, bar: BarId, day: i32) -> db::Result<Rerolled> {
        for _ in 0..TRIES {
            let (traces, counted) = self
                .db
                .read(move |conn| {
                    let traces = store::traces(conn, member, bar, day)?;
                    Ok::<_, db::Error>((traces, store::count_up(conn, member, bar, day, MAX_VALUES)?))
                })
                .await?;
            let replaced = self
                .db
                .write(move |tx| {
                    if !is_kept(store::lock_day(tx, member, bar, day)?, day) {
                        return Err(Undone::NotKept);
                    }
                    if store::traces(tx, member, bar, day)? != traces {
                        return Err(Undone::Changed);
                    }
                    Ok(store::replace_day(tx, member, bar, day, &counted)?)
                })
                .await;
            match replaced {
                Ok(()) => return Ok(Rerolled::Done),
                Err(Undone::NotKept) => return Ok(Rerolled::NotKept),
                Err(Undone::Changed) => {}
                Err(Undone::Db(error)) => return Err(error),
            }
        }
        let replaced = self
            .db
            .write(move |tx| {
                if !is_kept(store::lock_day(tx, member, bar, day)?, day) {
                    return Err(Undone::NotKept);
                }
                let counted = store::count_up(tx, member, bar, day, MAX_VALUES)?;
                Ok(store::replace_day(tx, member, bar, day, &counted)?)
            })
            .await;
        match replaced {
            Ok(()) => Ok(Rerolled::Done),
            Err(Undone::Db(error)) => Err(error),
            Err(_) => Ok(Rerolled::NotKept),
        }
    }

    /// Enqueues the counting again of these bars, a job each; `from` and `to` are days, both included. Answers how many bars.
    pub async fn enqueue_reroll(
        &self,
        whose: Whose,
        from: Option<i32>,
        to: Option<i32>,
    ) -> db::Result<usize> {
        let (mut after, mut enqueued) = (None, 0);
        loop {
            let service = self.clone();
            let bars = self
                .db
                .write(move |tx| {
                    let bars = store::list_bars(tx, whose, after, BARS)?;
                    for (member, bar) in &bars {
                        let work = Work {
                            member: *member,
                            bar: *bar,
                            from,
                            to,
                        };
                        service.enqueue_work(tx, &work)?;
                    }
                    Ok::<_, db::Error>(bars)
                })
                .await?;
            let Some((_, last)) = bars.last() else {
                return Ok(enqueued);
            };
            after = Some(*last);
            enqueued += bars.len();
        }
    }

    fn enqueue_work(&self, tx: &mut Conn, work: &Work) -> db::Result<()> {
        let id = JobId::new(&self.clock, &self.random);
        let once = format!("reroll:{}:{:?}:{:?}", work.bar, work.from, work.to);
        jobs::enqueue_for::<Reroll>(tx, id, work, self.clock.now(), Some(once))
    }
}

/// Why a transaction left everything as it was.
enum Undone {
    NotKept,
    /// Events have come or gone since they were added up.
    Changed,
    Db(db::Error),
}

impl From<db::Error> for Undone {
    fn from(error: db::Error) -> Self {
        Self::Db(error)
    }
}

fn is_kept(kept_since: Option<Timestamp>, day: i32) -> bool {
    kept_since.is_none_or(|since| since <= Timestamp::from_secs(i64::from(day) * 86_400))
}

/// Which days of a bar. Absent: from the first, to the last of which there is anything.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Work {
    member: MemberId,
    bar: BarId,
    from: Option<i32>,
    to: Option<i32>,
}

/// Counts the days of a bar again, some at a time; what is left is another job.
pub struct Reroll(pub Tracking);

/// So many days one run counts.
const DAYS: i32 = 31;

impl Handler for Reroll {
    const KIND: &'static str = "tracking.reroll";
    const LEASE: Duration = Duration::from_secs(1800);
    type Payload = Work;

    async fn run(&self, work: Work, _: Attempt) -> Result<(), JobError> {
        let Work { member, bar, .. } = work;
        self.0.catch_up_if_possible().await;
        let (there, kept_from) = self
            .0
            .db
            .read(move |conn| {
                let there = store::days_with_anything(conn, member, bar)?;
                Ok::<_, db::Error>((there, store::first_day_to_reroll(conn, member)?))
            })
            .await?;
        let Some(there) = there else { return Ok(()) };
        let first = work
            .from
            .unwrap_or(i32::MIN)
            .max(*there.start())
            .max(kept_from.unwrap_or(i32::MIN));
        let last = work.to.unwrap_or(i32::MAX).min(*there.end());
        let end = last.min(first.saturating_add(DAYS - 1));
        let mut outcomes: BTreeMap<&str, i32> = BTreeMap::new();
        for day in first..=end {
            let outcome = match self.0.reroll_day(member, bar, day).await? {
                Rerolled::Done => "done",
                Rerolled::NotKept => "not kept",
            };
            *outcomes.entry(outcome).or_default() += 1;
        }
        tracing::info!(%bar, days.from = first, days.to = end, ?outcomes, "counted again from events");
        if end < last {
            let service = self.0.clone();
            self.0
                .db
                .write(move |tx| {
                    let rest = Work {
                        from: Some(end + 1),
                        to: Some(last),
                        ..work
                    };
                    service.enqueue_work(tx, &rest)
                })
                .await?;
        }
        Ok(())
    }
}
