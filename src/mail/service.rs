//! What happens with mail: enqueued in the transaction that gives the reason, refused by its recipient, looked up; what comes back
//! (`feedback`), who looked (`looks`), and what was given up (`parked`).

mod feedback;
mod looks;
mod parked;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use feedback::Intake;
pub use looks::Landing;

use super::store::feedback::{Suppression, is_suppressed, suppress};
use super::store::tracks::{self, NewTrack};
use super::store::{self, Extras, NewMessage, SuppressionReason, Unsubscribe};
use super::transport::Outgoing;
use super::{
    Category, Draft, EmailAddress, Error, Language, Links, Message, MessageState, Rendered, Renderer, Sender,
    Tell, Template, Told, jobs, rules,
};
use crate::clock::{Clock, Timestamp};
use crate::db::{Conn, Db};
use crate::ids::{JobId, MemberId, MessageBodyId, MessageId, UserId};
use crate::jobs::{Pace, Priority};
use crate::policies::Allowed;
use crate::secrets::{Random, Token, same_secret};

/// The outbox. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    pub(super) db: Db,
    pub(super) clock: Clock,
    pub(super) random: Random,
    renderer: Renderer,
    from: Sender,
    pace: Pace,
    tell: Tell,
}

/// What a way out leads to: enough to ask "are you sure?".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Masked, for the page may be seen by whoever the mail was forwarded to.
    pub address: String,
    pub category: Category,
    /// In whose name the mail came.
    pub sender: String,
    pub language: Language,
    pub active: bool,
}

/// A mail to many.
#[derive(Clone, Debug)]
pub struct Shared {
    /// What it is about: its links lead there, and its words are written once for it.
    pub topic: String,
    pub template: Template,
    pub language: Language,
    /// Signs the links. A secret.
    pub key: Vec<u8>,
    /// Whether it goes before other mails to many.
    pub priority: Priority,
}

/// One of the many.
#[derive(Clone, Debug)]
pub struct Recipient {
    pub member: MemberId,
    pub user: UserId,
    pub to: EmailAddress,
    pub allowed: Allowed,
}

/// Whose personal link it is, and to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Personal {
    pub member: MemberId,
    pub topic: String,
}

fn check_purpose(category: Category, allowed: &Allowed) -> Result<(), Error> {
    let (needed, allowed) = (category.purpose(), allowed.purpose());
    if needed != allowed {
        return Err(Error::OtherPurpose { needed, allowed });
    }
    Ok(())
}

impl Mailer {
    pub fn new(db: Db, clock: Clock, random: Random, links: Links, from: Sender) -> Result<Self, Error> {
        Ok(Self {
            db,
            clock,
            random,
            renderer: Renderer::new(links, &from.name)?,
            from,
            pace: jobs::PACE,
            tell: Arc::new(|_, _| {}),
        })
    }

