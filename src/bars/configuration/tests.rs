use poem_openapi::registry::Registry;
use poem_openapi::types::{ParseFromJSON, ToJSON, Type};
use regex::Regex;
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
fn minimal_configuration_is_valid() {
    for document in [minimal(), form()] {
        let configuration = read(&document);
        assert_eq!(configuration.validate(), Ok(()));
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

/// Everything that can be said.
fn whole() -> Value {
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
        "languages": ["de", "pt-BR"],
        "schedule": {
            "time_zone": "Europe/Berlin", "from": "2026-12-01", "until": "2026-12-24",
            "weekdays": ["mon", "sun"], "hours": {"from": "09:00", "until": "24:00"},
        },
        "percentage": 50,
    });
    document["frequency"] = json!({
        "show": {"kind": "every_days", "days": 7}, "after_close": {"kind": "session"},
        "stop_after_convert": false, "gap_seconds": 60,
    });
    document["privacy"] = json!({
        "respect_gpc": false, "respect_dnt": false, "store_before_action": true, "policy_link": true,
    });
    document
}

#[test]
fn whole_configuration_survives_serde_and_poem_alike() {
    let document = whole();
    let configuration = read(&document);
    assert_eq!(configuration.validate(), Ok(()));
    assert_eq!(serde_json::to_value(&configuration).unwrap(), document);
    assert_eq!(configuration.to_json().unwrap(), document);
    assert_eq!(
        Configuration::parse_from_json(Some(document)).unwrap(),
        configuration
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
        (
            "/layout",
            json!({"kind": "inline", "selector": "<div>"}),
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
        (
            "/triggers",
            json!({"on": [{"kind": "click", "selector": ".x >"}]}),
            "triggers.on[0].selector",
        ),
        ("/targeting", json!({"percentage": 0}), "targeting.percentage"),
        (
            "/targeting",
            json!({"pages": [{"match": "exact", "value": "pricing"}]}),
            "targeting.pages[0].value",
        ),
        (
            "/targeting",
            json!({"pages": [{"match": "contains", "value": "/#/cart"}]}),
            "targeting.pages[0].value",
        ),
        (
            "/targeting",
            json!({"pages": [{"match": "glob", "value": "/*a*a*a*a*a*"}]}),
            "targeting.pages[0].value",
        ),
        (
            "/targeting",
            json!({"referrers": [{"match": "starts", "value": "search.example"}]}),
            "targeting.referrers[0].value",
        ),
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
fn starters_are_valid_and_legible() {
    for goal in [GoalKind::Contact, GoalKind::Link, GoalKind::Notice] {
        for language in ["en", "de-AT", "fr"] {
            let starter = Configuration::starter(goal, language);
            assert_eq!(starter.validate(), Ok(()));
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

/// What the script receives, and what of it is not in every bar.
fn runtime(document: &Value) -> Value {
    serde_json::to_value(runtime_of(document)).unwrap()
}

fn runtime_of(document: &Value) -> Runtime {
    read(document).runtime(&Embedding {
        key: "3k7m9p2q4r",
        member: crate::ids::MemberId::from_uuid(uuid::Uuid::from_u128(7)),
        base_url: Some("https://e.example"),
        policy_url: "https://contactbar.example/policies/privacy",
        brand_url: None,
    })
}

/// The parts of the script that a bar needs.
fn needs(document: &Value) -> Vec<&'static str> {
    let runtime = runtime_of(document);
    let needed = Part::ALL.iter().filter(|part| runtime.needs(**part));
    needed.map(|part| part.as_str()).collect()
}

#[test]
fn runtime_of_a_form_holds_what_the_script_needs() {
    let mut runtime = runtime(&form());
    assert!(runtime["c"].as_str().unwrap().starts_with(":host{--b:"));
    runtime["c"] = json!("");
    let shows = runtime["v"][0][2].take();
    assert_eq!(
        runtime,
        json!({
            "k": "3k7m9p2q4r", "h": "https://e.example", "m": "0c07c609", "c": "", "l": "en",
            "y": 0, "u": 1, "z": "-100%", "v": [["a", 100, null]],
            "w": [[0]], "f": {"c": 7, "o": 1}, "g": 1, "q": 1,
        })
    );
    assert_eq!(
        shows["en"],
        json!([["section", {"class": "bar", "aria-labelledby": "m", "lang": "en", "dir": "ltr", "tabindex": "-1"},
            ["p", {"class": "message", "id": "m"}, "Hello"],
            ["p", {"class": "done", "role": "status", "tabindex": "-1"}, "Thank you!"],
            ["form", {"novalidate": "", "data-e": "That could not be sent. Please try again.", "data-tall": "1"},
                ["div", {"class": "field"},
                    ["input", {"id": "f0", "name": "email", "required": "", "placeholder": " ", "maxlength": "254",
                        "type": "email", "autocomplete": "email", "data-k": "email", "aria-describedby": "f0e"}],
                    ["label", {"for": "f0"}, "Your email"], ["p", {"class": "wrong", "id": "f0e"}]],
                ["div", {"class": "field"},
                    ["select", {"id": "f1", "name": "topic", "aria-describedby": "f1e"},
                        ["option", {"value": ""}], ["option", {"value": "sales"}, "Sales"],
                        ["option", {"value": "help"}, "help"]],
                    ["label", {"for": "f1"}, "Topic"], ["p", {"class": "wrong", "id": "f1e"}]],
                ["div", {"class": "tick"},
                    ["input", {"id": "f2", "name": "news", "type": "checkbox", "aria-describedby": "f2e"}],
                    ["label", {"for": "f2"}, "Send me news"], ["p", {"class": "wrong", "id": "f2e"}]],
                ["div", {"class": "tick"},
                    ["input", {"id": "c", "name": "consent", "required": "", "type": "checkbox", "aria-describedby": "ce"}],
                    ["span", {}, ["label", {"for": "c"}, "I agree."], " ",
                        ["a", {"href": "https://example.com/privacy", "target": "_blank", "rel": "noopener"}, "Privacy policy"]],
                    ["p", {"class": "wrong", "id": "ce"}]],
                ["div", {"hidden": ""}, ["input", {"name": "web-site", "tabindex": "-1", "autocomplete": "off"}]],
                ["button", {"class": "main"}, "Send"],
                ["p", {"class": "wrong alert", "role": "alert"}]],
            ["button", {"class": "main opener", "aria-expanded": "false"}, "Send"],
            ["button", {"class": "close", "type": "button", "aria-label": "Close"}, "×"]]])
    );
    let hebrew = &shows["he"][0][1];
    assert_eq!((&hebrew["lang"], &hebrew["dir"]), (&json!("he"), &json!("rtl")));
    assert_eq!(needs(&form()), ["bar", "form"]);
}

#[test]
fn runtime_holds_everything_that_a_configuration_says() {
    let runtime = runtime(&whole());
    let shows = &runtime["v"][0][2];
    for (language, policy) in [("en", "Privacy"), ("he", "פרטיות")] {
        let [bar, tab] = &shows[language].as_array().unwrap()[..] else {
            panic!("{shows}")
        };
        let elements = bar.as_array().unwrap();
        let link = elements.iter().find(|one| one[1]["class"] == "policy").unwrap();
        assert_eq!(link[1]["href"], "https://contactbar.example/policies/privacy");
        assert_eq!(link[2], policy);
        assert_eq!(tab[1]["class"], "tab left");
        assert_eq!(tab[2][2], "Contact");
    }
    let mut rest = runtime.clone();
    for bulky in ["k", "h", "m", "c", "l", "v"] {
        rest.as_object_mut().unwrap().remove(bulky);
    }
    assert_eq!(
        rest,
        json!({
            "y": 9, "i": "#here", "z": "1em", "d": [6, 1], "a": 1, "j": 1,
            "w": [[0], [0, 5], [1, 50], [2], [3, 30], [4, ".x"], [5]],
            "t": {
                "r": [
                    ["page", 0, "^[^:]+://[^/]*/pricing", ""],
                    ["referrer", 1, "", "search"],
                    ["campaign", 2, "[?&]utm_source=news(?:&|$)", ""],
                    ["language", 3, "^(?:de|pt-br)(?:-|$)", ""],
                ],
                "d": "not all and (pointer:coarse),\
                      (pointer:coarse) and (max-device-width:599px),(pointer:coarse) and (max-device-height:599px)",
                "v": 2,
                "s": ["Europe/Berlin", "2026-12-01", "2026-12-24", "10", "09:00", "24:00"], "n": 50,
            },
            "f": {"s": 7, "c": -1, "g": 60},
            "s": 1,
        })
    );
    assert_eq!(
        needs(&whole()),
        [
            "card", "inline", "tab", "form", "target", "schedule", "scroll", "exit", "idle", "click"
        ]
    );
}

#[test]
fn a_language_is_found_by_those_that_speak_it_elsewhere() {
    let mut document = minimal();
    document["variants"][0]["texts"]["pt-BR"] = json!({"message": "Olá", "button": "Vai"});
    let shows = &runtime(&document)["v"][0][2];
    assert_eq!(shows["pt-br"][0][1]["lang"], "pt-BR");
    assert_eq!(shows["pt"], "pt-br");
    assert!(shows["en"].is_array());
}

#[test]
fn a_campaign_is_met_however_it_is_written() {
    let mut document = minimal();
    document["targeting"] = json!({"utm": [{"parameter": "term", "value": "red & blé"}]});
    let runtime = runtime(&document);
    let rule = Regex::new(runtime["t"]["r"][0][2].as_str().unwrap()).unwrap();
    for query in [
        "?utm_term=red+%26+bl%C3%A9",
        "?a=b&utm_term=red%20%26%20bl%c3%a9&c=d",
    ] {
        assert!(rule.is_match(query), "{query}: {rule}");
    }
    for query in [
        "?utm_term=red",
        "?xutm_term=red+%26+bl%C3%A9",
        "?utm_term=red+%26+bl%C3%A9s",
    ] {
        assert!(!rule.is_match(query), "{query}: {rule}");
    }
}

#[test]
fn every_layout_has_its_place() {
    for (layout, place, class, parts) in [
        (
            json!({"kind": "bar"}),
            json!({"y": 0, "u": 1, "z": "-100%"}),
            "bar",
            &["bar"][..],
        ),
        (
            json!({"kind": "bar", "position": "bottom", "push": false}),
            json!({"y": 1, "z": "100%"}),
            "bar bottom over",
            &["bar"],
        ),
        (
            json!({"kind": "bar", "position": "bottom", "sticky": false}),
            json!({"y": 9, "z": "100%"}),
            "bar bottom free",
            &["bar"],
        ),
        (
            json!({"kind": "slide_in", "corner": "bottom_right"}),
            json!({"y": 3, "z": "1em"}),
            "card slide open bottom",
            &["card", "slide"],
        ),
        (
            json!({"kind": "slide_in", "corner": "bottom_left"}),
            json!({"y": 5, "z": "1em"}),
            "card slide open bottom left",
            &["card", "slide"],
        ),
        (
            json!({"kind": "slide_in", "corner": "top_right"}),
            json!({"y": 2, "z": "1em"}),
            "card slide open",
            &["card", "slide"],
        ),
        (
            json!({"kind": "slide_in", "corner": "top_left"}),
            json!({"y": 4, "z": "1em"}),
            "card slide open left",
            &["card", "slide"],
        ),
        (
            json!({"kind": "modal"}),
            json!({"y": 9, "z": "1em"}),
            "card modal open",
            &["card", "modal"],
        ),
        (
            json!({"kind": "inline", "selector": "main"}),
            json!({"y": 9, "i": "main", "z": "1em"}),
            "card inline open",
            &["card", "inline"],
        ),
    ] {
        let mut document = minimal();
        document["layout"] = layout;
        let mut runtime = runtime(&document);
        assert_eq!(runtime["v"][0][2]["en"][0][1]["class"], class);
        runtime
            .as_object_mut()
            .unwrap()
            .retain(|name, _| "yuiz".contains(name.as_str()));
        assert_eq!(runtime, place);
        assert_eq!(needs(&document), parts);
    }
}

#[test]
fn frequency_says_days_or_the_session() {
    for (frequency, form) in [
        (json!({}), json!({"c": 7, "o": 1})),
        (
            json!({"show": {"kind": "once_a_session"}, "after_close": {"kind": "keep"}, "stop_after_convert": false}),
            json!({"s": -1}),
        ),
        (
            json!({"after_close": {"kind": "keep"}, "stop_after_convert": false}),
            json!({}),
        ),
    ] {
        let mut document = minimal();
        document["frequency"] = frequency;
        assert_eq!(runtime(&document)["f"], form);
    }
}

#[test]
fn what_does_not_restrict_is_left_out() {
    let everything = json!({
        "devices": ["phone", "tablet", "desktop"],
        "schedule": {
            "time_zone": "Asia/Tokyo", "weekdays": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
            "hours": {"from": "00:00", "until": "24:00"},
        },
    });
    let mut document = minimal();
    document["targeting"] = everything;
    assert_eq!(runtime(&document).get("t"), None);
    document["targeting"] = json!({"schedule": {"weekdays": ["sat"]}});
    assert_eq!(
        runtime(&document)["t"],
        json!({"s": ["UTC", "", "", "6", "", ""]})
    );
    assert_eq!(needs(&document), ["bar", "target", "schedule"]);
}

#[test]
fn variants_that_nobody_meets_are_left_out() {
    let mut document = form();
    let mut other = minimal()["variants"][0].clone();
    other["key"] = json!("b");
    other["weight"] = json!(30);
    document["variants"].as_array_mut().unwrap().push(other.clone());
    assert_eq!(needs(&document), ["bar", "form", "variants"]);
    assert_eq!(runtime(&document)["v"][1][1], 30);
    document["variants"][0]["weight"] = json!(0);
    let runtime = runtime(&document);
    assert_eq!(runtime["v"].as_array().unwrap().len(), 1);
    assert_eq!(runtime["v"][0][0], "b");
    assert_eq!(needs(&document), ["bar"]);
}

#[test]
fn parts_are_found_by_their_names() {
    for part in Part::ALL {
        assert_eq!(part.as_str().parse(), Ok(*part));
    }
    assert_eq!("telemetry".parse::<Part>(), Err(NotAPart));
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
        let place = Embedding {
            key: name,
            member: crate::ids::MemberId::from_uuid(uuid::Uuid::from_u128(7)),
            base_url: None,
            policy_url: "",
            brand_url: None,
        };
        written[name] = serde_json::to_value(Configuration::starter(goal, "en").runtime(&place)).unwrap();
    }
    assert_eq!(written, known, "put this into starters.json:\n{written:#}");
}
