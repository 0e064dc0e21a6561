//! Webhooks in the management API.

use poem_openapi::OpenApi;
use poem_openapi::param::{Path, Query};

use super::shapes::{DeliveryPage, WebhookDraft, WebhookPatch, WebhookWithSecret, Webhooks};
use crate::accounts::Operation;
use crate::accounts::api::Caller;
use crate::contacts::{Contacts, Delivery, DeliveryState, Webhook};
use crate::http::page::{Cursor, DEFAULT_LIMIT, in_our_time};
use crate::http::{Created, Json, NoContent, Problem};
use crate::ids::{DeliveryId, WebhookId};

pub struct WebhooksApi {
    pub contacts: Contacts,
}

#[derive(poem_openapi::Tags)]
enum Chapter {
    /// Requests that tell other programs of contacts, signed as Standard Webhooks (standardwebhooks.com) describes:
    /// `webhook-id`, `webhook-timestamp`, `webhook-signature`. Whatever is not answered with 2xx within 15 seconds is
    /// tried again, 16 times over about a day.
    Webhooks,
}

#[OpenApi(tag = "Chapter::Webhooks")]
impl WebhooksApi {
    /// List webhooks
    #[oai(path = "/webhooks", method = "get", operation_id = "list_webhooks")]
    async fn list(&self, caller: Caller) -> Result<Json<Webhooks>, Problem> {
        let access = caller.may(Operation::ListWebhooks)?;
        Ok(Json(Webhooks {
            items: self.contacts.list_webhooks(access.member).await?,
        }))
    }

    /// Make a webhook
    ///
    /// The answer shows its secret, this once. At most 20.
    #[oai(path = "/webhooks", method = "post", operation_id = "create_webhook")]
    async fn create(
        &self,
        caller: Caller,
        body: Json<WebhookDraft>,
    ) -> Result<Created<WebhookWithSecret>, Problem> {
        let access = caller.may(Operation::CreateWebhook)?;
        let made = self.contacts.create_webhook(&access, body.0.into()).await?;
        Ok(Created(made.into()))
    }

    /// Read a webhook
    #[oai(path = "/webhooks/:webhook_id", method = "get", operation_id = "read_webhook")]
    async fn read(&self, caller: Caller, webhook_id: Path<WebhookId>) -> Result<Json<Webhook>, Problem> {
        let access = caller.may(Operation::ReadWebhook)?;
        let found = self.contacts.find_webhook(access.member, webhook_id.0).await?;
        Ok(Json(found.ok_or_else(Problem::not_found)?))
    }

    /// Change a webhook
    #[oai(
        path = "/webhooks/:webhook_id",
        method = "patch",
        operation_id = "update_webhook"
    )]
    async fn change(
        &self,
        caller: Caller,
        webhook_id: Path<WebhookId>,
        body: Json<WebhookPatch>,
    ) -> Result<Json<Webhook>, Problem> {
        let access = caller.may(Operation::UpdateWebhook)?;
        Ok(Json(
            self.contacts
                .change_webhook(&access, webhook_id.0, body.0.into())
                .await?,
        ))
    }

    /// Delete a webhook
    ///
    /// With the log of its deliveries; what is under way is not sent any more.
    #[oai(
        path = "/webhooks/:webhook_id",
        method = "delete",
        operation_id = "delete_webhook"
    )]
    async fn delete(&self, caller: Caller, webhook_id: Path<WebhookId>) -> Result<NoContent, Problem> {
        let access = caller.may(Operation::DeleteWebhook)?;
        self.contacts.delete_webhook(&access, webhook_id.0).await?;
        Ok(NoContent)
    }

    /// Replace a webhook's secret
    ///
    /// The answer shows the new one, this once. For 24 hours every request carries the signatures of both.
    #[oai(
        path = "/webhooks/:webhook_id/rotate-secret",
        method = "post",
        operation_id = "rotate_webhook_secret"
    )]
    async fn rotate(
        &self,
        caller: Caller,
        webhook_id: Path<WebhookId>,
    ) -> Result<Json<WebhookWithSecret>, Problem> {
        let access = caller.may(Operation::RotateWebhookSecret)?;
        Ok(Json(
            self.contacts.rotate_secret(&access, webhook_id.0).await?.into(),
        ))
    }

    /// Send a test to a webhook
    ///
    /// At once, a `webhook.test`, whatever the webhook is told otherwise. Answers 200 with how it went, also when it failed.
    #[oai(
        path = "/webhooks/:webhook_id/test",
        method = "post",
        operation_id = "test_webhook"
    )]
    async fn test(&self, caller: Caller, webhook_id: Path<WebhookId>) -> Result<Json<Delivery>, Problem> {
        let access = caller.may(Operation::TestWebhook)?;
        Ok(Json(self.contacts.test_webhook(&access, webhook_id.0).await?))
    }

    /// List a webhook's deliveries
    ///
    /// Newest first; they are kept for 30 days.
    #[oai(
        path = "/webhooks/:webhook_id/deliveries",
        method = "get",
        operation_id = "list_deliveries"
    )]
    async fn list_deliveries(
        &self,
        caller: Caller,
        webhook_id: Path<WebhookId>,
        state: Query<Option<DeliveryState>>,
        /// The `next_cursor` of the page before.
        after: Query<Option<Cursor>>,
        /// How many, at most 200.
        #[oai(
            default = "default_limit",
            validator(minimum(value = "1"), maximum(value = "200"))
        )]
        limit: Query<u32>,
    ) -> Result<Json<DeliveryPage>, Problem> {
        let access = caller.may(Operation::ListDeliveries)?;
        let after = after
            .0
            .map(|cursor| (in_our_time(cursor.at), DeliveryId::from_uuid(cursor.id)));
        let (items, more) = self
            .contacts
            .list_deliveries(access.member, webhook_id.0, state.0, after, limit.0)
            .await?;
        let next_cursor = items.last().filter(|_| more).map(|last| Cursor {
            at: last.created_at,
            id: *last.id.uuid(),
        });
        Ok(Json(DeliveryPage { items, next_cursor }))
    }

    /// Send a delivery once more
    ///
    /// One that has ended, under the same `webhook-id`. 409 while it is still being tried.
    #[oai(
        path = "/webhooks/:webhook_id/deliveries/:delivery_id/retry",
        method = "post",
        operation_id = "retry_delivery"
    )]
    async fn retry(
        &self,
        caller: Caller,
        webhook_id: Path<WebhookId>,
        delivery_id: Path<DeliveryId>,
    ) -> Result<Json<Delivery>, Problem> {
        let access = caller.may(Operation::RetryDelivery)?;
        Ok(Json(
            self.contacts
                .redeliver(&access, webhook_id.0, delivery_id.0)
                .await?,
        ))
    }
}

fn default_limit() -> u32 {
    DEFAULT_LIMIT
}
