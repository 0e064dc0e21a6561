//! Registering, proving an address, a forgotten password: what nobody needs to be logged in for. What a link in a mail
//! leads to is done by a POST; following the link by itself changes nothing.

use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};

use super::Tag;
use super::asking::Asking;
use super::problems::weak;
use super::shapes::{example_email, example_name};
use crate::accounts::{Accounts, Agreed, Name, NewPassword, Registration};
use crate::http::schema::Secret;
use crate::http::{Accepted, Json, NoContent, Problem};
use crate::mail::{EmailAddress, Language};

pub struct RegistrationApi {
    pub accounts: Accounts,
}

/// Somebody who registers.
#[derive(Debug, Object)]
#[oai(example)]
struct NewRegistration {
    email: EmailAddress,
    /// 10 to 128 characters, and none of those that are tried first.
    #[oai(validator(max_length = 128))]
    password: Secret,
    /// Of the person.
    name: Option<Name>,
    /// Of the business; without one, what stands before the `@` of the address.
    member_name: Option<Name>,
    /// Of our mails.
    #[oai(default)]
    language: Language,
    /// The version of the privacy policy that was read: the current one (`GET /policies`).
    privacy_version: i32,
    /// The version of the terms that was agreed to: the current one.
    terms_version: i32,
}

impl Example for NewRegistration {
    fn example() -> Self {
        Self {
            email: example_email(),
            password: Secret("correct horse battery".to_owned()),
            name: Some(example_name("Anna Blume")),
            member_name: Some(example_name("Bloom & Co")),
            language: Language::En,
            privacy_version: 1,
            terms_version: 1,
        }
    }
}

/// An address that a mail goes to, if it is known.
#[derive(Debug, Object)]
#[oai(example)]
pub struct Address {
    pub email: EmailAddress,
}

impl Example for Address {
    fn example() -> Self {
        Self {
            email: example_email(),
        }
    }
}

/// The token of a mail's link.
#[derive(Debug, Object)]
#[oai(example)]
pub struct LinkToken {
    #[oai(validator(max_length = 128))]
    pub token: Secret,
}

impl Example for LinkToken {
    fn example() -> Self {
        Self {
            token: Secret("Jx0mVtq1nGyZ5b8cW3kRfT7uLhPaSdE2oQiNvYxBzCg".to_owned()),
        }
    }
}

/// Another password, by a mail's link.
#[derive(Debug, Object)]
#[oai(example)]
struct PasswordReset {
    #[oai(validator(max_length = 128))]
    token: Secret,
    #[oai(validator(max_length = 128))]
    password: Secret,
}

impl Example for PasswordReset {
    fn example() -> Self {
        Self {
            token: LinkToken::example().token,
            password: Secret("correct horse battery".to_owned()),
        }
    }
}

#[OpenApi(prefix_path = "/users", tag = "Tag::Registration")]
impl RegistrationApi {
    /// Register
    ///
    /// Makes a user, a member, and the user its owner. A mail with a link follows; the first log-in needs the address
    /// verified. An address that has an account gets a mail that says so.
    #[oai(path = "/", method = "post", operation_id = "register")]
    async fn register(&self, asking: Asking, body: Json<NewRegistration>) -> Result<Accepted, Problem> {
        let body = body.0;
        let password = NewPassword::parse(body.password.0, Some(&body.email)).map_err(weak("password"))?;
        let registration = Registration {
            email: body.email,
            password,
            name: body.name,
            member_name: body.member_name,
            language: body.language,
            agreed: Agreed {
                privacy: body.privacy_version,
                terms: body.terms_version,
            },
        };
        self.accounts.register(registration, &asking.0).await?;
        Ok(Accepted)
    }

    /// Verify an address
    ///
    /// With the token of the mail's link. Each is good once, for 48 hours.
    #[oai(path = "/verification", method = "post", operation_id = "verify_address")]
    async fn verify(&self, body: Json<LinkToken>) -> Result<NoContent, Problem> {
        self.accounts.verify_address(&body.0.token.0).await?;
        Ok(NoContent)
    }

    /// Send another link to verify an address
    #[oai(
        path = "/verification/resend",
        method = "post",
        operation_id = "resend_verification"
    )]
    async fn resend(&self, asking: Asking, body: Json<Address>) -> Result<Accepted, Problem> {
        self.accounts.verify_again(body.0.email, &asking.0).await?;
        Ok(Accepted)
    }

    /// Ask for a link to choose another password
    ///
    /// The link is good once, for 30 minutes.
    #[oai(
        path = "/password-reset",
        method = "post",
        operation_id = "request_password_reset"
    )]
    async fn request_reset(&self, asking: Asking, body: Json<Address>) -> Result<Accepted, Problem> {
        self.accounts.request_reset(body.0.email, &asking.0).await?;
        Ok(Accepted)
    }

    /// Choose another password
    ///
    /// With the token of the mail's link. Ends all sessions of the user.
    #[oai(
        path = "/password-reset/confirm",
        method = "post",
        operation_id = "reset_password"
    )]
    async fn reset(&self, body: Json<PasswordReset>) -> Result<NoContent, Problem> {
        let password = NewPassword::parse(body.0.password.0, None).map_err(weak("password"))?;
        self.accounts.reset_password(&body.0.token.0, password).await?;
        Ok(NoContent)
    }

    /// Confirm a change of address
    ///
    /// With the token of the link in the mail to the new address. Each is good once, for 24 hours. Both addresses are told.
    #[oai(
        path = "/address-change/confirm",
        method = "post",
        operation_id = "confirm_address_change"
    )]
    async fn confirm_address(&self, body: Json<LinkToken>) -> Result<NoContent, Problem> {
        self.accounts.confirm_address_change(&body.0.token.0).await?;
        Ok(NoContent)
    }
}
