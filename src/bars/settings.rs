//! What happens around a bar besides showing it: who is told of a contact, and what the visitor is answered.

use std::collections::BTreeMap;

use poem_openapi::{Enum, Object};
use serde::{Deserialize, Serialize};

use super::configuration::FieldError;
use crate::mail::EmailAddress;
use crate::text;

const MOST_RECIPIENTS: usize = 10;
const MOST_LANGUAGES: usize = 30;

/// What happens when a visitor leaves their details.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(default, deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct Settings {
    /// The mail to the member.
    #[oai(default)]
    pub notification: Notification,
    /// The mail to the visitor.
    #[oai(default)]
    pub autoresponse: Autoresponse,
}

/// The mail that tells the member of contacts.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(default, deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct Notification {
    /// When it is sent.
    #[oai(default)]
    pub mode: NotificationMode,
    /// To whom, at most 10 addresses. None: to the member's owners and admins.
    #[oai(default, validator(max_items = 10))]
    pub recipients: Vec<String>,
}

/// When the member is told of contacts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Enum)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
pub enum NotificationMode {
    /// At each contact.
    #[default]
    Each,
    /// Once a day, if there were any.
    Daily,
    /// Never.
    Off,
}

/// The mail that thanks the visitor.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, Object)]
#[serde(default, deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct Autoresponse {
    /// Is it sent?
    #[oai(default)]
    pub enabled: bool,
    /// What it says, by language (BCP 47 tag), at most 30. The visitor gets their own language, else the bar's default
    /// language, else the first there is.
    #[oai(default, validator(max_properties = 30))]
    pub texts: BTreeMap<String, AutoresponseText>,
}

/// What the visitor is answered in one language.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, Object)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct AutoresponseText {
    /// One line, 1 to 150 characters.
    #[oai(validator(min_length = 1, max_length = 150))]
    pub subject: String,
    /// Plain text with line breaks, 1 to 4000 characters.
    #[oai(validator(min_length = 1, max_length = 4000))]
    pub text: String,
}

impl Settings {
    /// Is all of it sensible? Says what is not; puts the addresses into the form that they are kept in.
    pub fn check(mut self) -> Result<Self, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut fail = |field: String, message: &str| {
            errors.push(FieldError {
                field,
                message: message.to_owned(),
            })
        };
        let recipients = &mut self.notification.recipients;
        if recipients.len() > MOST_RECIPIENTS {
            fail("notification.recipients".into(), "at most 10 are allowed");
        }
        for (index, recipient) in recipients.iter_mut().enumerate() {
            match recipient.parse::<EmailAddress>() {
                Ok(address) => *recipient = address.to_string(),
                Err(error) => fail(format!("notification.recipients[{index}]"), &error.to_string()),
            }
        }
        let mut seen = Vec::new();
        recipients.retain(|recipient| {
            let folded = recipient.to_ascii_lowercase();
            let new = !seen.contains(&folded);
            seen.push(folded);
            new
        });
        let Autoresponse { enabled, texts } = &self.autoresponse;
        if *enabled && texts.is_empty() {
            fail("autoresponse.texts".into(), "is needed where an answer is sent");
        }
        if texts.len() > MOST_LANGUAGES {
            fail("autoresponse.texts".into(), "at most 30 languages are allowed");
        }
        for (tag, words) in texts.iter().take(MOST_LANGUAGES) {
            if !is_language(tag) {
                fail(
                    "autoresponse.texts".into(),
                    "every key must be a language tag such as `en` or `pt-BR`",
                );
                continue;
            }
            if let Err(refused) = text::line(&words.subject, 150) {
                fail(format!("autoresponse.texts.{tag}.subject"), &refused.to_string());
            }
            if let Err(refused) = text::prose(&words.text, 4000) {
                fail(format!("autoresponse.texts.{tag}.text"), &refused.to_string());
            }
        }
        if errors.is_empty() { Ok(self) } else { Err(errors) }
    }
}

