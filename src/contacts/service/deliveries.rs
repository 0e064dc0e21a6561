//! Events on their way to webhooks: written down with their cause, sent by a job, tried again, given up after a day.

use serde_json::{Value, json};

use super::Contacts;
use crate::accounts::Access;
use crate::clock::{DAY, Timestamp};
use crate::contacts::jobs::{DeliverWebhook, DeliveryJob};
use crate::contacts::signing::{self, Secret};
use crate::contacts::store::contacts;
use crate::contacts::store::webhooks::{self, NewDelivery, Outcome};
use crate::contacts::{Delivery, DeliveryState, Error, EventType};
use crate::db::{self, Conn};
use crate::ids::{ContactId, DeliveryId, JobId, MemberId, WebhookId};
use crate::jobs;
use crate::outgoing::{Answer, SendError};
use crate::policies::{self, Purpose};

/// The log of deliveries goes back so far.
const KEPT_DAYS: u32 = 30;
const PURGED_AT_ONCE: i64 = 1000;

/// What is left to do for a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::contacts) enum Next {
    Nothing,
    TryAgain,
}

impl Contacts {
    /// Writes down, for every webhook that wants to be told, what it is told. Handing a contact on is a use of it: the ledger
    /// is asked (promise 4).
    pub(super) fn enqueue_event(
        &self,
        tx: &mut Conn,
        member: MemberId,
        contact: Option<ContactId>,
        event_type: EventType,
        data: &Value,
    ) -> db::Result<()> {
        let now = self.clock.now();
        let mut told = webhooks::list(tx, member)?;
        told.retain(|webhook| webhook.enabled && webhook.event_types.contains(&event_type));
        if !told.is_empty()
            && let Some(contact) = contact
            && let Some(collected) = contacts::find_collected(tx, member, contact)?
            && policies::ask(tx, Some(member), collected, Purpose::Service, now)?.is_none()
        {
            return Ok(());
        }
        for webhook in told {
            let id = DeliveryId::new(&self.clock, &self.random);
            let payload = payload(event_type, now, data);
            let new = NewDelivery {
                id,
                webhook: webhook.id,
                contact,
                event_type,
                payload: &payload,
                created_at: now,
            };
            webhooks::insert_delivery(tx, member, &new)?;
            self.enqueue_delivery(tx, id)?;
        }
        Ok(())
    }

    fn enqueue_delivery(&self, tx: &mut Conn, id: DeliveryId) -> db::Result<()> {
        let job = JobId::new(&self.clock, &self.random);
        let key = Some(format!("webhook:{id}"));
        jobs::enqueue_for::<DeliverWebhook>(tx, job, &DeliveryJob { delivery: id }, self.clock.now(), key)
    }

    /// One attempt. Its outcome is in the log before this answers.
    pub(in crate::contacts) async fn deliver(&self, id: DeliveryId, last: bool) -> Result<Next, Error> {
        let now = self.clock.now();
        let found = self
            .db
            .read(move |conn| {
                let Some(due) = webhooks::find_due(conn, id)? else {
                    return Ok(None);
                };
                let secrets = webhooks::secrets(conn, due.webhook, now)?;
                Ok::<_, db::Error>(Some((due, secrets)))
            })
            .await?;
        let Some((due, secrets)) = found.filter(|(due, _)| due.state == DeliveryState::Pending) else {
            return Ok(Next::Nothing);
        };
        if !due.enabled {
            let why = Some("the webhook is switched off");
            self.db
                .write(move |tx| webhooks::set_state(tx, id, DeliveryState::Failed, why))
                .await?;
            return Ok(Next::Nothing);
        }
        let sent = self.send(id, &due.url, &secrets, &due.payload).await;
        let outcome = outcome(sent, last, self.clock.now());
        let gone = outcome.status == Some(410);
        let next = if outcome.state == DeliveryState::Pending {
            Next::TryAgain
        } else {
            Next::Nothing
        };
        self.db
            .write(move |tx| {
                if gone {
                    webhooks::disable(tx, due.webhook)?;
                }
                webhooks::record_attempt(tx, id, &outcome)
            })
            .await?;
        Ok(next)
    }

