//! Mails about contacts: to the member at each one or once a day, and the answer to the visitor.

use std::collections::BTreeMap;

use super::Contacts;
use crate::accounts::{self, Addressees, Role};
use crate::bars::configuration::FieldKind;
use crate::bars::{NotificationMode, PublishedBar, Settings};
use crate::clock::DAY;
use crate::contacts::rules::digest::last_due;
use crate::contacts::store::submissions;
use crate::contacts::{Answer, Contact, Error, Submission};
use crate::db::Conn;
use crate::ids::MemberId;
use crate::mail::templates::{ContactDigest, DigestLine, NewContact, Template};
use crate::mail::{Category, Draft, EmailAddress, Language};
use crate::policies::{self, Collected};

/// So many contacts are named in a digest; of the others it says how many.
const DIGEST_LINES: usize = 25;

/// Somebody who is told, and in which language.
#[derive(Clone, Debug)]
struct Recipient {
    address: EmailAddress,
    language: Language,
    user: Option<crate::ids::UserId>,
    /// How the address came to be here.
    collected: Collected,
}

/// Who is told of a bar's contacts: those named in its settings, else the member's owners and admins.
fn recipients(settings: &Settings, addressees: &Addressees) -> Vec<Recipient> {
    let named = settings.notification.addresses();
    if named.is_empty() {
        let people = addressees.people.iter().map(|person| Recipient {
            address: person.address.clone(),
            language: person.language,
            user: Some(person.user),
            collected: person.collected,
        });
        return people.collect();
    }
    let language = addressees.language;
    named
        .into_iter()
        .map(|address| Recipient {
            address,
            language,
            user: None,
            collected: addressees.collected,
        })
        .collect()
}

impl Contacts {
    pub(super) fn mail_new_contact(
        &self,
        tx: &mut Conn,
        bar: &PublishedBar,
        addressees: &Addressees,
        contact: &Contact,
        submission: &Submission,
        reply_to: Option<&EmailAddress>,
    ) -> Result<(), Error> {
        let template = Template::NewContact(NewContact {
            bar_name: bar.name.to_string(),
            fields: submission
                .fields
                .iter()
                .map(|answer| (answer.label.clone(), answer.value.clone()))
                .collect(),
            page: format!("{}{}", submission.host, submission.path),
            at: submission.collected_at,
            link: self.mailer.links().page(&format!("contacts/{}", contact.id), &[]),
        });
        for recipient in recipients(&bar.settings, addressees) {
            let mut draft = draft(&recipient, bar.member, template.clone());
            draft.reply_to = reply_to.cloned();
            let collected = recipient.collected;
            self.mail(tx, bar.member, collected, draft)?;
        }
        Ok(())
    }

    /// Thanks the visitor in the member's words, if these are there: at most once a day and address.
    pub(super) fn answer_visitor(
        &self,
        tx: &mut Conn,
        bar: &PublishedBar,
        address: &EmailAddress,
        collected: Collected,
        language: &Option<String>,
        site: &str,
    ) -> Result<(), Error> {
        let default = &bar.configuration.default_language;
        let Some(text) = bar.settings.autoresponse.find_text(language.as_deref(), default) else {
            return Ok(());
        };
        // One spelling, so that no other way to write an address gets it more.
        let Ok(address) = address.folded().parse::<EmailAddress>() else {
            return Ok(());
        };
        let since = self.clock.now() - DAY;
        if self
            .mailer
            .was_enqueued(tx, &address, Category::Autoresponse, since)?
        {
            return Ok(());
        }
        let sender = accounts::find_addressees(tx, bar.member, Role::Owner)?.map(|member| member.name);
        let template = Template::Autoresponse {
            sender: sender.unwrap_or_else(|| site.to_owned()),
            site: site.to_owned(),
            subject: text.subject.clone(),
            text: text.text.clone(),
        };
        let language = Language::from_tag(language.as_deref().unwrap_or(default));
        let draft = Draft::new(address, language, template).about_member(bar.member);
        self.mail(tx, bar.member, collected, draft)
    }

