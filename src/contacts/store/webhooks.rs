//! The `webhooks` and `webhook_deliveries` tables.

use diesel::prelude::*;
use serde_json::Value;

use super::super::signing::Secret;
use super::super::{Delivery, DeliveryState, EventType, Webhook};
use crate::clock::Timestamp;
use crate::db::schema::{webhook_deliveries as deliveries, webhooks};
use crate::db::{Conn, Json, Result};
use crate::ids::{ContactId, DeliveryId, MemberId, WebhookId};

pub fn insert(conn: &mut Conn, member: MemberId, webhook: &Webhook, secret: &Secret) -> Result<()> {
    diesel::insert_into(webhooks::table)
        .values((
            webhooks::id.eq(webhook.id),
            webhooks::member_id.eq(member),
            webhooks::url.eq(&webhook.url),
            webhooks::description.eq(&webhook.description),
            webhooks::secret.eq(secret.as_bytes()),
            webhooks::event_types.eq(Json(webhook.event_types.clone())),
            webhooks::enabled.eq(webhook.enabled),
            webhooks::created_at.eq(webhook.created_at),
        ))
        .execute(conn)?;
    Ok(())
}

type Row = (WebhookId, String, String, Json<Vec<EventType>>, bool, Timestamp);

const COLUMNS: (
    webhooks::id,
    webhooks::url,
    webhooks::description,
    webhooks::event_types,
    webhooks::enabled,
    webhooks::created_at,
) = (
    webhooks::id,
    webhooks::url,
    webhooks::description,
    webhooks::event_types,
    webhooks::enabled,
    webhooks::created_at,
);

fn webhook((id, url, description, Json(event_types), enabled, created_at): Row) -> Webhook {
    Webhook {
        id,
        url,
        description,
        event_types,
        enabled,
        created_at,
    }
}

/// All of a member's, oldest first: there are few.
pub fn list(conn: &mut Conn, member: MemberId) -> Result<Vec<Webhook>> {
    let rows: Vec<Row> = webhooks::table
        .filter(webhooks::member_id.eq(member))
        .order((webhooks::created_at, webhooks::id))
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(webhook).collect())
}

pub fn find(conn: &mut Conn, member: MemberId, id: WebhookId) -> Result<Option<Webhook>> {
    let found: Option<Row> = webhooks::table
        .filter(webhooks::id.eq(id))
        .filter(webhooks::member_id.eq(member))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(found.map(webhook))
}

/// What signs now: the secret, and the one before it while receivers change over.
pub fn secrets(conn: &mut Conn, id: WebhookId, now: Timestamp) -> Result<Vec<Secret>> {
    type Secrets = (Vec<u8>, Option<Vec<u8>>, Option<Timestamp>);
    let found: Option<Secrets> = webhooks::table
        .filter(webhooks::id.eq(id))
        .select((
            webhooks::secret,
            webhooks::previous_secret,
            webhooks::previous_secret_until,
        ))
        .first(conn)
        .optional()?;
    Ok(match found {
        None => Vec::new(),
        Some((secret, Some(previous), Some(until))) if now < until => {
            vec![Secret::from_bytes(secret), Secret::from_bytes(previous)]
        }
        Some((secret, ..)) => vec![Secret::from_bytes(secret)],
    })
}

pub fn update(conn: &mut Conn, member: MemberId, webhook: &Webhook) -> Result<()> {
    let mine = webhooks::table
        .filter(webhooks::id.eq(webhook.id))
        .filter(webhooks::member_id.eq(member));
    diesel::update(mine)
        .set((
            webhooks::url.eq(&webhook.url),
            webhooks::description.eq(&webhook.description),
            webhooks::event_types.eq(Json(webhook.event_types.clone())),
            webhooks::enabled.eq(webhook.enabled),
        ))
        .execute(conn)?;
    Ok(())
}

pub fn disable(conn: &mut Conn, id: WebhookId) -> Result<()> {
    diesel::update(webhooks::table.filter(webhooks::id.eq(id)))
        .set(webhooks::enabled.eq(false))
        .execute(conn)?;
    Ok(())
}

