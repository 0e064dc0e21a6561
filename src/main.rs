//! Starts the command line; everything else is in the library.

fn main() -> std::process::ExitCode {
    let env = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    contactbar::cli::run(std::env::args_os(), env)
}
