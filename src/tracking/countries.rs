//! In which country an address is, if the operator has a file that knows (MaxMind's format, of whichever maker). The
//! address is looked up and forgotten; what is kept is two letters.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock};

use maxminddb::{MaxMindDbError, Reader, path};

use super::Country;

/// What is known of countries. Cheap to clone; by default nothing.
#[derive(Clone, Default)]
pub struct Countries(Option<Arc<File>>);

struct File {
    path: PathBuf,
    loaded: RwLock<Loaded>,
}

struct Loaded {
    reader: Reader<Vec<u8>>,
    stamp: Stamp,
}

/// Tells one state of a file from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    modified_at: std::time::SystemTime,
    size_bytes: u64,
    inode: u64,
}

/// Why a file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum NotCountries {
    #[error("can't be read: {0}")]
    Unreadable(#[from] std::io::Error),
    #[error("is no database of addresses in MaxMind's format: {0}")]
    Malformed(#[from] MaxMindDbError),
    #[error("is a database of {0}, which knows no countries")]
    WithoutCountries(String),
}

impl Countries {
    /// Reads the file whole, into memory.
    pub fn open(path: &Path) -> Result<Self, NotCountries> {
        let loaded = load(path)?;
        Ok(Self(Some(Arc::new(File {
            path: path.to_owned(),
            loaded: RwLock::new(loaded),
        }))))
    }

    /// There is a file.
    pub fn is_known(&self) -> bool {
        self.0.is_some()
    }

    /// Where an address is. `None`: there is no file.
    pub fn find(&self, address: IpAddr) -> Option<Country> {
        let file = self.0.as_ref()?;
        let loaded = file.loaded.read().expect("no holder of this lock panics");
        Some(look_up(&loaded.reader, address))
    }

    /// Reads the file again if it is another one by now; answers whether it was. If it can't be used, what was read
    /// before stays in use. Blocks: not for an async thread.
    pub fn reload_if_changed(&self) -> Result<bool, NotCountries> {
        let Some(file) = &self.0 else { return Ok(false) };
        let stamp = stamp_of(&file.path)?;
        if file.loaded.read().expect("no holder of this lock panics").stamp == stamp {
            return Ok(false);
        }
        let loaded = load(&file.path)?;
        *file.loaded.write().expect("no holder of this lock panics") = loaded;
        Ok(true)
    }
}

fn stamp_of(path: &Path) -> Result<Stamp, std::io::Error> {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(path)?;
    Ok(Stamp {
        modified_at: metadata.modified()?,
        size_bytes: metadata.len(),
        inode: metadata.ino(),
    })
}

fn load(path: &Path) -> Result<Loaded, NotCountries> {
    // Before the bytes: a file that changes meanwhile is read again.
    let stamp = stamp_of(path)?;
    let reader = Reader::from_source(std::fs::read(path)?)?;
    if !knows_countries(&reader)? {
        return Err(NotCountries::WithoutCountries(
            reader.metadata().database_type.clone(),
        ));
    }
    Ok(Loaded { reader, stamp })
}

/// Whether one of the first networks names a country: a database of something else is a mistake worth telling.
fn knows_countries(reader: &Reader<Vec<u8>>) -> Result<bool, MaxMindDbError> {
    for network in reader.networks(Default::default())?.take(10_000) {
        if code_of(&network?).is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// A damaged entry, or an IPv6 address in a file of IPv4, is an unknown place: no reason not to count.
fn look_up(reader: &Reader<Vec<u8>>, address: IpAddr) -> Country {
    match reader.lookup(address) {
        Ok(found) => code_of(&found).unwrap_or(Country::Unknown),
        Err(_) => Country::Unknown,
    }
}

/// As MaxMind and DB-IP have it, or as IPinfo does.
fn code_of(found: &maxminddb::LookupResult<'_, Vec<u8>>) -> Option<Country> {
    let nested = found.decode_path::<&str>(&path!["country", "iso_code"]);
    let flat = || found.decode_path::<&str>(&path!["country_code"]);
    let code = match nested {
        Ok(Some(code)) => Some(code),
        // Where `country` is a name and no map.
        Ok(None) | Err(_) => flat().unwrap_or_default(),
    };
    code?.parse().ok()
}
