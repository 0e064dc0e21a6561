//! What the fuzz targets (`fuzz/`) try: the places where strangers' bytes become values, each with what must hold then.
//! Only there with the feature `fuzzing`, and no part of the service.

use std::sync::LazyLock;

use serde_json::{Value, json};
use uuid::Uuid;

use crate::bars::configuration::{Configuration, Embedding};
use crate::contacts::{Form, parse_post};
use crate::ids::{EventId, MemberId};
use crate::tracking::beacon::{MAX_EVENTS, parse, parse_query};
use crate::tracking::{Beacon, PageUrl, UserAgents, Visit};

/// The body of `POST /e`, the query of `GET /e.gif`, and what a request's header says of the browser.
pub fn beacon(data: &[u8]) {
    if let Ok(beacons) = parse(data) {
        assert!((1..=MAX_EVENTS).contains(&beacons.len()));
        beacons.iter().for_each(check_beacon);
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let fresh = EventId::from_uuid(Uuid::from_u128(7));
        if let Ok(beacon) = parse_query(text, fresh, Some("https://shop.example/")) {
            check_beacon(&beacon);
        }
        look_at_browser(text);
    }
}

fn check_beacon(beacon: &Beacon) {
    check_page(&beacon.page);
    assert!(beacon.referrer_host.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(beacon.referrer_host.len() <= PageUrl::MAX_URL_BYTES);
    assert!(beacon.language.len() <= 3);
    assert!((1..=16).contains(&beacon.variant.len()));
    assert!(beacon.shown_ms.is_none_or(|ms| ms >= 0));
}

fn check_page(page: &PageUrl) {
    assert!(!page.host().is_empty());
    assert_eq!(page.page(), format!("{}{}", page.host(), page.path()));
    assert!(
        page.page()
            .bytes()
            .all(|byte| byte.is_ascii() && !byte.is_ascii_control())
    );
    let utm = &page.utm;
    for value in [&utm.source, &utm.medium, &utm.campaign, &utm.term, &utm.content]
        .into_iter()
        .flatten()
    {
        assert!(!value.is_empty() && value.chars().count() <= 100);
        assert!(!value.chars().any(char::is_control));
    }
}

/// Lines: user agent, brands, platform, its version.
fn look_at_browser(text: &str) {
    static AGENTS: LazyLock<UserAgents> = LazyLock::new(UserAgents::default);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let agent = AGENTS.find(&Visit {
        address: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        network: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
        user_agent: line(),
        brands: line(),
        platform: line(),
        platform_version: line(),
        mobile: text.len() % 2 == 1,
        accept_language: None,
        gpc: false,
        dnt: false,
        prefetch: false,
    });
    for name in [&agent.browser, &agent.system, &agent.version] {
        assert!(name.chars().count() <= 40 && !name.chars().any(char::is_control));
    }
    assert!(agent.version.bytes().all(|byte| byte.is_ascii_digit()));
}

/// The body of a form post, held against a form with a field of each kind.
pub fn form(data: &[u8]) {
    static CONFIGURATION: LazyLock<Configuration> = LazyLock::new(every_field);
    let Ok(post) = parse_post(data) else { return };
    check_page(&post.page);
    let Some(form) = Form::find(&CONFIGURATION, "a", post.language.as_deref()) else {
        return;
    };
    if let Ok(accepted) = form.check(&post) {
        assert!(!format!("{:?}", accepted.answers).contains('\0'));
        let email = accepted.email.map(|email| email.to_string()).unwrap_or_default();
        assert!(!email.contains(['\r', '\n', '\0']));
    }
}

fn every_field() -> Configuration {
    let fields: Vec<Value> = ["email", "name", "phone", "message"]
        .into_iter()
        .map(|kind| json!({ "name": kind, "kind": kind }))
        .collect();
    let configuration = Configuration::from_json(&json!({
        "default_language": "en",
        "variants": [{
            "key": "a", "weight": 100,
            "goal": { "kind": "contact", "consent": { "required": false }, "fields": fields },
            "texts": { "en": { "message": "Hello", "button": "Send", "success": "Thanks!", "consent": "I agree" } }
        }]
    }));
    configuration.expect("it is one")
}

/// A bar's configuration: what is read and valid stays the same when it is written and read again, and makes a script.
pub fn configuration(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    let Ok(configuration) = Configuration::from_json(&value) else {
        return;
    };
    if configuration.validate().is_err() {
        return;
    }
    let written = serde_json::to_value(&configuration).expect("plain data can be written");
    let again = Configuration::from_json(&written).expect("what was written can be read");
    assert_eq!(again, configuration);
    assert!(again.validate().is_ok());
    let place = Embedding {
        key: "0123456789",
        member: MemberId::from_uuid(Uuid::from_u128(7)),
        base_url: None,
        policy_url: "https://bars.example/policies/privacy",
        brand_url: None,
    };
    serde_json::to_string(&configuration.runtime(&place)).expect("plain data can be written");
}

/// What a fuzzer does, without its guidance: on stable Rust, and in a test's time.
#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Random;

    fn damage(seeds: &[&[u8]], target: fn(&[u8])) {
        let random = Random::seeded(11);
        let below = |bound: usize| random.below(u32::try_from(bound).unwrap()) as usize;
        for round in 0..60_000 {
            let mut data = seeds[round % seeds.len()].to_vec();
            for _ in 0..below(4) {
                let place = below(data.len());
                match below(5) {
                    0 => data[place] = random.bytes::<1>()[0],
                    1 => data.truncate(place + 1),
                    2 => data.insert(place, b"\0\\\"{}[]:,.9-e%&=\n\xc3\xff"[below(19)]),
                    3 => {
                        data.remove(place);
                    }
                    _ => {
                        let end = (place + 1 + below(40)).min(data.len());
                        let piece = data[place..end].to_vec();
                        let at = below(data.len());
                        data.splice(at..at, piece);
                    }
                }
                if data.is_empty() {
                    data.push(b' ');
                }
            }
            target(&data);
        }
    }

    #[test]
    fn damaged_beacons_break_nothing() {
        let seeds: [&[u8]; 4] = [
            include_bytes!("../fuzz/seeds/beacon/whole"),
            include_bytes!("../fuzz/seeds/beacon/list"),
            include_bytes!("../fuzz/seeds/beacon/query"),
            include_bytes!("../fuzz/seeds/beacon/browser"),
        ];
        damage(&seeds, beacon);
    }

    #[test]
    fn damaged_forms_break_nothing() {
        damage(&[include_bytes!("../fuzz/seeds/form/whole")], form);
    }

    #[test]
    fn damaged_configurations_break_nothing() {
        damage(
            &[include_bytes!("../fuzz/seeds/configuration/contact")],
            configuration,
        );
    }
}
