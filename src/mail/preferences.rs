//! Which mails an address wants: what it refused (promise 20), and the advertising that it asked for and confirmed
//! (promise 19).

use super::service::{find_letter, refuse};
use super::store;
use super::store::consents::{self, Consent, NewConsent};
use super::store::feedback::is_suppressed;
use super::{Category, Draft, EmailAddress, Error, Language, Mailer, Template, rules};
use crate::clock::{DAY, HOUR, Timestamp};
use crate::db::{Conn, Json};
use crate::ids::{MailConsentId, MemberId, UserId};
use crate::policies::Allowed;
use crate::secrets::{Token, token_sha256};

/// Whether mails of a kind come to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case")]
pub enum Wish {
    On,
    /// Asked for; the link in the mail that asks back has not been followed yet.
    Asked,
    Off,
}

/// Who says which mails they want.
#[derive(Clone, Debug)]
pub struct Wisher {
    pub address: EmailAddress,
    pub user: Option<UserId>,
    /// Of the mail that asks back.
    pub language: Language,
    /// The ledger's yes to that mail.
    pub allowed: Allowed,
}

/// A mail that somebody follows a link of.
#[derive(Clone, Debug)]
pub struct Letter {
    pub to: EmailAddress,
    pub language: Language,
    /// The kinds of mail that its recipient got and may refuse, each with the member whom it is about and in whose name it
    /// came.
    pub kinds: Vec<(Category, Option<MemberId>, String)>,
}

/// What a link to confirm leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Masked, for the page may be seen by whoever the mail was forwarded to.
    pub address: String,
    pub category: Category,
    pub language: Language,
    pub confirmed: bool,
}

impl Mailer {
    /// Do mails of this kind come to the address, about that member?
    pub fn find_wish(
        &self,
        conn: &mut Conn,
        address: &EmailAddress,
        category: Category,
        member: Option<MemberId>,
    ) -> Result<Wish, Error> {
        if !is_suppressed(conn, address, category, member, self.clock.now())? {
            return Ok(Wish::On);
        }
        if category.is_asked_for() {
            let last = consents::find_last(conn, address, category)?;
            if last.is_some_and(|consent| is_waiting(&consent, self.clock.now())) {
                return Ok(Wish::Asked);
            }
        }
        Ok(Wish::Off)
    }

    /// No more mails of this kind, about that member: what may be refused is refused.
    pub fn refuse(
        &self,
        tx: &mut Conn,
        address: &EmailAddress,
        category: Category,
        member: Option<MemberId>,
    ) -> Result<(), Error> {
        debug_assert!(category.may_be_refused());
        refuse(tx, address, category, member, self.clock.now())
    }

    /// Somebody wants advertising. It only comes after the address has said yes a second time, by a link in a mail that this
    /// sends: no more than one an hour, however often it is asked for.
    pub fn ask_back(&self, tx: &mut Conn, wisher: Wisher, category: Category) -> Result<(), Error> {
        debug_assert!(category.is_asked_for());
        let now = self.clock.now();
        let last = consents::find_last(tx, &wisher.address, category)?;
        let again = last.is_some_and(|consent| {
            let confirmed = consent.confirmed_at.is_some() && consent.ended_at.is_none();
            confirmed || is_waiting(&consent, now) && consent.asked_at + HOUR > now
        });
        if again {
            return Ok(());
        }
        // What was asked before is void: one link is good at a time.
        consents::end(tx, &wisher.address, category, now)?;
        let token = Token::new("", &self.random);
        let new = NewConsent {
            id: MailConsentId::new(&self.clock, &self.random),
            address: &wisher.address,
            category,
            user: wisher.user,
            language: wisher.language,
            policy_version: wisher.allowed.collected().under,
            token_sha256: &token.sha256(),
            asked_at: now,
            expires_at: now + rules::CONFIRM_LINK_DAYS * DAY,
        };
        consents::insert(tx, &new)?;
        let template = Template::ConfirmOffers {
            category,
            link: self.links().confirm(token.reveal()),
            valid_days: rules::CONFIRM_LINK_DAYS,
        };
        let mut draft = Draft::new(wisher.address, wisher.language, template);
        draft.user = wisher.user;
        self.enqueue(tx, draft, wisher.allowed)?;
        Ok(())
    }

    /// What a link to confirm leads to. Changes nothing.
    pub async fn find_asked(&self, token: &str) -> Result<Option<Asked>, Error> {
        let (token, now) = (token_sha256(token), self.clock.now());
        let found = self.db.read(move |conn| consents::find_by_token(conn, &token));
        Ok(found.await?.and_then(|consent| asked(&consent, now)))
    }

    /// The second yes. Twice is as good as once; `None`: no such link, or too old, or taken back.
    pub async fn confirm_wish(&self, token: &str) -> Result<Option<Asked>, Error> {
        let (mailer, token, now) = (self.clone(), token_sha256(token), self.clock.now());
        self.db
            .write(move |tx| {
                let Some(consent) = consents::find_by_token(tx, &token)? else {
                    return Ok(None);
                };
                let Some(asked) = asked(&consent, now) else {
                    return Ok(None);
                };
                if !asked.confirmed {
                    consents::confirm(tx, consent.id, now)?;
                    store::allow(tx, &consent.address, consent.category, None)?;
                    mailer.address_works(tx, &consent.address)?;
                }
                Ok(Some(Asked {
                    confirmed: true,
                    ..asked
                }))
            })
            .await
    }

    /// May advertising of this kind go to the address now? It was asked for and confirmed, is not suppressed, and is not
    /// too much (promise 19).
    pub fn may_advertise(
        &self,
        conn: &mut Conn,
        address: &EmailAddress,
        category: Category,
    ) -> Result<bool, Error> {
        debug_assert!(category.is_asked_for());
        let now = self.clock.now();
        if is_suppressed(conn, address, category, None, now)? {
            return Ok(false);
        }
        let advertised = consents::advertised(conn, address, rules::cap_since(now))?;
        Ok(rules::is_below_cap(&advertised, now))
    }

    /// The mail whose link to the preferences this is.
    pub fn find_letter(&self, conn: &mut Conn, token: &str) -> Result<Option<Letter>, Error> {
        let Some(message) = find_letter(conn, token)? else {
            return Ok(None);
        };
        let kinds = store::kinds_sent(conn, &message.mail.to)?;
        let kinds = kinds
            .into_iter()
            .map(|(category, member, Json(extras))| (category, member, extras.from_name));
        Ok(Some(Letter {
            kinds: kinds.collect(),
            to: message.mail.to,
            language: message.language,
        }))
    }
}

fn is_waiting(consent: &Consent, now: Timestamp) -> bool {
    consent.confirmed_at.is_none() && consent.ended_at.is_none() && now < consent.expires_at
}

fn asked(consent: &Consent, now: Timestamp) -> Option<Asked> {
    let confirmed = consent.confirmed_at.is_some() && consent.ended_at.is_none();
    (confirmed || is_waiting(consent, now)).then(|| Asked {
        address: consent.address.masked(),
        category: consent.category,
        language: consent.language,
        confirmed,
    })
}
