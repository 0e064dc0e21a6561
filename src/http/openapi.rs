//! The OpenAPI document, and the routes that it describes.
//!
//! The features' APIs bring their operations; plain routes bring a piece of document. Here they are put together, and
//! what all operations share is added or struck in one place, so that no feature has to remember it.

use std::collections::{BTreeSet, HashMap};

use poem::{
    Endpoint, EndpointExt, Request, Response, Route,
    endpoint::BoxEndpoint,
    http::{Method, header},
    middleware::CookieJarManager,
};
use poem_openapi::{
    LicenseObject, OpenApi, OpenApiService, ServerObject,
    registry::{MetaApi, Registry},
};
use serde_json::{Map, Value, json};

use super::methods::Methods;

/// Where the management API lives.
pub const PREFIX: &str = "/api/v1";

const DESCRIPTION: &str = "\
Design contact bars, embed them with one line, read what they counted and work through what visitors left.

Times are RFC 3339 in UTC. Lists take `limit` and `after` and answer `items` and `next_cursor`. Unknown fields are \
refused. Errors are RFC 9457 `application/problem+json`. Authenticate with the session cookie of `POST /api/v1/session` \
or with `Authorization: Bearer cb_…`. Every answer has an `X-Request-Id`.";

/// The operations of `T`, to be nested at [`PREFIX`]. Errors stay typed: the guards make problems of them.
pub fn routes<T: OpenApi>(api: T) -> impl Endpoint<Output = Response> + 'static {
    let mut table: HashMap<String, HashMap<Method, BoxEndpoint<'static>>> = HashMap::new();
    api.add_routes(&mut table);
    let mut route = Route::new();
    for (path, methods) in table {
        let methods = methods
            .into_iter()
            .fold(Methods::new(), |methods, (method, endpoint)| {
                methods.on(method, endpoint)
            });
        route = route.at(path, methods);
    }
    route.with(CookieJarManager::new()).before(with_query)
}

/// poem-openapi's parameters look for the parsed query here.
async fn with_query(mut request: Request) -> poem::Result<Request> {
    let pairs = url::form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    let pairs = pairs
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    request
        .extensions_mut()
        .insert(poem_openapi::__private::UrlQuery(pairs));
    Ok(request)
}

/// The document of the operations of `T` and of the plain routes.
pub fn document<T: OpenApi + 'static>(plain: impl IntoIterator<Item = Value>) -> Value {
    let service = OpenApiService::new(
        Described::<T>(std::marker::PhantomData),
        "Contactbar",
        env!("CARGO_PKG_VERSION"),
    )
    .description(DESCRIPTION)
    .license(LicenseObject::new("MIT OR Apache-2.0").url("https://spdx.org/licenses/MIT.html"))
    .server(ServerObject::new("/").description("This installation"))
    .url_prefix(PREFIX);
    let mut document: Value = serde_json::from_str(&service.spec()).expect("poem-openapi writes JSON");
    document["openapi"] = json!("3.0.3");
    for piece in plain {
        add(&mut document, piece);
    }
    close_request_schemas(&mut document);
    flatten_references(&mut document);
    let schemas = object(&mut document["components"]["schemas"]);
    for schema in schemas.values_mut() {
        if let Some(example) = schema.get_mut("example") {
            strike_nulls(example);
        }
        allow_nulls(schema);
    }
    for (path, operations) in object(&mut document["paths"]) {
        for (method, operation) in object(operations) {
            finish(path, method, operation);
        }
    }
    let components = object(&mut document["components"]);
    components.insert("headers".to_owned(), shared_headers());
    components.insert(
        "parameters".to_owned(),
        json!({ "IdempotencyKey": idempotency_key() }),
    );
    document
}

/// Lets a type's operations be described without a value of it: no database is needed to print the document.
struct Described<T>(std::marker::PhantomData<T>);

