//! Billing over HTTP: what members see and change, and where Stripe's webhooks come in.

use poem::http::{HeaderMap, StatusCode};
use poem::{Endpoint, Request, Response, endpoint::make};
use poem_openapi::param::Query;
use poem_openapi::types::{Example, MaybeUndefined};
use poem_openapi::{Object, OpenApi};
use serde_json::{Value, json};

use super::service::Place;
use super::{AtLimit, Billing, Error, Invoice, Money, Overview, Preview, Reconciled, stripe};
use crate::accounts::Operation;
use crate::accounts::api::Caller;
use crate::clock::Timestamp;
use crate::http::page::{Cursor, DEFAULT_LIMIT};
use crate::http::{Json, Problem};
use crate::mail;
use crate::plans::{Interval, Limits, Plan};
use crate::secrets::sha256;

/// Where Stripe's webhooks come in.
pub const WEBHOOK: &str = "/stripe/webhook";
/// Nothing is sold here.
pub const NOT_SOLD: &str = "urn:contactbar:problem:billing-not-configured";
/// There is a subscription: it is changed, not doubled.
pub const SUBSCRIBED: &str = "urn:contactbar:problem:subscribed";
pub const NOT_SUBSCRIBED: &str = "urn:contactbar:problem:not-subscribed";
/// Stripe can't be reached. What was asked for is kept, and asked again for a day.
pub const STRIPE_AWAY: &str = "urn:contactbar:problem:stripe-away";
/// Stripe said no: a card was declined, say.
pub const STRIPE_REFUSED: &str = "urn:contactbar:problem:stripe-refused";

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Db(error) | Error::Mail(mail::Error::Db(error)) => error.into(),
            Error::Mail(error) => Problem::internal(error),
            Error::Accounts(error) => error.into(),
            Error::NotFound => Problem::not_found(),
            Error::NotSold => {
                Problem::conflict("Nothing is sold here: everybody has everything.").kind(NOT_SOLD)
            }
            Error::Conflict(why) => Problem::conflict(why),
            Error::Subscribed => {
                Problem::conflict("There is a subscription already: change it instead.").kind(SUBSCRIBED)
            }
            Error::NotSubscribed => Problem::conflict("There is no subscription.").kind(NOT_SUBSCRIBED),
            Error::Busy => {
                Problem::conflict("Another change is under way. See what it brought, then ask again.")
                    .retry_after(5)
            }
            Error::NoPrice(_) => Problem::internal(error),
            Error::Stripe(stripe::Error::Away(why)) => {
                tracing::warn!(error = why, "Stripe is away");
                Problem::new(StatusCode::SERVICE_UNAVAILABLE)
                    .kind(STRIPE_AWAY)
                    .detail("Stripe can't be reached. A change that was asked for is kept and asked again: look before asking twice.")
                    .retry_after(30)
            }
            Error::Stripe(stripe::Error::Refused { ref message, .. }) => {
                Problem::conflict(format!("Stripe refused: {message}")).kind(STRIPE_REFUSED)
            }
            Error::Stripe(stripe::Error::Odd(_)) => Problem::internal(error),
            Error::Signature(refused) => Problem::bad_request(refused.to_string()),
            Error::NotAnEvent(_) => Problem::bad_request("This is no event of Stripe."),
        }
    }
}

pub struct BillingApi {
    pub billing: Billing,
}

#[derive(poem_openapi::Tags)]
enum Chapter {
    /// The plan, what of it is used, and what is paid for it, through Stripe. Where no Stripe key is set nothing is sold: everybody
    /// is on `self_hosted`, and what would change something answers 409. A card is only ever given to Stripe's own pages.
    /// Receipts and invoices come by mail from Stripe alone.
    Billing,
}

/// A page at Stripe.
#[derive(Debug, Object)]
pub struct StripePage {
    /// Send the browser there; it comes back to `/settings/billing`.
    pub url: String,
}

/// A plan, and for how long one pays at a time.
#[derive(Debug, Object)]
#[oai(example)]
pub struct WantedPlan {
    /// `pro` or `business`.
    pub plan: Plan,
    pub interval: Interval,
}

impl Example for WantedPlan {
    fn example() -> Self {
        Self {
            plan: Plan::Pro,
            interval: Interval::Yearly,
        }
    }
}