/// A new secret; the old one signs beside it until `previous_until`.
pub fn rotate(
    conn: &mut Conn,
    member: MemberId,
    id: WebhookId,
    secret: &Secret,
    previous_until: Timestamp,
) -> Result<bool> {
    let mine = webhooks::table
        .filter(webhooks::id.eq(id))
        .filter(webhooks::member_id.eq(member));
    let previous: Option<Vec<u8>> = mine.select(webhooks::secret).first(conn).optional()?;
    let Some(previous) = previous else {
        return Ok(false);
    };
    diesel::update(mine)
        .set((
            webhooks::secret.eq(secret.as_bytes()),
            webhooks::previous_secret.eq(Some(previous)),
            webhooks::previous_secret_until.eq(Some(previous_until)),
        ))
        .execute(conn)?;
    Ok(true)
}

pub fn delete(conn: &mut Conn, member: MemberId, id: WebhookId) -> Result<bool> {
    let mine = webhooks::table
        .filter(webhooks::id.eq(id))
        .filter(webhooks::member_id.eq(member));
    Ok(diesel::delete(mine).execute(conn)? == 1)
}

/// A delivery that is to be made.
pub struct NewDelivery<'a> {
    pub id: DeliveryId,
    pub webhook: WebhookId,
    pub contact: Option<ContactId>,
    pub event_type: EventType,
    pub payload: &'a str,
    pub created_at: Timestamp,
}

pub fn insert_delivery(conn: &mut Conn, member: MemberId, new: &NewDelivery<'_>) -> Result<()> {
    diesel::insert_into(deliveries::table)
        .values((
            deliveries::id.eq(new.id),
            deliveries::member_id.eq(member),
            deliveries::webhook_id.eq(new.webhook),
            deliveries::contact_id.eq(new.contact),
            deliveries::event_type.eq(new.event_type),
            deliveries::payload.eq(new.payload),
            deliveries::state.eq(DeliveryState::Pending),
            deliveries::attempts.eq(0),
            deliveries::created_at.eq(new.created_at),
        ))
        .execute(conn)?;
    Ok(())
}

#[derive(Queryable)]
struct DeliveryRow {
    id: DeliveryId,
    webhook: WebhookId,
    event_type: EventType,
    state: DeliveryState,
    attempts: i32,
    response_status: Option<i32>,
    response_excerpt: Option<String>,
    error: Option<String>,
    created_at: Timestamp,
    last_attempt_at: Option<Timestamp>,
    delivered_at: Option<Timestamp>,
    payload: String,
}

/// In the order of [`DeliveryRow`].
const DELIVERY_COLUMNS: (
    deliveries::id,
    deliveries::webhook_id,
    deliveries::event_type,
    deliveries::state,
    deliveries::attempts,
    deliveries::response_status,
    deliveries::response_excerpt,
    deliveries::error,
    deliveries::created_at,
    deliveries::last_attempt_at,
    deliveries::delivered_at,
    deliveries::payload,
) = (
    deliveries::id,
    deliveries::webhook_id,
    deliveries::event_type,
    deliveries::state,
    deliveries::attempts,
    deliveries::response_status,
    deliveries::response_excerpt,
    deliveries::error,
    deliveries::created_at,
    deliveries::last_attempt_at,
    deliveries::delivered_at,
    deliveries::payload,
);

impl From<DeliveryRow> for Delivery {
    fn from(row: DeliveryRow) -> Self {
        Self {
            id: row.id,
            webhook: row.webhook,
            event_type: row.event_type,
            state: row.state,
            attempts: row.attempts,
            response_status: row.response_status,
            response_excerpt: row.response_excerpt,
            error: row.error,
            created_at: row.created_at,
            last_attempt_at: row.last_attempt_at,
            delivered_at: row.delivered_at,
            payload: serde_json::from_str(&row.payload).unwrap_or(Value::Null),
        }
    }
}

/// Newest first, from behind `after` on.
pub fn list_deliveries(
    conn: &mut Conn,
    member: MemberId,
    webhook: WebhookId,
    state: Option<DeliveryState>,
    after: Option<(Timestamp, DeliveryId)>,
    limit: i64,
) -> Result<Vec<Delivery>> {
    let mut query = deliveries::table
        .filter(deliveries::webhook_id.eq(webhook))
        .filter(deliveries::member_id.eq(member))
        .select(DELIVERY_COLUMNS)
        .into_boxed();
    if let Some(state) = state {
        query = query.filter(deliveries::state.eq(state));
    }
    if let Some((at, id)) = after {
        let created = deliveries::created_at;
        query = query.filter(created.lt(at).or(created.eq(at).and(deliveries::id.lt(id))));
    }
    let rows: Vec<DeliveryRow> = query
        .order((deliveries::created_at.desc(), deliveries::id.desc()))
        .limit(limit)
        .load(conn)?;
    Ok(rows.into_iter().map(Delivery::from).collect())
}

