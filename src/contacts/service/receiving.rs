//! A form post, from the published form to the kept contact.

use std::sync::Arc;

use serde_json::json;

use super::Contacts;
use crate::accounts::{self, Role};
use crate::bars::{BarKey, NotificationMode, PublishedBar};
use crate::clock::Timestamp;
use crate::contacts::rules::automated::is_automated;
use crate::contacts::rules::form::{Accepted, Form};
use crate::contacts::rules::{post::Post, search};
use crate::contacts::store::contacts::Row;
use crate::contacts::store::submissions::NewSubmission;
use crate::contacts::store::{contacts, submissions, tags};
use crate::contacts::{Contact, Error, EventType, Status, Submission};
use crate::db::{self, Conn};
use crate::ids::{ContactId, PolicyVersionId, SubmissionId};
use crate::policies::{self, Collected};
use crate::tracking::{self, Drop, DropReason, SubmitEvent, Visit, primary_language};

/// A post that fits its form, ready to be kept.
struct Incoming {
    bar: Arc<PublishedBar>,
    post: Post,
    accepted: Accepted,
    language: String,
    submit: SubmitEvent,
}

/// How keeping ended without being kept.
enum NotKept {
    /// The same post came at the same time and was first.
    Already,
    Failed(Error),
}

impl<E: Into<Error>> From<E> for NotKept {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

impl Contacts {
    /// The bar whose form this key names, if it is switched on.
    pub async fn find_bar(&self, key: &BarKey) -> Result<Option<Arc<PublishedBar>>, Error> {
        let bar = self.bars.published().find_published(key).await?;
        Ok(bar.filter(|bar| bar.is_active()))
    }

    /// Keeps a form post, once, and answers with what the visitor is told. What a machine sent is told the same, kept
    /// nowhere, and counted among the bar's drops.
    pub async fn receive(
        &self,
        bar: Arc<PublishedBar>,
        post: Post,
        visit: &Visit<'_>,
    ) -> Result<String, Error> {
        if !bar.may_show_on(post.page.host()) {
            return Err(Error::HostNotAllowed);
        }
        let form =
            Form::find(&bar.configuration, &post.variant, post.language.as_deref()).ok_or_else(|| {
                Error::field("v", "The form has changed meanwhile: please load the page again.")
            })?;
        let message = form.success().to_owned();
        let shown_ms = post.shown_ms;
        if is_automated(&post.honeypot, shown_ms) {
            self.drop_automated(&bar).await?;
            return Ok(message);
        }
        let accepted = form.check(&post).map_err(Error::Fields)?;
        let language = form.language().to_owned();
        let counted = tracking::Post {
            id: post.id,
            variant: post.variant.clone(),
            page: post.page.clone(),
            referrer_host: post.referrer_host.clone(),
            language: primary_language(post.language.as_deref()),
            shown_ms: i32::try_from(shown_ms).ok(),
            opted_out: post.opted_out,
        };
        let submit = self.tracking.prepare_submit(&bar, counted, visit).await?;
        let incoming = Incoming {
            bar,
            post,
            accepted,
            language,
            submit,
        };
        let this = self.clone();
        let submit = incoming.submit.clone();
        match self.db.write(move |tx| this.keep(tx, &incoming)).await {
            Ok(()) => {
                self.tracking.submitted(&submit);
                Ok(message)
            }
            Err(NotKept::Already) => Ok(message),
            Err(NotKept::Failed(error)) => Err(error),
        }
    }

    async fn drop_automated(&self, bar: &PublishedBar) -> Result<(), Error> {
        let drop = SubmitEvent::Dropped(Drop {
            member: bar.member,
            bar: bar.bar,
            hour: self.clock.now().hour(),
            reason: DropReason::AutomatedForm,
        });
        let (tracking, told) = (self.tracking.clone(), drop.clone());
        self.db.write(move |tx| tracking.submit(tx, &drop)).await?;
        self.tracking.submitted(&told);
        Ok(())
    }

    /// Everything that a post sets off, in one transaction.
    fn keep(&self, tx: &mut Conn, incoming: &Incoming) -> Result<(), NotKept> {
        let Incoming {
            bar, post, accepted, ..
        } = incoming;
        if submissions::is_kept(tx, bar.bar, post.id)? {
            return Err(NotKept::Already);
        }
        let now = self.clock.now();
        let policy = policies::collected_now(tx, bar.member, now)?.under;
        let submission = self.submission(incoming, now);
        let (row, is_new) = self.keep_contact(tx, incoming, submission.id, policy, now)?;
        let notified_at = (bar.settings.notification.mode != NotificationMode::Daily).then_some(now);
        let kept = NewSubmission {
            contact: row.id,
            event: post.id,
            policy_version: policy,
            notified_at,
            submission: &submission,
        };
        if !submissions::insert(tx, bar.member, &kept)? {
            return Err(NotKept::Already);
        }
        let tags = tags::of_contact(tx, bar.member, row.id)?;
        let contact = contacts::contact(row, tags, None);
        self.tell_webhooks(tx, bar.member, &contact, &submission, is_new)?;
        self.tell_people(tx, incoming, &contact, &submission)?;
        if let Some(address) = &accepted.email {
            let collected = Collected {
                at: now,
                under: policy,
            };
            self.answer_visitor(tx, bar, address, collected, &post.language, post.page.host())?;
        }
        Ok(self.tracking.submit(tx, &incoming.submit)?)
    }

