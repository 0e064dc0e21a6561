//! The document that is served, and the page that shows it.

use crate::support::TestApp;

both_databases! {
    async fn the_document_is_served(app: TestApp) {
        let document = app.client().get("/api/openapi.json").await.expect(200);
        assert_eq!(document, contactbar::app::App::document());
    }

    async fn the_reference_page_asks_nobody_else(app: TestApp) {
        let page = app.client().get("/docs").await;
        assert_eq!(page.status, 200);
        assert!(!page.text().contains("//"), "{}", page.text());
        assert!(page.header("content-security-policy").contains("default-src 'none'; script-src 'self'"));
        for file in ["ui.js", "ui.css", "start.js"] {
            let file = app.client().get(&format!("/docs/{file}")).await;
            assert!(file.status == 200 && !file.body.is_empty());
        }
    }
}

#[test]
fn the_committed_document_is_the_code_s() {
    let committed =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/openapi/openapi.json")).unwrap();
    let committed: serde_json::Value = serde_json::from_str(&committed).unwrap();
    assert!(
        committed == contactbar::app::App::document(),
        "`make openapi` rewrites openapi/openapi.json"
    );
}
