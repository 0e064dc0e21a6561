//! The password of somebody who is logged in, and of somebody who forgot it.

use super::throttling::Counter;
use super::{Accounts, existing};
use crate::accounts::passwords::{NewPassword, Verdict};
use crate::accounts::store::users::Credentials;
use crate::accounts::store::{links, sessions, users};
use crate::accounts::{Error, Purpose, SignedIn};
use crate::ids::UserId;
use crate::mail::Template;
use crate::secrets::token_sha256;

impl Accounts {
    /// That it is really them: whoever has got hold of a session does not know the password.
    pub(super) async fn prove(&self, user: UserId, password: String) -> Result<Credentials, Error> {
        let now = self.now();
        let (known, counter) = self
            .db
            .write(move |tx| {
                let known = existing(tx, user)?;
                let counter = Counter::account(known.user.email.as_str());
                counter.count(tx, now)?;
                Ok::<_, Error>((known, counter))
            })
            .await?;
        match self
            .passwords
            .verify(password, Some(known.password_hash.clone()))
            .await?
        {
            Verdict::Wrong => Err(Error::WrongPassword),
            Verdict::Right | Verdict::RightButOld => {
                self.db
                    .write(move |tx| Ok::<_, Error>(counter.clear(tx)?))
                    .await?;
                Ok(known)
            }
        }
    }

    /// Changes the password; all other sessions end, and the mailbox is told.
    pub async fn change_password(
        &self,
        signed_in: SignedIn,
        old: String,
        new: NewPassword,
    ) -> Result<(), Error> {
        let proved = self.prove(signed_in.user, old).await?;
        let hash = self.passwords.hash(new).await?;
        let service = self.clone();
        self.db
            .write(move |tx| {
                users::lock(tx, signed_in.user)?;
                let known = existing(tx, signed_in.user)?;
                if known.password_hash != proved.password_hash {
                    return Err(Error::WrongPassword); // changed meanwhile by somebody else
                }
                users::set_password(tx, known.user.id, &hash, service.now())?;
                links::delete_all(tx, known.user.id, Purpose::ResetPassword)?;
                sessions::delete_all(tx, known.user.id, Some(signed_in.session))?;
                service.record(tx, known.user.id, "user.password_changed")?;
                let template = Template::PasswordChanged {
                    at: service.now(),
                    reset_link: service.forgotten_link(),
                };
                service.mail(tx, &known.user, template)
            })
            .await
    }

    /// Follows a link to choose another password: all sessions end. Whoever has the link has the mailbox, so the address
    /// is verified too.
    pub async fn reset_password(&self, token: &str, new: NewPassword) -> Result<(), Error> {
        let (token, now) = (token_sha256(token), self.now());
        let looked_up = token.clone();
        let known = self
            .db
            .read(move |conn| links::find(conn, Purpose::ResetPassword, &looked_up, now))
            .await?;
        if known.is_none() {
            return Err(Error::DeadLink); // before the hashing: nobody spends our time with links they made up
        }
        let hash = self.passwords.hash(new).await?;
        let service = self.clone();
        self.db
            .write(move |tx| {
                let now = service.now();
                let (user, _) =
                    links::take(tx, Purpose::ResetPassword, &token, now)?.ok_or(Error::DeadLink)?;
                users::lock(tx, user)?;
                let known = existing(tx, user)?;
                users::set_password(tx, user, &hash, now)?;
                users::set_verified(tx, user, now)?;
                service.mailer.address_works(tx, &known.user.email)?;
                sessions::delete_all(tx, user, None)?;
                for purpose in [Purpose::VerifyAddress, Purpose::ChangeAddress] {
                    links::delete_all(tx, user, purpose)?;
                }
                Counter::account(known.user.email.as_str()).clear(tx)?;
                service.record(tx, user, "user.password_reset")?;
                let template = Template::PasswordChanged {
                    at: now,
                    reset_link: service.forgotten_link(),
                };
                service.mail(tx, &known.user, template)
            })
            .await
    }
}
