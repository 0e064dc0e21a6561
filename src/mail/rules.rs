//! Who is written to: decisions only.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Category;
use crate::ids::MemberId;
use crate::secrets::same_secret;

/// What an address that does not exist stops: all that may be refused. What a person needs for their own account is
/// always tried again, since mailboxes come back and servers err.
pub(super) fn stopped_by_a_missing_mailbox() -> impl Iterator<Item = Category> {
    Category::ALL
        .into_iter()
        .filter(|category| category.may_be_refused())
}

/// A member's own way into a topic: the member, the topic, and what only the key's holder can have written below them.
pub(super) fn personal_link(key: &[u8], member: MemberId, topic: &str) -> String {
    let named = format!("{member}.{topic}");
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(named.as_bytes());
    format!("{named}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// The member and the topic that a link names; not proved yet.
pub(super) fn named_in(link: &str) -> Option<(MemberId, &str)> {
    let mut parts = link.split('.');
    let (member, topic) = (parts.next()?.parse().ok()?, parts.next()?);
    (parts.count() == 1).then_some((member, topic))
}

/// Whether that link was written with this key.
pub(super) fn is_personal_link(key: &[u8], member: MemberId, topic: &str, link: &str) -> bool {
    same_secret(personal_link(key, member, topic).as_bytes(), link.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_one_member_s_for_one_topic() {
        let member = |n| MemberId::from_uuid(uuid::Uuid::from_u128(n));
        let link = personal_link(b"key", member(1), "pol_1");
        assert_eq!(named_in(&link), Some((member(1), "pol_1")));
        assert!(is_personal_link(b"key", member(1), "pol_1", &link));
        assert!(!is_personal_link(b"key", member(2), "pol_1", &link));
        assert!(!is_personal_link(b"key", member(1), "pol_2", &link));
        assert!(!is_personal_link(b"other", member(1), "pol_1", &link));
        for broken in ["", "x", "x.y", "x.y.z", &format!("{link}.x"), &link[1..]] {
            let named =
                named_in(broken).map(|(member, topic)| is_personal_link(b"key", member, topic, broken));
            assert_ne!(named, Some(true), "{broken}");
        }
    }

    #[test]
    fn a_missing_mailbox_never_stops_a_reset() {
        let stopped: Vec<_> = stopped_by_a_missing_mailbox().collect();
        assert!(stopped.contains(&Category::ContactNotification));
        assert!(!stopped.contains(&Category::Security));
        assert!(!stopped.contains(&Category::AccountMail));
    }
}
