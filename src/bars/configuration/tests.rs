use poem_openapi::registry::Registry;
use poem_openapi::types::{ParseFromJSON, ToJSON, Type};
use serde_json::{Value, json};

use super::*;

fn minimal() -> Value {
    json!({
        "variants": [{
            "key": "a",
            "goal": {"kind": "link", "url": "https://example.com/"},
            "texts": {"en": {"message": "Hello", "button": "Go"}},
        }],
    })
}

fn form() -> Value {
    json!({
        "variants": [{
            "key": "a",
            "goal": {
                "kind": "contact",
                "fields": [
                    {"name": "email", "kind": "email", "required": true},
                    {"name": "topic", "kind": "select", "options": ["sales", "help"]},
                    {"name": "news", "kind": "checkbox"},
                    {"name": "source", "kind": "hidden", "value": "bar"},
                ],
                "consent": {"policy_url": "https://example.com/privacy"},
            },
            "texts": {
                "en": {
                    "message": "Hello", "button": "Send", "consent": "I agree.",
                    "labels": {"topic": "Topic", "news": "Send me news"},
                    "options": {"topic": {"sales": "Sales"}},
                },
                "he": {"message": "שלום"},
            },
        }],
    })
}

fn read(value: &Value) -> Configuration {
    Configuration::from_json(value).unwrap()
}

/// The fields at fault after `value` was put at `pointer`, which makes the place if it is not there.
fn faults(mut document: Value, pointer: &str, value: Value) -> Vec<String> {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    document.pointer_mut(parent).unwrap()[name] = value;
    match read(&document).validate() {
        Ok(()) => Vec::new(),
        Err(errors) => errors.into_iter().map(|error| error.field).collect(),
    }
}

#[test]
fn minimal_configuration_is_valid_and_publishable() {
    for document in [minimal(), form()] {
        let configuration = read(&document);
        assert_eq!(configuration.validate(), Ok(()));
        assert_eq!(configuration.unsupported(), []);
    }
}

#[test]
fn defaults_say_what_the_documentation_says() {
    let configuration = read(&minimal());
    assert_eq!(configuration.layout, Layout::Bar(BarLayout::default()));
    assert_eq!(configuration.default_language, "en");
    assert!(configuration.privacy.respect_gpc && configuration.privacy.respect_dnt);
    assert_eq!(configuration.targeting.percentage, 100);
    assert_eq!(configuration.variants[0].weight, 100);
}

#[test]
fn whole_configuration_survives_serde_and_poem_alike() {
    let mut document = serde_json::to_value(read(&form())).unwrap();
    document["layout"] = json!({"kind": "inline", "selector": "#here"});
    document["tab"] = json!({"edge": "left", "starts_collapsed": true});
    document["variants"][0]["texts"]["en"]["tab"] = json!("Contact");
    document["triggers"] = json!({"mode": "all", "on": [
        {"kind": "immediately"}, {"kind": "delay", "seconds": 5}, {"kind": "scroll", "percent": 50},
        {"kind": "exit_intent"}, {"kind": "inactivity", "seconds": 30},
        {"kind": "click", "selector": ".x"}, {"kind": "code"},
    ]});
    document["targeting"] = json!({
        "pages": [{"match": "glob", "value": "/pricing*", "exclude": false}],
        "referrers": [{"match": "contains", "value": "search", "exclude": true}],
        "utm": [{"parameter": "source", "value": "news"}],
        "devices": ["desktop", "phone"],
        "visitors": "returning",
        "languages": ["de"],
        "schedule": {
            "time_zone": "Europe/Berlin", "from": "2026-12-01", "until": "2026-12-24",
            "weekdays": ["mon", "fri"], "hours": {"from": "09:00", "until": "24:00"},
        },
        "percentage": 50,
    });
    document["frequency"] = json!({
        "show": {"kind": "every_days", "days": 7}, "after_close": {"kind": "session"},
        "stop_after_convert": false, "gap_seconds": 60,
    });
    let configuration = read(&document);
    assert_eq!(configuration.validate(), Ok(()));
    assert_eq!(serde_json::to_value(&configuration).unwrap(), document);
    assert_eq!(configuration.to_json().unwrap(), document);
    assert_eq!(
        Configuration::parse_from_json(Some(document)).unwrap(),
        configuration
    );
    let missing: Vec<_> = configuration
        .unsupported()
        .into_iter()
        .map(|error| error.field)
        .collect();
    assert_eq!(
        missing,
        [
            "layout.kind",
            "tab",
            "triggers.on[2].kind",
            "triggers.on[3].kind",
            "triggers.on[4].kind",
            "triggers.on[5].kind",
            "triggers.on[6].kind",
            "targeting.pages",
            "targeting.referrers",
            "targeting.utm",
            "targeting.devices",
            "targeting.visitors",
            "targeting.languages",
            "targeting.schedule",
            "targeting.percentage",
            "frequency.show.kind",
            "frequency.gap_seconds",
        ]
    );
}

