//! Does a post fit the published form?

use serde_json::Value;

use super::post::Post;
use crate::bars::configuration::{Configuration, ContactGoal, Field, FieldError, FieldKind, Goal, Spoken};
use crate::contacts::Answer;
use crate::mail::EmailAddress;
use crate::text::{self, Refused};

/// A post that fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Accepted {
    /// In the order of the form.
    pub answers: Vec<Answer>,
    pub email: Option<EmailAddress>,
    pub name: Option<String>,
    pub phone: Option<String>,
    /// The words that the visitor consented to, if they did.
    pub consent: Option<String>,
}

/// The form that a variant asks, and its words as this visitor reads them.
pub struct Form<'a> {
    goal: &'a ContactGoal,
    spoken: Spoken<'a>,
}

impl<'a> Form<'a> {
    /// The form of a variant; `None` if the published bar has no such variant, or it has no form.
    pub fn find(configuration: &'a Configuration, variant: &str, language: Option<&str>) -> Option<Self> {
        let variant = configuration.find_variant(variant)?;
        match &variant.goal {
            Goal::Contact(goal) => Some(Self {
                goal,
                spoken: configuration.spoken(variant, language),
            }),
            Goal::Link(_) | Goal::Notice(_) => None,
        }
    }

    /// What is said when the form was sent.
    pub fn success(&self) -> &'a str {
        self.spoken.success()
    }

    /// The language that the visitor reads.
    pub fn language(&self) -> &'a str {
        self.spoken.language()
    }

    /// Takes a post that fits, or says what does not.
    pub fn check(&self, post: &Post) -> Result<Accepted, Vec<FieldError>> {
        let mut accepted = Accepted {
            answers: Vec::new(),
            email: None,
            name: None,
            phone: None,
            consent: None,
        };
        let mut errors = Vec::new();
        for name in post.fields.keys() {
            if !self.goal.fields.iter().any(|field| field.name == *name) {
                errors.push(self.fault(&shortened(name), Fault::Unknown));
            }
        }
        for field in &self.goal.fields {
            match answer(field, post.fields.get(&field.name)) {
                Ok(None) => {}
                Ok(Some(value)) => self.take(field, value, &mut accepted, &mut errors),
                Err(fault) => errors.push(self.fault(&field.name, fault)),
            }
        }
        if let Some(consent) = &self.goal.consent {
            match post.consent {
                true => accepted.consent = self.spoken.consent().map(str::to_owned),
                false if consent.required => errors.push(self.fault("consent", Fault::ConsentMissing)),
                false => {}
            }
        }
        if errors.is_empty()
            && accepted
                .answers
                .iter()
                .all(|answer| answer.kind == FieldKind::Hidden)
        {
            let first = self
                .goal
                .fields
                .iter()
                .find(|field| field.kind != FieldKind::Hidden);
            errors.push(self.fault(first.map_or("", |field| &field.name), Fault::Missing));
        }
        if errors.is_empty() {
            Ok(accepted)
        } else {
            Err(errors)
        }
    }

    fn take(&self, field: &Field, value: String, accepted: &mut Accepted, errors: &mut Vec<FieldError>) {
        match field.kind {
            FieldKind::Email => match value.parse::<EmailAddress>() {
                Ok(address) => accepted.email = Some(address),
                Err(_) => errors.push(self.fault(&field.name, Fault::NotAnAddress)),
            },
            FieldKind::Phone if !is_phone(&value) => errors.push(self.fault(&field.name, Fault::NotAPhone)),
            FieldKind::Phone => accepted.phone = Some(value.clone()),
            FieldKind::Name => accepted.name = Some(value.clone()),
            FieldKind::Message
            | FieldKind::Text
            | FieldKind::Select
            | FieldKind::Checkbox
            | FieldKind::Hidden => {}
        }
        let label = self.spoken.label(field).to_owned();
        accepted.answers.push(Answer {
            name: field.name.clone(),
            kind: field.kind,
            label,
            value,
        });
    }

    fn fault(&self, field: &str, fault: Fault) -> FieldError {
        FieldError {
            field: field.to_owned(),
            message: fault.words(self.language()).to_owned(),
        }
    }
}

/// Why a field can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Unknown,
    Missing,
    WrongType,
    TooLong,
    Control,
    NotAnAddress,
    NotAPhone,
    NotAnOption,
    CardNumber,
    ConsentMissing,
}

