//! What a member arranges about webhooks.

use serde_json::json;

use super::Contacts;
use crate::accounts::Access;
use crate::clock::DAY;
use crate::clock::Timestamp;
use crate::contacts::signing::Secret;
use crate::contacts::store::webhooks;
use crate::contacts::{Delivery, DeliveryState, Error, EventType, Webhook};
use crate::ids::{DeliveryId, MemberId, WebhookId};
use crate::plans::{self, Wanted};
use crate::text::{self, Refused};

/// A webhook to be.
#[derive(Clone, Debug, PartialEq)]
pub struct NewWebhook {
    pub url: String,
    pub description: String,
    pub event_types: Vec<EventType>,
}

/// A change of a webhook; what is `None` stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebhookChange {
    pub url: Option<String>,
    pub description: Option<String>,
    pub event_types: Option<Vec<EventType>>,
    pub enabled: Option<bool>,
}

/// A webhook and its secret, which is told this once.
#[derive(Clone, Debug)]
pub struct MadeWebhook {
    pub webhook: Webhook,
    pub secret: Secret,
}

impl Contacts {
    pub async fn create_webhook(&self, access: &Access, new: NewWebhook) -> Result<MadeWebhook, Error> {
        let webhook = Webhook {
            id: WebhookId::new(&self.clock, &self.random),
            url: self.checked_url(&new.url)?,
            description: checked_description(new.description)?,
            event_types: checked_types(new.event_types)?,
            enabled: true,
            created_at: self.clock.now(),
        };
        let made = MadeWebhook {
            webhook,
            secret: Secret::new(&self.random),
        };
        let (this, access, kept) = (self.clone(), access.clone(), made.clone());
        self.db
            .write(move |tx| {
                plans::admit(this.plans.of(tx, access.member)?, Wanted::Webhooks)?;
                if webhooks::list(tx, access.member)?.len() as i64 >= Webhook::MOST {
                    return Err(Error::Conflict("A member has at most 20 webhooks."));
                }
                webhooks::insert(tx, access.member, &kept.webhook, &kept.secret)?;
                Ok(this.record(tx, &access, "webhook.created", kept.webhook.id, json!({}))?)
            })
            .await?;
        Ok(made)
    }

    pub async fn list_webhooks(&self, member: MemberId) -> Result<Vec<Webhook>, Error> {
        Ok(self.db.read(move |conn| webhooks::list(conn, member)).await?)
    }

    pub async fn find_webhook(&self, member: MemberId, id: WebhookId) -> Result<Option<Webhook>, Error> {
        Ok(self.db.read(move |conn| webhooks::find(conn, member, id)).await?)
    }

    pub async fn change_webhook(
        &self,
        access: &Access,
        id: WebhookId,
        change: WebhookChange,
    ) -> Result<Webhook, Error> {
        let url = change.url.map(|url| self.checked_url(&url)).transpose()?;
        let description = change.description.map(checked_description).transpose()?;
        let event_types = change.event_types.map(checked_types).transpose()?;
        let (this, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                let old = webhooks::find(tx, access.member, id)?.ok_or(Error::NotFound)?;
                let new = Webhook {
                    url: url.unwrap_or_else(|| old.url.clone()),
                    description: description.unwrap_or_else(|| old.description.clone()),
                    event_types: event_types.unwrap_or_else(|| old.event_types.clone()),
                    enabled: change.enabled.unwrap_or(old.enabled),
                    ..old.clone()
                };
                // What is on stays on, whatever the plan.
                if new.enabled && !old.enabled {
                    plans::admit(this.plans.of(tx, access.member)?, Wanted::Webhooks)?;
                }
                if new != old {
                    webhooks::update(tx, access.member, &new)?;
                    this.record(tx, &access, "webhook.updated", id, json!({}))?;
                }
                Ok(new)
            })
            .await
    }

    pub async fn delete_webhook(&self, access: &Access, id: WebhookId) -> Result<(), Error> {
        let (this, access) = (self.clone(), access.clone());
        self.db
            .write(move |tx| {
                if !webhooks::delete(tx, access.member, id)? {
                    return Err(Error::NotFound);
                }
                Ok(this.record(tx, &access, "webhook.deleted", id, json!({}))?)
            })
            .await
    }

    /// A new secret. For a day both sign, so that the receiver can change over in its own time.
    pub async fn rotate_secret(&self, access: &Access, id: WebhookId) -> Result<MadeWebhook, Error> {
        let secret = Secret::new(&self.random);
        let until = self.clock.now() + DAY;
        let (this, access, kept) = (self.clone(), access.clone(), secret.clone());
        let webhook = self
            .db
            .write(move |tx| {
                if !webhooks::rotate(tx, access.member, id, &kept, until)? {
                    return Err(Error::NotFound);
                }
                this.record(tx, &access, "webhook.secret_rotated", id, json!({}))?;
                webhooks::find(tx, access.member, id)?.ok_or(Error::NotFound)
            })
            .await?;
        Ok(MadeWebhook { webhook, secret })
    }

    /// Newest first.
    pub async fn list_deliveries(
        &self,
        member: MemberId,
        webhook: WebhookId,
        state: Option<DeliveryState>,
        after: Option<(Timestamp, DeliveryId)>,
        limit: u32,
    ) -> Result<(Vec<Delivery>, bool), Error> {
        let mut deliveries = self
            .db
            .read(move |conn| {
                webhooks::find(conn, member, webhook)?.ok_or(Error::NotFound)?;
                let more = i64::from(limit) + 1;
                Ok::<_, Error>(webhooks::list_deliveries(
                    conn, member, webhook, state, after, more,
                )?)
            })
            .await?;
        let has_more = deliveries.len() > limit as usize;
        deliveries.truncate(limit as usize);
        Ok((deliveries, has_more))
    }

    fn checked_url(&self, url: &str) -> Result<String, Error> {
        let target = self
            .outgoing
            .parse(url.trim())
            .map_err(|error| Error::field("url", error.to_string()))?;
        Ok(target.as_str().to_owned())
    }
}

fn checked_description(text: String) -> Result<String, Error> {
    match text::line(&text, Webhook::MAX_DESCRIPTION_CHARS) {
        Err(Refused::Empty) => Ok(String::new()),
        checked => checked.map_err(|error| Error::field("description", error.to_string())),
    }
}

fn checked_types(mut types: Vec<EventType>) -> Result<Vec<EventType>, Error> {
    if types.contains(&EventType::Test) {
        return Err(Error::field(
            "event_types",
            "`webhook.test` comes by the test button alone",
        ));
    }
    if types.is_empty() {
        return Err(Error::field("event_types", "must name at least one"));
    }
    types.sort_by_key(|kind| EventType::ALL.iter().position(|known| known == kind));
    types.dedup();
    Ok(types)
}