#[test]
fn unknown_fields_are_refused_with_their_place() {
    for (pointer, place) in [
        ("/colour", ""),
        ("/theme", "theme"),
        ("/variants/0/goal/link", "variants[0].goal"),
        ("/variants/0/texts/en/title", "variants[0].texts.en"),
    ] {
        let mut document = minimal();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        document.pointer_mut(parent).unwrap()[name] = json!({"unknown": 1});
        let error = Configuration::from_json(&document).unwrap_err();
        assert!(error.field.starts_with(place), "{error:?}");
        assert!(error.message.contains("unknown field"), "{error:?}");
        assert!(Configuration::parse_from_json(Some(document)).is_err());
    }
}

#[test]
fn every_fault_is_named_at_its_path() {
    let text = |length| json!("x".repeat(length));
    let cases = [
        ("/default_language", json!("english"), "default_language"),
        ("/default_language", json!("de"), "variants[0].texts"),
        ("/variants", json!([]), "variants"),
        ("/variants/0/key", json!("A b"), "variants[0].key"),
        ("/variants/0/weight", json!(0), "variants"),
        ("/variants/0/weight", json!(1001), "variants[0].weight"),
        (
            "/variants/0/goal/url",
            json!("javascript:alert(1)"),
            "variants[0].goal.url",
        ),
        (
            "/variants/0/goal/url",
            json!("java\tscript:x"),
            "variants[0].goal.url",
        ),
        ("/variants/0/goal/url", json!("/relative"), "variants[0].goal.url"),
        ("/variants/0/goal/url", json!("https://"), "variants[0].goal.url"),
        (
            "/variants/0/goal/url",
            json!("https://a:b@c.de/"),
            "variants[0].goal.url",
        ),
        ("/variants/0/goal/url", json!("tel:"), "variants[0].goal.url"),
        (
            "/variants/0/texts/en/message",
            json!("  "),
            "variants[0].texts.en.message",
        ),
        (
            "/variants/0/texts/en/message",
            json!("a\u{0}b"),
            "variants[0].texts.en.message",
        ),
        (
            "/variants/0/texts/en/message",
            json!("a\nb"),
            "variants[0].texts.en.message",
        ),
        (
            "/variants/0/texts/en/message",
            text(301),
            "variants[0].texts.en.message",
        ),
        (
            "/variants/0/texts/en/button",
            text(41),
            "variants[0].texts.en.button",
        ),
        (
            "/variants/0/texts/en/button",
            Value::Null,
            "variants[0].texts.en.button",
        ),
        (
            "/variants/0/texts/en/labels",
            json!({"email": "E"}),
            "variants[0].texts.en.labels.email",
        ),
        (
            "/variants/0/texts/not a tag",
            json!({"message": "m"}),
            "variants[0].texts",
        ),
        (
            "/variants/0/texts/EN",
            json!({"message": "m"}),
            "variants[0].texts.en",
        ),
        ("/tab", json!({}), "variants[0].texts.en.tab"),
        (
            "/layout",
            json!({"kind": "inline", "selector": ""}),
            "layout.selector",
        ),
        ("/theme", json!({"radius_px": 33}), "theme.radius_px"),
        (
            "/theme",
            json!({"colours": {"text": "red"}}),
            "theme.colours.text",
        ),
        (
            "/theme",
            json!({"dark": {"button": "#12345g"}}),
            "theme.dark.button",
        ),
        ("/triggers", json!({"on": []}), "triggers.on"),
        (
            "/triggers",
            json!({"on": [{"kind": "code"}, {"kind": "code"}]}),
            "triggers.on[1]",
        ),
        (
            "/triggers",
            json!({"on": [{"kind": "delay", "seconds": 0}]}),
            "triggers.on[0].seconds",
        ),
        (
            "/triggers",
            json!({"on": [{"kind": "scroll", "percent": 101}]}),
            "triggers.on[0].percent",
        ),
        ("/targeting", json!({"percentage": 0}), "targeting.percentage"),
        (
            "/targeting",
            json!({"pages": [{"match": "exact", "value": ""}]}),
            "targeting.pages[0].value",
        ),
        (
            "/targeting",
            json!({"languages": ["x"]}),
            "targeting.languages[0]",
        ),
        (
            "/targeting",
            json!({"languages": ["de", "DE"]}),
            "targeting.languages[1]",
        ),
        (
            "/targeting",
            json!({"devices": ["phone", "phone"]}),
            "targeting.devices[1]",
        ),
        (
            "/targeting",
            json!({"schedule": {"time_zone": "Berlin"}}),
            "targeting.schedule.time_zone",
        ),
        (
            "/targeting",
            json!({"schedule": {"from": "2026-02-30"}}),
            "targeting.schedule.from",
        ),
        (
            "/targeting",
            json!({"schedule": {"from": "2026-02-03", "until": "2026-02-02"}}),
            "targeting.schedule.until",
        ),
        (
            "/targeting",
            json!({"schedule": {"hours": {"from": "24:00", "until": "9:00"}}}),
            "targeting.schedule.hours.from",
        ),
        (
            "/targeting",
            json!({"schedule": {"hours": {"from": "09:00", "until": "09:00"}}}),
            "targeting.schedule.hours.until",
        ),
        (
            "/frequency",
            json!({"after_close": {"kind": "days", "days": 0}}),
            "frequency.after_close.days",
        ),
        (
            "/frequency",
            json!({"gap_seconds": 86401}),
            "frequency.gap_seconds",
        ),
    ];
    for (pointer, value, field) in cases {
        let faults = faults(minimal(), pointer, value.clone());
        assert!(
            faults.iter().any(|fault| fault == field),
            "{pointer} {value}: {faults:?}"
        );
    }
}

