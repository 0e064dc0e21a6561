//! The `billing_…` tables. What Stripe says is kept as it was read, in one JSON column; what is asked for has a column.

use std::collections::BTreeMap;

use diesel::prelude::*;
use serde_json::Value;

use super::stripe::Method;
use super::{AtLimit, Card, Checkout, Event, Invoice, Known, Money, ReversalKind, Status, Subscription};
use crate::both;
use crate::clock::Timestamp;
use crate::db::schema::{
    bars, billing_accounts as accounts, billing_events as events, billing_invoices as invoices,
    billing_notices as notices, billing_requests as requests, billing_reversals as reversals,
    billing_subscriptions as subscriptions, members,
};
use crate::db::{Conn, Json, Result};
use crate::ids::{BillingRequestId, MemberId};
use crate::plans;

text_column!(AtLimit, Status, ReversalKind);

/// What we keep of a member besides what Stripe says.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    pub customer: Option<String>,
    pub at_limit: Option<AtLimit>,
    pub applied: i64,
    pub cancelled_by_ending: bool,
    /// The page at Stripe where it can subscribe, while it is open.
    pub checkout: Option<Checkout>,
}

/// Makes sure that a member has a row, and that nobody else changes its billing until the transaction ends.
pub fn open(tx: &mut Conn, member: MemberId, now: Timestamp) -> Result<Account> {
    let new = (accounts::member_id.eq(member), accounts::created_at.eq(now));
    both!(tx, |c| diesel::insert_into(accounts::table)
        .values(new)
        .on_conflict_do_nothing()
        .execute(c)?);
    if let Conn::Postgres(conn) = tx {
        accounts::table
            .filter(accounts::member_id.eq(member))
            .select(accounts::member_id)
            .for_update()
            .execute(conn)?;
    }
    Ok(find(tx, member)?.unwrap_or_else(|| unreachable!("the row was just made")))
}

type AccountRow = (Option<String>, Option<AtLimit>, i64, bool, Option<Json<Checkout>>);

pub fn find(conn: &mut Conn, member: MemberId) -> Result<Option<Account>> {
    let row: Option<AccountRow> = accounts::table
        .filter(accounts::member_id.eq(member))
        .select((
            accounts::customer,
            accounts::at_limit,
            accounts::applied,
            accounts::cancelled_by_ending,
            accounts::checkout,
        ))
        .first(conn)
        .optional()?;
    let account = |(customer, at_limit, applied, cancelled_by_ending, checkout): AccountRow| Account {
        customer,
        at_limit,
        applied,
        cancelled_by_ending,
        checkout: checkout.map(|Json(checkout)| checkout),
    };
    Ok(row.map(account))
}

/// Whose customer it is.
pub fn find_member(conn: &mut Conn, customer: &str) -> Result<Option<MemberId>> {
    Ok(accounts::table
        .filter(accounts::customer.eq(customer))
        .select(accounts::member_id)
        .first(conn)
        .optional()?)
}

/// Members with a customer, in the order of their ids.
pub fn list_customers(conn: &mut Conn, after: MemberId, limit: i64) -> Result<Vec<MemberId>> {
    Ok(accounts::table
        .filter(accounts::customer.is_not_null())
        .filter(accounts::member_id.gt(after))
        .order(accounts::member_id)
        .limit(limit)
        .select(accounts::member_id)
        .load(conn)?)
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $column:ident($type:ty) = $value:expr;)*) => { $(
        $(#[$doc])*
        pub fn $name(tx: &mut Conn, member: MemberId, value: $type) -> Result<()> {
            let convert: fn($type) -> _ = $value;
            diesel::update(accounts::table.filter(accounts::member_id.eq(member)))
                .set(accounts::$column.eq(convert(value)))
                .execute(tx)?;
            Ok(())
        }
    )* };
}
setters! {
    put_at_limit: at_limit(Option<AtLimit>) = |choice| choice;
    put_cancelled_by_ending: cancelled_by_ending(bool) = |cancelled| cancelled;
    put_checkout: checkout(Option<Checkout>) = |checkout| checkout.map(Json);
}

/// Notes the member's customer, unless it has one. False: it has another.
pub fn put_customer(tx: &mut Conn, member: MemberId, customer: &str) -> Result<bool> {
    let free = accounts::table
        .filter(accounts::member_id.eq(member))
        .filter(accounts::customer.is_null().or(accounts::customer.eq(customer)));
    Ok(diesel::update(free)
        .set(accounts::customer.eq(customer))
        .execute(tx)?
        == 1)
}

