//! Signs mails as coming from our domain (DKIM, RFC 6376), by RSA and by Ed25519 (RFC 8463): who receives one can tell that no
//! word of it was changed on the way. The same mail gets the same signature each time it is tried.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};

use crate::clock::Timestamp;
use crate::secrets::sha256;

/// What is signed where it stands; one more of each is signed as absent, so that nobody can add a second one.
const SEALED: [&str; 11] = [
    "From",
    "To",
    "Cc",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "MIME-Version",
    "Content-Type",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];
/// What is signed where it stands.
const SIGNED: [&str; 1] = ["Auto-Submitted"];

/// A key as it stands in the settings: one or two in PEM, one behind the other.
#[derive(Clone)]
pub struct Keys(Vec<Key>);

#[derive(Clone)]
enum Key {
    Rsa(std::sync::Arc<RsaKeyPair>),
    Ed25519(std::sync::Arc<Ed25519KeyPair>),
}

/// Why a setting is no key, or does not fit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadKey {
    #[error("must hold private keys in PEM, as `openssl genpkey` writes them")]
    NotPem,
    #[error("must be RSA of 2048 to 4096 bits, or Ed25519: {0}")]
    Unusable(String),
    #[error("must hold one key of a kind")]
    TwoOfAKind,
    #[error("a selector for each key is needed: {keys} keys, {selectors} selectors")]
    Selectors { keys: usize, selectors: usize },
    #[error("{0:?} is not a selector: letters, digits, `-`, and dots between them")]
    NotASelector(String),
    #[error(
        "mails from {from} are not signed for by {domain}: take the domain of the sender's address, or one above it"
    )]
    Domain { from: String, domain: String },
}

impl std::str::FromStr for Keys {
    type Err = BadKey;

    fn from_str(pem: &str) -> Result<Self, BadKey> {
        let mut keys = Vec::new();
        for key in PrivateKeyDer::pem_slice_iter(pem.as_bytes()) {
            keys.push(Key::of(&key.map_err(|_| BadKey::NotPem)?)?);
        }
        match keys.as_slice() {
            [] => Err(BadKey::NotPem),
            [_] | [Key::Rsa(_), Key::Ed25519(_)] | [Key::Ed25519(_), Key::Rsa(_)] => Ok(Self(keys)),
            _ => Err(BadKey::TwoOfAKind),
        }
    }
}

/// Never shows itself.
impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} (redacted)", self.0.len())
    }
}

impl Key {
    fn of(der: &PrivateKeyDer<'_>) -> Result<Self, BadKey> {
        let unusable = |error: ring::error::KeyRejected| BadKey::Unusable(error.to_string());
        match der {
            PrivateKeyDer::Pkcs1(key) => RsaKeyPair::from_der(key.secret_pkcs1_der())
                .map(|key| Self::Rsa(key.into()))
                .map_err(unusable),
            PrivateKeyDer::Pkcs8(key) => {
                let der = key.secret_pkcs8_der();
                // Without the public half too: OpenSSL leaves it out.
                match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
                    Ok(key) => Ok(Self::Ed25519(key.into())),
                    Err(_) => RsaKeyPair::from_pkcs8(der)
                        .map(|key| Self::Rsa(key.into()))
                        .map_err(unusable),
                }
            }
            _ => Err(BadKey::Unusable("another kind".to_owned())),
        }
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "rsa-sha256",
            Self::Ed25519(_) => "ed25519-sha256",
        }
    }

    fn sign(&self, data: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                // PKCS #1 v1.5 draws nothing from it: the same data, the same signature.
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), data, &mut signature)
                    .expect("the signature is as long as the key");
                signature
            }
            // RFC 8463: the hash is signed, not the data.
            Self::Ed25519(key) => key.sign(&sha256(data)).as_ref().to_vec(),
        }
    }

    /// What the world needs to check: the value of the DNS record.
    fn record(&self) -> String {
        match self {
            Self::Rsa(key) => format!(
                "v=DKIM1; k=rsa; p={}",
                BASE64.encode(subject_public_key_info(key.public().as_ref()))
            ),
            Self::Ed25519(key) => format!("v=DKIM1; k=ed25519; p={}", BASE64.encode(key.public_key())),
        }
    }
}

/// RFC 5280: an RSA key (RFC 8017) with its name.
fn subject_public_key_info(rsa: &[u8]) -> Vec<u8> {
    // rsaEncryption, NULL
    const NAME: [u8; 15] = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let bits = der(0x03, &[&[0], rsa].concat());
    der(0x30, &[&NAME[..], &bits].concat())
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length.into_iter().skip_while(|byte| *byte == 0).collect();
    let mut out = vec![tag];
    match significant.as_slice() {
        [] => out.push(0),
        [short] if *short < 0x80 => out.push(*short),
        long => {
            out.push(0x80 | u8::try_from(long.len()).expect("a length has at most 8 bytes"));
            out.extend(long);
        }
    }
    out.extend(content);
    out
}

