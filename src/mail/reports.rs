//! Reads what comes back by mail: bounces (delivery status notifications, RFC 3464) and complaints (ARF, RFC 5965). Believes
//! nothing but a message's own id, which only those know who have seen the message.

use mail_parser::{HeaderName, Message, MessageParser, MessagePart, MimeHeaders, PartType};

use super::feedback::{Feedback, FeedbackKind, Source, Status};
use crate::ids::MessageId;

/// More of a server's words is not kept.
const MAX_WORDS_CHARS: usize = 500;

/// What a mail that came back turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    About(Feedback),
    /// A report that changes nothing: a delay, a relay, an authentication failure.
    Passing,
    /// A report about a mail that can't be told, or is none of ours.
    OfNoMail,
    /// A mail of another kind: an answer, an absence note, spam.
    NotAReport,
}

/// Reads a whole mail as it was received. `host`: where our Message-IDs live.
pub fn read(bytes: &[u8], host: &str) -> Report {
    let Some(mail) = MessageParser::default().parse(bytes) else {
        return Report::NotAReport;
    };
    let part_of = |kind: &str| {
        mail.parts
            .iter()
            .find(|part| part.is_content_type("message", kind))
    };
    let found = if let Some(part) = part_of("delivery-status") {
        delivery_status(part)
    } else if let Some(part) = part_of("feedback-report") {
        complaint(part)
    } else {
        return Report::NotAReport;
    };
    let Some((kind, status, words)) = found else {
        return Report::Passing;
    };
    let Some(message) = subject_of(&mail, host) else {
        return Report::OfNoMail;
    };
    Report::About(Feedback {
        source: Source::report(message, kind, status),
        message,
        kind,
        status,
        words,
    })
}

type Found = Option<(FeedbackKind, Option<Status>, String)>;

/// RFC 3464: fields of the message, then of each recipient, between empty lines. Ours have one recipient.
fn delivery_status(part: &MessagePart<'_>) -> Found {
    let text = String::from_utf8_lossy(part.contents()).replace("\r\n", "\n");
    let groups: Vec<Vec<(String, String)>> = text.split("\n\n").map(fields).collect();
    let group = groups.iter().find(|group| value(group, "action").is_some())?;
    let status: Option<Status> = value(group, "status")
        .and_then(|text| text.split_whitespace().next())
        .and_then(|text| text.parse().ok());
    let words = value(group, "diagnostic-code").or_else(|| value(group, "status"));
    let words = short(words.unwrap_or_default());
    match value(group, "action")?.to_ascii_lowercase().as_str() {
        "failed" => {
            // Some write `5.0.0` and say it closer in the server's words.
            let closer = Status::find_in(&words).filter(|status| status.is_permanent());
            let vague = status.is_none_or(|status| status.to_string() == "5.0.0");
            let status = if vague { closer.or(status) } else { status };
            Some((FeedbackKind::of_bounce(status), status, words))
        }
        "delivered" => Some((FeedbackKind::Delivered, status, words)),
        _ => None,
    }
}

/// RFC 5965, and the types that were registered since.
fn complaint(part: &MessagePart<'_>) -> Found {
    let text = String::from_utf8_lossy(part.contents()).replace("\r\n", "\n");
    let fields = fields(&text);
    let kind = value(&fields, "feedback-type")?.to_ascii_lowercase();
    matches!(kind.as_str(), "abuse" | "fraud" | "opt-out" | "opt-out-list").then(|| {
        let words = format!("{kind}, by {}", value(&fields, "user-agent").unwrap_or("?"));
        (FeedbackKind::Complained, None, short(&words))
    })
}

/// Names in lower case, with their unfolded values.
fn fields(text: &str) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = all.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            all.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }
    all
}

fn value<'a>(fields: &'a [(String, String)], name: &str) -> Option<&'a str> {
    fields
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