/// Numbers a look at Stripe, before it begins.
pub fn begin_fetch(tx: &mut Conn, member: MemberId) -> Result<i64> {
    let mine = accounts::table.filter(accounts::member_id.eq(member));
    diesel::update(mine)
        .set(accounts::fetches.eq(accounts::fetches + 1))
        .execute(tx)?;
    Ok(mine.select(accounts::fetches).first(tx)?)
}

/// All that is known of a member's billing.
pub fn known(conn: &mut Conn, member: MemberId) -> Result<Known> {
    type Row = (Option<Timestamp>, bool, Option<Json<Card>>);
    let row: Option<Row> = accounts::table
        .filter(accounts::member_id.eq(member))
        .select((accounts::delinquent_since, accounts::trial_used, accounts::card))
        .first(conn)
        .optional()?;
    let (delinquent_since, trial_used, card) = row.unwrap_or_default();
    let states: Vec<(String, Json<Subscription>)> = subscriptions::table
        .filter(subscriptions::member_id.eq(member))
        .select((subscriptions::id, subscriptions::state))
        .load(conn)?;
    let bills: Vec<(String, Json<Invoice>)> = invoices::table
        .filter(invoices::member_id.eq(member))
        .select((invoices::id, invoices::state))
        .load(conn)?;
    let back: Vec<(String, ReversalKind, i64, String)> = reversals::table
        .filter(reversals::member_id.eq(member))
        .select((
            reversals::charge,
            reversals::kind,
            reversals::amount,
            reversals::currency,
        ))
        .load(conn)?;
    Ok(Known {
        plan: plans::standing(conn, member)?.plan,
        subscriptions: states.into_iter().map(|(id, Json(state))| (id, state)).collect(),
        invoices: bills.into_iter().map(|(id, Json(state))| (id, state)).collect(),
        reversals: back
            .into_iter()
            .map(|(charge, kind, amount, currency)| ((charge, kind), Money { amount, currency }))
            .collect(),
        card: card.map(|Json(card)| card),
        delinquent_since,
        trial_used,
    })
}

/// The subscriptions of a member, and since when a payment is missing.
pub fn list_subscriptions(conn: &mut Conn, member: MemberId) -> Result<Vec<Subscription>> {
    let states: Vec<Json<Subscription>> = subscriptions::table
        .filter(subscriptions::member_id.eq(member))
        .select(subscriptions::state)
        .load(conn)?;
    Ok(states.into_iter().map(|Json(state)| state).collect())
}

/// A member's invoices, newest first.
pub fn list_invoices(conn: &mut Conn, member: MemberId) -> Result<Vec<Invoice>> {
    let states: Vec<Json<Invoice>> = invoices::table
        .filter(invoices::member_id.eq(member))
        .order((invoices::created_at.desc(), invoices::id.desc()))
        .select(invoices::state)
        .load(conn)?;
    Ok(states.into_iter().map(|Json(state)| state).collect())
}

/// Keeps what became of it at the look of this number. The plan is `plans`' to keep.
pub fn keep(
    tx: &mut Conn,
    member: MemberId,
    old: &Known,
    new: &Known,
    fetch: i64,
    now: Timestamp,
) -> Result<()> {
    for (id, state) in changed(&old.subscriptions, &new.subscriptions) {
        let row = (
            subscriptions::id.eq(id),
            subscriptions::member_id.eq(member),
            subscriptions::status.eq(state.status),
            subscriptions::state.eq(Json(state.clone())),
            subscriptions::created_at.eq(state.created_at),
        );
        let changes = (
            subscriptions::status.eq(state.status),
            subscriptions::state.eq(Json(state.clone())),
        );
        both!(tx, |c| diesel::insert_into(subscriptions::table)
            .values(row)
            .on_conflict(subscriptions::id)
            .do_update()
            .set(changes)
            .execute(c)?);
    }
    for (id, state) in changed(&old.invoices, &new.invoices) {
        let row = (
            invoices::id.eq(id),
            invoices::member_id.eq(member),
            invoices::state.eq(Json(state.clone())),
            invoices::created_at.eq(state.created_at),
        );
        both!(tx, |c| diesel::insert_into(invoices::table)
            .values(row)
            .on_conflict(invoices::id)
            .do_update()
            .set(invoices::state.eq(Json(state.clone())))
            .execute(c)?);
    }
    for ((charge, kind), money) in changed(&old.reversals, &new.reversals) {
        let row = (
            reversals::charge.eq(charge),
            reversals::kind.eq(*kind),
            reversals::member_id.eq(member),
            reversals::amount.eq(money.amount),
            reversals::currency.eq(&money.currency),
            reversals::seen_at.eq(now),
        );
        both!(tx, |c| diesel::insert_into(reversals::table)
            .values(row)
            .on_conflict((reversals::charge, reversals::kind))
            .do_update()
            .set(reversals::amount.eq(money.amount))
            .execute(c)?);
    }
    diesel::update(accounts::table.filter(accounts::member_id.eq(member)))
        .set((
            accounts::applied.eq(fetch),
            accounts::synced_at.eq(Some(now)),
            accounts::delinquent_since.eq(new.delinquent_since),
            accounts::trial_used.eq(new.trial_used),
            accounts::card.eq(new.card.clone().map(Json)),
        ))
        .execute(tx)?;
    Ok(())
}

