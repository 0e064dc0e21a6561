//! What we ask Stripe to do: written down first, with the job that sees to it, then asked under the row's id as
//! Idempotency-Key, then ended with its effect in one transaction. Whoever dies in between, the job asks again under the same
//! key and gets the same answer: nothing is done twice, and nothing is forgotten.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Billing, Checkout};
use crate::audit::Actor;
use crate::billing::Error;
use crate::billing::jobs::{PerformRequest, RequestJob, SyncMember};
use crate::billing::store::{self, Progress, Request};
use crate::billing::stripe::{self, Form, Method, pair};
use crate::clock::{HOUR, MINUTE, Timestamp};
use crate::db::Conn;
use crate::ids::{BillingRequestId, JobId, MemberId};
use crate::jobs;
use crate::plans::{Interval, Plan};

/// Stripe remembers keys for 24 hours. What is older is not asked again.
const REMEMBERED: Duration = Duration::from_secs(23 * HOUR.as_secs());
/// The job steps in when whoever asked has not come back by then.
const SEEN_TO_AFTER: Duration = MINUTE;

/// What is asked.
#[derive(Clone, Debug)]
pub enum Ask {
    Customer {
        form: Form,
    },
    Checkout {
        form: Form,
        plan: Plan,
        interval: Interval,
    },
    ExpireCheckout {
        session: String,
    },
    Portal {
        form: Form,
    },
    /// A change of the subscription itself.
    Change {
        subscription: String,
        form: Form,
        record: &'static str,
    },
    /// A paused one goes on.
    Unpause {
        subscription: String,
    },
    /// Ends at once; what was paid for the rest is credited, or not.
    Cancel {
        subscription: String,
        credit: bool,
    },
    /// Makes a schedule of a subscription, and then the change at its period's end in it.
    Schedule {
        subscription: String,
        phases: Form,
    },
    Phases {
        schedule: String,
        form: Form,
    },
    /// Takes a schedule off a subscription, which goes on as it is.
    Release {
        subscription: String,
        schedule: String,
    },
}

impl Ask {
    fn kind(&self) -> &'static str {
        match self {
            Self::Customer { .. } => "customer",
            Self::Checkout { .. } => "checkout",
            Self::ExpireCheckout { .. } => "expire_checkout",
            Self::Portal { .. } => "portal",
            Self::Change { record, .. } => record,
            Self::Unpause { .. } => "billing.subscription_resumed",
            Self::Cancel { .. } => "billing.subscription_cancelled",
            Self::Schedule { .. } => "schedule",
            Self::Phases { .. } => "billing.change_scheduled",
            Self::Release { .. } => "billing.change_withdrawn",
        }
    }

    /// Of these, nobody asks for two at a time.
    fn slot(&self, member: MemberId) -> Option<String> {
        match self {
            Self::Customer { .. } => Some(format!("customer:{member}")),
            Self::Checkout { .. } => Some(format!("checkout:{member}")),
            Self::Change { subscription, .. }
            | Self::Unpause { subscription }
            | Self::Cancel { subscription, .. }
            | Self::Schedule { subscription, .. }
            | Self::Release { subscription, .. } => Some(format!("subscription:{subscription}")),
            Self::ExpireCheckout { .. } | Self::Portal { .. } | Self::Phases { .. } => None,
        }
    }

    /// With what is noted for later.
    fn whole_call(&self) -> (Method, String, Form) {
        let (method, path, mut form) = self.call();
        if let Self::Checkout { plan, interval, .. } = self {
            form.push(pair(format!("{LATER}plan"), plan.as_str()));
            form.push(pair(format!("{LATER}interval"), interval.as_str()));
        }
        (method, path, form)
    }

    fn call(&self) -> (Method, String, Form) {
        let post = |path: String, form: &Form| (Method::Post, path, form.clone());
        match self {
            Self::Customer { form } => post("/customers".into(), form),
            Self::Checkout { form, .. } => post("/checkout/sessions".into(), form),
            Self::ExpireCheckout { session } => post(format!("/checkout/sessions/{session}/expire"), &vec![]),
            Self::Portal { form } => post("/billing_portal/sessions".into(), form),
            Self::Change {
                subscription, form, ..
            } => post(format!("/subscriptions/{subscription}"), form),
            Self::Unpause { subscription } => post(format!("/subscriptions/{subscription}/resume"), &vec![]),
            Self::Cancel { subscription, credit } => {
                let form = vec![pair("invoice_now", credit), pair("prorate", credit)];
                (Method::Delete, format!("/subscriptions/{subscription}"), form)
            }
            // The phases wait in the form, under a name of ours, until there is a schedule to put them in.
            Self::Schedule { subscription, phases } => {
                let mut form = vec![pair("from_subscription", subscription)];
                form.extend(
                    phases
                        .iter()
                        .map(|(name, value)| pair(format!("{LATER}{name}"), value)),
                );
                post("/subscription_schedules".into(), &form)
            }
            Self::Phases { schedule, form } => post(format!("/subscription_schedules/{schedule}"), form),
            Self::Release { schedule, .. } => {
                post(format!("/subscription_schedules/{schedule}/release"), &vec![])
            }
        }
    }
}