impl Fault {
    /// For the visitor, in the language they read; English where we don't speak it.
    fn words(self, language: &str) -> &'static str {
        let german = language
            .split('-')
            .next()
            .is_some_and(|tag| tag.eq_ignore_ascii_case("de"));
        match (self, german) {
            (Self::Unknown, false) => "This form has no such field.",
            (Self::Unknown, true) => "Dieses Formular hat kein solches Feld.",
            (Self::Missing, false) => "Please fill this in.",
            (Self::Missing, true) => "Bitte ausfüllen.",
            (Self::WrongType, false) => "This is not a value for this field.",
            (Self::WrongType, true) => "Das passt nicht in dieses Feld.",
            (Self::TooLong, false) => "This is too long.",
            (Self::TooLong, true) => "Das ist zu lang.",
            (Self::Control, false) => "This has characters in it that can't be taken.",
            (Self::Control, true) => "Darin stehen Zeichen, die nicht möglich sind.",
            (Self::NotAnAddress, false) => "Please enter an email address.",
            (Self::NotAnAddress, true) => "Bitte eine E-Mail-Adresse eingeben.",
            (Self::NotAPhone, false) => "Please enter a phone number.",
            (Self::NotAPhone, true) => "Bitte eine Telefonnummer eingeben.",
            (Self::NotAnOption, false) => "Please choose one of the options.",
            (Self::NotAnOption, true) => "Bitte eine der Möglichkeiten wählen.",
            (Self::CardNumber, false) => "This looks like a card number. Please leave it out.",
            (Self::CardNumber, true) => "Das sieht nach einer Kartennummer aus. Bitte weglassen.",
            (Self::ConsentMissing, false) => "Please agree first.",
            (Self::ConsentMissing, true) => "Bitte erst zustimmen.",
        }
    }
}

/// The value of one field, checked by its kind; `None` if it was left out and may be.
fn answer(field: &Field, sent: Option<&Value>) -> Result<Option<String>, Fault> {
    if field.kind == FieldKind::Checkbox {
        let ticked = match sent {
            None | Some(Value::Null) => false,
            Some(Value::Bool(ticked)) => *ticked,
            Some(Value::String(text)) => match text.as_str() {
                "" | "false" => false,
                "true" => true,
                _ => return Err(Fault::WrongType),
            },
            Some(_) => return Err(Fault::WrongType),
        };
        return match (ticked, field.required) {
            (false, true) => Err(Fault::Missing),
            (ticked, _) => Ok(sent.map(|_| ticked.to_string())),
        };
    }
    let text = match sent {
        None | Some(Value::Null) => "",
        Some(Value::String(text)) => text,
        Some(_) => return Err(Fault::WrongType),
    };
    if field.kind == FieldKind::Hidden {
        // What is not shown is not the visitor's to choose.
        return match &field.value {
            Some(value) if text.is_empty() || text == value => Ok(Some(value.clone())),
            None if text.is_empty() => Ok(None),
            _ => Err(Fault::NotAnOption),
        };
    }
    let max_chars = field.kind.max_length();
    // Measured before anything is done with it.
    if text.len() > max_chars * 4 {
        return Err(Fault::TooLong);
    }
    let taken = match field.kind {
        FieldKind::Message => text::prose(text, max_chars),
        _ => text::line(text, max_chars),
    };
    match taken {
        Ok(text) if field.kind == FieldKind::Select && !field.options.contains(&text) => {
            Err(Fault::NotAnOption)
        }
        Ok(text) => Ok(Some(text)),
        Err(Refused::Empty) if !field.required => Ok(None),
        Err(Refused::Empty) => Err(Fault::Missing),
        Err(Refused::TooLong { .. }) => Err(Fault::TooLong),
        Err(Refused::ControlCharacter | Refused::LineBreak) => Err(Fault::Control),
        // A choice that the member wrote is not the visitor's card.
        Err(Refused::CardNumber) if field.kind == FieldKind::Select => Err(Fault::NotAnOption),
        Err(Refused::CardNumber) => Err(Fault::CardNumber),
    }
}

/// As E.164 counts digits, and as people write them: `+49 (30) 90 18 20`, `030/901820`.
pub fn is_phone(text: &str) -> bool {
    let digits = text.chars().filter(char::is_ascii_digit).count();
    (5..=15).contains(&digits)
        && text.chars().enumerate().all(|(place, c)| match c {
            '+' => place == 0,
            '0'..='9' | ' ' | '-' | '.' | '/' | '(' | ')' | '\u{a0}' | '\u{2011}' => true,
            _ => false,
        })
}

