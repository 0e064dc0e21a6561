//! A script in every form that a browser may take, each with its strong tag.

use std::io::Write;

use bytes::Bytes;

use crate::secrets::sha256;

/// A script, ready to be sent.
#[derive(Debug)]
pub struct Script {
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

impl Script {
    /// Compresses as well as can be: it is done once and sent many times.
    pub fn new(text: &str) -> Self {
        let hash: String = sha256(text.as_bytes())[..12]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let form = |bytes: Vec<u8>, encoding: Option<&'static str>| Form {
            bytes: bytes.into(),
            etag: format!("\"{hash}-{}\"", encoding.unwrap_or("id")),
            encoding,
        };
        Self {
            brotli: form(brotli(text.as_bytes()), Some("br")),
            gzip: form(gzip(text.as_bytes()), Some("gzip")),
            plain: form(text.as_bytes().to_vec(), None),
        }
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

impl Form {
    /// Does `If-None-Match` name this form? Intermediaries may have weakened the tag on its way.
    pub fn is_among(&self, if_none_match: &str) -> bool {
        if_none_match
            .split(',')
            .map(str::trim)
            .any(|tag| tag == "*" || tag.trim_start_matches("W/") == self.etag)
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
    use std::io::Read;

    use super::*;

    #[test]
    fn every_form_holds_the_same_script() {
        let text = "alert(1);".repeat(100);
        let script = Script::new(&text);
        let mut unpacked = String::new();
        flate2::read::GzDecoder::new(&script.gzip().bytes[..])
            .read_to_string(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, text);
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
        let script = Script::new("a");
        let (plain, brotli) = (script.plain(), script.brotli());
        assert_ne!(plain.etag, brotli.etag);
        assert_eq!(Script::new("a").brotli().etag, brotli.etag);
        assert_ne!(Script::new("b").brotli().etag, brotli.etag);
        assert!(brotli.is_among(&format!("\"x\", W/{}", brotli.etag)) && brotli.is_among("*"));
        assert!(!brotli.is_among(&plain.etag) && !brotli.is_among(""));
    }
}