/// A change of plan.
#[derive(Debug, Object)]
#[oai(example)]
pub struct PlanChange {
    /// `pro` or `business`. (To `free` one goes by cancelling.)
    pub plan: Plan,
    pub interval: Interval,
    /// That of a preview not older than 30 minutes: then the change costs what the preview said.
    pub proration_at: Option<Timestamp>,
}

impl Example for PlanChange {
    fn example() -> Self {
        Self {
            plan: Plan::Business,
            interval: Interval::Monthly,
            proration_at: None,
        }
    }
}

/// Where in Stripe's portal.
#[derive(Debug, Object)]
#[oai(example)]
pub struct WantedPlace {
    pub place: Place,
}

impl Example for WantedPlace {
    fn example() -> Self {
        Self { place: Place::Card }
    }
}

/// What to change; what is left out stays.
#[derive(Debug, Object)]
#[oai(example)]
pub struct BillingChoice {
    /// What happens when the views of a period are used up; `null`: bars go on.
    pub at_limit: MaybeUndefined<AtLimit>,
}

impl Example for BillingChoice {
    fn example() -> Self {
        Self {
            at_limit: MaybeUndefined::Value(AtLimit::Pause),
        }
    }
}

/// A plan, as it is offered.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct OfferedPlan {
    pub plan: Plan,
    pub limits: Limits,
    /// Before tax, as Stripe says. Absent: it costs nothing, or Stripe can't be asked right now.
    pub monthly: Option<Money>,
    pub yearly: Option<Money>,
}

/// The plans, smallest first.
#[derive(Debug, Object)]
pub struct OfferedPlans {
    pub items: Vec<OfferedPlan>,
}

/// Invoices, newest first.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct InvoicePage {
    pub items: Vec<Invoice>,
    /// Where the next page begins: for `after`. Absent on the last page.
    pub next_cursor: Option<Cursor>,
}

fn sold(plan: Plan) -> Result<Plan, Problem> {
    if Plan::SOLD.contains(&plan) {
        Ok(plan)
    } else {
        Err(Problem::field(
            "plan",
            "must be a plan that is sold: `pro` or `business`",
        ))
    }
}

#[OpenApi(tag = "Chapter::Billing")]
impl BillingApi {
    /// Read billing
    ///
    /// The plan, what of it is used, the subscription, the card. From our own tables: it answers while Stripe is away.
    #[oai(path = "/billing", method = "get", operation_id = "read_billing")]
    async fn read(&self, caller: Caller) -> Result<Json<Overview>, Problem> {
        let access = caller.may(Operation::ReadBilling)?;
        Ok(Json(self.billing.overview(access.member).await?))
    }

    /// Choose what happens at the limit
    #[oai(path = "/billing", method = "patch", operation_id = "update_billing")]
    async fn update(&self, caller: Caller, body: Json<BillingChoice>) -> Result<Json<Overview>, Problem> {
        let access = caller.may(Operation::UpdateBilling)?;
        match body.0.at_limit {
            MaybeUndefined::Undefined => {}
            MaybeUndefined::Null => self.billing.choose_at_limit(&access, None).await?,
            MaybeUndefined::Value(choice) => self.billing.choose_at_limit(&access, Some(choice)).await?,
        }
        Ok(Json(self.billing.overview(access.member).await?))
    }

    /// List plans
    #[oai(path = "/billing/plans", method = "get", operation_id = "list_plans")]
    async fn plans(&self, caller: Caller) -> Result<Json<OfferedPlans>, Problem> {
        caller.may(Operation::ListPlans)?;
        if !self.billing.is_sold() {
            let items = vec![OfferedPlan {
                plan: Plan::SelfHosted,
                limits: Plan::SelfHosted.limits(),
                monthly: None,
                yearly: None,
            }];
            return Ok(Json(OfferedPlans { items }));
        }
        let prices = match self.billing.prices().await {
            Ok(prices) => prices,
            Err(Error::Stripe(error)) => {
                tracing::warn!(%error, "plans are shown without prices");
                vec![]
            }
            Err(error) => return Err(error.into()),
        };
        let price = |plan, interval| {
            let found = prices
                .iter()
                .find(|price| (price.plan, price.interval) == (plan, interval));
            found.map(|price| price.money.clone())
        };
        let offered = |plan: Plan| OfferedPlan {
            plan,
            limits: plan.limits(),
            monthly: price(plan, Interval::Monthly),
            yearly: price(plan, Interval::Yearly),
        };
        let items = [Plan::Free].into_iter().chain(Plan::SOLD).map(offered).collect();
        Ok(Json(OfferedPlans { items }))
    }