pub fn find_delivery(
    conn: &mut Conn,
    member: MemberId,
    webhook: WebhookId,
    id: DeliveryId,
) -> Result<Option<Delivery>> {
    let found: Option<DeliveryRow> = deliveries::table
        .filter(deliveries::id.eq(id))
        .filter(deliveries::webhook_id.eq(webhook))
        .filter(deliveries::member_id.eq(member))
        .select(DELIVERY_COLUMNS)
        .first(conn)
        .optional()?;
    Ok(found.map(Delivery::from))
}

/// All that an attempt needs.
#[derive(Clone, Debug, Queryable)]
pub struct Due {
    pub webhook: WebhookId,
    pub url: String,
    pub enabled: bool,
    pub payload: String,
    pub state: DeliveryState,
}

pub fn find_due(conn: &mut Conn, id: DeliveryId) -> Result<Option<Due>> {
    Ok(deliveries::table
        .inner_join(webhooks::table.on(webhooks::id.eq(deliveries::webhook_id)))
        .filter(deliveries::id.eq(id))
        .select((
            webhooks::id,
            webhooks::url,
            webhooks::enabled,
            deliveries::payload,
            deliveries::state,
        ))
        .first(conn)
        .optional()?)
}

/// How an attempt ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    pub state: DeliveryState,
    pub status: Option<i32>,
    pub excerpt: Option<String>,
    pub error: Option<String>,
    pub at: Timestamp,
}

pub fn record_attempt(conn: &mut Conn, id: DeliveryId, outcome: &Outcome) -> Result<()> {
    let delivered_at = (outcome.state == DeliveryState::Delivered).then_some(outcome.at);
    diesel::update(deliveries::table.filter(deliveries::id.eq(id)))
        .set((
            deliveries::state.eq(outcome.state),
            deliveries::attempts.eq(deliveries::attempts + 1),
            deliveries::response_status.eq(outcome.status),
            deliveries::response_excerpt.eq(outcome.excerpt.as_deref()),
            deliveries::error.eq(outcome.error.as_deref()),
            deliveries::last_attempt_at.eq(Some(outcome.at)),
            deliveries::delivered_at.eq(delivered_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// Changes a delivery's state without an attempt.
pub fn set_state(conn: &mut Conn, id: DeliveryId, state: DeliveryState, error: Option<&str>) -> Result<()> {
    diesel::update(deliveries::table.filter(deliveries::id.eq(id)))
        .set((deliveries::state.eq(state), deliveries::error.eq(error)))
        .execute(conn)?;
    Ok(())
}

/// Forgets what was delivered of a contact that is gone.
pub fn forget_contact(conn: &mut Conn, member: MemberId, contact: ContactId) -> Result<()> {
    diesel::delete(
        deliveries::table
            .filter(deliveries::contact_id.eq(contact))
            .filter(deliveries::member_id.eq(member)),
    )
    .execute(conn)?;
    Ok(())
}

/// Forgets the oldest deliveries from before `before`, at most `limit`. Answers how many.
pub fn purge_deliveries(conn: &mut Conn, before: Timestamp, limit: i64) -> Result<usize> {
    let old: Vec<DeliveryId> = deliveries::table
        .filter(deliveries::created_at.lt(before))
        .order(deliveries::created_at)
        .limit(limit)
        .select(deliveries::id)
        .load(conn)?;
    Ok(diesel::delete(deliveries::table.filter(deliveries::id.eq_any(old))).execute(conn)?)
}

/// Deletes some of what is logged of a member's deliveries.
pub fn delete_deliveries_of_member(conn: &mut Conn, member: MemberId, limit: i64) -> Result<usize> {
    let some: Vec<DeliveryId> = deliveries::table
        .filter(deliveries::member_id.eq(member))
        .select(deliveries::id)
        .limit(limit)
        .load(conn)?;
    Ok(diesel::delete(deliveries::table.filter(deliveries::id.eq_any(some))).execute(conn)?)
}

pub fn delete_of_member(conn: &mut Conn, member: MemberId) -> Result<usize> {
    Ok(diesel::delete(webhooks::table.filter(webhooks::member_id.eq(member))).execute(conn)?)
}
