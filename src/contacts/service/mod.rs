//! What happens with contacts, whole: each change is one transaction, with its mails and deliveries in it.

mod deliveries;
mod export;
mod managing;
mod merging;
mod notifying;
mod receiving;
mod views;
mod webhooks;

use crate::accounts::{Access, Principal};
use crate::audit::{self, Actor, Entry};
use crate::bars::Bars;
use crate::clock::Clock;
use crate::db::{self, Conn, Db};
use crate::mail::Mailer;
use crate::plans::Plans;
use crate::secrets::Random;
use crate::tracking::Tracking;

use crate::outgoing::Outgoing;

pub(super) use deliveries::Next;
pub use webhooks::{MadeWebhook, NewWebhook, WebhookChange};

/// Contacts. Cheap to clone.
#[derive(Clone)]
pub struct Contacts {
    db: Db,
    clock: Clock,
    random: Random,
    bars: Bars,
    tracking: Tracking,
    mailer: Mailer,
    outgoing: Outgoing,
    plans: Plans,
}

impl Contacts {
    pub fn new(
        db: Db,
        clock: Clock,
        random: Random,
        bars: Bars,
        tracking: Tracking,
        mailer: Mailer,
        outgoing: Outgoing,
    ) -> Self {
        Self {
            db,
            clock,
            random,
            bars,
            tracking,
            mailer,
            outgoing,
            plans: Plans { sold: false },
        }
    }

    /// The same where plans are sold: not each has webhooks and export.
    pub fn with_plans(self, plans: Plans) -> Self {
        Self { plans, ..self }
    }

    /// Puts on record what was done, by its nouns and verbs; never what a contact says.
    fn record(
        &self,
        tx: &mut Conn,
        access: &Access,
        action: &str,
        target: impl ToString,
        detail: serde_json::Value,
    ) -> db::Result<()> {
        let actor = match &access.principal {
            Principal::Anonymous => Actor::Anonymous,
            Principal::User(signed_in) => Actor::User(signed_in.user),
            Principal::Token { token, .. } => Actor::Token(*token),
        };
        let entry = Entry::new(
            &self.clock,
            &self.random,
            Some(access.member),
            actor,
            action,
            target,
        );
        audit::record(tx, &entry.with(detail))
    }
}