fn changed<'a, K: Ord, V: PartialEq>(
    old: &'a BTreeMap<K, V>,
    new: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (&'a K, &'a V)> {
    new.iter().filter(|(key, value)| old.get(key) != Some(*value))
}

/// Notes a webhook. False: it came before.
pub fn insert_event(tx: &mut Conn, event: &Event, member: Option<MemberId>, now: Timestamp) -> Result<bool> {
    let row = (
        events::id.eq(&event.id),
        events::member_id.eq(member),
        events::kind.eq(&event.kind),
        events::object.eq(event.object.as_deref()),
        events::handled.eq(member.is_some()),
        events::created_at.eq(event.created_at),
        events::received_at.eq(now),
    );
    let inserted = both!(tx, |c| diesel::insert_into(events::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c)?);
    Ok(inserted == 1)
}

pub fn has_event(conn: &mut Conn, id: &str) -> Result<bool> {
    let found: i64 = events::table.filter(events::id.eq(id)).count().get_result(conn)?;
    Ok(found > 0)
}

/// Forgets webhooks that came before `before`: Stripe repeats them for three days at most.
pub fn purge_events(tx: &mut Conn, before: Timestamp, limit: i64) -> Result<usize> {
    let old: Vec<String> = events::table
        .filter(events::received_at.lt(before))
        .order(events::received_at)
        .limit(limit)
        .select(events::id)
        .load(tx)?;
    Ok(diesel::delete(events::table.filter(events::id.eq_any(old))).execute(tx)?)
}

/// Something that we ask Stripe to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    pub id: BillingRequestId,
    pub member: MemberId,
    /// What for: `billing.service.requests` knows.
    pub kind: String,
    /// Of one slot, one request at a time is open.
    pub slot: Option<String>,
    pub method: Method,
    pub path: String,
    pub form: Vec<(String, String)>,
    pub created_at: Timestamp,
}

/// How far a request is.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    Open,
    Done(Value),
    Failed(String),
}

/// False: another one of its slot is open.
pub fn insert_request(tx: &mut Conn, request: &Request) -> Result<bool> {
    let row = (
        requests::id.eq(request.id),
        requests::member_id.eq(request.member),
        requests::kind.eq(&request.kind),
        requests::slot.eq(request.slot.as_deref()),
        requests::method.eq(if request.method == Method::Delete {
            "delete"
        } else {
            "post"
        }),
        requests::path.eq(&request.path),
        requests::form.eq(Json(request.form.clone())),
        requests::state.eq("open"),
        requests::created_at.eq(request.created_at),
    );
    let inserted = both!(tx, |c| diesel::insert_into(requests::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c)?);
    Ok(inserted == 1)
}

type RequestRow = (
    MemberId,
    String,
    Option<String>,
    String,
    String,
    Json<Vec<(String, String)>>,
    String,
    Option<Json<Value>>,
    Option<String>,
    Timestamp,
);

pub fn find_request(conn: &mut Conn, id: BillingRequestId) -> Result<Option<(Request, Progress)>> {
    let row: Option<RequestRow> = requests::table
        .filter(requests::id.eq(id))
        .select((
            requests::member_id,
            requests::kind,
            requests::slot,
            requests::method,
            requests::path,
            requests::form,
            requests::state,
            requests::answer,
            requests::error,
            requests::created_at,
        ))
        .first(conn)
        .optional()?;
    let Some((member, kind, slot, method, path, Json(form), state, answer, error, created_at)) = row else {
        return Ok(None);
    };
    let method = if method == "delete" {
        Method::Delete
    } else {
        Method::Post
    };
    let request = Request {
        id,
        member,
        kind,
        slot,
        method,
        path,
        form,
        created_at,
    };
    let progress = match state.as_str() {
        "done" => Progress::Done(answer.map_or(Value::Null, |Json(answer)| answer)),
        "failed" => Progress::Failed(error.unwrap_or_default()),
        _ => Progress::Open,
    };
    Ok(Some((request, progress)))
}