/// Before what is not for this request but for the one that follows from it.
const LATER: &str = "later:";

impl Billing {
    /// Writes down what is to be asked, in the caller's transaction. `None`: the same is being asked already.
    pub(super) fn write_down(
        &self,
        tx: &mut Conn,
        member: MemberId,
        ask: &Ask,
        see_to_it_at: Timestamp,
    ) -> Result<Option<BillingRequestId>, Error> {
        let (method, path, form) = ask.whole_call();
        let request = Request {
            id: BillingRequestId::new(&self.clock, &self.random),
            member,
            kind: ask.kind().to_owned(),
            slot: ask.slot(member),
            method,
            path,
            form,
            created_at: self.clock.now(),
        };
        if !store::insert_request(tx, &request)? {
            return Ok(None);
        }
        let (job, payload) = (
            JobId::new(&self.clock, &self.random),
            RequestJob { request: request.id },
        );
        jobs::enqueue_for::<PerformRequest>(tx, job, &payload, see_to_it_at, None)?;
        Ok(Some(request.id))
    }

    /// Asks Stripe for something, now.
    pub(super) async fn ask(&self, member: MemberId, ask: Ask) -> Result<Value, Error> {
        self.stripe()?;
        let (service, at) = (self.clone(), self.clock.now() + SEEN_TO_AFTER);
        let wanted = ask.whole_call();
        let written: Result<_, Error> = self
            .db
            .write(move |tx| {
                store::open(tx, member, service.clock.now())?;
                if let Some(id) = service.write_down(tx, member, &ask, at)? {
                    return Ok(Ok(id));
                }
                let slot = ask.slot(member).unwrap_or_default();
                Ok(Err(store::find_open(tx, &slot)?.ok_or(Error::Busy)?))
            })
            .await;
        match written? {
            Ok(id) => self.perform(id).await,
            // Somebody asked the same, or something else of the same, and has not heard the answer, or died: that ends first.
            Err(open) => {
                let answer = self.perform(open.id).await;
                if (&open.method, &open.path, &open.form) == (&wanted.0, &wanted.1, &wanted.2) {
                    answer
                } else {
                    Err(Error::Busy)
                }
            }
        }
    }