#[test]
fn every_fault_of_a_form_is_named_at_its_path() {
    let field = |name: &str, kind: &str| json!([{"name": name, "kind": kind}]);
    let twice = |one: &str, other: &str, kind: &str| json!([{"name": one, "kind": kind}, {"name": other, "kind": kind}]);
    let fields = "/variants/0/goal/fields";
    let path = "variants[0].goal.fields";
    let words = "variants[0].texts.en";
    let cases = [
        (fields, json!([]), path.to_owned()),
        (fields, field("source", "hidden"), format!("{path}[0].value")),
        (fields, field("source", "hidden"), path.to_owned()),
        (fields, field("Email", "email"), format!("{path}[0].name")),
        (fields, field("consent", "text"), format!("{path}[0].name")),
        (fields, field("topic", "select"), format!("{path}[0].options")),
        (
            fields,
            field("company", "text"),
            format!("{words}.labels.company"),
        ),
        (fields, field("email", "email"), format!("{words}.labels.topic")),
        (fields, twice("x", "x", "text"), format!("{path}[1].name")),
        (fields, twice("x", "y", "email"), format!("{path}[1].kind")),
        (
            &format!("{fields}/0/options"),
            json!(["a"]),
            format!("{path}[0].options"),
        ),
        (
            &format!("{fields}/1/options"),
            json!(["sales", "sales"]),
            format!("{path}[1].options[1]"),
        ),
        (
            &format!("{fields}/1/options"),
            json!(["help"]),
            format!("{words}.options.topic"),
        ),
        (
            &format!("{fields}/1/value"),
            json!("x"),
            format!("{path}[1].value"),
        ),
        (
            &format!("{fields}/3/required"),
            json!(true),
            format!("{path}[3].required"),
        ),
        (
            "/variants/0/goal/consent",
            json!({"policy_url": "mailto:a@b.c"}),
            "variants[0].goal.consent.policy_url".to_owned(),
        ),
        (
            "/variants/0/texts/en/consent",
            Value::Null,
            format!("{words}.consent"),
        ),
        (
            "/variants/0/texts/en/labels/source",
            json!("S"),
            format!("{words}.labels.source"),
        ),
    ];
    for (pointer, value, field) in cases {
        let faults = faults(form(), pointer, value.clone());
        assert!(faults.contains(&field), "{pointer} {value}: {faults:?}");
    }
}