    /// How fast mails will go to one domain: a mass of them is spread by it.
    #[must_use]
    pub fn paced(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Tells `tell` what becomes of mails, for the metrics.
    #[must_use]
    pub fn telling(self, tell: Tell) -> Self {
        Self { tell, ..self }
    }

    /// Builds the addresses that templates link to.
    pub fn links(&self) -> &Links {
        self.renderer.links()
    }

    /// Writes a mail down and sees to its sending, in the caller's transaction: both happen or neither. A mail that its
    /// recipient has refused is written down too, as such, and not sent.
    ///
    /// An address is used for it: `allowed` is the ledger's yes to that.
    pub fn enqueue(&self, tx: &mut Conn, draft: Draft, allowed: Allowed) -> Result<MessageId, Error> {
        let id = MessageId::new(&self.clock, &self.random);
        let category = draft.template.category();
        check_purpose(category, &allowed)?;
        let token = format!("{id}.{}", Token::new("", &self.random).reveal());
        let unsubscribe = category.may_be_refused().then(|| Unsubscribe {
            token: token.clone(),
            url: self.links().unsubscribe(&token),
        });
        let way_out = unsubscribe.as_ref().map(|way| &way.url);
        let preferences = self.links().preferences(&token);
        let (words, looked_at) = if is_tracked(tx, &draft)? {
            self.render_tracked(&draft, way_out, &preferences)?
        } else {
            let words = self
                .renderer
                .render(&draft.template, draft.language, way_out, &preferences)?;
            (words, Vec::new())
        };
        let now = self.clock.now();
        let suppressed = is_suppressed(tx, &draft.to, category, draft.member, now)?;
        let mail = Outgoing {
            message_id: format!("{id}@{}", self.links().host()),
            from: self.from.address.clone(),
            from_name: draft.template.sender().unwrap_or_else(|| self.from.name.clone()),
            to: draft.to,
            to_name: draft.to_name,
            reply_to: draft.reply_to,
            date: now,
            subject: words.subject,
            text: words.text,
            html: words.html,
            unsubscribe: unsubscribe.as_ref().map(|way| way.url.clone()),
        };
        let extras = Extras {
            from_name: mail.from_name.clone(),
            to_name: mail.to_name.clone(),
            reply_to: mail.reply_to.clone(),
            unsubscribe,
            token: Some(token),
            secret: draft.template.holds_secret(),
        };
        let message = NewMessage {
            id,
            member: draft.member,
            user: draft.user,
            category,
            template: draft.template.name(),
            language: draft.language,
            state: if suppressed {
                MessageState::Suppressed
            } else {
                MessageState::Queued
            },
            mail,
            extras,
            policy_version: allowed.collected().under,
        };
        let to = message.mail.to.clone();
        store::insert(tx, message)?;
        tracks::insert(tx, id, &looked_at)?;
        if suppressed {
            (self.tell)(category, Told::Suppressed);
        } else {
            jobs::enqueue(tx, JobId::new(&self.clock, &self.random), id, &to, now)?;
        }
        Ok(id)
    }

    /// Writes down one mail to each of many, who share its words but for a link of their own, and sees to their sending, in
    /// the caller's transaction. The words are rendered once for a topic and language, and stay. Answers the messages' ids in
    /// the order of the recipients.
    ///
    /// Where the mail may be refused each has a way out of their own, and who has refused it is written down as such and not
    /// sent anything.
    pub fn enqueue_all(
        &self,
        tx: &mut Conn,
        shared: &Shared,
        recipients: &[Recipient],
    ) -> Result<Vec<MessageId>, Error> {
        let category = shared.template.category();
        for recipient in recipients {
            check_purpose(category, &recipient.allowed)?;
        }
        let now = self.clock.now();
        let refusable = category.may_be_refused();
        let way_out = refusable.then(|| Unsubscribe {
            token: store::TOKEN_PLACE.to_owned(),
            url: self.links().unsubscribe(store::TOKEN_PLACE),
        });
        let words = self.renderer.render(
            &shared.template,
            shared.language,
            way_out.as_ref().map(|way| &way.url),
            &self.links().preferences(store::TOKEN_PLACE),
        )?;
        let subject = words.subject.clone();
        let body = match store::find_body(tx, &shared.topic, shared.language)? {
            Some(body) => body,
            None => {
                let body = store::Body {
                    id: MessageBodyId::new(&self.clock, &self.random),
                    topic: shared.topic.clone(),
                    html: words.html,
                    text: words.text,
                    key: shared.key.clone(),
                };
                store::insert_body(tx, &body, shared.language, now)?;
                body.id
            }
        };
        let ids: Vec<MessageId> = recipients
            .iter()
            .map(|_| MessageId::new(&self.clock, &self.random))
            .collect();
        let refused = if category.is_asked_for() {
            // Who sends advertising asks before; nothing slips through here.
            let mut refused = BTreeSet::new();
            for (place, recipient) in recipients.iter().enumerate() {
                if !self.may_advertise(tx, &recipient.to, category)? {
                    refused.insert(place);
                }
            }
            refused
        } else if refusable {
            let to = recipients
                .iter()
                .map(|recipient| (&recipient.to, recipient.member));
            store::suppressed_among(tx, category, now, to)?
        } else {
            BTreeSet::new()
        };
        let extras = Extras {
            from_name: self.from.name.clone(),
            to_name: None,
            reply_to: None,
            unsubscribe: way_out,
            token: None,
            secret: false,
        };
        let mailing = |state| store::Mailing {
            body,
            sender: &self.from.address,
            category,
            template: shared.template.name(),
            language: shared.language,
            subject: &subject,
            extras: extras.clone(),
            state,
            host: self.links().host(),
            at: now,
        };
        let (mut queued, mut suppressed) = (Vec::new(), Vec::new());
        for (place, (id, recipient)) in ids.iter().zip(recipients).enumerate() {
            let addressed = store::Addressed {
                id: *id,
                member: recipient.member,
                user: recipient.user,
                to: &recipient.to,
                policy_version: recipient.allowed.collected().under,
            };
            if refused.contains(&place) {
                suppressed.push(addressed);
            } else {
                queued.push(addressed);
            }
        }
        store::insert_all(tx, &mailing(MessageState::Queued), &queued)?;
        store::insert_all(tx, &mailing(MessageState::Suppressed), &suppressed)?;
        for _ in &suppressed {
            (self.tell)(category, Told::Suppressed);
        }
        let sendings: Vec<_> = queued
            .iter()
            .map(|message| (JobId::new(&self.clock, &self.random), message.id, message.to))
            .collect();
        jobs::enqueue_all(tx, &sendings, self.pace, shared.priority, now)?;
        Ok(ids)
    }

    /// How a mail would look, with a way out that leads nowhere.
    pub fn preview(&self, template: &Template, language: Language) -> Result<Rendered, Error> {
        let refusable = template.category().may_be_refused();
        let way_out = refusable.then(|| self.links().unsubscribe("preview"));
        let preferences = self.links().preferences("preview");
        Ok(self
            .renderer
            .render(template, language, way_out.as_ref(), &preferences)?)
    }

    /// How many of these refuse mails of a kind.
    pub fn count_refusing<'a>(
        &self,
        conn: &mut Conn,
        category: Category,
        to: impl Iterator<Item = (&'a EmailAddress, MemberId)>,
    ) -> Result<usize, Error> {
        if !category.may_be_refused() {
            return Ok(0);
        }
        Ok(store::suppressed_among(conn, category, self.clock.now(), to)?.len())
    }

    /// How far these messages have come: how many are in which state.
    pub fn count_states(
        &self,
        conn: &mut Conn,
        ids: &[MessageId],
    ) -> Result<BTreeMap<&'static str, usize>, Error> {
        Ok(store::count_states(conn, ids)?)
    }

