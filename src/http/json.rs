//! `Json<T>`: a JSON body in and out, with errors that say where.
//!
//! On the way in it goes further than poem-openapi's own: the body is checked against the very schema that the
//! document publishes, so that an unknown field, a missing one or a wrong type is named by its path, all of them at
//! once, and a NUL (which PostgreSQL can't store and SQLite can) is refused alike on both databases.

use std::{borrow::Cow, ops::Deref};

use poem::{FromRequest, IntoResponse, Request, RequestBody, Response};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ApiResponse, ExtractParamOptions, impl_apirequest_for_payload,
    payload::{ParsePayload, Payload},
    registry::{
        MetaMediaType, MetaRequest, MetaResponse, MetaResponses, MetaSchema, MetaSchemaRef, Registry,
    },
    types::{ParseFromJSON, ToJSON, Type},
};
use serde_json::Value;

use super::problem::{FieldError, Problem, plain_words};

/// A JSON body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Json<T>(pub T);

impl<T> Deref for Json<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Type> Payload for Json<T> {
    const CONTENT_TYPE: &'static str = "application/json";

    fn check_content_type(content_type: &str) -> bool {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        essence.eq_ignore_ascii_case("application/json")
    }

    fn schema_ref() -> MetaSchemaRef {
        T::schema_ref()
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

impl<T: ParseFromJSON> ParsePayload for Json<T> {
    const IS_REQUIRED: bool = T::IS_REQUIRED;

    async fn from_request(request: &Request, body: &mut RequestBody) -> poem::Result<Self> {
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        Ok(Self(parse(&bytes)?))
    }
}

impl_apirequest_for_payload!(Json<T>, T: ParseFromJSON);

/// A JSON body that may be left out altogether.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaybeJson<T>(pub Option<T>);

impl<'a, T: ParseFromJSON> ApiExtractor<'a> for MaybeJson<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        <Json<T> as ApiExtractor>::request_meta().map(|meta| MetaRequest {
            required: false,
            ..meta
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        let bytes = <Vec<u8> as FromRequest>::from_request(request, body).await?;
        if bytes.is_empty() {
            return Ok(Self(None));
        }
        let mut body = RequestBody::new(bytes.into());
        let Json(value) = <Json<T> as ApiExtractor>::from_request(request, &mut body, options).await?;
        Ok(Self(Some(value)))
    }
}

impl<T: ToJSON> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        Response::builder()
            .content_type(Self::CONTENT_TYPE)
            .body(self.0.to_json_string())
    }
}

impl<T: ToJSON> ApiResponse for Json<T> {
    fn meta() -> MetaResponses {
        MetaResponses {
            responses: vec![MetaResponse {
                description: "Done.",
                status: Some(200),
                status_range: None,
                content: vec![MetaMediaType {
                    content_type: Self::CONTENT_TYPE,
                    schema: T::schema_ref(),
                }],
                headers: Vec::new(),
            }],
        }
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }
}

/// Parses a body into a value, or says what is wrong with it and where: 400 if it is no JSON at all, else 422.
pub fn parse<T: ParseFromJSON>(bytes: &[u8]) -> Result<T, Problem> {
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        Problem::bad_request(format!(
            "This is not JSON: line {}, column {}.",
            error.line(),
            error.column()
        ))
    })?;
    let mut registry = Registry::new();
    T::register(&mut registry);
    let mut faults = Faults {
        registry: &registry,
        found: Vec::new(),
    };
    faults.check(&T::schema_ref(), &value, "");
    let mut found = faults.found;
    if found.is_empty() {
        match T::parse_from_json(Some(value)) {
            Ok(value) => return Ok(value),
            Err(error) => found.push(from_message(&plain_words(error.message()))),
        }
    }
    Err(Problem::unprocessable(found))
}

/// Validators of poem-openapi name the field in their message only.
fn from_message(message: &str) -> FieldError {
    let named = message
        .strip_prefix("field `")
        .and_then(|rest| rest.split_once("` "));
    match named {
        Some((field, what)) => FieldError::new(field, what),
        None => FieldError::new("", message),
    }
}

/// At most so many are told: a body that is wrong everywhere does not make an answer of its size.
const MAX_FAULTS: usize = 50;

struct Faults<'a> {
    registry: &'a Registry,
    found: Vec<FieldError>,
}