#[test]
fn twice_the_same_key_is_refused() {
    let mut document = minimal();
    let variant = document["variants"][0].clone();
    document["variants"].as_array_mut().unwrap().push(variant);
    let errors = read(&document).validate().unwrap_err();
    assert_eq!(errors[0].field, "variants[1].key");
    assert_eq!(read(&document).unsupported()[0].field, "variants");
}

#[test]
fn too_large_a_configuration_is_refused() {
    let mut document = minimal();
    let texts = &mut document["variants"][0]["texts"];
    for language in 'a'..='z' {
        texts[format!("x{language}")] = json!({
            "message": "ß".repeat(300), "success": "ß".repeat(300), "consent": "\u{10000}".repeat(600),
        });
    }
    let errors = read(&document).validate().unwrap_err();
    assert_eq!(errors.last().unwrap().field, "");
}

#[test]
fn starters_are_valid_publishable_and_legible() {
    for goal in [GoalKind::Contact, GoalKind::Link, GoalKind::Notice] {
        for language in ["en", "de-AT", "fr"] {
            let starter = Configuration::starter(goal, language);
            assert_eq!(starter.validate(), Ok(()));
            assert_eq!(starter.unsupported(), []);
            assert_eq!(starter.variants[0].goal.kind(), goal);
            let dark = starter.theme.dark.as_ref();
            for colours in dark
                .into_iter()
                .chain([&starter.theme.colours, &Colours::default()])
            {
                assert!(contrast(&colours.background, &colours.text).unwrap() >= 4.5);
                assert!(contrast(&colours.button, &colours.button_text).unwrap() >= 4.5);
                assert!(contrast(&colours.background, &colours.button).unwrap() >= 3.0);
            }
        }
    }
    assert_eq!(
        Configuration::starter(GoalKind::Link, "de-AT").default_language,
        "de"
    );
}

#[test]
fn contrast_is_that_of_wcag() {
    assert_eq!(contrast("#000000", "#ffffff"), Some(21.0));
    let grey = contrast("#777777", "#ffffff").unwrap();
    assert!((grey - 4.478).abs() < 0.001, "{grey}");
    assert_eq!(contrast("#fff", "#000000"), None);
}

#[test]
fn visitors_read_the_best_of_the_languages() {
    let mut document = form();
    document["variants"][0]["texts"]["pt-BR"] = json!({"message": "Olá"});
    document["variants"][0]["texts"]["de"] = json!({"message": "Hallo", "consent": "Ja."});
    let configuration = read(&document);
    let variant = configuration.find_variant("a").unwrap();
    for (wanted, language) in [
        (None, "en"),
        (Some("fr"), "en"),
        (Some("DE"), "de"),
        (Some("de-AT"), "de"),
        (Some("pt"), "pt-BR"),
        (Some("pt-PT"), "pt-BR"),
    ] {
        assert_eq!(configuration.spoken(variant, wanted).language(), language);
    }
    let german = configuration.spoken(variant, Some("de"));
    assert_eq!(german.consent(), Some("Ja."));
    assert_eq!(german.button(), Some("Send"));
    assert_eq!(german.close(), "Schließen");
    assert!(!german.is_right_to_left());
    assert!(configuration.spoken(variant, Some("he-IL")).is_right_to_left());
}