    /// The address behind `path` for whoever reads a mail of [`Mailer::enqueue_all`]; each one's own once it is sent.
    pub fn personal_link(&self, path: &str) -> url::Url {
        self.links()
            .page(&format!("{path}/{}", store::PERSONAL_PLACE), &[])
    }

    /// Whose link this is, if it is one of ours.
    pub fn find_personal(&self, conn: &mut Conn, link: &str) -> Result<Option<Personal>, Error> {
        let Some((member, topic)) = rules::named_in(link) else {
            return Ok(None);
        };
        let key = store::find_key(conn, topic)?;
        let proved = key.is_some_and(|key| rules::is_personal_link(&key, member, topic, link));
        Ok(proved.then(|| Personal {
            member,
            topic: topic.to_owned(),
        }))
    }

    /// To whom a message went, or goes; `None` once it was erased.
    pub fn find_recipient(&self, conn: &mut Conn, id: MessageId) -> Result<Option<EmailAddress>, Error> {
        Ok(store::find_queued(conn, id)?.map(|message| message.mail.to))
    }

    /// What a way out leads to. Changes nothing: scanners follow every link.
    pub async fn find_subscription(&self, token: &str) -> Result<Option<Subscription>, Error> {
        let (token, now) = (token.to_owned(), self.clock.now());
        self.db
            .read(move |conn| {
                let Some(message) = find_by_token(conn, &token)? else {
                    return Ok(None);
                };
                let stopped = is_suppressed(conn, &message.mail.to, message.category, message.member, now)?;
                Ok(Some(Subscription {
                    address: message.mail.to.masked(),
                    category: message.category,
                    sender: message.mail.from_name,
                    language: message.language,
                    active: !stopped,
                }))
            })
            .await
    }

