//! The profile of a member (promise 11): fields that nobody has to fill in, each with when, from whom and under which
//! policy it was collected. Types, and what each field takes.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::UnknownName;
use crate::clock::Timestamp;
use crate::ids::{PolicyVersionId, ProfileFieldId};
use crate::text;

macro_rules! fields {
    ($( $(#[$doc:meta])* $name:ident = $text:literal; )*) => {
        /// A field of the profile.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, poem_openapi::Enum)]
        #[oai(rename_all = "snake_case")]
        pub enum ProfileField { $( $(#[$doc])* $name, )* }

        impl ProfileField {
            pub const ALL: &'static [Self] = &[$( Self::$name, )*];

            pub const fn as_str(self) -> &'static str {
                match self { $( Self::$name => $text, )* }
            }
        }
    };
}

fields! {
    /// Of the person, or of the one to ask for.
    FullName = "full_name";
    Street = "street";
    PostalCode = "postal_code";
    City = "city";
    State = "state";
    /// Two letters, as ISO 3166 has them.
    Country = "country";
    Phone = "phone";
    MobilePhone = "mobile_phone";
    Occupation = "occupation";
    Gender = "gender";
    Website = "website";
    Industry = "industry";
    TaxId = "tax_id";
}

impl FromStr for ProfileField {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        Self::ALL
            .iter()
            .find(|field| field.as_str() == text)
            .copied()
            .ok_or_else(|| UnknownName(text.to_owned()))
    }
}

/// Why a field does not take a value. Reads on after the field's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAValue {
    #[error(transparent)]
    Text(#[from] text::Refused),
    #[error("must be a phone number: digits, blanks and + ( ) - . / only")]
    Phone,
    #[error("must be the two letters of a country, such as DE")]
    Country,
    #[error("must be an address such as https://www.example.com")]
    Website,
}

impl ProfileField {
    /// The value as it is kept, if the field takes it.
    pub fn parse(self, text: &str) -> Result<String, NotAValue> {
        match self {
            Self::Phone | Self::MobilePhone => parse_phone(text),
            Self::Country => parse_country(text),
            Self::Website => parse_website(text),
            Self::PostalCode | Self::TaxId => Ok(text::line(text, 40)?),
            Self::Gender => Ok(text::line(text, 60)?),
            Self::FullName | Self::Street | Self::City | Self::State | Self::Occupation | Self::Industry => {
                Ok(text::line(text, 200)?)
            }
        }
    }
}

fn parse_phone(text: &str) -> Result<String, NotAValue> {
    let phone = text::line(text, 40)?;
    let known = |c: char| c.is_ascii_digit() || matches!(c, ' ' | '+' | '(' | ')' | '-' | '.' | '/');
    let digits = phone.chars().filter(char::is_ascii_digit).count();
    if phone.chars().all(known) && (3..=20).contains(&digits) {
        Ok(phone)
    } else {
        Err(NotAValue::Phone)
    }
}

fn parse_country(text: &str) -> Result<String, NotAValue> {
    let country = text.trim().to_ascii_uppercase();
    if country.len() == 2 && country.chars().all(|c| c.is_ascii_uppercase()) {
        Ok(country)
    } else {
        Err(NotAValue::Country)
    }
}

fn parse_website(text: &str) -> Result<String, NotAValue> {
    let line = text::line(text, 300)?;
    let url: url::Url = line.parse().map_err(|_| NotAValue::Website)?;
    let plain = matches!(url.scheme(), "http" | "https") && url.has_host();
    if plain && url.username().is_empty() && url.password().is_none() {
        Ok(url.into())
    } else {
        Err(NotAValue::Website)
    }
}

/// Where a value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, poem_openapi::Enum)]
#[oai(rename_all = "snake_case")]
pub enum ProfileSource {
    /// The member gave it.
    Member,
}

impl ProfileSource {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
        }
    }
}

impl FromStr for ProfileSource {
    type Err = UnknownName;
    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "member" => Ok(Self::Member),
            other => Err(UnknownName(other.to_owned())),
        }
    }
}

/// A value, and how it came to be here. It stays under the policy version under which it was collected (promise 4).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProfileValue {
    pub id: ProfileFieldId,
    pub field: ProfileField,
    pub value: String,
    pub source: ProfileSource,
    pub policy_version: PolicyVersionId,
    pub collected_at: Timestamp,
}

/// The values that hold now, by field.
pub type Profile = BTreeMap<ProfileField, ProfileValue>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_names() {
        use poem_openapi::types::ToJSON;
        for field in ProfileField::ALL {
            assert_eq!(field.as_str().parse(), Ok(*field));
            assert_eq!(field.to_json().unwrap(), field.as_str());
        }
    }

    #[test]
    fn a_field_takes_what_it_is_for() {
        use ProfileField::*;
        for (field, text, kept) in [
            (FullName, " Ada Lovelace ", "Ada Lovelace"),
            (Country, "de", "DE"),
            (Phone, "+49 (30) 901820-0", "+49 (30) 901820-0"),
            (Website, "https://shop.example", "https://shop.example/"),
            (TaxId, "DE123456789", "DE123456789"),
        ] {
            assert_eq!(field.parse(text).as_deref(), Ok(kept), "{text}");
        }
        for (field, text) in [
            (FullName, ""),
            (FullName, "Ada\nLovelace"),
            (Country, "Germany"),
            (Phone, "call me"),
            (Phone, "12"),
            (Website, "javascript:alert(1)"),
            (Website, "https://user:password@shop.example"),
            (Street, "4111 1111 1111 1111"),
            (Phone, "4111 1111 1111 1111"),
            (Website, "https://shop.example/4111111111111111"),
        ] {
            assert!(field.parse(text).is_err(), "{field:?} {text}");
        }
    }
}
