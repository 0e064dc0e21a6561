//! The built script inside the binary. `cargo build` works without it; the server then says what to build.

use rust_embed::RustEmbed;

use super::Built;

#[derive(RustEmbed)]
#[folder = "widget-js/dist"]
#[allow_missing = true]
struct Dist;

/// `widget-js/dist/bar.json`, as `make widget` made it before this binary was built.
pub fn built_script() -> Option<Built> {
    let file = Dist::get("bar.json")?;
    match Built::from_json(&file.data) {
        Ok(built) => {
            for name in built.unknown_parts() {
                tracing::warn!(
                    part = name,
                    "every bar gets a part of the script that this server does not know"
                );
            }
            Some(built)
        }
        Err(error) => {
            tracing::error!(%error, "widget-js/dist/bar.json is not a list of parts");
            None
        }
    }
}
