//! Scripts found, assembled, compressed and kept: in memory, and in the database for all processes and for ever.
//!
//! Putting a script together costs nothing worth saving; compressing it well does. So what is looked up is the
//! compressed form, by the hash of the script that is wanted now: no change of the built script, of an address or of
//! this code can find a stale one.

use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::{Semaphore, SemaphorePermit};

use super::script::Packed;
use super::store::{self, Owner};
use super::{Built, Script, ScriptHash};
use crate::bars::configuration::{Configuration, Embedding, NoPreview};
use crate::bars::recent::Recent;
use crate::bars::{self, BarKey, Bars, PublishedBar};
use crate::clock::Clock;
use crate::db::{self, Db};
use crate::ids::{BarId, MemberId};
use crate::plans::Plans;

/// The bound of the scripts in memory that bars are shown by, and of those that are pinned by their hash.
const CURRENT_BYTES: usize = 32 << 20;
const PINNED_BYTES: usize = 16 << 20;
/// Compressing well takes a core for a moment: never all of them.
const MADE_AT_A_TIME: usize = 2;

/// What a page gets that has no bar to show.
const NOTHING: &str = "/* Contactbar: there is no bar to show here. */\n";
/// What it gets from a server that was built without the script.
const UNBUILT: &str = "console.error(\"Contactbar: this server was built without the bar's script. Run `make widget`, \
                       then build it again.\");\n";

/// The key of a bar that is only looked at: too short for a bar's.
const PREVIEW_KEY: &str = "preview";
/// Where it reports: no name below `invalid` leads anywhere (RFC 2606).
const NOWHERE: &str = "https://preview.invalid";

