//! What is said of a mail after it has left: by servers (RFC 3464), by recipients through their providers (RFC 5965), by whoever
//! delivers for us. Types, and nothing that acts.

use std::fmt;
use std::str::FromStr;

use super::UnknownName;
use crate::clock::Timestamp;
use crate::ids::MessageId;
use crate::secrets::sha256;

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeedbackKind {
    /// It came back, and the mailbox is at fault: there is none.
    Bounced,
    /// It came back for another reason: a full mailbox, a server that is away, a message that is not wanted.
    SoftBounced,
    /// Its recipient called it spam.
    Complained,
    /// It is in the mailbox.
    Delivered,
}

impl FeedbackKind {
    const ALL: [Self; 4] = [
        Self::Bounced,
        Self::SoftBounced,
        Self::Complained,
        Self::Delivered,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bounced => "bounced",
            Self::SoftBounced => "soft_bounced",
            Self::Complained => "complained",
            Self::Delivered => "delivered",
        }
    }

    /// A message that did not arrive: by its status, or, where none is given, for good.
    pub fn of_bounce(status: Option<Status>) -> Self {
        match status {
            None => Self::Bounced,
            Some(status) if status.is_of_the_mailbox() => Self::Bounced,
            Some(_) => Self::SoftBounced,
        }
    }
}

impl FromStr for FeedbackKind {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

/// An enhanced status code (RFC 3463), such as `5.1.1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    class: u8,
    subject: u16,
    detail: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a status code such as 5.1.1")]
pub struct NotAStatus;

impl Status {
    /// The first one in a server's words.
    pub fn find_in(words: &str) -> Option<Self> {
        words
            .split(|c: char| !(c.is_ascii_digit() || c == '.'))
            .find_map(|word| word.parse().ok())
    }

    pub fn is_permanent(self) -> bool {
        self.class == 5
    }

    /// `5.1.x` speaks of the address (but for `5.1.7` and `5.1.8`, the sender's), `5.2.1` of a mailbox that is closed for good;
    /// `5.0.0` says nothing closer. All else speaks of the message, of the way, or of us.
    pub fn is_of_the_mailbox(self) -> bool {
        match (self.class, self.subject, self.detail) {
            (5, 1, detail) => detail != 7 && detail != 8,
            (5, 2, 1) | (5, 0, 0) => true,
            _ => false,
        }
    }
}

impl FromStr for Status {
    type Err = NotAStatus;

    fn from_str(text: &str) -> Result<Self, NotAStatus> {
        let mut parts = text.trim().split('.');
        let mut part = || parts.next().ok_or(NotAStatus);
        let (class, subject, detail) = (part()?, part()?, part()?);
        let number = |digits: &str| match digits.len() {
            1..=3 if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse::<u16>().map_err(|_| NotAStatus)
            }
            _ => Err(NotAStatus),
        };
        let class = match class {
            "2" => 2,
            "4" => 4,
            "5" => 5,
            _ => return Err(NotAStatus),
        };
        let status = Self {
            class,
            subject: number(subject)?,
            detail: number(detail)?,
        };
        if parts.next().is_some() {
            return Err(NotAStatus);
        }
        Ok(status)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// Whence a piece of feedback came, and what it is called there. Said twice, it counts once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source([u8; 32]);

impl Source {
    /// An event of a webhook, by the id that its sender gave it.
    pub fn event(id: &str) -> Self {
        Self(sha256(format!("event\0{id}").as_bytes()))
    }

    /// A report by mail: the same message in the same way is the same report, whatever relays put above it.
    pub fn report(message: MessageId, kind: FeedbackKind, status: Option<Status>) -> Self {
        let status = status.map(|status| status.to_string()).unwrap_or_default();
        Self(sha256(
            format!("report\0{message}\0{}\0{status}", kind.as_str()).as_bytes(),
        ))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// A piece of feedback about one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feedback {
    pub source: Source,
    pub message: MessageId,
    pub kind: FeedbackKind,
    pub status: Option<Status>,
    /// What the server said, to be read by people.
    pub words: String,
}

/// What became of a piece of feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Noted,
    /// It was noted before.
    Known,
    /// There is no such message that was sent.
    Unknown,
}

/// When a message came back, and when its recipient complained of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Returned {
    pub bounced_at: Option<Timestamp>,
    pub complained_at: Option<Timestamp>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_three_numbers() {
        for text in ["5.1.1", "4.4.7", "2.0.0", "5.7.509"] {
            assert_eq!(text.parse::<Status>().unwrap().to_string(), text);
        }
        for text in [
            "", "5", "5.1", "5.1.1.1", "3.1.1", "5.x.1", "5..1", "5.1.1234", "5.1.+1",
        ] {
            assert_eq!(text.parse::<Status>(), Err(NotAStatus), "{text}");
        }
        let found = |words| Status::find_in(words).map(|status| status.to_string());
        assert_eq!(found("550 5.1.1 <x@10.0.0.1>: unknown").as_deref(), Some("5.1.1"));
        assert_eq!(found("host 10.0.0.25 said: 550 no"), None);
    }

    #[test]
    fn only_what_speaks_of_the_mailbox_is_a_bounce_for_good() {
        let kind = |text: &str| FeedbackKind::of_bounce(text.parse().ok());
        for text in ["5.1.1", "5.1.10", "5.2.1", "5.0.0", ""] {
            assert_eq!(kind(text), FeedbackKind::Bounced, "{text}");
        }
        for text in ["5.1.8", "5.2.2", "5.7.1", "4.2.2", "4.4.7"] {
            assert_eq!(kind(text), FeedbackKind::SoftBounced, "{text}");
        }
    }
}