/// A record to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub name: String,
    pub value: String,
}

/// Keys with the names under which the world finds their public halves. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Signer {
    domain: String,
    keys: Vec<(String, Key)>,
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.algorithm())
    }
}

impl Signer {
    /// `from`: the domain that mails come from. `domain` is that or one above it, or receivers that ask for the two to fit (DMARC)
    /// take the signature for somebody else's.
    pub fn new(keys: Keys, selectors: &[String], domain: &str, from: &str) -> Result<Self, BadKey> {
        let domain = domain.to_ascii_lowercase();
        let from = from.to_ascii_lowercase();
        let below = from
            .strip_suffix(&domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if !below || !domain.contains('.') {
            return Err(BadKey::Domain { from, domain });
        }
        if keys.0.len() != selectors.len() {
            return Err(BadKey::Selectors {
                keys: keys.0.len(),
                selectors: selectors.len(),
            });
        }
        if let Some(other) = selectors.iter().find(|name| !is_selector(name)) {
            return Err(BadKey::NotASelector(other.clone()));
        }
        if selectors.len() == 2 && selectors[0].eq_ignore_ascii_case(&selectors[1]) {
            return Err(BadKey::TwoOfAKind);
        }
        Ok(Self {
            domain,
            keys: selectors.iter().cloned().zip(keys.0).collect(),
        })
    }

    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// What must stand in the DNS.
    pub fn records(&self) -> Vec<Record> {
        self.keys
            .iter()
            .map(|(selector, key)| Record {
                name: format!("{selector}._domainkey.{}", self.domain),
                value: key.record(),
            })
            .collect()
    }

    /// The message with a signature of each key above it. `at`: when it was written.
    pub fn sign(&self, message: Vec<u8>, at: Timestamp) -> Vec<u8> {
        let split = find(&message, b"\r\n\r\n").map_or(message.len(), |at| at + 2);
        let (head, body) = message.split_at(split);
        let body = body.strip_prefix(b"\r\n").unwrap_or(body);
        let head = headers(&String::from_utf8_lossy(head));
        let body_hash = BASE64.encode(sha256(&relaxed_body(body)));
        let mut signed = Vec::new();
        for (selector, key) in &self.keys {
            signed.extend(self.signature(selector, key, &head, &body_hash, at).into_bytes());
        }
        signed.extend(message);
        signed
    }

    fn signature(
        &self,
        selector: &str,
        key: &Key,
        head: &[(String, String)],
        body_hash: &str,
        at: Timestamp,
    ) -> String {
        let count = |name: &str| {
            head.iter()
                .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                .count()
        };
        let mut names: Vec<&str> = Vec::new();
        let mut data = String::new();
        for (name, more) in SEALED
            .map(|name| (name, 1))
            .into_iter()
            .chain(SIGNED.map(|name| (name, 0)))
        {
            // From the last to the first, as they are checked.
            for (known, value) in head
                .iter()
                .rev()
                .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            {
                let _ = write!(data, "{}\r\n", relaxed_header(known, value));
            }
            names.extend(std::iter::repeat_n(name, count(name) + more));
        }
        let value = format!(
            "v=1; a={}; c=relaxed/relaxed; d={};\r\n s={selector}; t={};\r\n h={};\r\n bh={body_hash};\r\n b=",
            key.algorithm(),
            self.domain,
            at.secs().max(0),
            folded(&names),
        );
        data.push_str(&relaxed_header("DKIM-Signature", &value));
        let signature = BASE64.encode(key.sign(data.as_bytes()));
        let mut lines = String::new();
        for (number, chunk) in signature.as_bytes().chunks(70).enumerate() {
            if number > 0 {
                lines.push_str("\r\n ");
            }
            lines.push_str(&String::from_utf8_lossy(chunk));
        }
        format!("DKIM-Signature: {value}{lines}\r\n")
    }
}

/// RFC 6376, 3.1: labels of letters, digits and hyphens.
fn is_selector(name: &str) -> bool {
    name.len() <= 63
        && name.split('.').all(|label| {
            let inner = |c: char| c.is_ascii_alphanumeric() || c == '-';
            !label.is_empty() && label.chars().all(inner) && !label.starts_with('-') && !label.ends_with('-')
        })
}

/// `From:From:To…`, on lines that are not too long.
fn folded(names: &[&str]) -> String {
    let mut out = String::new();
    let mut column = 3;
    for (number, name) in names.iter().enumerate() {
        if number > 0 {
            out.push(':');
            column += 1;
        }
        if column + name.len() > 74 {
            out.push_str("\r\n  ");
            column = 2;
        }
        out.push_str(name);
        column += name.len();
    }
    out
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The header fields with their folded values, as they stand.
fn headers(head: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = all.last_mut() {
                value.push_str("\r\n");
                value.push_str(line);
            }
        } else if let Some((name, value)) = line.split_once(':') {
            all.push((name.to_owned(), value.to_owned()));
        }
    }
    all
}

