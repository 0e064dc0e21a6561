//! What comes back of a mail after it has left: what it does to the address, and to what the mail was to tell.

use super::super::feedback::{Feedback, FeedbackKind, Source, Taken};
use super::super::reports::{self, Report};
use super::super::store::feedback::{self as store, About, Suppression};
use super::super::store::{SuppressionReason, consents, note_bounce};
use super::super::{EmailAddress, Error, Mailer, Told, jobs, rules};
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::ids::{MailFeedbackId, MessageId};
use crate::policies;

/// What became of a mail that was handed in as a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intake {
    Taken(Taken),
    /// A report that changes nothing, such as of a delay.
    Passing,
    /// A report about a mail that can't be told, or is none of ours.
    OfNoMail,
    NotAReport,
}

impl Mailer {
    /// Notes a piece of feedback, and does what follows from it. Whoever knows the id of a message that was really sent can make us
    /// believe that it came back or was complained of: that is its recipient, and what follows concerns nobody else's address.
    pub async fn take_feedback(&self, feedback: Feedback) -> Result<Taken, Error> {
        Ok(self.take_all_feedback(vec![feedback]).await?[0])
    }

    /// The same for several, in one transaction; answers each one's fate, in their order.
    pub async fn take_all_feedback(&self, all: Vec<Feedback>) -> Result<Vec<Taken>, Error> {
        let (mailer, now) = (self.clone(), self.clock.now());
        let (taken, told) = self
            .db
            .write(move |tx| {
                let (mut taken, mut told) = (Vec::new(), Vec::new());
                for feedback in &all {
                    taken.push(mailer.take(tx, feedback, now, &mut told)?);
                }
                Ok::<_, Error>((taken, told))
            })
            .await?;
        // Counted once it is committed.
        for (category, what) in told {
            (self.tell)(category, what);
        }
        Ok(taken)
    }

    fn take(
        &self,
        tx: &mut Conn,
        feedback: &Feedback,
        now: Timestamp,
        told: &mut Vec<(super::Category, Told)>,
    ) -> Result<Taken, Error> {
        let Some(about) = store::find_sent(tx, feedback.message)? else {
            return Ok(Taken::Unknown);
        };
        let id = MailFeedbackId::new(&self.clock, &self.random);
        if !store::insert(tx, id, feedback, now)? {
            return Ok(Taken::Known);
        }
        match feedback.kind {
            FeedbackKind::Bounced => {
                came_back(tx, feedback, now)?;
                jobs::stop_for_a_while(tx, &about.to, rules::MISSING_FOR, now)?;
                told.push((about.category, Told::Bounced));
            }
            FeedbackKind::SoftBounced => {
                came_back(tx, feedback, now)?;
                let many = store::count_soft_bounces(tx, &about.to, now - rules::TROUBLE_WITHIN)?;
                if many >= rules::TROUBLES {
                    jobs::stop_for_a_while(tx, &about.to, rules::TROUBLE_FOR, now)?;
                }
                told.push((about.category, Told::Bounced));
            }
            FeedbackKind::Complained => {
                complained(tx, &about, now)?;
                told.push((about.category, Told::Complained));
            }
            FeedbackKind::Delivered => {
                store::trust_again(tx, &about.to, now)?;
            }
        }
        Ok(Taken::Noted)
    }

    /// Reads a mail as it was received: a bounce or a complaint.
    pub async fn take_report(&self, mail: Vec<u8>) -> Result<Intake, Error> {
        Ok(match reports::read(&mail, self.links().host()) {
            Report::About(feedback) => Intake::Taken(self.take_feedback(feedback).await?),
            Report::Passing => Intake::Passing,
            Report::OfNoMail => Intake::OfNoMail,
            Report::NotAReport => Intake::NotAReport,
        })
    }

    /// A message came back after the server had taken it, for good. False: there is no such message that was sent.
    pub async fn note_bounce(&self, id: MessageId, words: String) -> Result<bool, Error> {
        let kind = FeedbackKind::Bounced;
        let feedback = Feedback {
            source: Source::report(id, kind, None),
            message: id,
            kind,
            status: None,
            words,
        };
        Ok(self.take_feedback(feedback).await? != Taken::Unknown)
    }

    /// Somebody followed a link in a mail to this address: it works, whatever came back before.
    pub fn address_works(&self, tx: &mut Conn, address: &EmailAddress) -> Result<(), Error> {
        store::trust_again(tx, address, self.clock.now())?;
        Ok(())
    }
}

/// What it was to tell was not told.
fn came_back(tx: &mut Conn, feedback: &Feedback, now: Timestamp) -> Result<(), Error> {
    note_bounce(tx, feedback.message, &feedback.words)?;
    policies::message_bounced(tx, feedback.message, now)?;
    Ok(())
}

/// As if the way out had been taken; and no advertising by anybody, until the recipient takes it back.
fn complained(tx: &mut Conn, about: &About, now: Timestamp) -> Result<(), Error> {
    for category in rules::stopped_by_a_complaint(about.category) {
        if category.is_asked_for() {
            consents::end(tx, &about.to, category, now)?;
        }
        let suppression = Suppression {
            address: &about.to,
            category,
            member: about.member.filter(|_| !category.is_advertising()),
            reason: SuppressionReason::Complained,
            ends_at: None,
        };
        store::suppress(tx, &suppression, now)?;
    }
    Ok(())
}