/// Why a script could not be made ready. What is not there, or another's, is `None` instead.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("this server was built without the bar's script")]
    Unbuilt,
    #[error(transparent)]
    Preview(#[from] NoPreview),
    #[error(transparent)]
    Bars(#[from] bars::Error),
    #[error(transparent)]
    Db(#[from] db::Error),
}

/// Assembles and keeps scripts. Cheap to clone; one for the whole process.
#[derive(Clone)]
pub struct Scripts {
    db: Db,
    clock: Clock,
    bars: Bars,
    shared: Arc<Shared>,
}

struct Shared {
    /// `None`: the server was built without it.
    built: Option<Built>,
    /// The address of the embed host, without a slash at its end.
    base_url: String,
    /// Where the service's privacy policy stands.
    policy_url: String,
    /// Where the service stands, without a slash at its end.
    public_url: String,
    plans: Plans,
    memory: Mutex<Memory>,
    places: Semaphore,
    nothing: Arc<Script>,
    unbuilt: Arc<Script>,
}

struct Memory {
    current: Recent<BarKey, Current>,
    pinned: Recent<(BarKey, ScriptHash), Arc<Script>>,
}

struct Current {
    version: i32,
    branded: bool,
    script: Arc<Script>,
}

/// The answer to a request for a bar's script.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A bar, or nothing at all: may be kept for a while.
    Script(Arc<Script>),
    /// The server can't assemble one: not to be kept.
    Unbuilt(Arc<Script>),
}

/// The answer to a request for a script by its hash.
#[derive(Clone, Debug)]
pub enum Pinned {
    /// These very bytes, for ever.
    Script(Arc<Script>),
    /// The bar is not shown now: a script that does nothing.
    Nothing(Arc<Script>),
    /// The bar never had such a script.
    Unknown,
}

/// The script of the version that is published now, kept for ever.
#[derive(Clone, Debug)]
pub struct Pin {
    /// Where pages get it, and whatever follows it.
    pub url: String,
    /// Where they get it and nothing else.
    pub pinned_url: String,
    pub version: i32,
    pub script: Arc<Script>,
}

impl Scripts {
    /// `built` is the built script ([`super::built_script`]).
    pub fn new(
        db: Db,
        clock: Clock,
        bars: Bars,
        embed_url: &url::Url,
        public_url: &url::Url,
        plans: Plans,
        built: Option<Built>,
    ) -> Self {
        if built.is_none() {
            tracing::warn!("built without the bar's script: run `make widget`, then build again");
        }
        let base = |url: &url::Url| url.as_str().trim_end_matches('/').to_owned();
        let memory = Memory {
            current: Recent::new(CURRENT_BYTES),
            pinned: Recent::new(PINNED_BYTES),
        };
        let shared = Shared {
            built,
            base_url: base(embed_url),
            policy_url: format!("{}/policies/privacy", base(public_url)),
            public_url: base(public_url),
            plans,
            memory: Mutex::new(memory),
            places: Semaphore::new(MADE_AT_A_TIME),
            nothing: Arc::new(Script::new(NOTHING.to_owned())),
            unbuilt: Arc::new(Script::new(UNBUILT.to_owned())),
        };
        Self {
            db,
            clock,
            bars,
            shared: Arc::new(shared),
        }
    }

    /// The script under a key; one that does nothing if there is no bar to show.
    pub async fn find(&self, key: Option<BarKey>) -> db::Result<Answer> {
        let Some(bar) = self.find_shown(key).await? else {
            return Ok(Answer::Script(self.shared.nothing.clone()));
        };
        if let Some(script) = self.shared.current(&bar) {
            return Ok(Answer::Script(script));
        }
        let Some(text) = self.shared.assemble(&bar) else {
            return Ok(Answer::Unbuilt(self.shared.unbuilt.clone()));
        };
        let script = match self.keep(&bar, text.clone()).await {
            Ok(script) => script,
            // The page must not be without its bar for that; the job keeps it when it can.
            Err(error) if error.is_unavailable() || error.is_foreign_key_violation() => {
                tracing::warn!(%error, bar.id = %bar.bar, "a script is served without being kept");
                self.make_unkept(&bar, text).await?
            }
            Err(error) => return Err(error),
        };
        self.shared.remember(&bar, &script);
        Ok(Answer::Script(script))
    }

    /// The script of that hash, if the bar ever had it.
    pub async fn find_pinned(&self, key: Option<BarKey>, hash: Option<ScriptHash>) -> db::Result<Pinned> {
        let Some(bar) = self.find_shown(key).await? else {
            return Ok(Pinned::Nothing(self.shared.nothing.clone()));
        };
        let Some(hash) = hash else {
            return Ok(Pinned::Unknown);
        };
        if let Some(script) = self.shared.pinned(&bar, hash) {
            return Ok(Pinned::Script(script));
        }
        let Some(packed) = self.find_kept(&bar, hash).await? else {
            return Ok(Pinned::Unknown);
        };
        let script = packed.unpack().map(|text| Script::of(text, packed));
        match script.filter(|script| script.hash() == hash) {
            Some(script) => Ok(Pinned::Script(
                self.shared.remember_pinned(bar.key, Arc::new(script)),
            )),
            None => {
                tracing::error!(bar.id = %bar.bar, script.hash = %hash, "a kept script is not what it was");
                Ok(Pinned::Unknown)
            }
        }
    }

    /// The script of what is published now, kept before it is told of.
    pub async fn pin(&self, member: MemberId, id: BarId) -> Result<Option<Pin>, Error> {
        let Some(bar) = self.bars.find(member, id).await? else {
            return Ok(None);
        };
        if bar.published.is_none() {
            return Err(bars::Error::NeverPublished.into());
        }
        let Some(shown) = self.bars.published().read_published(&bar.key).await? else {
            return Ok(None); // deleted meanwhile
        };
        let text = self.shared.assemble(&shown).ok_or(Error::Unbuilt)?;
        let script = self.keep(&shown, text).await?;
        let base = format!("{}/b/{}", self.shared.base_url, shown.key);
        Ok(Some(Pin {
            url: format!("{base}.js"),
            pinned_url: format!("{base}/{}.js", script.hash()),
            version: shown.version,
            script,
        }))
    }

    /// The script of a configuration that nobody has published, to be looked at. Nothing that it does can be counted.
    pub async fn preview(
        &self,
        member: MemberId,
        configuration: &Configuration,
        variant: Option<&str>,
        language: Option<&str>,
    ) -> Result<String, Error> {
        let preview = configuration.preview(variant, language)?;
        let plans = self.shared.plans;
        let plan = self.db.read(move |conn| plans.of(conn, member)).await?;
        let runtime = preview.runtime(&Embedding {
            key: PREVIEW_KEY,
            member,
            base_url: Some(NOWHERE),
            policy_url: &self.shared.policy_url,
            brand_url: self.shared.brand_url(plans.is_branded(plan)),
        });
        let built = self.shared.built.as_ref().ok_or(Error::Unbuilt)?;
        built.assemble(&runtime).ok_or(Error::Unbuilt)
    }

    /// Makes ready what is published under a key, before visitors ask for it.
    pub(super) async fn prepare(&self, key: &BarKey) -> db::Result<()> {
        let Some(bar) = self.bars.published().read_published(key).await? else {
            return Ok(()); // deleted meanwhile
        };
        let Some(text) = self.shared.assemble(&bar) else {
            return Ok(());
        };
        match self.keep(&bar, text).await {
            Ok(script) => {
                self.shared.remember(&bar, &script);
                Ok(())
            }
            Err(error) if error.is_foreign_key_violation() => Ok(()), // purged meanwhile
            Err(error) => Err(error),
        }
    }

    async fn find_shown(&self, key: Option<BarKey>) -> db::Result<Option<Arc<PublishedBar>>> {
        let Some(key) = key else { return Ok(None) };
        let bar = self.bars.published().find_published(&key).await?;
        Ok(bar.filter(|bar| bar.is_active()))
    }

    /// The script in the forms that are kept; makes and keeps them if they are not.
    async fn keep(&self, bar: &PublishedBar, text: String) -> db::Result<Arc<Script>> {
        let hash = ScriptHash::of(&text);
        if let Some(packed) = self.find_kept(bar, hash).await? {
            return Ok(Arc::new(Script::of(text, packed)));
        }
        let _place = self.place().await;
        if let Some(packed) = self.find_kept(bar, hash).await? {
            return Ok(Arc::new(Script::of(text, packed))); // made while we waited
        }
        let packed = pack(text.clone()).await?;
        let owner = Owner {
            member: bar.member,
            bar: bar.bar,
            version: bar.version,
        };
        let now = self.clock.now();
        let packed = self
            .db
            .write(move |tx| {
                store::insert(tx, owner, hash, &packed, now)?;
                // Another process may have been first: then its bytes are the ones.
                Ok::<_, db::Error>(store::find(tx, owner.member, owner.bar, hash)?.unwrap_or(packed))
            })
            .await?;
        Ok(Arc::new(Script::of(text, packed)))
    }

    async fn find_kept(&self, bar: &PublishedBar, hash: ScriptHash) -> db::Result<Option<Packed>> {
        let (member, id) = (bar.member, bar.bar);
        self.db
            .read(move |conn| store::find(conn, member, id, hash))
            .await
    }

    async fn make_unkept(&self, bar: &PublishedBar, text: String) -> db::Result<Arc<Script>> {
        let _place = self.place().await;
        if let Some(script) = self.shared.current(bar) {
            return Ok(script); // made while we waited
        }
        let packed = pack(text.clone()).await?;
        let script = Arc::new(Script::of(text, packed));
        self.shared.remember(bar, &script);
        Ok(script)
    }

    async fn place(&self) -> SemaphorePermit<'_> {
        let place = self.shared.places.acquire().await;
        place.expect("the semaphore is never closed")
    }
}

