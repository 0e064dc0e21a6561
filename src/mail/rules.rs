//! Who is written to, what a bounce or a complaint means, who it was that looked: decisions only.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::Category;
use crate::clock::{DAY, Timestamp};
use crate::ids::{MemberId, MessageId};
use crate::secrets::same_secret;

/// What an address that does not exist stops: all that may be refused. What a person needs for their own account is
/// always tried again, since mailboxes come back and servers err.
pub(super) fn stopped_by_a_missing_mailbox() -> impl Iterator<Item = Category> {
    Category::ALL
        .into_iter()
        .filter(|category| category.may_be_refused())
}

/// For so long a missing mailbox is believed to be missing.
pub(super) const MISSING_FOR: Duration = DAY.saturating_mul(90);
/// So many other bounces within [`TROUBLE_WITHIN`] stop the same kinds, for [`TROUBLE_FOR`].
pub(super) const TROUBLES: i64 = 5;
pub(super) const TROUBLE_WITHIN: Duration = DAY.saturating_mul(7);
pub(super) const TROUBLE_FOR: Duration = DAY.saturating_mul(7);
/// A mail of which nobody has said for so long that it came back has arrived.
pub(super) const ARRIVED_AFTER: Duration = DAY.saturating_mul(3);

/// What a complaint about a mail stops: that kind, as if its way out had been taken, and all advertising. Never what can't be
/// refused.
pub(super) fn stopped_by_a_complaint(about: Category) -> impl Iterator<Item = Category> {
    Category::ALL.into_iter().filter(move |category| {
        category.may_be_refused() && (*category == about || category.is_advertising())
    })
}

/// Mail programs and scanners look at a mail as it arrives; nobody reads so fast.
pub(super) const TOO_SOON: Duration = Duration::from_secs(5);
/// Who follows several links of a mail within this is no person.
pub(super) const AT_ONCE: Duration = Duration::from_secs(1);
/// For so long it is known that a mail was looked at.
pub(super) const LOOKS_KEPT: Duration = DAY.saturating_mul(180);

/// Whether a look at a mail came before anybody can have read it: before its server said that it has it, or right then.
pub(super) fn is_too_soon(sent_at: Option<Timestamp>, now: Timestamp) -> bool {
    sent_at.is_none_or(|sent| now < sent + TOO_SOON)
}

/// Whether this program looks at mails on its own, ahead of people or in their place: image proxies (Apple's calls itself
/// `Mozilla/5.0` and nothing else), link scanners, and what has no name.
pub(super) fn is_machine(bots: &isbot::Bots, user_agent: &str) -> bool {
    const NAMES: [&str; 5] = [
        "googleimageproxy",
        "yahoomailproxy",
        "barracuda",
        "existence discovery",
        "skypeuripreview",
    ];
    let name = user_agent.trim().to_ascii_lowercase();
    name.is_empty()
        || name == "mozilla/5.0"
        || NAMES.iter().any(|known| name.contains(known))
        || bots.is_bot(user_agent)
}

/// A member's own way into a topic: the member, the topic, and what only the key's holder can have written below them.
pub(super) fn personal_link(key: &[u8], member: MemberId, topic: &str) -> String {
    let named = format!("{member}.{topic}");
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(named.as_bytes());
    format!("{named}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// A message's own way to the preferences of its recipient, where many share their words: the message, and what only the
/// key's holder can have written below it.
pub(super) fn message_token(key: &[u8], message: MessageId) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message.to_string().as_bytes());
    format!(
        "{message}.{}",
        URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
    )
}

/// How long a link that confirms a wish for advertising is good.
pub(super) const CONFIRM_LINK_DAYS: u32 = 7;
/// Advertising comes at most so often in [`CAP_DAYS`] days, whatever its kind (promise 19)…
const CAP: usize = 2;
const CAP_DAYS: u32 = 30;
/// … and so many days apart.
const APART_DAYS: u32 = 7;

/// From when on what was advertised counts for the cap.
pub(super) fn cap_since(now: Timestamp) -> Timestamp {
    now - CAP_DAYS * DAY
}

/// May one more be sent, after those that were (the latest first, none before [`cap_since`])?
pub(super) fn is_below_cap(advertised: &[Timestamp], now: Timestamp) -> bool {
    advertised.len() < CAP
        && advertised
            .first()
            .is_none_or(|last| *last + APART_DAYS * DAY <= now)
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

    /// Promise 19: a frequency cap.
    #[test]
    fn advertising_comes_at_most_twice_in_thirty_days_and_a_week_apart() {
        let day = |n: u32| Timestamp::from_secs(1_795_315_200) + n * DAY;
        assert!(is_below_cap(&[], day(30)));
        assert!(!is_below_cap(&[day(24)], day(30)));
        assert!(is_below_cap(&[day(23)], day(30)));
        assert!(!is_below_cap(&[day(20), day(5)], day(30)));
        assert_eq!(cap_since(day(30)), day(0));
    }

    #[test]
    fn a_message_s_token_is_its_own() {
        let message = |n| MessageId::from_uuid(uuid::Uuid::from_u128(n));
        assert_ne!(
            message_token(b"key", message(1)).split_once('.').unwrap().1,
            message_token(b"key", message(2)).split_once('.').unwrap().1
        );
        assert_ne!(
            message_token(b"key", message(1)),
            message_token(b"other", message(1))
        );
    }

    #[test]
    fn a_complaint_stops_its_kind_and_advertising_only() {
        let stopped: Vec<_> = stopped_by_a_complaint(Category::Autoresponse).collect();
        let (own, advertising) = (
            Category::Autoresponse,
            [Category::Promotion, Category::CrossSelling, Category::Nudge],
        );
        assert_eq!(stopped, [vec![own], advertising.to_vec()].concat());
        assert!(stopped_by_a_complaint(Category::Security).all(|category| category.may_be_refused()));
    }

    #[test]
    fn programs_are_told_from_people() {
        let bots = isbot::Bots::default();
        for machine in [
            "",
            "Mozilla/5.0",
            "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
            "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
            "curl/8.5.0",
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        ] {
            assert!(is_machine(&bots, machine), "{machine}");
        }
        for person in [
            "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Thunderbird/132.0",
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36",
        ] {
            assert!(!is_machine(&bots, person), "{person}");
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