#[test]
fn runtime_holds_what_the_script_needs() {
    let runtime = read(&form()).runtime("3k7m9p2q4r", None);
    assert_eq!(
        runtime,
        json!({
            "k": "3k7m9p2q4r", "v": "a", "l": "en",
            "g": {
                "f": [
                    ["email", 0, 1], ["topic", 5, 0, ["sales", "help"]], ["news", 6, 0],
                    ["source", 7, 0, "bar"],
                ],
                "c": [1, "https://example.com/privacy"],
            },
            "t": {
                "en": {
                    "m": "Hello", "b": "Send", "s": "Thank you!", "x": "Close",
                    "e": "That could not be sent. Please try again.",
                    "l": ["Your email", "Topic", "Send me news", ""],
                    "o": {"1": ["Sales", "help"]},
                    "c": "I agree.", "p": "Privacy policy",
                },
                "he": {
                    "m": "שלום", "b": "Send", "s": "תודה!", "x": "סגירה", "r": 1,
                    "e": "השליחה נכשלה. נסו שוב.",
                    "l": ["כתובת האימייל שלך", "Topic", "Send me news", ""],
                    "o": {"1": ["Sales", "help"]},
                    "c": "I agree.", "p": "מדיניות פרטיות",
                },
            },
            "c": ["#1d4ed8", "#ffffff", "#ffffff", "#1d4ed8"],
            "z": 16, "r": 8, "x": true, "a": 7, "s": true, "p": true, "q": true,
        })
    );
}

#[test]
fn triggers_become_one_wait() {
    let wait = |triggers: Value| {
        let mut document = minimal();
        document["triggers"] = triggers;
        read(&document).runtime("k", Some("https://e.example"))["w"].clone()
    };
    assert_eq!(wait(json!({})), Value::Null);
    assert_eq!(wait(json!({"on": [{"kind": "code"}]})), json!(-1));
    assert_eq!(
        wait(json!({"on": [{"kind": "code"}, {"kind": "delay", "seconds": 3}]})),
        json!(3)
    );
    let both = json!([{"kind": "immediately"}, {"kind": "delay", "seconds": 3}]);
    assert_eq!(wait(json!({"on": both})), Value::Null);
    assert_eq!(wait(json!({"mode": "all", "on": both})), json!(3));
}

#[test]
fn spliced_configuration_can_not_leave_its_literal() {
    let script = "(function(){var c=\"__CONTACTBAR__\";go(c)})()";
    let hostile = json!({"m": "</script>\u{2028}\"\\ \"__CONTACTBAR__\""});
    let spliced = splice(script, &hostile).unwrap();
    assert_eq!(
        spliced,
        r#"(function(){var c={"m":"\u003c/script>\u2028\"\\ \"__CONTACTBAR__\""};go(c)})()"#
    );
    assert_eq!(splice("no placeholder", &hostile), None);
    assert_eq!(splice(&script.repeat(2), &hostile), None);
}

#[test]
fn every_part_is_described_in_the_document() {
    let mut registry = Registry::new();
    Configuration::register(&mut registry);
    for (name, schema) in &registry.schemas {
        let members = schema.one_of.len();
        assert!(schema.description.is_some(), "{name} has no description");
        assert_eq!(members > 0, schema.discriminator.is_some(), "{name}");
    }
    let delay = &registry.schemas["DelayTrigger"];
    assert_eq!(delay.required, ["kind", "seconds"]);
    assert_eq!(registry.schemas["Configuration"].required, ["variants"]);
    assert!(registry.schemas["Privacy"].required.is_empty());
}

/// The script's tests show these bars (`widget-js/test/bar.test.mjs`): what we write is what it reads.
#[test]
fn starters_reach_the_script_as_it_is_tested_with_them() {
    let known: Value = serde_json::from_str(include_str!("../../../widget-js/test/starters.json")).unwrap();
    let mut written = json!({});
    for (name, goal) in [
        ("contact", GoalKind::Contact),
        ("link", GoalKind::Link),
        ("notice", GoalKind::Notice),
    ] {
        written[name] = Configuration::starter(goal, "en").runtime(name, None);
    }
    assert_eq!(written, known, "put this into starters.json:\n{written:#}");
}