/// On one line, without control characters, and not too long.
fn short(words: &str) -> String {
    let line = words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    line.chars().take(MAX_WORDS_CHARS).collect()
}

/// Which message of ours it is about: by the Message-ID of what was returned, or by the address that the report came to
/// (the sender's address carries the message's id).
fn subject_of(mail: &Message<'_>, host: &str) -> Option<MessageId> {
    let returned = mail.parts.iter().find_map(|part| match &part.body {
        PartType::Message(inner) => inner.message_id().and_then(|id| ours(id, host)),
        _ if part.is_content_type("text", "rfc822-headers") || part.is_content_type("message", "rfc822") => {
            let inner = MessageParser::default().parse_headers(part.contents())?;
            inner.message_id().and_then(|id| ours(id, host))
        }
        _ => None,
    });
    returned.or_else(|| {
        let to = ["To", "Delivered-To", "X-Original-To", "Envelope-To"];
        to.iter().find_map(|name| {
            let raw = mail.header_raw(HeaderName::Other((*name).into()));
            let raw = raw.or_else(|| mail.header_raw(HeaderName::parse(*name)?));
            in_an_address(raw?)
        })
    })
}

fn ours(message_id: &str, host: &str) -> Option<MessageId> {
    let (id, at) = message_id.trim_matches(['<', '>', ' ']).rsplit_once('@')?;
    at.eq_ignore_ascii_case(host).then(|| id.parse().ok())?
}

