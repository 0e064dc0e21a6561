//! Sessions and API tokens as they come with requests; listing and ending sessions; the current member.

use super::{Account, Accounts, Current, existing};
use crate::accounts::rules::{self, Device, SEEN_EVERY};
use crate::accounts::store::{logins, members, sessions, tokens, users};
use crate::accounts::{Client, Error, LoginRecord, Name, Principal, Session, SignedIn};
use crate::clock::Timestamp;
use crate::db::Conn;
use crate::ids::{LoginRecordId, MemberId, SessionId, UserId};
use crate::mail::{self, Language};
use crate::secrets::{Token, token_sha256};

/// A session that has just begun, with the token that is told once.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub session: Session,
    pub token: Token,
}

impl Accounts {
    /// Begins a session, in the caller's transaction. Its current member: `member`, or the user's oldest.
    pub(in crate::accounts) fn begin_session(
        &self,
        tx: &mut Conn,
        user: UserId,
        member: Option<MemberId>,
        client: &Client,
    ) -> Result<NewSession, Error> {
        let (now, device) = (self.now(), Device::of(client.user_agent.as_deref()));
        let member = match member {
            Some(member) => Some(member),
            None => members::list_memberships(tx, user)?
                .first()
                .map(|membership| membership.member),
        };
        let session = Session {
            id: SessionId::new(&self.clock, &self.random),
            user,
            member,
            address: Some(client.address.to_string()),
            browser: device.browser,
            system: device.system,
            created_at: now,
            last_seen_at: now,
            expires_at: rules::session_expiry(now, now),
        };
        let token = Token::new("cbs_", &self.random);
        let under = self.collected_by(tx, user)?.under;
        sessions::insert(tx, &session, &token.sha256(), under)?;
        Ok(NewSession { session, token })
    }

    /// Who comes with this session cookie; nobody, if it is unknown or over.
    pub async fn principal_of_session(&self, token: &str) -> Result<Principal, Error> {
        let (token, now) = (token_sha256(token), self.now());
        let found: Option<(Session, SignedIn)> = self
            .db
            .read(move |conn| {
                let Some(session) = sessions::find_by_token(conn, &token, now)? else {
                    return Ok::<_, Error>(None);
                };
                let membership = match session.member {
                    Some(member) => {
                        members::find_role(conn, member, session.user)?.map(|role| (member, role))
                    }
                    None => None,
                };
                let signed_in = SignedIn {
                    user: session.user,
                    session: session.id,
                    membership,
                };
                Ok(Some((session, signed_in)))
            })
            .await?;
        let Some((session, signed_in)) = found else {
            return Ok(Principal::Anonymous);
        };
        if now.since(session.last_seen_at) >= SEEN_EVERY {
            let expires_at = rules::session_expiry(session.created_at, now);
            self.db
                .write(move |tx| Ok::<_, Error>(sessions::touch(tx, session.id, now, expires_at)?))
                .await?;
        }
        Ok(Principal::User(signed_in))
    }

    /// Who comes with this API token; nobody, if it is unknown, revoked or expired.
    pub async fn principal_of_token(&self, token: &str) -> Result<Principal, Error> {
        let (token, now) = (token_sha256(token), self.now());
        let found = self
            .db
            .read(move |conn| tokens::find_by_token(conn, &token, now))
            .await?;
        let Some(found) = found else {
            return Ok(Principal::Anonymous);
        };
        if found
            .last_used_at
            .is_none_or(|used| now.since(used) >= SEEN_EVERY)
        {
            let id = found.id;
            self.db
                .write(move |tx| Ok::<_, Error>(tokens::touch(tx, id, now)?))
                .await?;
        }
        Ok(Principal::Token {
            token: found.id,
            member: found.member,
            scopes: found.scopes,
        })
    }

    /// All that a session shows of itself.
    pub async fn current(&self, signed_in: SignedIn) -> Result<Current, Error> {
        let now = self.now();
        self.db.read(move |conn| current(conn, signed_in, now)).await
    }

    pub async fn account(&self, user: UserId) -> Result<Account, Error> {
        self.db.read(move |conn| account(conn, user)).await
    }

    /// Changes what is given. A change of the name is a new collection, under the policy of now.
    pub async fn update_user(
        &self,
        user: UserId,
        name: Option<Option<Name>>,
        language: Option<Language>,
        mail_tracking: Option<bool>,
    ) -> Result<Account, Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                existing(tx, user)?;
                if let Some(name) = &name {
                    let policy = service.collected_by(tx, user)?.under;
                    users::set_name(tx, user, name.as_ref(), policy, service.now())?;
                }
                if let Some(language) = language {
                    users::set_language(tx, user, language)?;
                }
                if let Some(on) = mail_tracking {
                    service.mailer.count_looks_of(tx, user, on)?;
                }
                service.record(tx, user, "user.updated")?;
                account(tx, user)
            })
            .await
    }

    /// Makes another member of the user's the current one. 404 for any other.
    pub async fn switch_member(&self, signed_in: SignedIn, member: MemberId) -> Result<Current, Error> {
        let now = self.now();
        self.db
            .write(move |tx| {
                members::find_role(tx, member, signed_in.user)?.ok_or(Error::NotFound)?;
                sessions::set_member(tx, signed_in.session, Some(member))?;
                current(tx, signed_in, now)
            })
            .await
    }

    pub async fn list_sessions(&self, user: UserId) -> Result<Vec<Session>, Error> {
        let now = self.now();
        self.db
            .read(move |conn| Ok(sessions::list(conn, user, now)?))
            .await
    }

    /// Ends one of the user's own sessions.
    pub async fn end_session(&self, user: UserId, session: SessionId) -> Result<(), Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                if !sessions::delete(tx, user, session)? {
                    return Err(Error::NotFound);
                }
                service.record(tx, user, "session.ended")
            })
            .await
    }

    /// Ends all of the user's sessions but this one. Answers how many.
    pub async fn end_other_sessions(&self, signed_in: SignedIn) -> Result<usize, Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                let ended = sessions::delete_all(tx, signed_in.user, Some(signed_in.session))?;
                service.record(tx, signed_in.user, "session.others_ended")?;
                Ok(ended)
            })
            .await
    }

    /// The user's own log-in records, newest first.
    pub async fn list_logins(
        &self,
        user: UserId,
        before: Option<(Timestamp, LoginRecordId)>,
        limit: i64,
    ) -> Result<Vec<LoginRecord>, Error> {
        self.db
            .read(move |conn| Ok(logins::list(conn, user, before, limit)?))
            .await
    }
}

pub(super) fn account(conn: &mut Conn, user: UserId) -> Result<Account, Error> {
    let user = existing(conn, user)?.user;
    let recovery_codes_left = users::count_recovery_codes(conn, user.id)?;
    Ok(Account {
        mail_tracking: mail::counts_looks_of(conn, user.id)?,
        user,
        recovery_codes_left,
    })
}

pub(super) fn current(conn: &mut Conn, signed_in: SignedIn, now: Timestamp) -> Result<Current, Error> {
    Ok(Current {
        session: sessions::find(conn, signed_in.user, signed_in.session, now)?.ok_or(Error::NotFound)?,
        account: account(conn, signed_in.user)?,
        memberships: members::list_memberships(conn, signed_in.user)?,
    })
}
