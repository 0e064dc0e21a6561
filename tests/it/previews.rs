//! What a member looks at before they publish: the script of a draft, whether it would show, templates, small pictures.

use contactbar::accounts::Scope;
use contactbar::clock::MINUTE;
use poem::http::Method;
use serde_json::{Value, json};

use crate::bars::{member, path, published};
use crate::support::TestApp;

fn link(url: &str) -> Value {
    json!({
        "variants": [
            { "key": "a", "goal": { "kind": "link", "url": url }, "texts": {
                "en": { "message": "Hello", "button": "Go" }, "de": { "message": "Hallo", "button": "Los" } } },
            { "key": "b", "weight": 0, "goal": { "kind": "notice" }, "texts": { "en": { "message": "Only this" } } },
        ],
        "triggers": { "on": [{ "kind": "delay", "seconds": 600 }] },
        "targeting": { "pages": [{ "match": "starts", "value": "/tea/" }], "languages": ["de"], "percentage": 30 },
    })
}

both_databases! {
    async fn a_draft_is_looked_at_without_being_kept_or_counted(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let show = |more: Value| {
            let mut body = json!({ "configuration": link("https://shop.example/") });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            client.post("/api/v1/previews", body)
        };
        let script = show(json!({})).await.expect(200)["script"].as_str().unwrap().to_owned();
        assert!(script.contains("\"k\":\"preview\"") && script.contains("\"h\":\"https://preview.invalid\""));
        assert!(script.contains("Hello") && !script.contains("Hallo") && !script.contains("Only this"), "one of each");
        assert!(script.contains("\"w\":[[0]]") && !script.contains("/tea/"), "at once, everywhere");
        let german = show(json!({ "language": "de-AT" })).await.expect(200);
        assert!(german["script"].as_str().unwrap().contains("Hallo"));
        let other = show(json!({ "variant": "b" })).await.expect(200);
        assert!(other["script"].as_str().unwrap().contains("Only this"));
        assert_eq!(show(json!({ "variant": "c" })).await.problem(422), ["variant: the configuration has no such variant"]);
        assert_eq!(client.get("/api/v1/bars").await.expect(200)["items"], json!([]));
    }

    async fn what_can_not_be_looked_at_is_named_field_by_field(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let show = |configuration: Value| client.post("/api/v1/previews", json!({ "configuration": configuration }));
        assert_eq!(
            show(link("javascript:alert(1)")).await.problem(422),
            ["configuration.variants[0].goal.url: must begin with one of `https:`, `http:`, `mailto:`, `tel:`"]
        );
        assert_eq!(show(json!({ "variants": [] })).await.problem(422), ["configuration.variants: has fewer than 1 entries"]);
        show(link("")).await.expect(200);
        let mut unfinished = link("https://shop.example/");
        unfinished["variants"][0]["texts"]["en"] = json!({ "message": "Hello" });
        unfinished["targeting"]["pages"] = json!([{ "match": "exact", "value": "x" }]);
        show(unfinished).await.expect(200);
    }

    async fn a_preview_needs_no_more_than_reading_and_no_less(app: TestApp) {
        let owner = app.with_owner("owner@example.com").await;
        let reader = app.with_token(owner.member, &[Scope::BarsRead], None).await;
        let body = json!({ "configuration": link("https://shop.example/") });
        reader.post("/api/v1/previews", body.clone()).await.expect(200);
        app.client().post("/api/v1/previews", body).await.problem(401);
        app.client().get("/api/v1/bar-templates").await.problem(401);
    }

    async fn a_member_learns_whether_a_bar_would_show_and_why_not(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let ask = |page: &str, more: Value| {
            let mut body = json!({ "configuration": link("https://shop.example/"), "page": page });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            client.call(Method::POST, "/api/v1/previews/showing").header("accept-language", "fr, en;q=0.5").json(&body).send()
        };
        let shown = ask("shop.example/tea/green#top", json!({ "language": "de-AT" })).await.expect(200);
        assert_eq!(shown, json!({ "shows": true, "rules": [
            { "rule": "page", "passes": true, "message": "A rule matches this page." },
            { "rule": "language", "passes": true, "message": "The bar is for visitors who read de; this one reads de-AT." },
            { "rule": "percentage", "passes": true, "message": "The bar shows to 30 % of the visitors: chance decides, once for each." },
        ] }));
        let away = ask("https://shop.example/coffee", json!({})).await.expect(200);
        assert_eq!(away["shows"], false);
        let passes: Vec<_> = away["rules"].as_array().unwrap().iter().map(|rule| &rule["passes"]).collect();
        assert_eq!(passes, [false, false, true], "the bar's default language is English");
        assert_eq!(ask("ftp://x", json!({})).await.problem(422), ["page: must be the address of a page such as `https://shop.example/tea`"]);
    }

    async fn the_clock_and_the_reader_s_language_are_the_service_s_and_the_reader_s_own(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        // It is a Sunday, 10:00 in UTC.
        let schedule = json!({ "time_zone": "Europe/Berlin", "hours": { "from": "09:00", "until": "11:00" } });
        let mut configuration = link("https://shop.example/");
        configuration["targeting"] = json!({ "schedule": schedule, "visitors": "returning", "devices": ["phone"] });
        let ask = |more: Value| {
            let mut body = json!({ "configuration": configuration, "page": "https://shop.example/" });
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            client.post("/api/v1/previews/showing?language=de", body)
        };
        let now = ask(json!({})).await.expect(200);
        let told: Vec<_> = now["rules"].as_array().unwrap().iter().map(|rule| rule["message"].as_str().unwrap()).collect();
        assert_eq!(told, [
            "Die Leiste ist für diese Geräte: Telefon; dieses ist ein Computer.",
            "Die Leiste ist nur für wiederkehrende Besucher; dieser ist neu.",
            "In Europe/Berlin ist es 2026-11-22 11:00: außerhalb des Zeitplans.",
        ]);
        let then = ask(json!({ "at": "2026-11-22T08:00:00Z", "visitor": "returning", "device": "phone" })).await;
        assert_eq!(then.expect(200)["shows"], true);
        configuration["targeting"] = json!({ "schedule": { "time_zone": "Mars/Olympus" } });
        let body = json!({ "configuration": configuration, "page": "https://shop.example/" });
        let faults = client.post("/api/v1/previews/showing", body).await.problem(422);
        assert!(faults[0].starts_with("configuration.targeting.schedule.time_zone: must be"), "{faults:?}");
    }

    async fn every_template_becomes_a_bar_that_is_published_and_shown(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let german = client.get("/api/v1/bar-templates?language=de").await.expect(200);
        assert_eq!(german["items"][1]["name"], "Rückruf");
        let english = client.call(Method::GET, "/api/v1/bar-templates").header("accept-language", "en").send().await;
        let templates = english.expect(200)["items"].as_array().unwrap().clone();
        assert_eq!(templates.len(), 8);
        for template in templates {
            let body = json!({ "name": template["name"], "draft": template["configuration"] });
            let bar = client.post("/api/v1/bars", body).await.expect(201);
            client.post(&path(&bar, "/publish"), json!({})).await.expect(200);
            client.post("/api/v1/previews", json!({ "configuration": template["configuration"] })).await.expect(200);
        }
    }

    async fn a_list_tells_how_each_draft_looks(app: TestApp) {
        let (_, client) = member(&app, "ada").await;
        let bar = published(&client).await;
        let look = |listed: &Value| listed["items"][0]["look"].clone();
        let before = look(&client.get("/api/v1/bars").await.expect(200));
        assert_eq!(before, json!({
            "goal": "contact", "layout": "bar", "edge": "bottom", "background": "#312e81", "text": "#ffffff",
            "button": "#fde68a", "button_text": "#312e81", "button_label": "Get in touch",
            "message": "Have a question? Leave your email and we’ll get back to you today.",
        }));
        let mut draft = link("https://shop.example/");
        draft["layout"] = json!({ "kind": "slide_in", "corner": "top_left" });
        draft["default_language"] = json!("de");
        let body = json!({ "configuration": draft, "revision": 1 });
        client.put(&path(&bar, "/draft"), body).await.expect(200);
        app.clock.advance(MINUTE);
        client.post("/api/v1/bars", json!({ "name": "Another", "goal": "notice" })).await.expect(201);
        let listed = client.get("/api/v1/bars?sort=oldest&limit=1").await.expect(200);
        let after = look(&listed);
        assert_eq!((&after["layout"], &after["corner"], after.get("edge")), (&json!("slide_in"), &json!("top_left"), None));
        assert_eq!((&after["goal"], &after["message"], &after["button_label"]), (&json!("link"), &json!("Hallo"), &json!("Los")));
        assert!(listed["next_cursor"].is_string());
        let notice = look(&client.get("/api/v1/bars?search=another").await.expect(200));
        assert_eq!((&notice["goal"], notice.get("button_label")), (&json!("notice"), None));
    }
}