impl Notification {
    /// The addresses that are told; empty: the member's owners and admins.
    pub fn addresses(&self) -> Vec<EmailAddress> {
        self.recipients
            .iter()
            .filter_map(|recipient| recipient.parse().ok())
            .collect()
    }
}

impl Autoresponse {
    /// What a visitor of that language is answered, if anything: their language, its main language, the bar's default,
    /// the first there is.
    pub fn find_text(&self, language: Option<&str>, default_language: &str) -> Option<&AutoresponseText> {
        if !self.enabled {
            return None;
        }
        let main = |tag: &str| tag.split('-').next().unwrap_or_default().to_ascii_lowercase();
        let find = |wanted: &str| {
            let exact = self
                .texts
                .iter()
                .find(|(tag, _)| tag.eq_ignore_ascii_case(wanted));
            exact.or_else(|| self.texts.iter().find(|(tag, _)| main(tag) == main(wanted)))
        };
        language
            .and_then(find)
            .or_else(|| find(default_language))
            .or_else(|| self.texts.iter().next())
            .map(|(_, text)| text)
    }
}

/// The shape of a BCP 47 tag.
fn is_language(tag: &str) -> bool {
    tag.len() <= 35
        && tag.split('-').enumerate().all(|(index, part)| {
            let letters = part.bytes().all(|b| b.is_ascii_alphabetic());
            match index {
                0 => letters && (2..=8).contains(&part.len()),
                _ => part.bytes().all(|b| b.is_ascii_alphanumeric()) && (1..=8).contains(&part.len()),
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(subject: &str) -> AutoresponseText {
        AutoresponseText {
            subject: subject.into(),
            text: "Thank you.\nSee you soon.".into(),
        }
    }

    #[test]
    fn settings_that_are_left_out_tell_the_member_at_each_contact() {
        let settings: Settings = serde_json::from_str("{}").unwrap();
        assert_eq!(settings.notification.mode, NotificationMode::Each);
        assert!(settings.notification.addresses().is_empty() && !settings.autoresponse.enabled);
        assert!(serde_json::from_str::<Settings>(r#"{"x":1}"#).is_err());
    }

    #[test]
    fn what_can_not_be_sent_is_named_by_its_place() {
        let mut settings = Settings::default();
        settings.notification.recipients = vec!["sales@example.org".into(), "nobody".into()];
        settings.autoresponse = Autoresponse {
            enabled: true,
            texts: [
                ("en".to_owned(), text("a\r\nBcc: b@example.org")),
                ("!".to_owned(), text("x")),
            ]
            .into(),
        };
        let fields: Vec<_> = settings
            .check()
            .unwrap_err()
            .into_iter()
            .map(|error| error.field)
            .collect();
        assert_eq!(
            fields,
            [
                "notification.recipients[1]",
                "autoresponse.texts",
                "autoresponse.texts.en.subject"
            ]
        );
    }

    #[test]
    fn an_address_stands_once() {
        let mut settings = Settings::default();
        settings.notification.recipients = vec!["Sales@Example.ORG".into(), "sales@example.org".into()];
        assert_eq!(
            settings.check().unwrap().notification.recipients,
            ["Sales@example.org"]
        );
    }

    #[test]
    fn the_visitor_is_answered_in_their_language_if_it_is_there() {
        let texts = [
            ("de".to_owned(), text("Danke")),
            ("pt-BR".to_owned(), text("Obrigado")),
        ]
        .into();
        let answer = Autoresponse { enabled: true, texts };
        let subject = |language: Option<&str>, default: &str| {
            answer.find_text(language, default).unwrap().subject.clone()
        };
        assert_eq!(subject(Some("de-AT"), "pt-BR"), "Danke");
        assert_eq!(subject(Some("pt"), "de"), "Obrigado");
        assert_eq!(subject(Some("fr"), "pt-BR"), "Obrigado");
        assert_eq!(subject(None, "en"), "Danke");
        assert_eq!(
            Autoresponse {
                enabled: false,
                ..answer
            }
            .find_text(None, "de"),
            None
        );
    }
}