    /// Ends mails of that kind, from that sender, to that recipient (promise 20). Twice is as good as once; false: no such way.
    pub async fn unsubscribe(&self, token: &str) -> Result<bool, Error> {
        let (token, now) = (token.to_owned(), self.clock.now());
        self.db
            .write(move |tx| {
                let Some(message) = find_by_token(tx, &token)? else {
                    return Ok(false);
                };
                refuse(tx, &message.mail.to, message.category, message.member, now)?;
                Ok(true)
            })
            .await
    }

    /// Was a mail of this kind written to the address after `since`, by whomever?
    pub fn was_enqueued(
        &self,
        tx: &mut Conn,
        address: &EmailAddress,
        category: Category,
        since: Timestamp,
    ) -> Result<bool, Error> {
        Ok(store::was_queued(tx, address, category, since)?)
    }

    /// Takes an unsubscription back, when the recipient says so.
    pub fn allow(
        &self,
        tx: &mut Conn,
        address: &EmailAddress,
        category: Category,
        member: Option<MemberId>,
    ) -> Result<(), Error> {
        Ok(store::allow(tx, address, category, member)?)
    }

    /// A member's messages, newest first.
    pub async fn list_messages(
        &self,
        member: MemberId,
        before: Option<(Timestamp, MessageId)>,
        limit: u32,
    ) -> Result<Vec<Message>, Error> {
        self.db
            .read(move |conn| Ok(store::list_messages(conn, member, before, i64::from(limit))?))
            .await
    }

    /// One message with its text; no text where that is the recipient's alone.
    pub async fn find_message(
        &self,
        member: MemberId,
        id: MessageId,
    ) -> Result<Option<(Message, Option<String>)>, Error> {
        self.db
            .read(move |conn| Ok(store::find_message(conn, member, id)?))
            .await
    }
}

impl Mailer {
    /// The words with a pixel and links that are counted, and what is to be counted.
    fn render_tracked(
        &self,
        draft: &Draft,
        way_out: Option<&url::Url>,
        preferences: &url::Url,
    ) -> Result<(Rendered, Vec<NewTrack>), Error> {
        let mut looked_at = Vec::new();
        let mut track = |target: Option<&url::Url>| {
            let token = Token::new("", &self.random);
            looked_at.push(NewTrack {
                token_sha256: token.sha256(),
                target: target.map(ToString::to_string),
            });
            match target {
                Some(_) => self.links().click(token.reveal()),
                None => self.links().pixel(token.reveal()),
            }
        };
        let words = self.renderer.render_tracked(
            &draft.template,
            draft.language,
            way_out,
            preferences,
            Some(&mut track),
        )?;
        Ok((words, looked_at))
    }
}

/// Promise 15: of registered users who left it on, and of no mail that holds a secret.
fn is_tracked(tx: &mut Conn, draft: &Draft) -> Result<bool, Error> {
    let Some(user) = draft.user else { return Ok(false) };
    let may = draft.template.category().may_be_tracked() && !draft.template.holds_secret();
    Ok(may && !tracks::is_untracked(tx, user)?)
}

/// Ends mails of a kind to an address: from one member, or from anybody.
pub(super) fn refuse(
    tx: &mut Conn,
    address: &EmailAddress,
    category: Category,
    member: Option<MemberId>,
    now: Timestamp,
) -> Result<(), Error> {
    if category.is_asked_for() {
        store::consents::end(tx, address, category, now)?;
    }
    let suppression = Suppression {
        address,
        category,
        member,
        reason: SuppressionReason::Unsubscribed,
        ends_at: None,
    };
    Ok(suppress(tx, &suppression, now)?)
}

/// The message whose way out this is.
fn find_by_token(conn: &mut Conn, token: &str) -> Result<Option<store::Queued>, Error> {
    let message = find_letter(conn, token)?;
    Ok(message.filter(|message| message.category.may_be_refused()))
}

