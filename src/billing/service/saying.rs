//! Mails about money. Each subject is said once, whatever comes how often.

use super::Billing;
use crate::accounts::{self, Role};
use crate::billing::rules::{self, delinquency};
use crate::billing::{Error, Event, InvoiceStatus, Known, Money, ReversalKind, Status, Usage, store};
use crate::clock::DAY;
use crate::db::Conn;
use crate::ids::MemberId;
use crate::mail::templates::AtLimit;
use crate::mail::{Draft, Language, Template};
use crate::plans::Plan;
use crate::policies;

/// So long before its end a trial is mentioned.
const TRIAL_NOTICE_DAYS: u32 = 3;

impl Billing {
    /// Writes to a member's owners and administrators, each in their language.
    pub(super) fn tell(
        &self,
        tx: &mut Conn,
        member: MemberId,
        letter: impl Fn(&str) -> Template,
    ) -> Result<(), Error> {
        let Some(addressees) = accounts::find_addressees(tx, member, Role::Admin)? else {
            return Ok(());
        };
        let template = letter(&addressees.name);
        let purpose = template.category().purpose();
        for person in addressees.people {
            let draft = Draft::new(person.address, person.language, template.clone())
                .to_user(person.user)
                .about_member(member);
            if let Some(allowed) =
                policies::ask(tx, Some(member), person.collected, purpose, self.clock.now())?
            {
                self.mailer.enqueue(tx, draft, allowed)?;
            }
        }
        Ok(())
    }

    /// The mails that are due: another card (days 0, 3 and 7), a trial that ends, a card that expires.
    pub(super) fn remind(&self, tx: &mut Conn, member: MemberId, known: &Known) -> Result<(), Error> {
        let now = self.clock.now();
        let link = self.page(&[]);
        if let Some(since) = known.delinquent_since
            && let Some(day) = delinquency::due(since, now)
            && store::say_once(
                tx,
                member,
                &format!("payment_failed_{day}"),
                &since.to_string(),
                now,
            )?
        {
            let falls_at = delinquency::falls_at(since);
            let owed = owed(known);
            self.tell(tx, member, |name| Template::PaymentFailed {
                member_name: name.to_owned(),
                amount: owed.as_ref().map(rules::money),
                falls_at,
                last: day == 7,
                billing_link: link.clone(),
            })?;
        }
        let current = rules::current(known.subscriptions.values());
        if let Some(trial) = current.filter(|current| current.status == Status::Trialing)
            && let Some(ends_at) = trial.trial_end
            && now < ends_at
            && ends_at <= now + DAY * TRIAL_NOTICE_DAYS
            && store::say_once(tx, member, "trial_ending", &trial.id, now)?
        {
            let has_card = known.card.is_some();
            self.tell(tx, member, |name| Template::TrialEnding {
                member_name: name.to_owned(),
                plan: trial.plan.name().to_owned(),
                ends_at,
                has_card,
                billing_link: link.clone(),
            })?;
        }
        if let (Some(card), Some(_)) = (&known.card, current)
            && rules::card_expires_soon(card.expires_month, card.expires_year, now)
        {
            let subject = format!("{} {}/{}", card.method, card.expires_month, card.expires_year);
            if store::say_once(tx, member, "card_expiring", &subject, now)? {
                self.tell(tx, member, |name| Template::CardExpiring {
                    member_name: name.to_owned(),
                    card: format!("{} …{}", card.brand, card.last4),
                    month: format!("{:02}/{}", card.expires_month, card.expires_year),
                    billing_link: link.clone(),
                })?;
            }
        }
        Ok(())
    }

    /// The bank wants to hear from the card's owner (3-D Secure), and the invoice is still open.
    pub(super) fn ask_for_action(
        &self,
        tx: &mut Conn,
        member: MemberId,
        known: &Known,
        event: &Event,
    ) -> Result<(), Error> {
        let invoice = event.object.as_ref().and_then(|id| known.invoices.get(id));
        let Some(invoice) = invoice.filter(|invoice| invoice.status == InvoiceStatus::Open) else {
            return Ok(());
        };
        let now = self.clock.now();
        if event.kind == "invoice.payment_action_required"
            && store::say_once(tx, member, "action_needed", &invoice.id, now)?
        {
            let link = self.page(&[]);
            self.tell(tx, member, |name| Template::PaymentActionNeeded {
                member_name: name.to_owned(),
                amount: rules::money(&invoice.total),
                billing_link: link.clone(),
            })?;
        }
        Ok(())
    }

    pub(super) fn tell_back_on_free(&self, tx: &mut Conn, member: MemberId, from: Plan) -> Result<(), Error> {
        let link = self.page(&[]);
        self.tell(tx, member, |name| Template::BackOnFree {
            member_name: name.to_owned(),
            plan: from.name().to_owned(),
            billing_link: link.clone(),
        })
    }

    /// What of a period's views is used: 80 % or all of it.
    pub(super) fn tell_usage(
        &self,
        tx: &mut Conn,
        member: MemberId,
        percent: u32,
        usage: Usage,
        follows: &AtLimit,
    ) -> Result<(), Error> {
        let link = self.page(&[]);
        self.tell(tx, member, |name| Template::UsageReached {
            member_name: name.to_owned(),
            percent,
            views: usage.views,
            limit: usage.limit.unwrap_or(0),
            period_ends: usage.to,
            follows: follows.clone(),
            billing_link: link.clone(),
        })
    }

    /// To who runs the service: money went back, or somebody wants it back.
    pub(super) fn tell_operator(
        &self,
        tx: &mut Conn,
        member: MemberId,
        kind: ReversalKind,
        money: &Money,
        charge: &str,
    ) -> Result<(), Error> {
        let Some(operator) = self.settings.operator.clone() else {
            tracing::warn!(member.id = %member, billing.charge = charge, billing.kind = kind.as_str(), "money went back");
            return Ok(());
        };
        let now = self.clock.now();
        let template = Template::MoneyWentBack {
            member,
            disputed: kind == ReversalKind::Dispute,
            amount: rules::money(money),
            charge: charge.to_owned(),
        };
        // The operator's own address, from the settings: no policy of a member stands before it.
        let collected = policies::collected_now_by(tx, &[], now)?;
        let purpose = template.category().purpose();
        if let Some(allowed) = policies::ask(tx, None, collected, purpose, now)? {
            self.mailer
                .enqueue(tx, Draft::new(operator, Language::En, template), allowed)?;
        }
        Ok(())
    }
}

/// What is missing in all.
fn owed(known: &Known) -> Option<Money> {
    let open = known.invoices.values().filter(|invoice| {
        invoice.status == InvoiceStatus::Open && invoice.attempts > 0 && invoice.remaining > 0
    });
    open.map(|invoice| Money {
        amount: invoice.remaining,
        currency: invoice.total.currency.clone(),
    })
    .reduce(|sum, more| {
        if sum.currency != more.currency {
            return sum;
        }
        Money {
            amount: sum.amount + more.amount,
            ..sum
        }
    })
}
