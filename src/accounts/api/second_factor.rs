//! The second factor: setting it up, confirming it, switching it off, recovery codes.

use poem_openapi::types::Example;
use poem_openapi::{Object, OpenApi};

use super::{Caller, Tag};
use crate::accounts::{Accounts, Error, Operation};
use crate::http::schema::Secret;
use crate::http::{Created, Json, NoContent, Problem};

pub struct SecondFactorApi {
    pub accounts: Accounts,
}

/// That it is really oneself.
#[derive(Debug, Object)]
#[oai(example)]
struct PasswordProof {
    #[oai(validator(max_length = 128))]
    password: Secret,
}

impl Example for PasswordProof {
    fn example() -> Self {
        Self {
            password: Secret("correct horse battery".to_owned()),
        }
    }
}

/// What an authenticator app is set up with; shown once.
#[derive(Debug, Object)]
#[oai(example)]
struct Enrolment {
    /// In base32, to type.
    secret: Secret,
    /// `otpauth://…`, to show as a QR code.
    uri: Secret,
}

impl Example for Enrolment {
    fn example() -> Self {
        let secret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";
        Self {
            secret: Secret(secret.to_owned()),
            uri: Secret(format!(
                "otpauth://totp/Contactbar:anna%40example.com?secret={secret}&issuer=Contactbar"
            )),
        }
    }
}

/// The code that the app shows.
#[derive(Debug, Object)]
#[oai(example)]
struct Code {
    #[oai(validator(max_length = 16))]
    code: Secret,
}

impl Example for Code {
    fn example() -> Self {
        Self {
            code: Secret("123456".to_owned()),
        }
    }
}

/// Codes for when the device is lost, each good once; shown once.
#[derive(Debug, Object)]
#[oai(example)]
struct RecoveryCodes {
    recovery_codes: Vec<Secret>,
}

impl Example for RecoveryCodes {
    fn example() -> Self {
        Self {
            recovery_codes: vec![Secret("k3v9-0m2q-x7ct-p4ha".to_owned())],
        }
    }
}

impl From<Vec<String>> for RecoveryCodes {
    fn from(codes: Vec<String>) -> Self {
        Self {
            recovery_codes: codes.into_iter().map(Secret).collect(),
        }
    }
}

#[OpenApi(prefix_path = "/users/me", tag = "Tag::Account")]
impl SecondFactorApi {
    /// Begin to set up the second factor
    ///
    /// Log-ins need no code until a first one is confirmed.
    #[oai(path = "/totp", method = "post", operation_id = "enrol_totp")]
    async fn enrol(&self, caller: Caller, body: Json<PasswordProof>) -> Result<Created<Enrolment>, Problem> {
        let signed_in = caller.in_person(Operation::EnrolTotp)?;
        let enrolment = self
            .accounts
            .enrol_totp(signed_in.user, body.0.password.0)
            .await?;
        Ok(Created(Enrolment {
            secret: Secret(enrolment.secret),
            uri: Secret(enrolment.uri),
        }))
    }

    /// Switch the second factor on
    ///
    /// With a first code of the app. Answers ten recovery codes.
    #[oai(path = "/totp/confirm", method = "post", operation_id = "confirm_totp")]
    async fn confirm(&self, caller: Caller, body: Json<Code>) -> Result<Json<RecoveryCodes>, Problem> {
        let signed_in = caller.in_person(Operation::ConfirmTotp)?;
        let codes = self.accounts.confirm_totp(signed_in.user, body.0.code.0).await;
        let codes = codes.map_err(|error| match error {
            Error::WrongCode => Problem::field("code", "is wrong, or has been used"),
            other => other.into(),
        })?;
        Ok(Json(codes.into()))
    }

    /// Switch the second factor off
    #[oai(path = "/totp/disable", method = "post", operation_id = "disable_totp")]
    async fn disable(&self, caller: Caller, body: Json<PasswordProof>) -> Result<NoContent, Problem> {
        let signed_in = caller.in_person(Operation::DisableTotp)?;
        self.accounts
            .disable_totp(signed_in.user, body.0.password.0)
            .await?;
        Ok(NoContent)
    }

    /// Replace the recovery codes
    ///
    /// The ones before are good for nothing any more.
    #[oai(
        path = "/recovery-codes",
        method = "post",
        operation_id = "renew_recovery_codes"
    )]
    async fn renew(&self, caller: Caller, body: Json<PasswordProof>) -> Result<Json<RecoveryCodes>, Problem> {
        let signed_in = caller.in_person(Operation::RenewRecoveryCodes)?;
        Ok(Json(
            self.accounts
                .renew_recovery_codes(signed_in.user, body.0.password.0)
                .await?
                .into(),
        ))
    }
}
