//! The one table of who may do what, held against the document and tried on every operation as every kind of caller.

use std::collections::BTreeSet;

use contactbar::accounts::{Operation, Role, Rule, Scope};
use contactbar::app::App;
use contactbar::clock::HOUR;
use poem::http::Method;
use serde_json::{Map, Value, json};

use crate::support::{Answer, Client, TestApp};

/// What the document tells of an operation of the management API.
struct Described {
    operation: Operation,
    method: Method,
    path: String,
    parameters: Vec<Value>,
    body: Option<Value>,
}

fn operations_of(document: &Value) -> Vec<(String, &str, &str, &Value)> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            if let Some(id) = operation["operationId"]
                .as_str()
                .filter(|_| path.starts_with("/api/v1"))
            {
                found.push((id.to_owned(), path.as_str(), method.as_str(), operation));
            }
        }
    }
    found
}

fn described(document: &Value) -> Vec<Described> {
    let all = operations_of(document)
        .into_iter()
        .map(|(id, path, method, operation)| {
            let row = Operation::ALL.iter().find(|row| row.id() == id);
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            Described {
                operation: *row.unwrap_or_else(|| panic!("{id} has no row in the table")),
                method: method.to_uppercase().parse().unwrap(),
                path: path.to_owned(),
                parameters: operation["parameters"].as_array().cloned().unwrap_or_default(),
                body: (!schema.is_null()).then(|| sample(document, schema)),
            }
        });
    all.collect()
}

/// A value that fits a schema: its example, or made of its required parts.
fn sample(document: &Value, schema: &Value) -> Value {
    if let Some(example) = schema.get("example") {
        return example.clone();
    }
    if let Some(name) = schema["$ref"]
        .as_str()
        .and_then(|path| path.strip_prefix("#/components/schemas/"))
    {
        return sample(document, &document["components"]["schemas"][name]);
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        if let Some(first) = schema[key].as_array().and_then(|all| all.first()) {
            return sample(document, first);
        }
    }
    if let Some(first) = schema["enum"].as_array().and_then(|all| all.first()) {
        return first.clone();
    }
    match schema["type"].as_str() {
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(1)),
        Some("boolean") => json!(true),
        Some("array") => json!([sample(document, &schema["items"])]),
        Some("string") => json!("text"),
        _ => {
            let required = schema["required"].as_array().cloned().unwrap_or_default();
            let part = |name: &Value| {
                let name = name.as_str().unwrap();
                (name.to_owned(), sample(document, &schema["properties"][name]))
            };
            Value::Object(required.iter().map(part).collect::<Map<_, _>>())
        }
    }
}

impl Described {
    async fn call(&self, document: &Value, client: &Client, member: &str, peer: &str) -> Answer {
        let (mut path, mut query) = (self.path.clone(), Vec::new());
        for parameter in &self.parameters {
            // Shared parameters are headers, and may be left out.
            let Some(name) = parameter["name"].as_str() else {
                continue;
            };
            let value = match sample(document, &parameter["schema"]) {
                Value::String(text) => text,
                other => other.to_string(),
            };
            match parameter["in"].as_str() {
                Some("path") if name == "member_id" => path = path.replace("{member_id}", member),
                Some("path") => path = path.replace(&format!("{{{name}}}"), &value),
                Some("query") if parameter["required"] == true => query.push((name, value)),
                _ => {}
            }
        }
        if !query.is_empty() {
            let query = url::form_urlencoded::Serializer::new(String::new())
                .extend_pairs(query)
                .finish();
            path = format!("{path}?{query}");
        }
        let call = client.call(self.method.clone(), &path).peer_at(peer);
        match &self.body {
            Some(body) => call.json(body).send().await,
            None => call.send().await,
        }
    }

    /// What ends the session or the membership comes last.
    fn order(&self) -> u8 {
        match self.operation {
            Operation::LeaveTeam => 1,
            Operation::LogOut => 2,
            _ => 0,
        }
    }
}

/// Not let through at the door. A wrong password in a body is another kind of 403.
fn is_refused(answer: &Answer) -> bool {
    match answer.status {
        401 => true,
        403 => answer.json()["type"] != "urn:contactbar:problem:wrong-password",
        _ => false,
    }
}

#[test]
fn the_document_and_the_table_name_the_same_operations() {
    let document = App::document();
    let told: BTreeSet<String> = operations_of(&document).into_iter().map(|(id, ..)| id).collect();
    let rows: BTreeSet<String> = Operation::ALL.iter().map(|row| row.id().to_owned()).collect();
    let without_a_row: Vec<_> = told.difference(&rows).collect();
    assert!(without_a_row.is_empty(), "no row in the table: {without_a_row:?}");
    let without_an_operation: Vec<_> = Operation::ALL
        .iter()
        .filter(|row| !told.contains(row.id()))
        .map(|row| row.id())
        .collect();
    assert!(
        without_an_operation.is_empty(),
        "rows that nothing does: {without_an_operation:?}"
    );
}