/// RFC 6376, 3.4.2: the name in lower case, the value unfolded, runs of blanks as one, none at the ends.
fn relaxed_header(name: &str, value: &str) -> String {
    let words: Vec<&str> = value
        .split([' ', '\t', '\r', '\n'])
        .filter(|word| !word.is_empty())
        .collect();
    format!("{}:{}", name.trim().to_ascii_lowercase(), words.join(" "))
}

/// RFC 6376, 3.4.4: runs of blanks as one, none at the ends of lines, no empty lines at the end.
fn relaxed_body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut end = 0;
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut blank = false;
        for byte in line {
            if matches!(byte, b' ' | b'\t') {
                blank = true;
            } else {
                if std::mem::take(&mut blank) {
                    out.push(b' ');
                }
                out.push(*byte);
                end = out.len();
            }
        }
        out.extend(b"\r\n");
    }
    out.truncate(end);
    if end > 0 {
        out.extend(b"\r\n");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem() -> String {
        let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let armour = |word: &str| format!("-----{word} PRIVATE KEY-----\n");
        format!(
            "{}{}\n{}",
            armour("BEGIN"),
            BASE64.encode(key.as_ref()),
            armour("END")
        )
    }

    fn signer(selectors: &[&str], domain: &str, from: &str) -> Result<Signer, BadKey> {
        let selectors: Vec<_> = selectors.iter().map(ToString::to_string).collect();
        Signer::new(pem().parse().unwrap(), &selectors, domain, from)
    }

    /// The example of RFC 6376, 3.4.5.
    #[test]
    fn blanks_are_relaxed_as_the_standard_shows() {
        let head = headers("A: X\r\nB : Y\t\r\n\tZ  \r\n");
        let relaxed: Vec<_> = head
            .iter()
            .map(|(name, value)| relaxed_header(name, value))
            .collect();
        assert_eq!(relaxed, ["a:X", "b:Y Z"]);
        assert_eq!(relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n"), b" C\r\nD E\r\n");
        for empty in [&b""[..], b"\r\n", b" \r\n\t\r\n"] {
            assert_eq!(relaxed_body(empty), b"");
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let error = |text: &str| text.parse::<Keys>().unwrap_err();
        assert_eq!(error(""), BadKey::NotPem);
        assert_eq!(error("swordfish"), BadKey::NotPem);
        assert_eq!(error(&format!("{}{}", pem(), pem())), BadKey::TwoOfAKind);
        let broken = pem().replace("MF", "MG").replace("MC", "MD");
        assert!(matches!(error(&broken), BadKey::Unusable(_) | BadKey::NotPem));
        assert!(signer(&["s1"], "bars.example", "mail.bars.example").is_ok());
        assert!(signer(&["s1.2026-11"], "Bars.example", "bars.Example").is_ok());
        for (domain, from) in [
            ("mail.bars.example", "bars.example"),
            ("ars.example", "bars.example"),
            ("example", "bars.example"),
            ("other.example", "bars.example"),
        ] {
            assert!(
                matches!(signer(&["s"], domain, from), Err(BadKey::Domain { .. })),
                "{domain}"
            );
        }
        for (keys, names) in [(1, vec![]), (1, vec!["a", "b"])] {
            let selectors = names.len();
            let refused = signer(&names, "bars.example", "bars.example").unwrap_err();
            assert_eq!(refused, BadKey::Selectors { keys, selectors });
        }
        for name in ["", "a b", "a;", "-a", "a..b", "ä"] {
            let refused = signer(&[name], "bars.example", "bars.example").unwrap_err();
            assert_eq!(refused, BadKey::NotASelector(name.to_owned()));
        }
    }

    #[test]
    fn a_signature_is_the_same_each_time_and_a_key_never_shows() {
        let signer = signer(&["s1"], "bars.example", "bars.example").unwrap();
        let mail = b"From: a@bars.example\r\nSubject: x\r\n\r\nHello\r\n".to_vec();
        let at = Timestamp::from_secs(1_795_315_200);
        let signed = String::from_utf8(signer.sign(mail.clone(), at)).unwrap();
        assert_eq!(signed.as_bytes(), signer.sign(mail.clone(), at));
        let head = "DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed; d=bars.example;\r\n s=s1; t=1795315200;\r\n \
                    h=From:From:To:Cc:Reply-To:Subject:Subject:Date:Message-ID:MIME-Version:";
        assert!(signed.starts_with(head), "{signed}");
        assert!(signed.as_bytes().ends_with(&mail));
        let record = &signer.records()[0];
        assert_eq!(record.name, "s1._domainkey.bars.example");
        assert!(record.value.starts_with("v=DKIM1; k=ed25519; p="));
        assert_eq!(
            format!("{signer:?}"),
            "Signer { domain: \"bars.example\", keys: [(\"s1\", ed25519-sha256)] }"
        );
    }
}
