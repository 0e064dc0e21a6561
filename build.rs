//! What is embedded in the crate rebuilds it: migrations, and the bar's script and the dashboard once they have been built.
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=migrations");
    // A path that does not exist would rebuild every time: watch the folder above until it is built.
    for watched in [["widget-js/dist", "widget-js"], ["dashboard/dist", "dashboard"]] {
        if let Some(folder) = watched.into_iter().find(|folder| Path::new(folder).exists()) {
            println!("cargo:rerun-if-changed={folder}");
        }
    }
}