async fn pack(text: String) -> db::Result<Packed> {
    match tokio::task::spawn_blocking(move || Packed::new(&text)).await {
        Ok(packed) => Ok(packed),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(db::Error::Unavailable("the service is stopping".into())),
    }
}

impl Shared {
    fn is_branded(&self, bar: &PublishedBar) -> bool {
        self.plans.is_branded(bar.plan)
    }

    fn brand_url(&self, branded: bool) -> Option<&str> {
        branded.then_some(self.public_url.as_str())
    }

    fn assemble(&self, bar: &PublishedBar) -> Option<String> {
        let runtime = bar.configuration.runtime(&Embedding {
            key: bar.key.as_str(),
            member: bar.member,
            base_url: Some(&self.base_url),
            policy_url: &self.policy_url,
            brand_url: self.brand_url(self.is_branded(bar)),
        });
        self.built.as_ref()?.assemble(&runtime)
    }

    fn current(&self, bar: &PublishedBar) -> Option<Arc<Script>> {
        let mut memory = self.memory();
        let current = memory.current.get(&bar.key)?;
        let same = current.version == bar.version && current.branded == self.is_branded(bar);
        same.then(|| current.script.clone())
    }

    fn pinned(&self, bar: &PublishedBar, hash: ScriptHash) -> Option<Arc<Script>> {
        let mut memory = self.memory();
        let current = memory.current.get(&bar.key).map(|current| current.script.clone());
        current
            .filter(|script| script.hash() == hash)
            .or_else(|| memory.pinned.get(&(bar.key, hash)).cloned())
    }

    fn remember(&self, bar: &PublishedBar, script: &Arc<Script>) {
        let current = Current {
            version: bar.version,
            branded: self.is_branded(bar),
            script: script.clone(),
        };
        self.memory().current.insert(bar.key, current, script.weight());
    }

    fn remember_pinned(&self, key: BarKey, script: Arc<Script>) -> Arc<Script> {
        let place = (key, script.hash());
        self.memory()
            .pinned
            .insert(place, script.clone(), script.weight());
        script
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().expect("no holder of this lock panics")
    }
}
