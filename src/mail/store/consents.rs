//! The table `mail_consents`: who asked for advertising, and confirmed it (promise 19).

use diesel::prelude::*;

use crate::clock::Timestamp;
use crate::db::schema::{mail_consents, messages};
use crate::db::{Conn, Result};
use crate::ids::{MailConsentId, PolicyVersionId, UserId};
use crate::mail::{Category, EmailAddress, Language};

/// A yes that waits to be confirmed.
pub struct NewConsent<'a> {
    pub id: MailConsentId,
    pub address: &'a EmailAddress,
    pub category: Category,
    pub user: Option<UserId>,
    pub language: Language,
    pub policy_version: PolicyVersionId,
    pub token_sha256: &'a [u8],
    pub asked_at: Timestamp,
    pub expires_at: Timestamp,
}

/// A yes, as far as it has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consent {
    pub id: MailConsentId,
    /// As it was folded.
    pub address: EmailAddress,
    pub category: Category,
    pub language: Language,
    pub asked_at: Timestamp,
    pub expires_at: Timestamp,
    pub confirmed_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

type Row = (
    MailConsentId,
    EmailAddress,
    Category,
    Language,
    Timestamp,
    Timestamp,
    Option<Timestamp>,
    Option<Timestamp>,
);

fn consent((id, address, category, language, asked_at, expires_at, confirmed_at, ended_at): Row) -> Consent {
    Consent {
        id,
        address,
        category,
        language,
        asked_at,
        expires_at,
        confirmed_at,
        ended_at,
    }
}

type Columns = (
    mail_consents::id,
    mail_consents::address,
    mail_consents::category,
    mail_consents::language,
    mail_consents::asked_at,
    mail_consents::expires_at,
    mail_consents::confirmed_at,
    mail_consents::ended_at,
);

const COLUMNS: Columns = (
    mail_consents::id,
    mail_consents::address,
    mail_consents::category,
    mail_consents::language,
    mail_consents::asked_at,
    mail_consents::expires_at,
    mail_consents::confirmed_at,
    mail_consents::ended_at,
);

pub fn insert(conn: &mut Conn, new: &NewConsent<'_>) -> Result<()> {
    diesel::insert_into(mail_consents::table)
        .values((
            mail_consents::id.eq(new.id),
            mail_consents::address.eq(new.address.folded()),
            mail_consents::category.eq(new.category),
            mail_consents::user_id.eq(new.user),
            mail_consents::language.eq(new.language),
            mail_consents::policy_version_id.eq(new.policy_version),
            mail_consents::token_sha256.eq(new.token_sha256),
            mail_consents::asked_at.eq(new.asked_at),
            mail_consents::expires_at.eq(new.expires_at),
        ))
        .execute(conn)?;
    Ok(())
}

/// The last that the address said of a kind of mail.
pub fn find_last(conn: &mut Conn, address: &EmailAddress, category: Category) -> Result<Option<Consent>> {
    let row: Option<Row> = mail_consents::table
        .filter(mail_consents::address.eq(address.folded()))
        .filter(mail_consents::category.eq(category))
        .order((mail_consents::asked_at.desc(), mail_consents::id.desc()))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(consent))
}

pub fn find_by_token(conn: &mut Conn, token_sha256: &[u8]) -> Result<Option<Consent>> {
    let row: Option<Row> = mail_consents::table
        .filter(mail_consents::token_sha256.eq(token_sha256))
        .select(COLUMNS)
        .first(conn)
        .optional()?;
    Ok(row.map(consent))
}

pub fn confirm(conn: &mut Conn, id: MailConsentId, now: Timestamp) -> Result<()> {
    let waiting = mail_consents::table
        .filter(mail_consents::id.eq(id))
        .filter(mail_consents::confirmed_at.is_null());
    diesel::update(waiting)
        .set(mail_consents::confirmed_at.eq(Some(now)))
        .execute(conn)?;
    Ok(())
}

/// Ends whatever yes there was. The rows stay: they prove what was sent while they held.
pub fn end(conn: &mut Conn, address: &EmailAddress, category: Category, now: Timestamp) -> Result<()> {
    let open = mail_consents::table
        .filter(mail_consents::address.eq(address.folded()))
        .filter(mail_consents::category.eq(category))
        .filter(mail_consents::ended_at.is_null());
    diesel::update(open)
        .set(mail_consents::ended_at.eq(Some(now)))
        .execute(conn)?;
    Ok(())
}

/// When advertising of either kind was written to an address since then, the latest first.
pub fn advertised(conn: &mut Conn, address: &EmailAddress, since: Timestamp) -> Result<Vec<Timestamp>> {
    Ok(messages::table
        .filter(messages::recipient.eq(address))
        .filter(messages::queued_at.gt(since))
        .filter(messages::category.eq_any([Category::Promotion, Category::CrossSelling]))
        .order(messages::queued_at.desc())
        .select(messages::queued_at)
        .load(conn)?)
}

pub fn delete_of_user(conn: &mut Conn, user: UserId) -> Result<usize> {
    Ok(diesel::delete(mail_consents::table.filter(mail_consents::user_id.eq(user))).execute(conn)?)
}
