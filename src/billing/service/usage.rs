//! Views of a plan's period: counted exactly from the roll-ups, said at 80 % and 100 %, and what the member chose for then.

use std::ops::Range;

use serde_json::json;

use super::Billing;
use super::requests::Ask;
use crate::audit::Actor;
use crate::billing::jobs::{WakeBars, WatchBilling};
use crate::billing::rules::{self, Meaning};
use crate::billing::{AtLimit, Error, Status, Subscription, Usage, store};
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::ids::MemberId;
use crate::mail::templates;
use crate::plans::{self, Plan};
use crate::tracking::Tracking;

/// At which parts of the limit a mail says so.
const SAID_AT: [u32; 2] = [80, 100];

impl Billing {
    /// How much of the period's views is used. What is in the journal must have been folded before.
    pub(super) fn usage(&self, conn: &mut Conn, member: MemberId) -> Result<Usage, Error> {
        let now = self.clock.now();
        let plan = self.plans().of(conn, member)?;
        let period = match self.is_sold() {
            true => period(&store::list_subscriptions(conn, member)?, plan, now),
            false => rules::month_of(now),
        };
        let views = Tracking::views(conn, member, period.clone())?;
        let at = |hour: i32| Timestamp::from_secs(i64::from(hour) * 3600);
        let resting = plans::standing(conn, member)?.resting_until;
        Ok(Usage {
            from: at(period.start),
            to: at(period.end),
            views,
            limit: plan.limits().views,
            forecast: rules::forecast(views, &period, now),
            resting_until: resting.filter(|_| self.plans().is_resting(resting, now)),
        })
    }

    /// Looks at everybody: usage, and what time brings about. One member's trouble does not keep us from the next.
    pub(in crate::billing) async fn watch(&self) -> Result<(), Error> {
        if !self.is_sold() {
            return self.wake_all().await;
        }
        if let Err(error) = self.tracking.catch_up().await {
            tracing::warn!(%error, "usage is looked at without what is in the journal");
        }
        let mut after = MemberId::from_uuid(uuid::Uuid::nil());
        loop {
            let some = self
                .db
                .read(move |conn| store::list_with_bars(conn, after, WatchBilling::PAGE))
                .await?;
            let Some((last, _)) = some.last() else { break };
            after = *last;
            for (member, _) in some {
                if let Err(error) = self.watch_usage(member).await {
                    tracing::warn!(member.id = %member, %error, "a member's usage could not be looked at");
                }
            }
        }
        let mut after = MemberId::from_uuid(uuid::Uuid::nil());
        loop {
            let some = self
                .db
                .read(move |conn| store::list_customers(conn, after, WatchBilling::PAGE))
                .await?;
            let Some(last) = some.last() else { return Ok(()) };
            after = *last;
            for member in some {
                if let Err(error) = self.settle(member).await {
                    tracing::warn!(member.id = %member, %error, "a member's billing could not be looked at");
                }
            }
        }
    }

    async fn watch_usage(&self, member: MemberId) -> Result<(), Error> {
        let service = self.clone();
        let usage = self.db.read(move |conn| service.usage(conn, member)).await?;
        let Some(limit) = usage.limit else { return Ok(()) };
        let reached = move |percent: u32| usage.views * 100 >= limit * i64::from(percent);
        if !reached(SAID_AT[0]) || usage.resting_until.is_some() {
            return Ok(());
        }
        let service = self.clone();
        let gone_on: Result<_, Error> = self
            .db
            .write(move |tx| service.reach_limit(tx, member, usage, reached(100)))
            .await;
        let (rests, next) = gone_on?;
        if rests {
            (self.bars_changed)();
        }
        if let Some((subscription, plan)) = next {
            self.go_on_to(member, subscription, plan).await?;
        }
        Ok(())
    }