/// The open request of a slot.
pub fn find_open(conn: &mut Conn, slot: &str) -> Result<Option<Request>> {
    let id: Option<BillingRequestId> = requests::table
        .filter(requests::slot.eq(slot))
        .select(requests::id)
        .first(conn)
        .optional()?;
    Ok(match id {
        Some(id) => find_request(conn, id)?.map(|(request, _)| request),
        None => None,
    })
}

/// What is asked for a member and has not ended, oldest first.
pub fn list_open(conn: &mut Conn, member: MemberId) -> Result<Vec<BillingRequestId>> {
    Ok(requests::table
        .filter(requests::member_id.eq(member))
        .filter(requests::state.eq("open"))
        .order((requests::created_at, requests::id))
        .select(requests::id)
        .load(conn)?)
}

/// Ends a request, and gives its slot free. False: it has ended before.
pub fn end_request(
    tx: &mut Conn,
    id: BillingRequestId,
    outcome: &std::result::Result<Value, String>,
    now: Timestamp,
) -> Result<bool> {
    let (state, answer, error) = match outcome {
        Ok(answer) => ("done", Some(Json(answer.clone())), None),
        Err(error) => ("failed", None, Some(error.as_str())),
    };
    let open = requests::table
        .filter(requests::id.eq(id))
        .filter(requests::state.eq("open"));
    let ended = diesel::update(open)
        .set((
            requests::state.eq(state),
            requests::answer.eq(answer),
            requests::error.eq(error),
            requests::slot.eq(None::<String>),
            // A customer's name and address were in it: from now on Stripe has them, and we have them once.
            requests::form.eq(Json(Vec::<(String, String)>::new())),
            requests::ended_at.eq(Some(now)),
        ))
        .execute(tx)?;
    Ok(ended == 1)
}

/// Notes that something is said by mail. False: it was said before.
pub fn say_once(tx: &mut Conn, member: MemberId, kind: &str, subject: &str, now: Timestamp) -> Result<bool> {
    let row = (
        notices::member_id.eq(member),
        notices::kind.eq(kind),
        notices::subject.eq(subject),
        notices::sent_at.eq(now),
    );
    let inserted = both!(tx, |c| diesel::insert_into(notices::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c)?);
    Ok(inserted == 1)
}

/// Members that have bars and stay, in the order of their ids, with until when their bars rest.
pub fn list_with_bars(
    conn: &mut Conn,
    after: MemberId,
    limit: i64,
) -> Result<Vec<(MemberId, Option<Timestamp>)>> {
    Ok(members::table
        .filter(members::ends_at.is_null())
        .filter(members::id.gt(after))
        .filter(diesel::dsl::exists(
            bars::table.filter(bars::member_id.eq(members::id)),
        ))
        .order(members::id)
        .limit(limit)
        .select((members::id, members::resting_until))
        .load(conn)?)
}

/// Members whose bars rest, whatever for.
pub fn list_resting(conn: &mut Conn) -> Result<Vec<MemberId>> {
    Ok(members::table
        .filter(members::resting_until.is_not_null())
        .select(members::id)
        .load(conn)?)
}

/// A member's name and end; `None`: it is not there.
pub fn find_ending(conn: &mut Conn, member: MemberId) -> Result<Option<(String, Option<Timestamp>)>> {
    Ok(members::table
        .filter(members::id.eq(member))
        .select((members::name, members::ends_at))
        .first(conn)
        .optional()?)
}

/// Forgets a member's billing; answers how many rows.
pub fn delete_of_member(tx: &mut Conn, member: MemberId) -> Result<usize> {
    let mut gone = 0;
    macro_rules! delete {
        ($($table:ident),*) => { $(
            gone += diesel::delete($table::table.filter($table::member_id.eq(member))).execute(tx)?;
        )* };
    }
    gone += diesel::delete(events::table.filter(events::member_id.eq(member))).execute(tx)?;
    delete!(notices, requests, reversals, invoices, subscriptions, accounts);
    Ok(gone)
}
