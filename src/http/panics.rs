//! A panic in a handler is our fault, not the end of the connection: a 500, and one log line with where it happened.

use std::{
    any::Any,
    future::Future,
    panic::{AssertUnwindSafe, PanicHookInfo},
};

use futures_util::FutureExt;

use super::problem::Problem;

/// Runs a handler; a panic inside becomes a problem.
pub async fn caught<T>(future: impl Future<Output = poem::Result<T>>) -> poem::Result<T> {
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(Problem::internal(format!("panicked: {}", message(&*panic))).into()),
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("(no message)")
}

/// Makes panics a line of the log, with their place, instead of a text on stderr. Called once, by `main`.
pub fn log_them() {
    std::panic::set_hook(Box::new(|info: &PanicHookInfo<'_>| {
        let place = info.location().map(|l| format!("{}:{}", l.file(), l.line()));
        tracing::error!(
            panic.place = place,
            panic.message = message(info.payload()),
            "panicked"
        );
    }));
}