#[test]
fn the_document_asks_for_a_log_in_where_the_table_does() {
    let document = App::document();
    for (id, _, _, operation) in operations_of(&document) {
        let row = Operation::ALL.iter().find(|row| row.id() == id).unwrap();
        let secured = operation["security"]
            .as_array()
            .is_some_and(|schemes| !schemes.is_empty());
        if row.rule() != Rule::Anyone {
            assert!(secured, "{id}");
        }
    }
}

both_databases! {
    async fn every_operation_is_open_to_whom_the_table_names_and_to_nobody_else(app: TestApp) {
        let document = App::document();
        let mut all = described(&document);
        all.sort_by_key(Described::order);
        let owner = app.with_owner("owner@example.com").await;
        let member = owner.member.to_string();
        let mut people = vec![(Role::Owner, owner.client.clone())];
        for role in [Role::Viewer, Role::Editor, Role::Admin] {
            let email = format!("{role}@example.com");
            people.push((role, app.with_colleague(&email, owner.member, role).await.client));
        }
        let expiring = app.with_token(owner.member, &Scope::ALL, Some(app.clock.now() + HOUR)).await;
        app.clock.advance(HOUR);
        let stranger = app.client().with_token("cb_made_up");
        let operator = app.with_operator("otto").await;
        let pretender = app.client().with_token("cbo_made_up");
        let mut wrong = Vec::new();
        let mut expect = |who: &str, described: &Described, answer: &Answer, refused: bool| {
            if is_refused(answer) != refused || answer.status >= 500 {
                wrong.push(format!("{} as {who}: {} {}", described.operation.id(), answer.status, String::from_utf8_lossy(&answer.body)));
            }
        };
        for described in &all {
            let rule = described.operation.rule();
            if rule == Rule::Anyone {
                continue;
            }
            let nobody = [("anonymous", &app.client()), ("expired token", &expiring), ("unknown token", &stranger), ("unknown operator", &pretender)];
            for (who, client) in nobody {
                let answer = described.call(&document, client, &member, "203.0.113.1:1").await;
                expect(who, described, &answer, true);
                if answer.status != 401 {
                    expect("somebody who must get a 401", described, &answer, true);
                }
            }
            // An operator's token opens what is the operators' and nothing else; each use of it is on record.
            let before = app.operators.list_record(None, None, 10_000).await.unwrap().len();
            let answer = described.call(&document, &operator, &member, "203.0.113.3:1").await;
            expect("an operator", described, &answer, rule != Rule::Operator);
            if rule == Rule::Operator && answer.status < 300 {
                let after = app.operators.list_record(None, None, 10_000).await.unwrap().len();
                assert!(after > before, "{} is on record", described.operation.id());
            }
            let needed = match rule {
                Rule::Member { scope, .. } => scope,
                _ => None,
            };
            let others: Vec<Scope> = Scope::ALL.into_iter().filter(|scope| Some(*scope) != needed).collect();
            let without = app.with_token(owner.member, &others, None).await;
            let answer = described.call(&document, &without, &member, "203.0.113.2:1").await;
            expect("a token without the scope", described, &answer, true);
            if let Some(scope) = needed {
                let with = app.with_token(owner.member, &[scope], None).await;
                let answer = described.call(&document, &with, &member, "203.0.113.2:1").await;
                expect("a token with the scope", described, &answer, false);
            }
        }
        for (role, client) in &people {
            let peer = format!("203.0.113.{}:1", 10 + *role as u8);
            for described in &all {
                let refused = match described.operation.rule() {
                    Rule::Anyone => continue,
                    Rule::SignedIn => false,
                    Rule::Member { at_least, .. } => *role < at_least,
                    Rule::Operator => true,
                };
                let answer = described.call(&document, client, &member, &peer).await;
                expect(role.as_str(), described, &answer, refused);
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        app.mails().await;
    }

    /// A member never sees another's anything: 404, not 403 (promise 34).
    async fn a_foreign_member_is_not_there(app: TestApp) {
        let document = App::document();
        let anna = app.with_owner("anna@example.com").await;
        let eve = app.with_owner("eve@example.com").await;
        let program = app.with_token(eve.member, &Scope::ALL, None).await;
        for described in described(&document) {
            let Rule::Member { scope, .. } = described.operation.rule() else { continue };
            if !described.path.contains("{member_id}") {
                continue;
            }
            let answer = described.call(&document, &eve.client, &anna.member.to_string(), "203.0.113.1:1").await;
            assert_eq!(answer.status, 404, "{} {}", described.operation.id(), answer.text());
            if scope.is_some() {
                let answer = described.call(&document, &program, &anna.member.to_string(), "203.0.113.1:1").await;
                assert_eq!(answer.status, 404, "{} by a token", described.operation.id());
            }
        }
    }
}