    /// Sends a test at once, whatever the webhook is told otherwise, and answers how it went.
    pub async fn test_webhook(&self, access: &Access, webhook: WebhookId) -> Result<Delivery, Error> {
        let (member, now) = (access.member, self.clock.now());
        let (found, secrets) = self
            .db
            .read(move |conn| {
                let found = webhooks::find(conn, member, webhook)?.ok_or(Error::NotFound)?;
                Ok::<_, Error>((found, webhooks::secrets(conn, webhook, now)?))
            })
            .await?;
        let id = DeliveryId::new(&self.clock, &self.random);
        let body = payload(EventType::Test, now, &json!({ "webhook": webhook }));
        let sent = self.send(id, &found.url, &secrets, &body).await;
        let outcome = outcome(sent, true, self.clock.now());
        self.db
            .write(move |tx| {
                // Gone meanwhile, it has no log either.
                webhooks::find(tx, member, webhook)?.ok_or(Error::NotFound)?;
                let new = NewDelivery {
                    id,
                    webhook,
                    contact: None,
                    event_type: EventType::Test,
                    payload: &body,
                    created_at: now,
                };
                webhooks::insert_delivery(tx, member, &new)?;
                webhooks::record_attempt(tx, id, &outcome)?;
                webhooks::find_delivery(tx, member, webhook, id)?.ok_or(Error::NotFound)
            })
            .await
    }

    /// Sends a delivery that has ended once more, under the same id.
    pub async fn redeliver(
        &self,
        access: &Access,
        webhook: WebhookId,
        id: DeliveryId,
    ) -> Result<Delivery, Error> {
        let (this, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                let member = access.member;
                let delivery = webhooks::find_delivery(tx, member, webhook, id)?.ok_or(Error::NotFound)?;
                if delivery.state == DeliveryState::Pending {
                    return Err(Error::Conflict("It is still being tried."));
                }
                webhooks::set_state(tx, id, DeliveryState::Pending, None)?;
                this.enqueue_delivery(tx, id)?;
                this.record(
                    tx,
                    &access,
                    "webhook.redelivered",
                    webhook,
                    json!({ "delivery": id }),
                )?;
                webhooks::find_delivery(tx, member, webhook, id)?.ok_or(Error::NotFound)
            })
            .await
    }

    /// Forgets deliveries whose time is up.
    pub(in crate::contacts) async fn purge_deliveries(&self) -> Result<(), Error> {
        let before = self.clock.now() - DAY * KEPT_DAYS;
        loop {
            let purged = self
                .db
                .write(move |tx| webhooks::purge_deliveries(tx, before, PURGED_AT_ONCE))
                .await?;
            if purged == 0 {
                return Ok(());
            }
        }
    }

    async fn send(
        &self,
        id: DeliveryId,
        url: &str,
        secrets: &[Secret],
        body: &str,
    ) -> Result<Answer, SendError> {
        // What may be sent to may have changed since the address was taken.
        let target = self.outgoing.parse(url).map_err(|_| SendError::Private)?;
        let (id, at) = (id.to_string(), self.clock.now().secs());
        let headers = [
            ("webhook-signature", signing::signature(secrets, &id, at, body)),
            ("webhook-timestamp", at.to_string()),
            ("webhook-id", id),
        ];
        self.outgoing.post(&target, &headers, body.to_owned()).await
    }
}

/// The body of a request, as Standard Webhooks proposes it.
fn payload(event_type: EventType, at: Timestamp, data: &Value) -> String {
    json!({ "type": event_type, "timestamp": at, "data": data }).to_string()
}

fn outcome(sent: Result<Answer, SendError>, last: bool, at: Timestamp) -> Outcome {
    let ended = if last {
        DeliveryState::Failed
    } else {
        DeliveryState::Pending
    };
    match sent {
        Ok(answer) => Outcome {
            state: match answer.status {
                200..=299 => DeliveryState::Delivered,
                410 => DeliveryState::Failed,
                _ => ended,
            },
            status: Some(i32::from(answer.status)),
            excerpt: Some(answer.excerpt),
            error: None,
            at,
        },
        Err(error) => Outcome {
            state: ended,
            status: None,
            excerpt: None,
            error: Some(error.to_string()),
            at,
        },
    }
}
