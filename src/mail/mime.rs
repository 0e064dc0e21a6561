//! A message as it goes over the wire. Headers are made by lettre from parsed values; no text of anybody's enters one
//! unencoded.

use std::time::{Duration, UNIX_EPOCH};

use lettre::address::Envelope;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message, MultiPart};
use url::Url;

use super::EmailAddress;
use super::templates::printable;
use crate::clock::Timestamp;

/// A mail, ready to be sent: the same bytes each time it is tried.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Without angle brackets: `id@host`.
    pub message_id: String,
    pub from: EmailAddress,
    pub from_name: String,
    pub to: EmailAddress,
    pub to_name: Option<String>,
    pub reply_to: Option<EmailAddress>,
    pub date: Timestamp,
    pub subject: String,
    pub text: String,
    pub html: String,
    /// Where one POST ends such mails (RFC 8058).
    pub unsubscribe: Option<Url>,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the address is not one for SMTP: {0}")]
    Address(#[from] lettre::address::AddressError),
    #[error("the message can't be put together: {0}")]
    Message(#[from] lettre::error::Error),
}

impl Outgoing {
    /// `returns_to`: the sender on the envelope, where it comes back to. Its one recipient is there and in `To`, and nobody else.
    pub(super) fn message(&self, returns_to: &EmailAddress) -> Result<Message, Error> {
        let seconds = u64::try_from(self.date.secs()).unwrap_or(0);
        let envelope = Envelope::new(
            Some(returns_to.as_str().parse()?),
            vec![self.to.as_str().parse()?],
        )?;
        let mut builder = Message::builder()
            .envelope(envelope)
            .message_id(Some(format!("<{}>", self.message_id)))
            .date(UNIX_EPOCH + Duration::from_secs(seconds))
            .from(mailbox(Some(&self.from_name), &self.from)?)
            .to(mailbox(self.to_name.as_deref(), &self.to)?)
            .subject(single_line(&self.subject));
        if let Some(address) = &self.reply_to {
            builder = builder.reply_to(mailbox(None, address)?);
        }
        // No auto-reply to what a machine wrote (RFC 3834).
        builder = builder.raw_header(header("Auto-Submitted", "auto-generated"));
        if let Some(url) = &self.unsubscribe {
            builder = builder
                .raw_header(header("List-Unsubscribe", &format!("<{url}>")))
                .raw_header(header("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
        }
        // The boundary is the message's own, so that a retry sends the same bytes.
        let boundary: String = self
            .message_id
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .take(40)
            .collect();
        let parts = MultiPart::alternative()
            .boundary(format!("=_{boundary}"))
            .singlepart(lettre::message::SinglePart::plain(self.text.clone()))
            .singlepart(lettre::message::SinglePart::html(self.html.clone()));
        Ok(builder.multipart(parts)?)
    }
}

fn mailbox(name: Option<&str>, address: &EmailAddress) -> Result<Mailbox, Error> {
    let name = name.map(single_line).filter(|name| !name.is_empty());
    Ok(Mailbox::new(name, address.as_str().parse()?))
}

/// The last guard against a header in a header.
fn single_line(text: &str) -> String {
    printable(text.to_owned()).replace('\n', " ").trim().to_owned()
}

/// For values that are ASCII by construction. Never folded: some readers of List-Unsubscribe can't unfold.
fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(
        HeaderName::new_from_ascii_str(name),
        value.to_owned(),
        single_line(value),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> Outgoing {
        Outgoing {
            message_id: "msg_1@contactbar.example".into(),
            from: "hello@contactbar.example".parse().unwrap(),
            from_name: "Blümchen & Söhne, \"GmbH\"".into(),
            to: "anna@example.com".parse().unwrap(),
            to_name: Some("Anna".into()),
            reply_to: Some("jo@example.com".parse().unwrap()),
            date: Timestamp::from_secs(1_795_315_200),
            subject: "Neuer Kontakt: Frühling".into(),
            text: "Grüße\n.\nvon hier\n".into(),
            html: "<p>Grüße</p>".into(),
            unsubscribe: Some(
                "https://contactbar.example/mail/unsubscribe/token"
                    .parse()
                    .unwrap(),
            ),
        }
    }

    #[test]
    fn a_message_carries_what_it_should() {
        let text = String::from_utf8(mail().message(&mail().from).unwrap().formatted()).unwrap();
        insta::assert_snapshot!(text.replace("\r\n", "\n"));
    }

    #[test]
    fn the_same_mail_is_the_same_bytes() {
        assert_eq!(
            mail().message(&mail().from).unwrap().formatted(),
            mail().message(&mail().from).unwrap().formatted()
        );
    }

    #[test]
    fn no_text_makes_a_header() {
        for hostile in [
            "x\r\nBcc: eve@example.com",
            "x\nBcc: eve@example.com\n\nbody",
            "x\rBcc: eve@example.com",
            "x\0\r\n Bcc: eve@example.com",
        ] {
            let mail = Outgoing {
                from_name: hostile.into(),
                to_name: Some(hostile.into()),
                subject: hostile.into(),
                ..mail()
            };
            let message = mail.message(&mail.from).unwrap();
            let text = String::from_utf8(message.formatted()).unwrap();
            let head = text.split("\r\n\r\n").next().unwrap();
            assert!(
                !head
                    .split("\r\n")
                    .any(|line| line.to_ascii_lowercase().starts_with("bcc")),
                "{head}"
            );
            assert!(!head.replace("\r\n", "").contains(char::is_control), "{head}");
            assert_eq!(message.envelope().to().len(), 1);
        }
    }
}