    /// Asks what was written down, unless it has ended: then its answer is at hand.
    pub async fn perform(&self, id: BillingRequestId) -> Result<Value, Error> {
        let found = self.db.read(move |conn| store::find_request(conn, id)).await?;
        let Some((request, progress)) = found else {
            return Err(Error::NotFound);
        };
        match progress {
            Progress::Done(answer) => return Ok(answer),
            Progress::Failed(why) => return Err(stripe::Error::Odd(why).into()),
            Progress::Open => {}
        }
        if self.clock.now().since(request.created_at) > REMEMBERED {
            let why = "it was not reached for a day; a reconciliation knows how it ended".to_owned();
            self.end(request, Err(why.clone())).await?;
            return Err(stripe::Error::Odd(why).into());
        }
        let form = request.form.iter().filter(|(name, _)| !name.starts_with(LATER));
        let form = form.cloned().collect();
        let key = request.id.to_string();
        match self
            .stripe()?
            .change(request.method, &request.path, form, &key)
            .await
        {
            Ok(answer) => {
                // What anybody needs of it, and nothing else.
                let answer =
                    json!({ "id": answer["id"], "url": answer["url"], "expires_at": answer["expires_at"] });
                self.end(request, Ok(answer.clone())).await?;
                Ok(answer)
            }
            // How it ended is not known: it stays open, and the job asks again.
            Err(error @ stripe::Error::Away(_)) => Err(error.into()),
            Err(error) => {
                self.end(request, Err(error.to_string())).await?;
                Err(error.into())
            }
        }
    }

    /// Ends a request with its effect, once.
    async fn end(&self, request: Request, outcome: Result<Value, String>) -> Result<(), Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                let now = service.clock.now();
                store::open(tx, request.member, now)?;
                if !store::end_request(tx, request.id, &outcome, now)? {
                    return Ok(());
                }
                match outcome {
                    Ok(answer) => service.take_effect(tx, &request, &answer),
                    Err(why) => {
                        tracing::warn!(billing.request = %request.id, billing.kind = request.kind, error = why, "Stripe did not do it");
                        let detail = json!({ "kind": request.kind });
                        let actor = Actor::System;
                        service.record(tx, request.member, actor, "billing.request_failed", request.id, detail)?;
                        Ok(())
                    }
                }
            })
            .await
    }

    fn take_effect(&self, tx: &mut Conn, request: &Request, answer: &Value) -> Result<(), Error> {
        let (member, now) = (request.member, self.clock.now());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let later = |name: &str| {
            let of = |(key, _): &&(String, String)| key.strip_prefix(LATER) == Some(name);
            request.form.iter().find(of).map(|(_, value)| value.as_str())
        };
        match request.kind.as_str() {
            "customer" => {
                let customer = text(&answer["id"]);
                if !store::put_customer(tx, member, &customer)? {
                    tracing::error!(member.id = %member, "a second customer was made at Stripe");
                }
                self.record(
                    tx,
                    member,
                    Actor::System,
                    "billing.customer_made",
                    customer,
                    json!({}),
                )?;
            }
            "checkout" => {
                let (plan, interval) = (later("plan"), later("interval"));
                if let (Some(Ok(plan)), Some(Ok(interval))) = (plan.map(str::parse), interval.map(str::parse))
                {
                    let checkout = Checkout {
                        session: text(&answer["id"]),
                        plan,
                        interval,
                        url: text(&answer["url"]),
                        expires_at: Timestamp::from_secs(answer["expires_at"].as_i64().unwrap_or(0)),
                    };
                    store::put_checkout(tx, member, Some(checkout))?;
                }
            }
            "expire_checkout" => store::put_checkout(tx, member, None)?,
            "portal" => {}
            "schedule" => {
                let phases = request
                    .form
                    .iter()
                    .filter_map(|(name, value)| Some(pair(name.strip_prefix(LATER)?, value)));
                let ask = Ask::Phases {
                    schedule: text(&answer["id"]),
                    form: phases.collect(),
                };
                self.write_down(tx, member, &ask, now)?;
            }
            done => {
                self.record(tx, member, Actor::System, done, request.id, json!({}))?;
                // The webhook comes too; who gets here first does it.
                self.enqueue::<SyncMember>(tx, member, now)?;
            }
        }
        Ok(())
    }
}
