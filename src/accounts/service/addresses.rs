//! A change of address: asked for with the password, confirmed at the new address, told to both (promise 39).

use super::{Accounts, Asked, existing};
use crate::accounts::store::{links, users};
use crate::accounts::{Error, Purpose};
use crate::ids::UserId;
use crate::mail::{EmailAddress, Template};
use crate::secrets::token_sha256;

impl Accounts {
    /// Asks for another address. The answer is the same if somebody else has it; that mailbox is told.
    pub async fn request_address_change(
        &self,
        user: UserId,
        email: EmailAddress,
        password: String,
    ) -> Result<(), Error> {
        self.prove(user, password).await?;
        let service = self.clone();
        self.db
            .write(move |tx| {
                if !service.may_mail(tx, &email)? {
                    return Ok(());
                }
                service.ask(tx, &Asked::ChangeAddress { user, email })?;
                service.record(tx, user, "user.address_change_requested")
            })
            .await
    }

    /// Follows the link at the new address.
    pub async fn confirm_address_change(&self, token: &str) -> Result<(), Error> {
        let (service, token) = (self.clone(), token_sha256(token));
        let confirmed: Result<(), Error> = self
            .db
            .write(move |tx| {
                let now = service.now();
                let Some((user, Some(new))) = links::take(tx, Purpose::ChangeAddress, &token, now)? else {
                    return Err(Error::DeadLink);
                };
                let old = existing(tx, user)?.user;
                if users::find_by_address(tx, &new)?.is_some_and(|owner| owner.user.id != user) {
                    return Err(Error::AddressTaken);
                }
                let policy = service.collected_by(tx, user)?.under;
                users::set_address(tx, user, &new, policy, now)?;
                service.mailer.address_works(tx, &new)?;
                // What was mailed to the old address lets nobody in any more.
                for purpose in [Purpose::ResetPassword, Purpose::VerifyAddress] {
                    links::delete_all(tx, user, purpose)?;
                }
                service.record(tx, user, "user.address_changed")?;
                for to in [old.email.clone(), new.clone()] {
                    let template = Template::AddressChanged {
                        old_address: old.email.clone(),
                        new_address: new.clone(),
                        at: now,
                    };
                    service.mail_to(tx, to, &old, template)?;
                }
                Ok(())
            })
            .await;
        confirmed.map_err(|error| match error {
            Error::Db(error) if error.is_unique_violation() => Error::AddressTaken,
            other => other,
        })
    }
}