    /// Writes to an address that a member or its visitor gave, if the ledger allows it.
    fn mail(&self, tx: &mut Conn, member: MemberId, collected: Collected, draft: Draft) -> Result<(), Error> {
        let purpose = draft.template.category().purpose();
        if let Some(allowed) = policies::ask(tx, Some(member), collected, purpose, self.clock.now())? {
            self.mailer.enqueue(tx, draft, allowed)?;
        }
        Ok(())
    }

    /// Sends the digests that are due.
    pub(in crate::contacts) async fn send_digests(&self) -> Result<(), Error> {
        for member in self.db.read(submissions::members_untold).await? {
            self.send_digest(member).await?;
        }
        Ok(())
    }

    async fn send_digest(&self, member: MemberId) -> Result<(), Error> {
        let now = self.clock.now();
        let found = self
            .db
            .read(move |conn| accounts::find_addressees(conn, member, Role::Admin))
            .await?;
        let Some(addressees) = found else { return Ok(()) };
        let before = last_due(now, &addressees.time_zone);
        let waiting = self
            .db
            .read(move |conn| submissions::bars_untold(conn, member, before))
            .await?;
        let mut bars = Vec::new();
        for (bar, since) in waiting {
            let since = since.unwrap_or(before);
            bars.push((bar, since, self.bars.find(member, bar).await?));
        }
        let this = self.clone();
        self.db
            .write(move |tx| {
                let mut digests = BTreeMap::new();
                for (id, since, bar) in &bars {
                    // Marked before it is read: should this job run twice at once, each post is told by one of them.
                    let told = submissions::mark_told(tx, member, *id, before, now)?;
                    if told > 0
                        && let Some(bar) = bar
                        && bar.settings.notification.mode != NotificationMode::Off
                    {
                        let limit = i64::try_from(DIGEST_LINES).unwrap_or(i64::MAX);
                        let posts = submissions::list_told(tx, member, *id, *since..before, now, limit)?;
                        let found = Gathered::of(told, &posts, bar.name.as_str());
                        for recipient in recipients(&bar.settings, &addressees) {
                            let gathered = digests
                                .entry(recipient.address.folded())
                                .or_insert_with(|| (recipient, Gathered::default()));
                            gathered.1.add(&found);
                        }
                    }
                }
                for (recipient, gathered) in digests.into_values() {
                    if gathered.total > 0 {
                        let template = Template::ContactDigest(this.digest(gathered));
                        let draft = draft(&recipient, member, template);
                        this.mail(tx, member, recipient.collected, draft)?;
                    }
                }
                Ok(())
            })
            .await
    }

    fn digest(&self, mut gathered: Gathered) -> ContactDigest {
        gathered.lines.sort_by_key(|line| line.at);
        gathered.lines.truncate(DIGEST_LINES);
        ContactDigest {
            total: gathered.total,
            contacts: gathered.lines,
            link: self.mailer.links().page("contacts", &[]),
        }
    }
}

fn draft(recipient: &Recipient, member: MemberId, template: Template) -> Draft {
    let draft = Draft::new(recipient.address.clone(), recipient.language, template).about_member(member);
    match recipient.user {
        Some(user) => draft.to_user(user),
        None => draft,
    }
}

/// What one digest says.
#[derive(Clone, Debug, Default)]
struct Gathered {
    total: u32,
    lines: Vec<DigestLine>,
}

impl Gathered {
    fn of(told: usize, posts: &[Submission], bar_name: &str) -> Self {
        let lines = posts.iter().map(|post| DigestLine {
            at: post.collected_at,
            bar_name: bar_name.to_owned(),
            summary: summary(&post.fields),
        });
        Self {
            total: u32::try_from(told).unwrap_or(u32::MAX),
            lines: lines.collect(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.total = self.total.saturating_add(other.total);
        self.lines.extend(other.lines.iter().cloned());
    }
}

/// What best names a post: an address, a name, a phone, whatever there is.
fn summary(fields: &[Answer]) -> String {
    let of_kind = |kind| fields.iter().find(|answer| answer.kind == kind);
    let best = [FieldKind::Email, FieldKind::Name, FieldKind::Phone]
        .into_iter()
        .find_map(of_kind);
    best.or(fields.first())
        .map(|answer| answer.value.chars().take(100).collect())
        .unwrap_or_default()
}
