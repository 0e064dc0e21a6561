//! Whether a webhook comes from Stripe: `Stripe-Signature: t=…,v1=…,v1=…`, an HMAC-SHA-256 of `t.body` for each secret.
//!
//! Our own, for async-stripe takes one `v1` and reads the system's time.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::clock::Timestamp;
use crate::secrets::same_secret;

/// How far a signature's time may be from ours, either way.
pub const TOLERANCE_SECS: i64 = 300;

/// Why a webhook is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("the Stripe-Signature header is missing or not of its form")]
    Malformed,
    #[error("the signature is too old, or from the future")]
    OutOfTime,
    #[error("no signature is that of the body")]
    Forged,
}

/// Checks the header over the body as it came. Several signatures (`v1`) and several secrets may stand beside each other while
/// one secret takes another's place; other schemes (`v0`) are not looked at.
pub fn check(header: &str, body: &[u8], secrets: &[String], now: Timestamp) -> Result<(), Refused> {
    let mut signed_at = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        let (name, value) = part.split_once('=').ok_or(Refused::Malformed)?;
        match name {
            // Twice would leave open which one was signed.
            "t" if signed_at.is_some() => return Err(Refused::Malformed),
            "t" => signed_at = Some(value),
            "v1" => signatures.push(unhex(value).ok_or(Refused::Malformed)?),
            _ => {}
        }
    }
    let text = signed_at.ok_or(Refused::Malformed)?;
    let plain = !text.is_empty() && text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit());
    let secs: i64 = text.parse().ok().filter(|_| plain).ok_or(Refused::Malformed)?;
    if signatures.is_empty() {
        return Err(Refused::Malformed);
    }
    if (now.secs() - secs).abs() > TOLERANCE_SECS {
        return Err(Refused::OutOfTime);
    }
    let mut genuine = false;
    for secret in secrets {
        let expected = sign(secret, text, body);
        for signature in &signatures {
            // All are compared, each in constant time.
            genuine |= same_secret(&expected, signature);
        }
    }
    if genuine { Ok(()) } else { Err(Refused::Forged) }
}

/// What Stripe signs with a secret.
pub fn sign(secret: &str, signed_at: &str, body: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(signed_at.as_bytes());
    mac.update(b".");
    mac.update(body);
    mac.finalize().into_bytes().into()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64
        || !digits
            .iter()
            .all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
    {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Random;

    const BODY: &[u8] = br#"{"id":"evt_1","type":"invoice.paid","data":{"object":{"id":"in_1"}}}"#;
    const AT: i64 = 1_800_000_000;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn header(secret: &str, at: i64) -> String {
        format!("t={at},v1={}", hex(&sign(secret, &at.to_string(), BODY)))
    }

    fn secrets() -> Vec<String> {
        vec!["whsec_new0123456789".into(), "whsec_old0123456789".into()]
    }

    #[test]
    fn a_signature_by_either_secret_among_several_is_taken() {
        let now = Timestamp::from_secs(AT);
        for secret in secrets() {
            assert_eq!(check(&header(&secret, AT), BODY, &secrets(), now), Ok(()));
        }
        let forged = "0".repeat(64);
        let among = format!("{},v1={forged},v0=whatever", header("whsec_old0123456789", AT));
        assert_eq!(check(&among, BODY, &secrets(), now), Ok(()));
        assert_eq!(
            check(&header("whsec_other", AT), BODY, &secrets(), now),
            Err(Refused::Forged)
        );
        assert_eq!(
            check(&header("whsec_other", AT), BODY, &[], now),
            Err(Refused::Forged)
        );
    }

    #[test]
    fn three_hundred_seconds_are_tolerated_and_not_one_more() {
        let secrets = secrets();
        let check_at = |secs: i64| {
            check(
                &header(&secrets[0], AT),
                BODY,
                &secrets,
                Timestamp::from_secs(AT + secs),
            )
        };
        assert_eq!((check_at(300), check_at(-300)), (Ok(()), Ok(())));
        assert_eq!(
            (check_at(301), check_at(-301)),
            (Err(Refused::OutOfTime), Err(Refused::OutOfTime))
        );
    }

    #[test]
    fn what_is_not_of_its_form_is_refused() {
        let good = header(&secrets()[0], AT);
        let (_, v1) = good.split_once(',').unwrap();
        for bad in [
            "",
            "t",
            "t=",
            "v1=",
            "t=1",
            v1,
            "t=x,v1=y",
            &format!("t={AT}"),
            &format!("t={AT},t={AT},{v1}"),
            &format!("t=+{AT},{v1}"),
            &format!("t={AT}.0,{v1}"),
            &good.to_uppercase(),
        ] {
            assert_eq!(
                check(bad, BODY, &secrets(), Timestamp::from_secs(AT)),
                Err(Refused::Malformed),
                "{bad}"
            );
        }
    }

    /// Ten thousand mutations of a good header and its body: none is accepted.
    #[test]
    fn no_mutated_signature_is_accepted() {
        let (random, secrets, now) = (Random::seeded(7), secrets(), Timestamp::from_secs(AT));
        let good = header(&secrets[0], AT);
        let (mut tried, mut accepted) = (0, Vec::new());
        while tried < 10_000 {
            let (mut bytes, mut body) = (good.clone().into_bytes(), BODY.to_vec());
            let of_body = random.below(3) == 0;
            let target = if of_body { &mut body } else { &mut bytes };
            let at = random.below(target.len() as u32) as usize;
            match random.below(6) {
                0 => target[at] ^= 1 << random.below(7),
                1 => target[at] = random.bytes::<1>()[0] & 0x7f,
                2 => drop(target.remove(at)),
                3 => target.insert(at, b"0123456789abcdef,=tv"[random.below(20) as usize]),
                4 => target.truncate(at),
                _ => {
                    let other = random.below(target.len() as u32) as usize;
                    target.swap(at, other);
                }
            }
            let Ok(text) = String::from_utf8(bytes) else {
                continue;
            };
            if text == good && body == BODY {
                continue;
            }
            tried += 1;
            if check(&text, &body, &secrets, now).is_ok() {
                accepted.push(text);
            }
        }
        assert_eq!(accepted, Vec::<String>::new());
    }
}