    /// Open a page to subscribe
    ///
    /// At Stripe, for a member without a subscription; the first one begins with a trial of 14 days that needs no card. Asked
    /// again it is the same page. 409 with a subscription: that is changed.
    #[oai(path = "/billing/checkout", method = "post", operation_id = "open_checkout")]
    async fn checkout(&self, caller: Caller, body: Json<WantedPlan>) -> Result<Json<StripePage>, Problem> {
        let access = caller.may(Operation::OpenCheckout)?;
        let plan = sold(body.0.plan)?;
        let url = self.billing.checkout(&access, plan, body.0.interval).await?;
        Ok(Json(StripePage { url }))
    }

    /// Open Stripe's portal
    ///
    /// Another card, invoices, address and tax ids, cancelling.
    #[oai(path = "/billing/portal", method = "post", operation_id = "open_portal")]
    async fn portal(&self, caller: Caller, body: Json<WantedPlace>) -> Result<Json<StripePage>, Problem> {
        let access = caller.may(Operation::OpenPortal)?;
        let url = self.billing.portal(&access, body.0.place).await?;
        Ok(Json(StripePage { url }))
    }

    /// Preview a change of plan
    ///
    /// What it would cost and when it would take effect. Changes nothing.
    #[oai(path = "/billing/change", method = "get", operation_id = "read_plan_change")]
    async fn preview(
        &self,
        caller: Caller,
        /// `pro` or `business`.
        plan: Query<Plan>,
        interval: Query<Interval>,
    ) -> Result<Json<Preview>, Problem> {
        let access = caller.may(Operation::ReadPlanChange)?;
        let plan = sold(plan.0)?;
        Ok(Json(self.billing.preview(access.member, plan, interval.0).await?))
    }

    /// Change the plan
    ///
    /// To a bigger plan, or from months to years: at once, and what was paid for the rest of the period is taken off. The other
    /// way: at the period's end. If the bank asks its customer first, the change waits for that.
    #[oai(path = "/billing/change", method = "post", operation_id = "change_plan")]
    async fn change(&self, caller: Caller, body: Json<PlanChange>) -> Result<Json<Overview>, Problem> {
        let access = caller.may(Operation::ChangePlan)?;
        let plan = sold(body.0.plan)?;
        let changed = self
            .billing
            .change(&access, plan, body.0.interval, body.0.proration_at)
            .await?;
        Ok(Json(changed))
    }

    /// Withdraw a change that is to come
    #[oai(
        path = "/billing/change",
        method = "delete",
        operation_id = "withdraw_plan_change"
    )]
    async fn withdraw(&self, caller: Caller) -> Result<Json<Overview>, Problem> {
        let access = caller.may(Operation::WithdrawPlanChange)?;
        Ok(Json(self.billing.withdraw_change(&access).await?))
    }

    /// Cancel the subscription
    ///
    /// At the end of what is paid for. Until then it can be resumed.
    #[oai(
        path = "/billing/cancel",
        method = "post",
        operation_id = "cancel_subscription"
    )]
    async fn cancel(&self, caller: Caller) -> Result<Json<Overview>, Problem> {
        let access = caller.may(Operation::CancelSubscription)?;
        Ok(Json(self.billing.cancel(&access).await?))
    }

    /// Resume the subscription
    ///
    /// One that was cancelled and has not ended, or that paused because its trial ended without a card.
    #[oai(
        path = "/billing/resume",
        method = "post",
        operation_id = "resume_subscription"
    )]
    async fn resume(&self, caller: Caller) -> Result<Json<Overview>, Problem> {
        let access = caller.may(Operation::ResumeSubscription)?;
        Ok(Json(self.billing.resume(&access).await?))
    }

    /// List invoices
    #[oai(path = "/billing/invoices", method = "get", operation_id = "list_invoices")]
    async fn invoices(
        &self,
        caller: Caller,
        /// The `next_cursor` of the page before.
        after: Query<Option<Cursor>>,
        /// How many, at most 200.
        #[oai(
            default = "default_limit",
            validator(minimum(value = "1"), maximum(value = "200"))
        )]
        limit: Query<u32>,
    ) -> Result<Json<InvoicePage>, Problem> {
        let access = caller.may(Operation::ListInvoices)?;
        let all = self.billing.list_invoices(access.member).await?;
        let begin = match after.0 {
            Some(after) => all
                .iter()
                .position(|invoice| cursor_of(invoice) == after)
                .map_or(all.len(), |at| at + 1),
            None => 0,
        };
        let mut items: Vec<Invoice> = all.into_iter().skip(begin).collect();
        let more = items.len() > limit.0 as usize;
        items.truncate(limit.0 as usize);
        let next_cursor = items.last().filter(|_| more).map(cursor_of);
        Ok(Json(InvoicePage { items, next_cursor }))
    }

    /// Compare with Stripe
    ///
    /// Asks Stripe how the member stands and repairs what webhooks that never came have missed. It happens every night, too.
    #[oai(
        path = "/billing/reconcile",
        method = "post",
        operation_id = "reconcile_billing"
    )]
    async fn reconcile(&self, caller: Caller) -> Result<Json<Reconciled>, Problem> {
        let access = caller.may(Operation::ReconcileBilling)?;
        Ok(Json(self.billing.reconcile_member(access.member).await?))
    }
}