impl Faults<'_> {
    fn add(&mut self, path: &str, message: impl Into<String>) {
        if self.found.len() < MAX_FAULTS {
            self.found.push(FieldError::new(path, message));
        }
    }

    fn resolve<'s>(&'s self, schema: &'s MetaSchemaRef) -> Option<&'s MetaSchema> {
        match schema {
            MetaSchemaRef::Inline(schema) => Some(schema),
            MetaSchemaRef::Reference(name) => self.registry.schemas.get(name),
        }
    }

    fn check(&mut self, schema: &MetaSchemaRef, value: &Value, path: &str) {
        let Some(schema) = self.resolve(schema).cloned() else {
            return;
        };
        if let Some(chosen) = self.chosen(&schema, value, path) {
            return self.check(&chosen, value, path);
        }
        if schema.any_of.is_empty() && schema.one_of.is_empty() {
            self.check_plain(&schema, value, path);
        }
    }

    /// The arm of a union that its discriminator names. An unknown name is a fault.
    fn chosen(&mut self, schema: &MetaSchema, value: &Value, path: &str) -> Option<MetaSchemaRef> {
        let discriminator = schema.discriminator.as_ref()?;
        let property = discriminator.property_name;
        let Some(object) = value.as_object() else {
            self.add(path, "expected an object");
            return None;
        };
        let known = || {
            discriminator
                .mapping
                .iter()
                .map(|(name, _)| name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        match object.get(property).and_then(Value::as_str) {
            None => self.add(&join(path, property), format!("is required; one of {}", known())),
            Some(name) => match discriminator.mapping.iter().find(|(key, _)| key == name) {
                Some((_, target)) => {
                    return Some(MetaSchemaRef::Reference(
                        target.trim_start_matches("#/components/schemas/").to_owned(),
                    ));
                }
                None => self.add(&join(path, property), format!("must be one of {}", known())),
            },
        }
        None
    }

    fn check_plain(&mut self, schema: &MetaSchema, value: &Value, path: &str) {
        let mut properties = Vec::new();
        let mut required = Vec::new();
        let mut open = false;
        self.gather(schema, &mut properties, &mut required, &mut open);
        if value.is_null() && (schema.nullable || path.is_empty() && schema.ty.is_empty()) {
            return;
        }
        match value {
            Value::Object(object) if !properties.is_empty() || schema.ty == "object" => {
                for name in &required {
                    if !object.contains_key(*name) {
                        self.add(&join(path, name), "is required");
                    }
                }
                for (name, value) in object {
                    let at = join(path, name);
                    if name.contains('\0') {
                        self.add(&at, "must not contain NUL");
                    }
                    match properties.iter().find(|(known, _)| known == name) {
                        // `null` stands for "left out" where a field may be left out.
                        Some((known, _)) if value.is_null() && !required.contains(known) => {}
                        Some((_, schema)) => self.check(&schema.clone(), value, &at),
                        None => match &schema.additional_properties {
                            Some(schema) => self.check(schema, value, &at),
                            None if open || properties.is_empty() => self.check_text(value, &at),
                            None => self.add(&at, "is not known"),
                        },
                    }
                }
            }
            Value::Array(items) if schema.ty == "array" => {
                self.check_count(items.len(), schema, path);
                if let Some(item) = &schema.items {
                    for (index, value) in items.iter().enumerate() {
                        self.check(item, value, &format!("{path}[{index}]"));
                    }
                }
            }
            Value::String(text) if matches!(schema.ty, "string" | "") => {
                self.check_string(text, schema, path)
            }
            Value::Number(number) if matches!(schema.ty, "number" | "integer") => {
                if schema.ty == "integer" && !number.is_i64() && !number.is_u64() {
                    self.add(path, "expected a whole number");
                } else {
                    self.check_range(number.as_f64().unwrap_or_default(), schema, path);
                }
            }
            Value::Bool(_) if schema.ty == "boolean" => {}
            value if schema.ty.is_empty() && properties.is_empty() => self.check_text(value, path),
            _ => self.add(
                path,
                format!(
                    "expected {}",
                    article(if schema.ty.is_empty() { "object" } else { schema.ty })
                ),
            ),
        }
    }

    /// The fields of an object and of all that it is composed of.
    fn gather(
        &self,
        schema: &MetaSchema,
        properties: &mut Vec<(&'static str, MetaSchemaRef)>,
        required: &mut Vec<&'static str>,
        open: &mut bool,
    ) {
        properties.extend(schema.properties.iter().cloned());
        required.extend(schema.required.iter().copied());
        for part in &schema.all_of {
            if let Some(part) = self.resolve(part) {
                *open |= !part.any_of.is_empty() || !part.one_of.is_empty();
                self.gather(part, properties, required, open);
            }
        }
    }

    fn check_string(&mut self, text: &str, schema: &MetaSchema, path: &str) {
        if text.contains('\0') {
            return self.add(path, "must not contain NUL");
        }
        if !schema.enum_items.is_empty() && !schema.enum_items.iter().any(|item| item.as_str() == Some(text))
        {
            let known: Vec<_> = schema.enum_items.iter().filter_map(Value::as_str).collect();
            return self.add(path, format!("must be one of {}", known.join(", ")));
        }
        let chars = text.chars().count();
        if let Some(max) = schema.max_length
            && chars > max
        {
            self.add(path, format!("is longer than {max} characters"));
        }
        if let Some(min) = schema.min_length
            && chars < min
        {
            self.add(
                path,
                if min == 1 {
                    Cow::from("must not be empty")
                } else {
                    format!("is shorter than {min} characters").into()
                },
            );
        }
    }

    fn check_range(&mut self, number: f64, schema: &MetaSchema, path: &str) {
        if let Some(max) = schema.maximum
            && number > max
        {
            self.add(path, format!("is more than {max}"));
        }
        if let Some(min) = schema.minimum
            && number < min
        {
            self.add(path, format!("is less than {min}"));
        }
    }

    fn check_count(&mut self, count: usize, schema: &MetaSchema, path: &str) {
        if let Some(max) = schema.max_items
            && count > max
        {
            self.add(path, format!("has more than {max} entries"));
        }
        if let Some(min) = schema.min_items
            && count < min
        {
            self.add(path, format!("has fewer than {min} entries"));
        }
    }

    /// Free JSON: any shape, but no NUL anywhere.
    fn check_text(&mut self, value: &Value, path: &str) {
        match value {
            Value::String(text) if text.contains('\0') => self.add(path, "must not contain NUL"),
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.check_text(item, &format!("{path}[{index}]"));
                }
            }
            Value::Object(object) => {
                for (name, value) in object {
                    if name.contains('\0') {
                        self.add(path, "must not contain NUL");
                    }
                    self.check_text(value, &join(path, name));
                }
            }
            _ => {}
        }
    }
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

fn article(kind: &str) -> Cow<'static, str> {
    match kind {
        "object" => "an object".into(),
        "array" => "a list".into(),
        "integer" => "a whole number".into(),
        "boolean" => "true or false".into(),
        other => format!("a {other}").into(),
    }
}

