//! Typed ids: a UUIDv7 (RFC 9562) behind a prefix and 26 characters of Crockford's base32, such as `bar_01jd…`.
//! Lower case on output, either case on input. A bare UUID never crosses a module.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

use crate::clock::{Clock, Timestamp};
use crate::secrets::Random;

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("is not an id of the form {prefix}_ and 26 letters and digits")]
pub struct NotAnId {
    pub prefix: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
            pub struct $name(Uuid);

            impl $name {
                pub const PREFIX: &'static str = $prefix;

                pub fn new(clock: &Clock, random: &Random) -> Self {
                    Self(uuid_v7(clock, random))
                }

                pub const fn from_uuid(uuid: Uuid) -> Self {
                    Self(uuid)
                }

                pub const fn uuid(&self) -> &Uuid {
                    &self.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(concat!($prefix, "_"))?;
                    write_base32(f, self.0.as_u128())
                }
            }

            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    fmt::Display::fmt(self, f)
                }
            }

            impl FromStr for $name {
                type Err = NotAnId;
                fn from_str(text: &str) -> Result<Self, NotAnId> {
                    text.strip_prefix(concat!($prefix, "_"))
                        .and_then(read_base32)
                        .map(|bits| Self(Uuid::from_u128(bits)))
                        .ok_or(NotAnId { prefix: $prefix })
                }
            }

            impl serde::Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.collect_str(self)
                }
            }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
                    text.parse().map_err(serde::de::Error::custom)
                }
            }
        )*

        /// Calls `$callback!` with every id type, for the rooms that teach them to a database or a document.
        macro_rules! for_each_id {
            ($callback:ident) => { $( $callback!($name); )* };
        }
        pub(crate) use for_each_id;
    };
}

impl JobId {
    /// When it was made, to the millisecond.
    pub fn made_at(&self) -> Timestamp {
        let millis = self.0.as_u128() >> 80;
        Timestamp::from_micros(i64::try_from(millis * 1000).unwrap_or(i64::MAX))
    }
}

ids! {
    MemberId = "mem";
    UserId = "usr";
    SessionId = "ses";
    InvitationId = "inv";
    ApiTokenId = "tok";
    AccountTokenId = "atk";
    RecoveryCodeId = "rec";
    LoginRecordId = "log";
    LeadId = "lead";
    ProfileFieldId = "prf";
    PolicyVersionId = "pol";
    PolicyDecisionId = "dec";
    AuditEntryId = "aud";
    BarId = "bar";
    ContactId = "con";
    SubmissionId = "sub";
    NoteId = "note";
    ContactViewId = "cvw";
    OperatorId = "opr";
    OperatorEntryId = "ope";
    NoticeId = "ntc";
    BreachId = "brc";
    WebhookId = "whk";
    DeliveryId = "dlv";
    MessageId = "msg";
    MessageBodyId = "mbd";
    MailConsentId = "cns";
    MailFeedbackId = "mfb";
    /// Something that we ask Stripe to do; its text is the Idempotency-Key.
    BillingRequestId = "brq";
    JobId = "job";
    LeaseId = "lea";
    /// Made by the visitor's browser, so that a beacon sent twice counts once.
    EventId = "evt";
    /// The keyed hash of a visitor for one day and site.
    VisitorId = "vis";
}

fn uuid_v7(clock: &Clock, random: &Random) -> Uuid {
    let millis = u64::try_from(clock.now().millis()).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random.bytes::<10>()).into_uuid()
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

fn write_base32(f: &mut fmt::Formatter<'_>, bits: u128) -> fmt::Result {
    let mut text = [0u8; 26];
    for (i, place) in text.iter_mut().enumerate() {
        let shift = 5 * (25 - i);
        *place = ALPHABET[((bits >> shift) & 31) as usize];
    }
    f.write_str(std::str::from_utf8(&text).expect("the alphabet is ASCII"))
}

fn read_base32(text: &str) -> Option<u128> {
    if text.len() != 26 || text.as_bytes()[0] > b'7' {
        return None; // 26 characters hold 130 bits: the first must leave the top two empty
    }
    text.bytes().try_fold(0u128, |bits, byte| {
        let digit = ALPHABET
            .iter()
            .position(|letter| *letter == byte.to_ascii_lowercase())?;
        Some(bits << 5 | digit as u128)
    })
}

/// A short public key of 50 random bits in the same alphabet: the name of a bar in a page.
pub fn public_key(random: &Random) -> String {
    random
        .bytes::<10>()
        .iter()
        .map(|byte| ALPHABET[usize::from(byte & 31)] as char)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn an_id_reads_back_what_it_writes_in_either_case() {
        let id = BarId::new(
            &Clock::frozen(Timestamp::from_secs(1_800_000_000)),
            &Random::seeded(1),
        );
        assert_eq!(id.to_string().parse::<BarId>().unwrap(), id);
        let upper = format!("bar_{}", id.to_string()[4..].to_uppercase());
        assert_eq!(upper.parse::<BarId>().unwrap(), id);
        assert_eq!(id.uuid().get_version_num(), 7);
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in [
            "",
            "bar_",
            "con_01jd0000000000000000000000",
            "bar_81jd0000000000000000000000",
            "bar_01jd000000000000000000000u",
        ] {
            assert!(text.parse::<BarId>().is_err(), "{text}");
        }
    }

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let (clock, random) = (
            Clock::frozen(Timestamp::from_secs(1_800_000_000)),
            Random::seeded(1),
        );
        let first = BarId::new(&clock, &random);
        clock.advance(std::time::Duration::from_millis(1));
        assert!(first.to_string() < BarId::new(&clock, &random).to_string());
    }
}