/// Stripe's ids are texts; a cursor has one of ours.
fn cursor_of(invoice: &Invoice) -> Cursor {
    let hash = sha256(invoice.id.as_bytes());
    let [id @ .., _, _, _, _, _, _, _, _, _, _, _, _, _, _, _, _] = hash;
    Cursor {
        at: invoice.created_at,
        id: uuid::Uuid::from_bytes(id),
    }
}

fn default_limit() -> u32 {
    DEFAULT_LIMIT
}

/// The route of Stripe's webhooks. The body is taken as it came, for it is what was signed.
pub fn webhook(billing: Billing) -> impl Endpoint<Output = Response> + 'static {
    make(move |mut request: Request| {
        let billing = billing.clone();
        async move {
            if !billing.is_sold() {
                return Err(Problem::not_found().into());
            }
            let header = signature_of(request.headers())?;
            let body = request.take_body().into_bytes().await?;
            billing.receive(&header, &body).await.map_err(Problem::from)?;
            Ok::<_, poem::Error>(Response::builder().status(StatusCode::NO_CONTENT).finish())
        }
    })
}

fn signature_of(headers: &HeaderMap) -> Result<String, Problem> {
    let header = headers
        .get("stripe-signature")
        .and_then(|value| value.to_str().ok());
    header
        .map(str::to_owned)
        .ok_or_else(|| Problem::bad_request("The Stripe-Signature header is missing."))
}

/// The route, for the document.
pub fn describe() -> Value {
    let problem = |description: &str| {
        json!({ "description": description, "content": { "application/problem+json": {
            "schema": { "$ref": "#/components/schemas/Problem" } } } })
    };
    json!({
        "paths": { WEBHOOK: { "post": {
            "operationId": "receive_stripe_event", "tags": ["Billing"], "summary": "A webhook of Stripe",
            "description": "For Stripe alone: signed with the endpoint's secret, not older than 300 seconds. What it says is a hint: \
                the customer is fetched from Stripe, and kept in the same transaction as the event's id, so that a repetition does \
                nothing. Types that do not concern us are kept and ignored.",
            "parameters": [{ "name": "Stripe-Signature", "in": "header",
                "description": "Must be there: `t=…,v1=…`; several `v1` while a secret is replaced.", "schema": { "type": "string" },
                "example": "t=1795341600,v1=5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd" }],
            "requestBody": { "required": true, "content": { "application/json": {
                "schema": { "type": "object", "description": "An event as Stripe sends it.", "additionalProperties": true },
                "example": { "id": "evt_1", "object": "event", "type": "invoice.paid", "created": 1795341600,
                    "data": { "object": { "id": "in_1", "object": "invoice", "customer": "cus_1" } } } } } },
            "responses": {
                "204": { "description": "Taken; now or before." },
                "400": problem("The signature is missing, too old or not Stripe's, or it is no event."),
                "404": problem("Nothing is sold here."),
                "408": problem("The body took too long to arrive."),
                "413": problem("The body is too large."),
                "500": problem("Our fault; it has been logged under the request's id."),
                "503": problem("Stripe can't be asked right now; nothing was kept. Stripe sends it again.")
            }
        } } }
    })
}
