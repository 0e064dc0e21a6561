//! The bar's script as visitors get it: assembled from the built runtime and a published configuration, compressed
//! once, kept in memory; and the visitor's own choice (promise 44).
//!
//! Must never set a cookie, fail a page for want of a bar, or send anything but what is published.

pub mod api;
mod assets;
pub mod optout;
mod script;

use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use crate::bars::configuration::{Embedding, splice};
use crate::bars::recent::Recent;
use crate::bars::{BarKey, PublishedBar, PublishedBars};
use crate::db;

pub use assets::built_runtime;
pub use script::{Form, Script};

/// The bound of all assembled scripts in memory.
const SCRIPT_BYTES: usize = 32 << 20;
/// Compressing well takes a core for a moment: never all of them.
const ASSEMBLED_AT_A_TIME: usize = 2;

/// What a page gets that has no bar to show.
const NOTHING: &str = "/* Contactbar: there is no bar to show here. */\n";
/// What it gets from a server that was built without the script.
const UNBUILT: &str = "console.error(\"Contactbar: this server was built without the bar's script. Run `make widget`, \
                       then build it again.\");\n";

/// Assembles and keeps scripts. Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct Scripts {
    published: PublishedBars,
    shared: Arc<Shared>,
}

struct Shared {
    /// The built script, with a place for the configuration. `None`: the server was built without it.
    runtime: Option<String>,
    /// The address of the embed host, without a slash at its end.
    base_url: String,
    /// Where the service's privacy policy stands.
    policy_url: String,
    kept: Mutex<Recent<BarKey, Kept>>,
    places: Semaphore,
    nothing: Arc<Script>,
    unbuilt: Arc<Script>,
}

struct Kept {
    version: i32,
    script: Arc<Script>,
}

/// The answer to a request for a script.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A bar, or nothing at all: may be kept.
    Script(Arc<Script>),
    /// The server can't assemble one: not to be kept.
    Unbuilt(Arc<Script>),
}

impl Scripts {
    /// `runtime` is the built script ([`built_runtime`]).
    pub fn new(
        published: PublishedBars,
        base_url: &url::Url,
        public_url: &url::Url,
        runtime: Option<String>,
    ) -> Self {
        if runtime.is_none() {
            tracing::warn!("built without the bar's script: run `make widget`, then build again");
        }
        let shared = Shared {
            runtime,
            base_url: base_url.as_str().trim_end_matches('/').to_owned(),
            policy_url: format!("{}/policies/privacy", public_url.as_str().trim_end_matches('/')),
            kept: Mutex::new(Recent::new(SCRIPT_BYTES)),
            places: Semaphore::new(ASSEMBLED_AT_A_TIME),
            nothing: Arc::new(Script::new(NOTHING)),
            unbuilt: Arc::new(Script::new(UNBUILT)),
        };
        Self {
            published,
            shared: Arc::new(shared),
        }
    }

    /// The script under a key; one that does nothing if there is no bar to show.
    pub async fn find(&self, key: Option<BarKey>) -> db::Result<Answer> {
        let nothing = || Ok(Answer::Script(self.shared.nothing.clone()));
        let Some(key) = key else { return nothing() };
        match self.published.find_published(&key).await? {
            Some(bar) if bar.is_active() => self.assembled(bar).await,
            Some(_) | None => nothing(),
        }
    }

    async fn assembled(&self, bar: Arc<PublishedBar>) -> db::Result<Answer> {
        if let Some(script) = self.kept(&bar) {
            return Ok(Answer::Script(script));
        }
        let _place = self
            .shared
            .places
            .acquire()
            .await
            .expect("the semaphore is never closed");
        if let Some(script) = self.kept(&bar) {
            return Ok(Answer::Script(script)); // made while we waited
        }
        let shared = self.shared.clone();
        let made = tokio::task::spawn_blocking(move || shared.assemble(&bar)).await;
        match made {
            Ok(Some(script)) => Ok(Answer::Script(script)),
            Ok(None) => Ok(Answer::Unbuilt(self.shared.unbuilt.clone())),
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Err(_) => Err(db::Error::Unavailable("the service is stopping".into())),
        }
    }

    fn kept(&self, bar: &PublishedBar) -> Option<Arc<Script>> {
        let mut kept = self.shared.kept();
        kept.get(&bar.key)
            .filter(|kept| kept.version == bar.version)
            .map(|kept| kept.script.clone())
    }
}

impl Shared {
    fn assemble(&self, bar: &PublishedBar) -> Option<Arc<Script>> {
        let runtime = bar.configuration.runtime(&Embedding {
            key: bar.key.as_str(),
            member: bar.member,
            base_url: Some(&self.base_url),
            policy_url: &self.policy_url,
        });
        let script = Arc::new(Script::new(&splice(self.runtime.as_deref()?, &runtime)?));
        let kept = Kept {
            version: bar.version,
            script: script.clone(),
        };
        self.kept().insert(bar.key, kept, script.weight());
        Some(script)
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Recent<BarKey, Kept>> {
        self.kept.lock().expect("no holder of this lock panics")
    }
}
