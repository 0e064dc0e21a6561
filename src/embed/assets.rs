//! The built script inside the binary. `cargo build` works without it; the server then says what to build.

use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "widget-js/dist"]
#[allow_missing = true]
struct Built;

/// `widget-js/dist/bar.js`, as `make widget` made it before this binary was built.
pub fn built_runtime() -> Option<String> {
    let file = Built::get("bar.js")?;
    String::from_utf8(file.data.into_owned()).ok()
}
