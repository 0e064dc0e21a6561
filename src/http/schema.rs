//! How our own value types stand in the API: as strings that parse. Here, so that `clock` and `ids` need know nothing
//! of poem.

use std::{borrow::Cow, str::FromStr};

use poem_openapi::{
    registry::{MetaSchema, MetaSchemaRef},
    types::{ParseError, ParseFromJSON, ParseFromParameter, ParseResult, ToHeader, ToJSON, Type},
};
use serde_json::Value;

use crate::{clock::Timestamp, ids::*};

/// Makes a type that `FromStr` and `Display` read and write a string of the API.
/// `string_type!(Type, "name-of-format", example: "…", pattern: "…" | None)`
#[macro_export]
macro_rules! string_type {
    ($type:ty, $format:expr, $example:expr, $pattern:expr) => {
        impl ::poem_openapi::types::Type for $type {
            const IS_REQUIRED: bool = true;
            type RawValueType = Self;
            type RawElementValueType = Self;

            fn name() -> ::std::borrow::Cow<'static, str> {
                ::std::format!("string_{}", $format).into()
            }

            fn schema_ref() -> ::poem_openapi::registry::MetaSchemaRef {
                let pattern: Option<String> = $pattern;
                ::poem_openapi::registry::MetaSchemaRef::Inline(Box::new(
                    ::poem_openapi::registry::MetaSchema {
                        example: Some(::serde_json::Value::String(
                            ::std::string::ToString::to_string(&$example),
                        )),
                        pattern,
                        ..::poem_openapi::registry::MetaSchema::new_with_format("string", $format)
                    },
                ))
            }

            fn as_raw_value(&self) -> Option<&Self> {
                Some(self)
            }

            fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a Self> + 'a> {
                Box::new(::std::iter::once(self))
            }
        }

        impl ::poem_openapi::types::ParseFromJSON for $type {
            fn parse_from_json(
                value: Option<::serde_json::Value>,
            ) -> ::poem_openapi::types::ParseResult<Self> {
                match value.unwrap_or_default() {
                    ::serde_json::Value::String(text) => $crate::http::schema::parse(&text),
                    other => Err(::poem_openapi::types::ParseError::expected_type(other)),
                }
            }
        }

        impl ::poem_openapi::types::ParseFromParameter for $type {
            fn parse_from_parameter(text: &str) -> ::poem_openapi::types::ParseResult<Self> {
                $crate::http::schema::parse(text)
            }
        }

        impl ::poem_openapi::types::ToJSON for $type {
            fn to_json(&self) -> Option<::serde_json::Value> {
                Some(::serde_json::Value::String(self.to_string()))
            }
        }

        impl ::poem_openapi::types::ToHeader for $type {
            fn to_header(&self) -> Option<::poem::http::HeaderValue> {
                ::poem::http::HeaderValue::try_from(self.to_string()).ok()
            }
        }
    };
}

/// What the macro's types share.
pub fn parse<T: Type + FromStr<Err: std::fmt::Display>>(text: &str) -> ParseResult<T> {
    text.parse().map_err(ParseError::custom)
}

string_type!(Timestamp, "date-time", "2026-11-22T10:30:00Z", None);

macro_rules! id_type {
    ($id:ident) => {
        string_type!(
            $id,
            "id",
            concat_id($id::PREFIX),
            // Either case is read; lower case is written.
            Some(format!(
                "^{}_[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{{25}}$",
                $id::PREFIX
            ))
        );
    };
}

fn concat_id(prefix: &str) -> String {
    format!("{prefix}_01jd3k8q9x7v2m5n6p4r8s0tbw")
}

crate::ids::for_each_id!(id_type);

/// A secret on its way in: a string that never shows in a log.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Type for Secret {
    const IS_REQUIRED: bool = true;
    type RawValueType = String;
    type RawElementValueType = String;

    fn name() -> Cow<'static, str> {
        "string_password".into()
    }

    fn schema_ref() -> MetaSchemaRef {
        MetaSchemaRef::Inline(Box::new(MetaSchema::new_with_format("string", "password")))
    }

    fn as_raw_value(&self) -> Option<&String> {
        Some(&self.0)
    }

    fn raw_element_iter<'a>(&'a self) -> Box<dyn Iterator<Item = &'a String> + 'a> {
        Box::new(std::iter::once(&self.0))
    }
}

impl ParseFromJSON for Secret {
    fn parse_from_json(value: Option<Value>) -> ParseResult<Self> {
        match value.unwrap_or_default() {
            Value::String(text) => Ok(Self(text)),
            // Not `expected_type`: that would say what was sent.
            _ => Err(ParseError::custom("expected a string")),
        }
    }
}

impl ParseFromParameter for Secret {
    fn parse_from_parameter(text: &str) -> ParseResult<Self> {
        Ok(Self(text.to_owned()))
    }
}

impl ToJSON for Secret {
    fn to_json(&self) -> Option<Value> {
        Some(Value::String(self.0.clone()))
    }
}

impl ToHeader for Secret {
    fn to_header(&self) -> Option<poem::http::HeaderValue> {
        let mut value = poem::http::HeaderValue::try_from(&self.0).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}
