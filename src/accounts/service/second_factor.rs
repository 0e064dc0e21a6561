//! The second factor: time-based codes (RFC 6238), each good once, and recovery codes for when the device is lost.

use totp_rs::{Builder, Totp};

use super::log_in::SecondFactor;
use super::throttling::Counter;
use super::{Accounts, existing};
use crate::accounts::Error;
use crate::accounts::rules::{RECOVERY_CODES, normal_recovery_code};
use crate::accounts::store::users::{self, Credentials};
use crate::db::Conn;
use crate::ids::{RecoveryCodeId, UserId, public_key};
use crate::mail::templates::SecondFactorChange;
use crate::mail::{EmailAddress, Template};
use crate::secrets::token_sha256;

const ISSUER: &str = "Contactbar";
/// 160 bits, as RFC 4226 recommends.
const SECRET_BYTES: usize = 20;

/// What an authenticator app is set up with; shown once.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpEnrolment {
    /// In base32, to type.
    pub secret: String,
    /// `otpauth://…`, to show as a QR code.
    pub uri: String,
}

impl Accounts {
    /// Begins to set up codes. Nothing changes for log-ins until one is confirmed.
    pub async fn enrol_totp(&self, user: UserId, password: String) -> Result<TotpEnrolment, Error> {
        let known = self.prove(user, password).await?;
        let secret = self.random.bytes::<SECRET_BYTES>();
        let totp = totp(&secret, &known.user.email);
        let enrolment = TotpEnrolment {
            secret: totp.secret().to_base32(),
            uri: totp
                .to_url()
                .expect("a secret, an address and a name make a short URI"),
        };
        let service = self.clone();
        self.db
            .write(move |tx| {
                users::lock(tx, user)?;
                if existing(tx, user)?.totp_on() {
                    return Err(Error::TotpOn);
                }
                users::set_totp_secret(tx, user, &secret)?;
                service.record(tx, user, "user.totp_enrolled")
            })
            .await?;
        Ok(enrolment)
    }

    /// Switches the second factor on, by a first code. Answers the recovery codes, once.
    pub async fn confirm_totp(&self, user: UserId, code: String) -> Result<Vec<String>, Error> {
        let service = self.clone();
        self.db
            .write(move |tx| {
                users::lock(tx, user)?;
                let known = existing(tx, user)?;
                if known.totp_on() {
                    return Err(Error::TotpOn);
                }
                if known.totp_secret.is_none() {
                    return Err(Error::TotpOff);
                }
                let counter = Counter::account(known.user.email.as_str());
                counter.count(tx, service.now())?;
                let Some(step) = service.fresh_step(&known, &code) else {
                    return Ok(Err(Error::WrongCode)); // and the try stays counted
                };
                counter.take_back(tx)?;
                users::confirm_totp(tx, user, step, service.now())?;
                let codes = service.renew_codes(tx, user)?;
                service.second_factor_changed(tx, &known, SecondFactorChange::On)?;
                Ok(Ok(codes))
            })
            .await?
    }

    /// Switches the second factor off.
    pub async fn disable_totp(&self, user: UserId, password: String) -> Result<(), Error> {
        self.prove(user, password).await?;
        let service = self.clone();
        self.db
            .write(move |tx| {
                users::lock(tx, user)?;
                let known = existing(tx, user)?;
                if !known.totp_on() {
                    return Err(Error::TotpOff);
                }
                users::remove_totp(tx, user)?;
                service.second_factor_changed(tx, &known, SecondFactorChange::Off)
            })
            .await
    }

    /// Replaces the recovery codes. Answers the new ones, once.
    pub async fn renew_recovery_codes(&self, user: UserId, password: String) -> Result<Vec<String>, Error> {
        self.prove(user, password).await?;
        let service = self.clone();
        self.db
            .write(move |tx| {
                users::lock(tx, user)?;
                let known = existing(tx, user)?;
                if !known.totp_on() {
                    return Err(Error::TotpOff);
                }
                let codes = service.renew_codes(tx, user)?;
                service.second_factor_changed(tx, &known, SecondFactorChange::RecoveryCodesRenewed)?;
                Ok(codes)
            })
            .await
    }

    /// Whether a code is right; it is used up by that. The user's row is locked.
    pub(super) fn use_code(
        &self,
        tx: &mut Conn,
        known: &Credentials,
        code: &SecondFactor,
    ) -> Result<bool, Error> {
        match code {
            SecondFactor::Totp(code) => match self.fresh_step(known, code) {
                Some(step) => {
                    users::set_totp_step(tx, known.user.id, step)?;
                    Ok(true)
                }
                None => Ok(false),
            },
            SecondFactor::RecoveryCode(code) => {
                let sha256 = token_sha256(&normal_recovery_code(code));
                Ok(users::use_recovery_code(tx, known.user.id, &sha256, self.now())?)
            }
        }
    }

    /// The step of a code that is right now and that is later than the last one used.
    fn fresh_step(&self, known: &Credentials, code: &str) -> Option<i64> {
        let totp = totp(known.totp_secret.as_deref()?, &known.user.email);
        let now = u64::try_from(self.now().secs()).unwrap_or(0);
        let step = i64::try_from(totp.check(code, now)?).ok()?;
        known
            .totp_last_step
            .is_none_or(|last| step > last)
            .then_some(step)
    }

    fn renew_codes(&self, tx: &mut Conn, user: UserId) -> Result<Vec<String>, Error> {
        let codes: Vec<String> = (0..RECOVERY_CODES).map(|_| self.recovery_code()).collect();
        let rows = codes.iter().map(|code| {
            (
                RecoveryCodeId::new(&self.clock, &self.random),
                token_sha256(&normal_recovery_code(code)),
            )
        });
        users::replace_recovery_codes(tx, user, rows.collect())?;
        Ok(codes)
    }

    /// 80 bits: `abcd-efgh-jkmn-pqrs`.
    fn recovery_code(&self) -> String {
        let letters = format!("{}{}", public_key(&self.random), public_key(&self.random));
        [&letters[..4], &letters[4..8], &letters[8..12], &letters[12..16]].join("-")
    }

    fn second_factor_changed(
        &self,
        tx: &mut Conn,
        known: &Credentials,
        change: SecondFactorChange,
    ) -> Result<(), Error> {
        let action = match change {
            SecondFactorChange::On => "user.totp_on",
            SecondFactorChange::Off => "user.totp_off",
            SecondFactorChange::RecoveryCodesRenewed => "user.recovery_codes_renewed",
        };
        self.record(tx, known.user.id, action)?;
        let template = Template::SecondFactorChanged {
            change,
            at: self.now(),
            reset_link: self.forgotten_link(),
        };
        self.mail(tx, &known.user, template)
    }
}

fn totp(secret: &[u8], email: &EmailAddress) -> Totp {
    Builder::new()
        .with_secret(secret.to_vec())
        .with_account_name(email.as_str())
        .with_issuer(Some(ISSUER))
        .build()
        .expect("20 random bytes, an address and a name without a colon make a TOTP")
}