impl<T: OpenApi> OpenApi for Described<T> {
    fn meta() -> Vec<MetaApi> {
        let mut all = MetaApi { paths: Vec::new() };
        for path in T::meta().into_iter().flat_map(|api| api.paths) {
            // Features may share a path; the document may not say it twice.
            match all.paths.iter_mut().find(|known| known.path == path.path) {
                Some(known) => known.operations.extend(path.operations),
                None => all.paths.push(path),
            }
        }
        all.paths.sort_by(|a, b| a.path.cmp(&b.path));
        vec![all]
    }

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn add_routes(self, _: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

fn list(value: &mut Value) -> &mut Vec<Value> {
    if !value.is_array() {
        *value = json!([]);
    }
    value.as_array_mut().expect("it has just been made one")
}

fn object(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = json!({});
    }
    value.as_object_mut().expect("it has just been made one")
}

/// Adds a piece of document: objects are merged, lists joined, and nothing is said twice.
fn add(into: &mut Value, piece: Value) {
    match (into, piece) {
        (Value::Object(into), Value::Object(piece)) => {
            for (name, value) in piece {
                match into.get_mut(&name) {
                    Some(known) => add(known, value),
                    None => {
                        into.insert(name, value);
                    }
                }
            }
        }
        (Value::Array(into), Value::Array(piece)) => {
            for value in piece {
                if !into.contains(&value) {
                    into.push(value);
                }
            }
        }
        (into, piece) => *into = piece,
    }
}

/// What may be left out may be `null`: answers write it so, and requests may.
fn allow_nulls(schema: &mut Value) {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let Some(Value::Object(properties)) = schema.get_mut("properties") else {
        return;
    };
    for (name, property) in properties {
        if required.iter().any(|known| known == name) {
            continue;
        }
        if property.get("$ref").is_some() {
            *property = json!({ "allOf": [property.take()] });
        }
        property["nullable"] = json!(true);
        // Generators of clients take a default of a nullable map for a mistake. It goes without saying.
        if property["default"] == json!({})
            && let Some(property) = property.as_object_mut()
        {
            property.remove("default");
        }
    }
}

/// poem-openapi says what it has to say beside a reference as a second part of an `allOf`, which makes generators of
/// clients look for an object to merge. Said outside, the `allOf` holds the reference alone.
fn flatten_references(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.values_mut().for_each(flatten_references);
            let Some(Value::Array(parts)) = fields.get_mut("allOf") else {
                return;
            };
            let beside = match parts.as_slice() {
                [Value::Object(reference), Value::Object(words)]
                    if reference.contains_key("$ref")
                        && words
                            .keys()
                            .all(|name| matches!(name.as_str(), "description" | "default" | "example")) =>
                {
                    words.clone()
                }
                _ => return,
            };
            parts.truncate(1);
            for (name, said) in beside {
                fields.entry(name).or_insert(said);
            }
            // Generators can't make a value of an object; what it is stands in the object's own fields.
            if fields.get("default").is_some_and(Value::is_object) {
                fields.remove("default");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(flatten_references),
        _ => {}
    }
}

/// An example leaves out what may be left out: poem-openapi writes `null` there, which a request may not send.
fn strike_nulls(example: &mut Value) {
    match example {
        Value::Object(fields) => {
            fields.retain(|_, value| !value.is_null());
            fields.values_mut().for_each(strike_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(strike_nulls),
        _ => {}
    }
}

/// A look at what a change would cost needs something that could be changed.
const CONFLICTS_WHEN_READ: [&str; 1] = ["/api/v1/billing/change"];

/// Strikes the errors that an operation can't give, and adds the headers that every answer has.
fn finish(path: &str, method: &str, operation: &mut Value) {
    if method == "parameters" {
        return;
    }
    let api = path.starts_with(PREFIX);
    let reads = method == "get";
    // Without a log-in a key would be everybody's: it is passed over there.
    let keyed = operation["security"]
        .as_array()
        .is_some_and(|schemes| !schemes.is_empty());
    if api && method == "post" && keyed {
        list(&mut operation["parameters"]).push(json!({ "$ref": "#/components/parameters/IdempotencyKey" }));
    }
    let has_body = operation.get("requestBody").is_some();
    let secured = operation["security"]
        .as_array()
        .is_some_and(|schemes| !schemes.is_empty());
    let has_parameters = operation["parameters"]
        .as_array()
        .is_some_and(|parameters| parameters.iter().any(|parameter| parameter["in"] != "path"));
    let possible = |status: &str| match status {
        "400" => has_body || has_parameters,
        "401" | "403" => secured || !reads,
        "404" => path.contains('{') || !reads,
        "408" | "413" | "415" => has_body,
        "409" => !reads || CONFLICTS_WHEN_READ.contains(&path),
        "422" => has_body || has_parameters,
        _ => true,
    };
    let responses = object(&mut operation["responses"]);
    if api {
        responses.retain(|status, response| !is_problem(response) || possible(status));
    }
    for (_, response) in responses {
        let headers = object(&mut response["headers"]);
        headers.insert(
            "X-Request-Id".to_owned(),
            json!({ "$ref": "#/components/headers/RequestId" }),
        );
        if api {
            headers.insert(
                "RateLimit".to_owned(),
                json!({ "$ref": "#/components/headers/RateLimit" }),
            );
            headers.insert(
                "RateLimit-Policy".to_owned(),
                json!({ "$ref": "#/components/headers/RateLimitPolicy" }),
            );
        }
    }
}

fn is_problem(response: &Value) -> bool {
    response["content"].get(super::problem::CONTENT_TYPE).is_some()
}

fn idempotency_key() -> Value {
    json!({
        "name": "Idempotency-Key", "in": "header", "required": false,
        "description": "Makes it safe to send this again: the same key and the same request get the same answer for \
                        a day; the same key with another request is refused (422).",
        "schema": { "type": "string", "minLength": 1, "maxLength": super::idempotency::MAX_KEY_CHARS, "pattern": "^[!-~]+$" },
        "example": "6f1c2a8e-order-17"
    })
}

fn shared_headers() -> Value {
    json!({
        "RequestId": { "description": "The request's id: the caller's own, or ours.", "schema": { "type": "string" } },
        "RateLimit": {
            "description": "What is left of the limit: `\"name\";r=remaining;t=seconds`.",
            "schema": { "type": "string" }, "example": "\"api\";r=597;t=1"
        },
        "RateLimitPolicy": {
            "description": "The limit: `\"name\";q=requests;w=seconds`.",
            "schema": { "type": "string" }, "example": "\"api\";q=600;w=60"
        }
    })
}

/// Unknown fields are refused ([`super::json`] does), and the document says so for every object that a body is made of.
fn close_request_schemas(document: &mut Value) {
    let mut wanted = BTreeSet::new();
    let paths = document["paths"].as_object().into_iter().flatten();
    for (_, operations) in paths {
        for (_, operation) in operations.as_object().into_iter().flatten() {
            references(&operation["requestBody"], &mut wanted);
        }
    }
    let schemas = &document["components"]["schemas"];
    let mut reached = BTreeSet::new();
    while let Some(name) = wanted.pop_first() {
        if reached.insert(name.clone()) {
            references(&schemas[&name], &mut wanted);
            wanted.retain(|name| !reached.contains(name));
        }
    }
    // A part of an `allOf` must stay open for the other parts' fields.
    let mut parts = BTreeSet::new();
    for (_, schema) in schemas.as_object().into_iter().flatten() {
        references(&schema["allOf"], &mut parts);
    }
    for name in reached.difference(&parts) {
        let schema = &mut document["components"]["schemas"][name];
        if schema.get("properties").is_some() && schema.get("additionalProperties").is_none() {
            schema["additionalProperties"] = json!(false);
        }
    }
}

fn references(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            if let Some(name) = object
                .get("$ref")
                .and_then(Value::as_str)
                .and_then(|r| r.strip_prefix("#/components/schemas/"))
            {
                into.insert(name.to_owned());
            }
            object.values().for_each(|value| references(value, into));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, into)),
        _ => {}
    }
}

/// `/api/openapi.json`
pub fn endpoint(document: &Value) -> impl Endpoint<Output = Response> + 'static {
    let text = bytes::Bytes::from(serde_json::to_vec(document).expect("a Value is JSON"));
    poem::endpoint::make_sync(move |_| {
        Response::builder()
            .content_type("application/json")
            .header(header::CACHE_CONTROL, "public, max-age=300")
            .body(text.clone())
    })
}