    /// Says what is to be said, and lets bars rest if that was chosen. Answers whether they do, and what to go on to.
    fn reach_limit(
        &self,
        tx: &mut Conn,
        member: MemberId,
        usage: Usage,
        whole: bool,
    ) -> Result<(bool, Option<(Subscription, Plan)>), Error> {
        let now = self.clock.now();
        let account = store::open(tx, member, now)?;
        let subscriptions = store::list_subscriptions(tx, member)?;
        // Who can go on: somebody who pays, whose plan is not about to end, and above whose plan there is another.
        let current = rules::current(&subscriptions)
            .filter(|current| current.status == Status::Active && current.ends_at.is_none());
        let next = current.and_then(|current| Some((current.clone(), current.plan.next()?)));
        let choice = account.at_limit;
        let follows = match (choice, &next) {
            (Some(AtLimit::Pause), _) => templates::AtLimit::Pause,
            (Some(AtLimit::NextPlan), Some((_, plan))) => {
                templates::AtLimit::NextPlan(plan.name().to_owned())
            }
            (Some(AtLimit::NextPlan) | None, _) => templates::AtLimit::GoOn,
        };
        // Who was away from 80 % to 100 % gets one mail, not two; and each plan of a period has its own.
        let plan = self.plans().of(tx, member)?;
        let percent = if whole { SAID_AT[1] } else { SAID_AT[0] };
        let subject = format!("{} {}", usage.from, plan.as_str());
        if store::say_once(tx, member, &format!("usage_{percent}"), &subject, now)? {
            self.tell_usage(tx, member, percent, usage, &follows)?;
        }
        if !whole {
            return Ok((false, None));
        }
        match choice {
            Some(AtLimit::Pause) => {
                plans::put_resting(tx, member, Some(usage.to))?;
                let detail = json!({ "until": usage.to, "views": usage.views });
                self.record(tx, member, Actor::System, "billing.bars_rest", member, detail)?;
                self.enqueue::<WakeBars>(tx, member, usage.to)?;
                Ok((true, None))
            }
            Some(AtLimit::NextPlan) => Ok((false, next)),
            None => Ok((false, None)),
        }
    }

    async fn go_on_to(&self, member: MemberId, subscription: Subscription, plan: Plan) -> Result<(), Error> {
        let price = self.price_id(plan, subscription.interval).await?;
        let form = super::subscribing::change_now(&subscription, &price, None);
        let ask = Ask::Change {
            subscription: subscription.id,
            form,
            record: "billing.went_on_to_next_plan",
        };
        match self.ask(member, ask).await {
            // The other change is as good, and the next look sees what it brought.
            Err(Error::Busy) => Ok(()),
            asked => {
                asked?;
                self.sync(member).await
            }
        }
    }

    /// The period is over: bars that rested go on.
    pub(in crate::billing) async fn wake(&self, member: MemberId) -> Result<(), Error> {
        let service = self.clone();
        let woken: Result<bool, Error> = self
            .db
            .write(move |tx| {
                let now = service.clock.now();
                let until = plans::standing(tx, member)?.resting_until;
                let over = until.is_some_and(|until| until <= now);
                if over {
                    plans::put_resting(tx, member, None)?;
                    service.record(tx, member, Actor::System, "billing.bars_go_on", member, json!({}))?;
                }
                Ok(over)
            })
            .await;
        if woken? {
            (self.bars_changed)();
        }
        Ok(())
    }

    /// Where nothing is sold (any more), nobody's bars rest.
    async fn wake_all(&self) -> Result<(), Error> {
        let resting = self.db.read(store::list_resting).await?;
        let any = !resting.is_empty();
        let woken: Result<(), Error> = self
            .db
            .write(move |tx| {
                for member in resting {
                    plans::put_resting(tx, member, None)?;
                }
                Ok(())
            })
            .await;
        woken?;
        if any {
            (self.bars_changed)();
        }
        Ok(())
    }
}

/// In which views are counted: months of the subscription that gives the plan, else of the calendar.
fn period(subscriptions: &[Subscription], plan: Plan, now: Timestamp) -> Range<i32> {
    let current = rules::current(subscriptions);
    match current.filter(|current| plan != Plan::Free && rules::meaning(current.status) >= Meaning::Borrowed)
    {
        Some(paid) => rules::period_of(paid.period_start, now),
        None => rules::month_of(now),
    }
}