#[cfg(test)]
mod tests {
    use poem_openapi::{Enum, Object, Union};

    use super::*;

    #[derive(Debug, PartialEq, Enum)]
    #[oai(rename_all = "snake_case")]
    enum Colour {
        Red,
        Blue,
    }

    #[derive(Debug, PartialEq, Object)]
    struct Link {
        url: String,
    }

    #[derive(Debug, PartialEq, Object)]
    struct Notice {
        #[oai(validator(max_length = 5))]
        text: Option<String>,
    }

    #[derive(Debug, PartialEq, Union)]
    #[oai(discriminator_name = "kind", one_of, rename_all = "snake_case")]
    enum Goal {
        Link(Link),
        Notice(Notice),
    }

    #[derive(Debug, PartialEq, Object)]
    struct Bar {
        name: String,
        colour: Option<Colour>,
        #[oai(default)]
        goals: Vec<Goal>,
        free: Option<Value>,
    }

    fn faults(body: &str) -> Vec<String> {
        match parse::<Bar>(body.as_bytes()) {
            Ok(bar) => vec![format!("{bar:?}")],
            Err(problem) => problem
                .errors()
                .iter()
                .map(|e| format!("{}: {}", e.field, e.message))
                .collect(),
        }
    }

    #[test]
    fn a_whole_body_parses() {
        let body = r#"{"name":"x","colour":"red","goals":[{"kind":"link","url":"u"}],"free":{"a":[1,null]}}"#;
        assert!(parse::<Bar>(body.as_bytes()).is_ok(), "{:?}", faults(body));
        assert!(parse::<Bar>(br#"{"name":"x","colour":null}"#).is_ok());
    }

    #[test]
    fn every_fault_is_named_by_its_path() {
        let body = r#"{"colour":"green","goals":[{"kind":"link","url":1},{"kind":"notice","text":"longer"},{"kind":"x"}],"extra":1}"#;
        assert_eq!(
            faults(body),
            [
                "name: is required",
                "colour: must be one of red, blue",
                "extra: is not known",
                "goals[0].url: expected a string",
                "goals[1].text: is longer than 5 characters",
                "goals[2].kind: must be one of link, notice",
            ]
        );
    }

    #[test]
    fn nul_is_refused_wherever_it_hides() {
        assert_eq!(faults(r#"{"name":"a\u0000b"}"#), ["name: must not contain NUL"]);
        assert_eq!(
            faults(r#"{"name":"a","free":{"x":["\u0000"]}}"#),
            ["free.x[0]: must not contain NUL"]
        );
    }

    #[test]
    fn broken_json_is_a_bad_request() {
        let problem = parse::<Bar>(b"{\"name\":").unwrap_err();
        assert_eq!(problem.status().as_u16(), 400);
    }
}