/// For an error that names what was sent.
fn shortened(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(32).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::contacts::rules::post;

    fn configuration() -> Configuration {
        Configuration::from_json(&json!({
            "default_language": "en",
            "variants": [{
                "key": "a", "weight": 100,
                "goal": {"kind": "contact", "consent": {"required": true}, "fields": [
                    {"name": "email", "kind": "email", "required": true},
                    {"name": "name", "kind": "name"},
                    {"name": "phone", "kind": "phone"},
                    {"name": "message", "kind": "message"},
                    {"name": "topic", "kind": "select", "options": ["sales", "help"]},
                    {"name": "urgent", "kind": "checkbox"},
                    {"name": "campaign", "kind": "hidden", "value": "spring"}
                ]},
                "texts": {
                    "en": {"message": "Hello", "button": "Send", "consent": "I agree", "labels": {"topic": "Topic", "urgent": "Urgent"}},
                    "de": {"message": "Hallo", "button": "Senden", "consent": "Ich stimme zu", "labels": {"topic": "Thema", "urgent": "Eilt"}}
                }
            }]
        }))
        .unwrap()
    }

    fn send(language: &str, consent: bool, fields: Value) -> Result<Accepted, Vec<String>> {
        let body = json!({
            "i": "0123456789abcdef0123456789abcdef", "v": "a", "u": "https://shop.example/", "t": 5000,
            "l": language, "c": consent, "f": fields,
        });
        let post = post::parse(body.to_string().as_bytes()).unwrap();
        let configuration = configuration();
        let form = Form::find(&configuration, "a", Some(language)).unwrap();
        form.check(&post).map_err(|errors| {
            errors
                .into_iter()
                .map(|e| format!("{}: {}", e.field, e.message))
                .collect()
        })
    }

    fn faults(fields: Value) -> Vec<String> {
        send("en", true, fields).unwrap_err()
    }

    #[test]
    fn a_whole_form_is_taken_in_the_order_of_the_form() {
        let accepted = send(
            "de-AT",
            true,
            json!({"urgent": true, "topic": "help", "message": " a\r\nb ", "phone": "+49 30 901820", "name": "Änne", "email": " Anna@Example.COM "}),
        )
        .unwrap();
        let rows: Vec<_> = accepted
            .answers
            .iter()
            .map(|a| (a.label.as_str(), a.value.as_str()))
            .collect();
        assert_eq!(rows[0].1, "Anna@Example.COM");
        assert_eq!(
            &rows[3..],
            [
                (rows[3].0, "a\nb"),
                ("Thema", "help"),
                ("Eilt", "true"),
                ("campaign", "spring")
            ]
        );
        assert_eq!(accepted.email.unwrap().as_str(), "Anna@example.com");
        assert_eq!(accepted.consent.as_deref(), Some("Ich stimme zu"));
        assert_eq!(
            (accepted.name.as_deref(), accepted.phone.as_deref()),
            (Some("Änne"), Some("+49 30 901820"))
        );
    }

    #[test]
    fn each_fault_is_named_in_the_visitors_language() {
        assert_eq!(
            send("de", false, json!({})).unwrap_err(),
            ["email: Bitte ausfüllen.", "consent: Bitte erst zustimmen."]
        );
        assert_eq!(
            faults(json!({"email": "anna"})),
            ["email: Please enter an email address."]
        );
        assert_eq!(
            faults(json!({"email": 1})),
            ["email: This is not a value for this field."]
        );
        let email = "a@b.example";
        for (field, value, words) in [
            ("phone", json!("12"), "Please enter a phone number."),
            ("phone", json!("call me"), "Please enter a phone number."),
            (
                "name",
                json!("a\u{0}b"),
                "This has characters in it that can't be taken.",
            ),
            (
                "name",
                json!("a\nb"),
                "This has characters in it that can't be taken.",
            ),
            ("name", json!("x".repeat(201)), "This is too long."),
            ("message", json!("ü".repeat(4001)), "This is too long."),
            (
                "message",
                json!("card 4242 4242 4242 4242"),
                "This looks like a card number. Please leave it out.",
            ),
            ("topic", json!("other"), "Please choose one of the options."),
            ("urgent", json!("maybe"), "This is not a value for this field."),
            ("campaign", json!("autumn"), "Please choose one of the options."),
            ("role", json!("admin"), "This form has no such field."),
        ] {
            assert_eq!(
                faults(json!({"email": email, field: value})),
                [format!("{field}: {words}")]
            );
        }
    }

    #[test]
    fn what_is_just_long_enough_is_taken() {
        assert!(
            send(
                "en",
                true,
                json!({"email": "a@b.example", "message": "ü".repeat(4000)})
            )
            .is_ok()
        );
    }

    #[test]
    fn a_variant_without_a_form_takes_none() {
        assert!(Form::find(&configuration(), "b", None).is_none());
    }
}