/// `bounces+msg_…@example.com`
fn in_an_address(text: &str) -> Option<MessageId> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
        .find_map(|word| word.to_ascii_lowercase().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "msg_01kb2n4d00000000000000000a";
    const HOST: &str = "contactbar.example";

    fn id() -> MessageId {
        ID.parse().unwrap()
    }

    /// As Postfix writes it.
    fn bounce(action: &str, status: &str, diagnostic: &str, returned: &str) -> String {
        format!(
            "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example (Mail Delivery System)\r\nTo: bounces@contactbar.example\r\n\
             Subject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n\
             Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary=\"B/1\"\r\n\r\n\
             This is a MIME-encapsulated message.\r\n\r\n--B/1\r\nContent-Type: text/plain\r\n\r\nI'm sorry.\r\n\r\n\
             --B/1\r\nContent-Description: Delivery report\r\nContent-Type: message/delivery-status\r\n\r\n\
             Reporting-MTA: dns; mx.example\r\nArrival-Date: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n\
             Final-Recipient: rfc822; anna@example.com\r\nAction: {action}\r\nStatus: {status}\r\n\
             Diagnostic-Code: smtp; {diagnostic}\r\n\r\n--B/1\r\n{returned}\r\n--B/1--\r\n"
        )
    }

    fn returned(id: &str) -> String {
        format!(
            "Content-Type: text/rfc822-headers\r\n\r\nFrom: hello@contactbar.example\r\nTo: anna@example.com\r\n\
             Message-ID: <{id}>\r\nSubject: New contact\r\n"
        )
    }

    fn about(mail: &str) -> (MessageId, FeedbackKind, Option<String>, String) {
        match read(mail.as_bytes(), HOST) {
            Report::About(feedback) => (
                feedback.message,
                feedback.kind,
                feedback.status.map(|status| status.to_string()),
                feedback.words,
            ),
            other => panic!("{other:?}: {mail}"),
        }
    }

    #[test]
    fn a_bounce_names_its_message_and_says_why() {
        let ours = returned(&format!("{ID}@{HOST}"));
        let words = "550 5.1.1 <anna@example.com>:\r\n Recipient address rejected";
        assert_eq!(
            about(&bounce("failed", "5.1.1", words, &ours)),
            (
                id(),
                FeedbackKind::Bounced,
                Some("5.1.1".into()),
                "smtp; 550 5.1.1 <anna@example.com>: Recipient address rejected".into()
            )
        );
        let full = about(&bounce("failed", "4.2.2", "452 4.2.2 full", &ours));
        assert_eq!(
            (full.1, full.2.as_deref()),
            (FeedbackKind::SoftBounced, Some("4.2.2"))
        );
        let vague = about(&bounce("Failed", "5.0.0 (undefined)", "550 5.7.1 spam", &ours));
        assert_eq!(
            (vague.1, vague.2.as_deref()),
            (FeedbackKind::SoftBounced, Some("5.7.1"))
        );
        let whole = format!(
            "Content-Type: message/rfc822\r\n\r\nFrom: hello@contactbar.example\r\nTo: anna@example.com\r\n\
             Message-ID:\r\n <{ID}@{HOST}>\r\nSubject: x\r\nContent-Type: text/plain\r\n\r\nHello\r\n"
        );
        assert_eq!(about(&bounce("failed", "5.1.1", "550", &whole)).0, id());
    }

    #[test]
    fn a_bounce_without_the_message_is_found_by_the_address_it_came_to() {
        let bare = bounce(
            "failed",
            "5.1.1",
            "550 no",
            "Content-Type: text/plain\r\n\r\nnothing\r\n",
        );
        assert_eq!(read(bare.as_bytes(), HOST), Report::OfNoMail);
        let to = bare.replace("bounces@contactbar", &format!("bounces+{ID}@contactbar"));
        assert_eq!(about(&to).0, id());
        let delivered = format!("Delivered-To: bounces+{ID}@contactbar.example\r\n{bare}");
        assert_eq!(about(&delivered).0, id());
    }

    #[test]
    fn a_complaint_is_about_the_message_inside() {
        let arf = |kind: &str| {
            format!(
                "From: <abuse@mail.example>\r\nTo: <bounces@contactbar.example>\r\nSubject: FW\r\nMIME-Version: 1.0\r\n\
                 Content-Type: multipart/report; report-type=feedback-report; boundary=\"x\"\r\n\r\n--x\r\n\
                 Content-Type: text/plain\r\n\r\nThis is an email abuse report.\r\n\r\n--x\r\n\
                 Content-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\nUser-Agent: SomeGenerator/1.0\r\n\
                 Version: 1\r\n\r\n--x\r\nContent-Type: message/rfc822\r\n\r\nFrom: <hello@contactbar.example>\r\n\
                 To: <redacted@mail.example>\r\nMessage-ID: <{ID}@{HOST}>\r\n\r\nHello\r\n--x--\r\n"
            )
        };
        let (message, kind, status, words) = about(&arf("abuse"));
        assert_eq!((message, kind, status), (id(), FeedbackKind::Complained, None));
        assert_eq!(words, "abuse, by SomeGenerator/1.0");
        for other in ["not-spam", "auth-failure", "virus"] {
            assert_eq!(read(arf(other).as_bytes(), HOST), Report::Passing, "{other}");
        }
    }

    #[test]
    fn what_is_no_report_about_our_mail_changes_nothing() {
        let ours = returned(&format!("{ID}@{HOST}"));
        assert_eq!(
            read(bounce("delayed", "4.4.1", "421", &ours).as_bytes(), HOST),
            Report::Passing
        );
        let foreign = returned(&format!("{ID}@elsewhere.example"));
        assert_eq!(
            read(bounce("failed", "5.1.1", "550", &foreign).as_bytes(), HOST),
            Report::OfNoMail
        );
        let away = format!(
            "From: anna@example.com\r\nTo: bounces+{ID}@contactbar.example\r\nAuto-Submitted: auto-replied\r\n\
             Subject: I am away\r\n\r\nUntil Monday, about <{ID}@{HOST}>.\r\n"
        );
        assert_eq!(read(away.as_bytes(), HOST), Report::NotAReport);
        for broken in [&b""[..], b"\r\n", b"\xff\xfe\0", &b"x".repeat(100_000)] {
            assert_eq!(read(broken, HOST), Report::NotAReport);
        }
    }
}