    fn submission(&self, incoming: &Incoming, now: Timestamp) -> Submission {
        let Incoming {
            bar,
            post,
            accepted,
            language,
            ..
        } = incoming;
        Submission {
            id: SubmissionId::new(&self.clock, &self.random),
            bar: bar.bar,
            bar_version: bar.version,
            variant: post.variant.clone(),
            fields: accepted.answers.clone(),
            host: post.page.host().to_owned(),
            path: post.page.path().to_owned(),
            referrer_host: post.referrer_host.clone(),
            language: language.clone(),
            consented_at: accepted.consent.is_some().then_some(now),
            consent_text: accepted.consent.clone(),
            collected_at: now,
        }
    }

    /// The contact that a post belongs to: the one with its address, or a new one. Says whether it is new.
    fn keep_contact(
        &self,
        tx: &mut Conn,
        incoming: &Incoming,
        submission: SubmissionId,
        policy: PolicyVersionId,
        now: Timestamp,
    ) -> db::Result<(Row, bool)> {
        let Incoming { bar, accepted, .. } = incoming;
        let email = accepted.email.as_ref().map(|address| address.folded());
        let answers = accepted.answers.iter().map(|answer| answer.value.as_str());
        let parts = || email.as_deref().into_iter().chain(answers.clone());
        let fresh = Row {
            id: ContactId::new(&self.clock, &self.random),
            email: email.clone(),
            name: accepted.name.clone(),
            phone: accepted.phone.clone(),
            status: Status::New,
            submissions: 1,
            first_submitted_at: now,
            last_submitted_at: now,
            last_submission: submission,
            policy_version: policy,
            collected_at: now,
            updated_at: now,
        };
        // The second round finds what another transaction has just committed.
        for _ in 0..2 {
            if let Some(email) = &email
                && let Some((known, found_by)) = contacts::lock_by_email(tx, bar.member, email)?
            {
                let search = search::text(parts().chain(found_by.lines()));
                let row = known_again(known, &fresh);
                contacts::update(tx, bar.member, &row, &search)?;
                return Ok((row, false));
            }
            if contacts::insert(tx, bar.member, &fresh, &search::text(parts()))? {
                return Ok((fresh, true));
            }
        }
        // A third party deleted and made it anew within these statements: the visitor's retry will find it.
        Err(db::Error::Unavailable("the contact is being changed".into()))
    }

    fn tell_webhooks(
        &self,
        tx: &mut Conn,
        member: crate::ids::MemberId,
        contact: &Contact,
        submission: &Submission,
        is_new: bool,
    ) -> db::Result<()> {
        let data = json!({ "contact": contact, "submission": submission });
        let kinds = [EventType::ContactCreated, EventType::SubmissionCreated];
        let kinds = if is_new { &kinds[..] } else { &kinds[1..] };
        for kind in kinds {
            self.enqueue_event(tx, member, Some(contact.id), *kind, &data)?;
        }
        Ok(())
    }

    fn tell_people(
        &self,
        tx: &mut Conn,
        incoming: &Incoming,
        contact: &Contact,
        submission: &Submission,
    ) -> Result<(), Error> {
        let notification = &incoming.bar.settings.notification;
        if notification.mode != NotificationMode::Each {
            return Ok(());
        }
        let Some(addressees) = accounts::find_addressees(tx, incoming.bar.member, Role::Admin)? else {
            return Ok(());
        };
        let reply_to = incoming.accepted.email.as_ref();
        self.mail_new_contact(tx, &incoming.bar, &addressees, contact, submission, reply_to)
    }
}

/// A known contact with a new post. What the visitor left out stays; a contact that was done is new again.
fn known_again(known: Row, post: &Row) -> Row {
    let collects = post.name.is_some() || post.phone.is_some();
    Row {
        name: post.name.clone().or(known.name),
        phone: post.phone.clone().or(known.phone),
        status: match known.status {
            Status::Done => Status::New,
            Status::New | Status::Open | Status::Spam => known.status,
        },
        submissions: known.submissions.saturating_add(1),
        last_submitted_at: post.last_submitted_at,
        last_submission: post.last_submission,
        policy_version: if collects {
            post.policy_version
        } else {
            known.policy_version
        },
        collected_at: if collects {
            post.collected_at
        } else {
            known.collected_at
        },
        updated_at: post.updated_at,
        id: known.id,
        email: known.email,
        first_submitted_at: known.first_submitted_at,
    }
}
