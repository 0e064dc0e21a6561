//! The plain routes of the embed host, in words for the OpenAPI document.

use serde_json::{Value, json};

/// These routes, for the document.
pub fn describe() -> Value {
    let problem = |description: &str| {
        json!({ "description": description,
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } })
    };
    let page = |description: &str| {
        json!({ "description": description, "content": { "text/html": { "schema": { "type": "string" },
                "example": "<!doctype html><html lang=\"en\">…" } } })
    };
    let etag = json!({ "description": "Names these very bytes.", "schema": { "type": "string" },
                       "example": "\"5f0c2ab98d0e6a51cc4af0d2-br\"" });
    json!({
        "tags": [{ "name": "Embed", "description": "What visitors' browsers talk to: on the embed host, without cookies, open to every origin." }],
        "paths": {
            "/b/{key}.js": { "get": {
                "operationId": "read_script", "tags": ["Embed"], "summary": "The bar's script",
                "description": "The script and the published configuration of a bar in one answer, compressed as the browser takes it \
                    (`br`, `gzip`). A page embeds it with `<script async src=\"https://HOST/b/KEY.js\"></script>`. A bar that is paused, \
                    deleted or was never published, and a key that is nobody's, get a script that does nothing.",
                "parameters": [
                    { "name": "key", "in": "path", "required": true, "description": "The bar's key, or its legacy id.",
                      "schema": { "type": "string" }, "example": "7m2k9x4qtz" },
                    { "name": "If-None-Match", "in": "header", "description": "Tags that the client has.",
                      "schema": { "type": "string" }, "example": "\"5f0c2ab98d0e6a51cc4af0d2-br\"" }
                ],
                "responses": {
                    "200": { "description": "The script.", "headers": { "ETag": etag.clone() },
                             "content": { "text/javascript": { "schema": { "type": "string" }, "example": "(()=>{…})();" } } },
                    "304": { "description": "The client has it already.", "headers": { "ETag": etag.clone() } },
                    "404": problem("The path is not that of a script."),
                    "503": problem("Not able to answer right now. Try again after `Retry-After` seconds.")
                }
            } },
            "/b/{key}/{hash}.js": { "get": {
                "operationId": "read_pinned_script", "tags": ["Embed"], "summary": "A bar's script as it was once",
                "description": "Exactly these bytes, for ever, for pages that name them by `integrity`: \
                    `GET /api/v1/bars/{bar_id}/script` says how. Later versions of the bar are not seen by such a page. While the \
                    bar is paused, and once it is deleted, it is a script that does nothing.",
                "parameters": [
                    { "name": "key", "in": "path", "required": true, "description": "The bar's key.",
                      "schema": { "type": "string" }, "example": "7m2k9x4qtz" },
                    { "name": "hash", "in": "path", "required": true,
                      "description": "The SHA-256 of the script, in hexadecimal digits.",
                      "schema": { "type": "string" },
                      "example": "5f0c2ab98d0e6a51cc4af0d25f0c2ab98d0e6a51cc4af0d25f0c2ab98d0e6a51" },
                    { "name": "If-None-Match", "in": "header", "description": "Tags that the client has.",
                      "schema": { "type": "string" }, "example": "\"5f0c2ab98d0e6a51cc4af0d2-br\"" }
                ],
                "responses": {
                    "200": { "description": "The script.", "headers": { "ETag": etag.clone() },
                             "content": { "text/javascript": { "schema": { "type": "string" }, "example": "(()=>{…})();" } } },
                    "304": { "description": "The client has it already.", "headers": { "ETag": etag.clone() } },
                    "404": problem("The bar never had a script of this hash."),
                    "503": problem("Not able to answer right now. Try again after `Retry-After` seconds.")
                }
            } },
            "/optout": {
                "get": {
                    "operationId": "show_optout", "tags": ["Embed"], "summary": "The visitor's choice, as a page",
                    "description": "Shows whether bars on this address report about the visitor, and lets them change that. The choice \
                        is kept by the browser alone (in `localStorage`, where the bar's script looks): no cookie is set, and the \
                        server never learns it. A GET changes nothing.",
                    "responses": { "200": page("The page, in English or German."), "429": problem("Too many requests.") }
                },
                "post": {
                    "operationId": "change_optout", "tags": ["Embed"], "summary": "Change the visitor's choice",
                    "description": "Answers the page, which carries out the choice in the browser that shows it.",
                    "requestBody": { "required": true, "content": { "application/x-www-form-urlencoded": {
                        "schema": { "type": "object", "required": ["choice"], "additionalProperties": false, "properties": {
                            "choice": { "type": "string", "enum": ["out", "in"], "description": "`out`: report nothing about me. `in`: go back." } } },
                        "example": { "choice": "out" } } } },
                    "responses": {
                        "200": page("The page, with the choice carried out."),
                        "400": problem("The body can't be read."),
                        "403": problem("The form came from another site."),
                        "408": problem("The body took too long to arrive."),
                        "413": problem("The body is too large."),
                        "415": problem("The body is no form."),
                        "422": problem("The choice is missing or unknown."),
                        "429": problem("Too many requests.")
                    }
                }
            }
        }
    })
}
