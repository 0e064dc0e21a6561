//! Leads: who asks, on our own site, to be reminded of it. They hear from us at most twice (promise 17).

use super::{Accounts, Asked};
use crate::accounts::jobs::NudgeLead;
use crate::accounts::rules::{LEAD_KEPT, NUDGES_AFTER};
use crate::accounts::store::leads::{self, Lead};
use crate::accounts::store::users;
use crate::accounts::{Client, Error};
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::ids::{JobId, LeadId};
use crate::jobs;
use crate::mail::{self, Category, Draft, EmailAddress, Language, Template, Wish};
use crate::policies::{self, Collected};

/// Leads forgotten in one transaction.
const BATCH: i64 = 100;

impl Accounts {
    /// Takes an address that wants to be reminded. The answer is the same for one that has an account.
    pub async fn keep_lead(
        &self,
        email: EmailAddress,
        language: Language,
        client: &Client,
    ) -> Result<(), Error> {
        let lead = LeadId::new(&self.clock, &self.random);
        let asked = Asked::Remind {
            lead,
            email: email.clone(),
            language,
            at: self.now(),
        };
        self.ask_by_mail(asked, email, client).await
    }

    /// From the job that answers for an address. Says nothing to one that has an account, or is kept already.
    pub(super) fn answer_lead(
        &self,
        tx: &mut Conn,
        lead: LeadId,
        email: EmailAddress,
        language: Language,
        at: Timestamp,
    ) -> Result<(), Error> {
        if users::find_by_address(tx, &email)?.is_some() {
            return Ok(());
        }
        let under = policies::current(tx)?.privacy.id;
        let lead = Lead {
            id: lead,
            address: email,
            language,
            collected: Collected { at, under },
            nudges: 0,
            registered: false,
        };
        if leads::insert(tx, &lead)? {
            self.enqueue_nudge(tx, &lead, 1)?;
        }
        Ok(())
    }

    fn enqueue_nudge(&self, tx: &mut Conn, lead: &Lead, number: i32) -> Result<(), Error> {
        let after = NUDGES_AFTER[number as usize - 1];
        let id = JobId::new(&self.clock, &self.random);
        let nudge = (lead.id, number);
        Ok(jobs::enqueue_for::<NudgeLead>(
            tx,
            id,
            &nudge,
            lead.collected.at + after,
            None,
        )?)
    }

    /// Reminds a lead, unless it has registered, said no, bounced or been forgotten.
    pub(in crate::accounts) async fn nudge(&self, lead: LeadId, number: i32) -> Result<(), Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                let Some(lead) = leads::find(tx, lead)? else {
                    return Ok(());
                };
                let stopped = lead.registered || lead.nudges >= number;
                let category = Category::Nudge;
                if stopped || service.mailer.find_wish(tx, &lead.address, category, None)? != Wish::On {
                    return Ok(());
                }
                let now = service.now();
                let purpose = category.purpose();
                let Some(allowed) = policies::ask(tx, None, lead.collected, purpose, now)? else {
                    return Ok(());
                };
                let template = Template::Nudge {
                    last: number as usize == NUDGES_AFTER.len(),
                    register_link: service.mailer.links().page("register", &[]),
                };
                let draft = Draft::new(lead.address.clone(), lead.language, template);
                service.mailer.enqueue(tx, draft, allowed)?;
                leads::set_nudged(tx, lead.id, number, now)?;
                if (number as usize) < NUDGES_AFTER.len() {
                    service.enqueue_nudge(tx, &lead, number + 1)?;
                }
                Ok(())
            })
            .await
    }

    /// Forgets some leads that never registered, with the reminders that they were sent. True: there may be more.
    pub(super) async fn forget_old_leads(&self) -> Result<bool, Error> {
        let before = self.now() - LEAD_KEPT;
        self.db
            .write(move |tx| {
                let old = leads::list_old(tx, before, BATCH)?;
                for address in &old {
                    leads::delete_waiting(tx, address)?;
                    mail::forget_lead(tx, address)?;
                }
                Ok(old.len() as i64 == BATCH)
            })
            .await
    }
}
