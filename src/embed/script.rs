//! A script in every form that a browser may take, each with its strong tag.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use sha2::{Digest, Sha384};

use super::ScriptHash;

/// A script, ready to be sent.
#[derive(Debug)]
pub struct Script {
    hash: ScriptHash,
    plain: Form,
    gzip: Form,
    brotli: Form,
}

/// One form of it.
#[derive(Debug, Clone)]
pub struct Form {
    pub bytes: Bytes,
    /// The strong entity tag, quotes included: another one for each form, for the bytes are others.
    pub etag: String,
    /// The `Content-Encoding`.
    pub encoding: Option<&'static str>,
}

/// The compressed forms of a script.
#[derive(Debug, Clone)]
pub struct Packed {
    pub gzip: Bytes,
    pub brotli: Bytes,
}

impl Packed {
    /// Compresses as well as can be: it is done once and sent many times.
    pub fn new(text: &str) -> Self {
        Self {
            gzip: gzip(text.as_bytes()).into(),
            brotli: brotli(text.as_bytes()).into(),
        }
    }

    /// The script itself; `None` if the bytes are not what was packed.
    pub fn unpack(&self) -> Option<String> {
        let mut text = String::new();
        flate2::read::GzDecoder::new(&self.gzip[..])
            .read_to_string(&mut text)
            .ok()?;
        Some(text)
    }
}

impl Script {
    pub fn new(text: String) -> Self {
        let packed = Packed::new(&text);
        Self::of(text, packed)
    }

    /// A script whose forms were made before.
    pub fn of(text: String, packed: Packed) -> Self {
        let hash = ScriptHash::of(&text);
        let form = |bytes: Bytes, encoding: Option<&'static str>| Form {
            bytes,
            etag: format!("\"{}-{}\"", &hash.as_str()[..24], encoding.unwrap_or("id")),
            encoding,
        };
        Self {
            hash,
            brotli: form(packed.brotli, Some("br")),
            gzip: form(packed.gzip, Some("gzip")),
            plain: form(text.into(), None),
        }
    }

    pub fn hash(&self) -> ScriptHash {
        self.hash
    }

    /// What a page writes into `integrity`, so that its visitors' browsers run these very bytes or none.
    pub fn integrity(&self) -> String {
        format!("sha384-{}", STANDARD.encode(Sha384::digest(&self.plain.bytes)))
    }

    pub fn plain(&self) -> &Form {
        &self.plain
    }

    pub fn gzip(&self) -> &Form {
        &self.gzip
    }

    pub fn brotli(&self) -> &Form {
        &self.brotli
    }

    /// About what it takes in memory.
    pub fn weight(&self) -> usize {
        [&self.plain, &self.gzip, &self.brotli]
            .iter()
            .map(|form| form.bytes.len() + 128)
            .sum()
    }
}

fn brotli(bytes: &[u8]) -> Vec<u8> {
    const QUALITY: u32 = 11;
    const WINDOW_BITS: u32 = 22;
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 4096, QUALITY, WINDOW_BITS);
    writer.write_all(bytes).expect("writing to memory does not fail");
    writer.into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes).expect("writing to memory does not fail");
    writer.finish().expect("writing to memory does not fail")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_holds_the_same_script() {
        let text = "alert(1);".repeat(100);
        let script = Script::new(text.clone());
        let packed = Packed {
            gzip: script.gzip().bytes.clone(),
            brotli: script.brotli().bytes.clone(),
        };
        assert_eq!(packed.unpack().as_deref(), Some(text.as_str()));
        let mut unpacked = String::new();
        brotli::Decompressor::new(&script.brotli().bytes[..], 4096)
            .read_to_string(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, text);
        assert_eq!(script.plain().bytes, text);
        assert!(script.brotli().bytes.len() < text.len() / 4);
    }

    #[test]
    fn each_form_has_a_tag_of_its_own_that_stays_the_same() {
        let script = Script::new("a".to_owned());
        let (plain, brotli) = (script.plain(), script.brotli());
        assert_ne!(plain.etag, brotli.etag);
        assert_eq!(Script::new("a".to_owned()).brotli().etag, brotli.etag);
        assert_ne!(Script::new("b".to_owned()).brotli().etag, brotli.etag);
    }

    #[test]
    fn integrity_is_that_of_the_plain_script() {
        // echo -n 'alert(1)' | openssl dgst -sha384 -binary | base64
        assert_eq!(
            Script::new("alert(1)".to_owned()).integrity(),
            "sha384-HT2E9NfWiuQ/w1PRai+hTyqW16NIoCGA/m8VQDUopfAtcz6YQjtsMmQd5uRbVDpW"
        );
    }
}
