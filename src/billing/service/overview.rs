//! What a member sees and chooses, from our own tables alone: Stripe may be away.

use serde_json::json;

use super::Billing;
use crate::accounts::Access;
use crate::billing::rules::{self, delinquency};
use crate::billing::{AtLimit, Error, Invoice, Overview, Shown, Status, store};
use crate::ids::MemberId;
use crate::plans;

impl Billing {
    pub async fn overview(&self, member: MemberId) -> Result<Overview, Error> {
        if let Err(error) = self.tracking.catch_up().await {
            tracing::warn!(%error, "usage is shown without what is in the journal");
        }
        let service = self.clone();
        self.db
            .read(move |conn| {
                let (now, sold) = (service.clock.now(), service.is_sold());
                let plan = service.plans().of(conn, member)?;
                let usage = service.usage(conn, member)?;
                let known = match sold {
                    true => store::known(conn, member)?,
                    false => Default::default(),
                };
                let account = store::find(conn, member)?.filter(|_| sold);
                let current = rules::current(known.subscriptions.values());
                let expiring = known
                    .card
                    .as_ref()
                    .is_some_and(|card| rules::card_expires_soon(card.expires_month, card.expires_year, now));
                Ok(Overview {
                    sold,
                    plan,
                    limits: plan.limits(),
                    usage,
                    at_limit: account.and_then(|account| account.at_limit),
                    subscription: current.cloned().map(Shown::from),
                    card: known.card,
                    card_expiring: expiring,
                    delinquent_since: known.delinquent_since,
                    falls_at: known.delinquent_since.map(delinquency::falls_at),
                    trial_available: sold
                        && !known.trial_used
                        && current.is_none_or(|s| s.status == Status::Incomplete),
                })
            })
            .await
    }

    /// Newest first. There is one or two a month.
    pub async fn list_invoices(&self, member: MemberId) -> Result<Vec<Invoice>, Error> {
        Ok(self
            .db
            .read(move |conn| store::list_invoices(conn, member))
            .await?)
    }

    /// What happens when the views are used up; `None`: bars go on. Who takes back the pause has its bars back at once.
    pub async fn choose_at_limit(&self, access: &Access, choice: Option<AtLimit>) -> Result<(), Error> {
        self.stripe()?;
        let (service, access) = (self.clone(), access.clone());
        let woken: Result<bool, Error> = self
            .db
            .write(move |tx| {
                let member = access.member;
                let account = store::open(tx, member, service.clock.now())?;
                if account.at_limit == choice {
                    return Ok(false);
                }
                store::put_at_limit(tx, member, choice)?;
                let detail = json!({ "at_limit": choice });
                service.record(
                    tx,
                    member,
                    access.actor(),
                    "billing.at_limit_chosen",
                    member,
                    detail,
                )?;
                let rested = plans::standing(tx, member)?.resting_until.is_some();
                if rested && choice != Some(AtLimit::Pause) {
                    plans::put_resting(tx, member, None)?;
                }
                Ok(rested)
            })
            .await;
        if woken? {
            (self.bars_changed)();
        }
        Ok(())
    }
}