/// The message in which this stood. The id finds it, the secret behind it proves it.
pub(super) fn find_letter(conn: &mut Conn, token: &str) -> Result<Option<store::Queued>, Error> {
    let Some((id, _secret)) = token.split_once('.') else {
        return Ok(None);
    };
    let Ok(id) = id.parse() else { return Ok(None) };
    Ok(store::find_queued(conn, id)?.filter(|message| {
        let way = message.extras.unsubscribe.as_ref().map(|way| &way.token);
        let known = message.extras.token.as_ref().or(way);
        known.is_some_and(|known| same_secret(known.as_bytes(), token.as_bytes()))
    }))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::HOUR;
    use crate::db::{DatabaseUrl, Options};
    use crate::ids::PolicyVersionId;
    use crate::jobs::Runner;
    use crate::mail::templates::NewContact;
    use crate::mail::transport::{Memory, SendError};
    use crate::mail::{SendMail, Transport};
    use crate::policies::rules::Posted;
    use crate::policies::{self, Collected, Data, Ledger, may_use};

    /// An outbox with a mailbox at its other end.
    struct Post {
        db: Db,
        clock: Clock,
        mailer: Mailer,
        memory: Memory,
        jobs: Runner,
        under: PolicyVersionId,
    }

    /// What the first version of the policy allows.
    fn allowed(draft: &Draft, under: PolicyVersionId, at: Timestamp) -> Allowed {
        let first = Posted {
            id: under,
            number: 1,
            posted_at: at,
            changes: Vec::new(),
            window: None,
        };
        let ledger = Ledger {
            versions: vec![first],
            ..Ledger::default()
        };
        let data = Data {
            collected: Collected { at, under },
            ledger: &ledger,
        };
        may_use(&data, draft.template.category().purpose(), at).unwrap()
    }

    impl Post {
        async fn on(url: DatabaseUrl) -> Self {
            let options = Options {
                url,
                pool_size: 3,
                acquire_timeout: Duration::from_secs(5),
                keep_prepared: true,
            };
            let db = Db::open(options).unwrap();
            db.migrate().await.unwrap();
            let (clock, random) = (
                Clock::frozen(Timestamp::from_secs(1_795_315_200)),
                Random::seeded(1),
            );
            let links = Links::new("https://contactbar.example".parse().unwrap());
            let from = "Contactbar <hello@contactbar.example>".parse().unwrap();
            let mailer = Mailer::new(db.clone(), clock.clone(), random.clone(), links, from).unwrap();
            let (first_clock, first_random) = (clock.clone(), random.clone());
            let under = db
                .write(move |tx| {
                    policies::post_first_versions(tx, &first_clock, &first_random)?;
                    Ok::<_, Error>(policies::current(tx)?.privacy.id)
                })
                .await
                .unwrap();
            let memory = Memory::default();
            let mut jobs = Runner::new(db.clone(), clock.clone(), random.clone(), 1);
            jobs.register(SendMail::new(
                db.clone(),
                clock.clone(),
                random.clone(),
                Transport::Memory(memory.clone()),
            ));
            Self {
                db,
                clock,
                mailer,
                memory,
                jobs,
                under,
            }
        }

        async fn enqueue(&self, draft: Draft) -> MessageId {
            self.clock.advance(Duration::from_secs(1));
            let mailer = self.mailer.clone();
            let allowed = allowed(&draft, self.under, self.clock.now());
            self.db
                .write(move |tx| mailer.enqueue(tx, draft, allowed))
                .await
                .unwrap()
        }

        async fn run(&self) -> Vec<Outgoing> {
            self.jobs.run_until_empty().await.unwrap();
            self.memory.take()
        }

        async fn states(&self, member: MemberId) -> Vec<MessageState> {
            let messages = self.mailer.list_messages(member, None, 100).await.unwrap();
            messages.into_iter().rev().map(|message| message.state).collect()
        }
    }

    fn contact() -> Template {
        Template::NewContact(NewContact {
            bar_name: "Spring".into(),
            fields: vec![("Email".into(), "jo@example.com".into())],
            page: "https://bloom.example/".into(),
            at: Timestamp::from_secs(1_795_315_200),
            link: "https://contactbar.example/contacts/1".parse().unwrap(),
        })
    }

    fn reset() -> Template {
        Template::PasswordReset {
            link: "https://contactbar.example/reset?token=secret".parse().unwrap(),
            valid_minutes: 30,
        }
    }

    async fn story(url: DatabaseUrl) {
        let post = Post::on(url).await;
        let (mine, other) = {
            let random = Random::seeded(2);
            (
                MemberId::new(&post.clock, &random),
                MemberId::new(&post.clock, &random),
            )
        };
        let anna: EmailAddress = "Anna@example.com".parse().unwrap();
        let draft = |template, member| Draft::new(anna.clone(), Language::En, template).about_member(member);

        // What is enqueued leaves once, as it was written.
        let id = post.enqueue(draft(contact(), mine)).await;
        let mails = post.run().await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].message_id, format!("{id}@contactbar.example"));
        assert_eq!(mails[0].subject, "New contact: Spring");
        assert_eq!(post.run().await, []);
        assert_eq!(post.states(mine).await, [MessageState::Sent]);
        assert_eq!(post.states(other).await, []);

        // What was allowed for one purpose serves no other.
        let (mailer, other_use) = (post.mailer.clone(), draft(reset(), mine));
        let yes = allowed(&draft(contact(), mine), post.under, post.clock.now());
        let refused = post.db.write(move |tx| mailer.enqueue(tx, other_use, yes)).await;
        assert!(matches!(refused, Err(Error::OtherPurpose { .. })), "{refused:?}");

        // An undone transaction leaves no mail.
        let (mailer, undone) = (post.mailer.clone(), draft(contact(), mine));
        let yes = allowed(&undone, post.under, post.clock.now());
        let result: Result<(), Error> = post
            .db
            .write(move |tx| {
                mailer.enqueue(tx, undone, yes)?;
                Err(crate::db::Error::Unavailable("told to".into()).into())
            })
            .await;
        assert!(result.is_err());
        assert_eq!(post.run().await, []);

        // Looking at the way out changes nothing; taking it ends these mails, from this member, and nothing else.
        let way_out = mails[0].unsubscribe.clone().unwrap();
        let token = way_out.path().rsplit('/').next().unwrap().to_owned();
        let seen = post.mailer.find_subscription(&token).await.unwrap().unwrap();
        assert_eq!((seen.address.as_str(), seen.active), ("A…@example.com", true));
        assert!(
            !post
                .mailer
                .unsubscribe(&format!("{id}.{}", "x".repeat(43)))
                .await
                .unwrap()
        );
        assert!(!post.mailer.unsubscribe("nonsense").await.unwrap());
        for _ in 0..2 {
            assert!(post.mailer.unsubscribe(&token).await.unwrap());
        }
        assert!(
            !post
                .mailer
                .find_subscription(&token)
                .await
                .unwrap()
                .unwrap()
                .active
        );
        post.enqueue(draft(contact(), mine)).await;
        assert_eq!(post.run().await, []);
        post.enqueue(draft(contact(), other)).await;
        post.enqueue(draft(reset(), mine)).await;
        assert_eq!(post.run().await.len(), 2);
        assert_eq!(
            post.states(mine).await,
            [MessageState::Sent, MessageState::Suppressed, MessageState::Sent]
        );

        // The text is there to read, but not a link that lets in, nor another's way out.
        let (_, text) = post.mailer.find_message(mine, id).await.unwrap().unwrap();
        let text = text.unwrap();
        assert!(
            text.contains("jo@example.com") && !text.contains(&token),
            "{text}"
        );
        let newest = post.mailer.list_messages(mine, None, 1).await.unwrap().remove(0);
        assert_eq!(newest.template, "password_reset");
        assert_eq!(
            post.mailer
                .find_message(mine, newest.id)
                .await
                .unwrap()
                .unwrap()
                .1,
            None
        );
        assert_eq!(post.mailer.find_message(other, id).await.unwrap(), None);
        let kept = post
            .db
            .read(move |conn| store::find_queued(conn, newest.id))
            .await
            .unwrap()
            .unwrap();
        assert_eq!(
            (kept.mail.text.as_str(), kept.mail.html.as_str()),
            ("", ""),
            "a sent secret is forgotten"
        );

        // A server in trouble is tried again, with the same bytes; who opts out meanwhile is left alone.
        post.memory.fail_with(Some(SendError::Later("451 later".into())));
        let draft = |address: &str, template| {
            Draft::new(address.parse().unwrap(), Language::De, template).about_member(other)
        };
        let waiting = post.enqueue(draft("ben@example.com", contact())).await;
        let written = post.clock.now();
        post.enqueue(draft("eve@example.com", contact())).await;
        assert_eq!(post.run().await, []);
        post.memory.fail_with(None);
        assert_eq!(post.run().await, [], "not before its time");
        let eve = "eve@example.com".parse().unwrap();
        let now = post.clock.now();
        post.db
            .write(move |tx| {
                let suppression = Suppression {
                    address: &eve,
                    category: Category::ContactNotification,
                    member: None,
                    reason: SuppressionReason::Unsubscribed,
                    ends_at: None,
                };
                suppress(tx, &suppression, now)
            })
            .await
            .unwrap();
        post.clock.advance(HOUR);
        let mails = post.run().await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].message_id, format!("{waiting}@contactbar.example"));
        assert_eq!(mails[0].date, written, "the date is that of the writing");

        // A missing mailbox is parked, and stops what may be refused, never a reset.
        post.memory
            .fail_with(Some(SendError::NoSuchMailbox("550 5.1.1 unknown".into())));
        post.enqueue(draft("gone@example.com", contact())).await;
        assert_eq!(post.run().await, []);
        let counts = post.db.read(crate::jobs::count).await.unwrap();
        assert_eq!((counts.pending, counts.failed), (0, 1));
        post.memory.fail_with(None);
        post.enqueue(draft("gone@example.com", contact())).await;
        post.enqueue(draft("Gone@Example.com", reset())).await;
        let mails = post.run().await;
        assert_eq!(mails.len(), 1);
        assert_eq!(mails[0].subject, "Wählen Sie ein neues Passwort");

        // After a day of tries a mail is parked, and can be seen.
        post.memory.fail_with(Some(SendError::Later("421 busy".into())));
        let last = post.enqueue(draft("ben@example.com", contact())).await;
        for _ in 0..16 {
            post.run().await;
            post.clock.advance(8 * HOUR);
        }
        let (message, _) = post.mailer.find_message(other, last).await.unwrap().unwrap();
        assert_eq!((message.state, message.attempts), (MessageState::Failed, 16));
        assert_eq!(message.error.as_deref(), Some("not now: 421 busy"));
        let older = post
            .mailer
            .list_messages(other, Some((message.queued_at, message.id)), 100)
            .await
            .unwrap();
        assert_eq!(
            older.len(),
            post.states(other).await.len() - 1,
            "the cursor leaves out what it names"
        );
    }

    #[tokio::test]
    async fn mail_leaves_once_or_visibly_not_on_sqlite() {
        let path = std::env::temp_dir().join(format!("contactbar-mail-{}.db", std::process::id()));
        story(DatabaseUrl::Sqlite(path.clone())).await;
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    #[allow(
        clippy::disallowed_methods,
        reason = "the cluster that `make test` starts is named in the environment"
    )]
    async fn mail_leaves_once_or_visibly_not_on_postgres() {
        use diesel::{Connection, RunQueryDsl};
        let server =
            std::env::var("CONTACTBAR_TEST_POSTGRES").expect("`make test` starts a PostgreSQL and names it");
        let base = server.rsplit_once('/').unwrap().0;
        let name = format!("mail_story_{}", std::process::id());
        let mut admin = diesel::PgConnection::establish(&server).unwrap();
        diesel::sql_query(format!("CREATE DATABASE {name}"))
            .execute(&mut admin)
            .unwrap();
        story(DatabaseUrl::Postgres(format!("{base}/{name}"))).await;
        diesel::sql_query(format!("DROP DATABASE {name} WITH (FORCE)"))
            .execute(&mut admin)
            .unwrap();
    }
}
