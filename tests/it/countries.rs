//! Countries: an operator's file says where addresses are, and nothing of an address is kept.

use std::path::Path;

use contactbar::tracking::Countries;

/// A database in MaxMind's format 2.0, of IPv4: networks of 8 bits, by their first number, and what their map says.
pub fn database(kind: &str, entries: &[(u8, &[(&'static str, Value)])]) -> Vec<u8> {
    let mut data = Vec::new();
    let mut offsets = std::collections::HashMap::new();
    for (first, map) in entries {
        offsets.insert(*first, data.len());
        Value::Map(map.to_vec()).write(&mut data);
    }
    // A full tree of 8 levels: nodes of two records of 24 bits; beyond the last level stands the data.
    let nodes = 255_usize;
    let mut tree = Vec::new();
    for node in 0..nodes {
        for side in 0..2 {
            let child = 2 * node + 1 + side;
            let record = if child < nodes {
                child
            } else {
                let leaf = u8::try_from(child - nodes).unwrap();
                offsets.get(&leaf).map_or(nodes, |offset| nodes + 16 + offset)
            };
            tree.extend(&u32::try_from(record).unwrap().to_be_bytes()[1..]);
        }
    }
    let metadata = Value::Map(vec![
        ("node_count", Value::U32(255)),
        ("record_size", Value::U16(24)),
        ("ip_version", Value::U16(4)),
        ("database_type", Value::Text(kind.to_owned())),
        ("languages", Value::List(vec![])),
        ("binary_format_major_version", Value::U16(2)),
        ("binary_format_minor_version", Value::U16(0)),
        ("build_epoch", Value::U64(1_795_341_600)),
        ("description", Value::Map(vec![])),
    ]);
    let mut file = tree;
    file.extend([0; 16]);
    file.extend(data);
    file.extend(b"\xab\xcd\xefMaxMind.com");
    metadata.write(&mut file);
    file
}

#[derive(Clone)]
pub enum Value {
    Text(String),
    U16(u16),
    U32(u32),
    U64(u64),
    List(Vec<Value>),
    Map(Vec<(&'static str, Value)>),
}

impl Value {
    pub fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    fn write(&self, into: &mut Vec<u8>) {
        let short = |kind: u8, size: usize| (kind << 5) | u8::try_from(size).unwrap();
        match self {
            Self::Text(text) => {
                assert!(text.len() < 29);
                into.push(short(2, text.len()));
                into.extend(text.as_bytes());
            }
            Self::U16(n) => {
                into.push(short(5, 2));
                into.extend(n.to_be_bytes());
            }
            Self::U32(n) => {
                into.push(short(6, 4));
                into.extend(n.to_be_bytes());
            }
            // Kinds above 7 say so in a byte of their own.
            Self::U64(n) => {
                into.extend([short(0, 8), 9 - 7]);
                into.extend(n.to_be_bytes());
            }
            Self::List(items) => {
                into.extend([short(0, items.len()), 11 - 7]);
                items.iter().for_each(|item| item.write(into));
            }
            Self::Map(entries) => {
                into.push(short(7, entries.len()));
                for (key, value) in entries {
                    Self::text(key).write(into);
                    value.write(into);
                }
            }
        }
    }
}

pub fn country(code: &str) -> Value {
    Value::Map(vec![("iso_code", Value::text(code))])
}

fn find(countries: &Countries, address: &str) -> Option<String> {
    let found = countries.find(address.parse().unwrap())?;
    Some(found.as_str().to_owned())
}

#[test]
fn an_address_is_where_the_file_says_and_otherwise_unknown() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let entries = [
        (5_u8, &[("country", country("DE"))][..]),
        (
            6,
            &[
                ("country_code", Value::text("AT")),
                ("country", Value::text("Austria")),
            ],
        ),
        (7, &[("country", country("?!"))]),
    ];
    std::fs::write(&file, database("Test-Country", &entries)).unwrap();
    let countries = Countries::open(file.path()).unwrap();
    assert_eq!(find(&countries, "5.1.2.3").as_deref(), Some("DE"));
    assert_eq!(find(&countries, "6.1.2.3").as_deref(), Some("AT"));
    for unknown in ["7.1.2.3", "8.1.2.3", "2001:db8::1"] {
        assert_eq!(find(&countries, unknown).as_deref(), Some(""), "{unknown}");
    }
    assert_eq!(find(&Countries::default(), "5.1.2.3"), None);
}

#[test]
fn a_new_file_is_read_and_a_broken_one_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("countries.mmdb");
    let replace = |bytes: &[u8]| {
        let new = folder.path().join("new");
        std::fs::write(&new, bytes).unwrap();
        std::fs::rename(&new, &path).unwrap();
    };
    replace(&database("Test-Country", &[(5, &[("country", country("DE"))])]));
    let countries = Countries::open(&path).unwrap();
    assert!(!countries.reload_if_changed().unwrap());
    replace(&database("Test-Country", &[(5, &[("country", country("FR"))])]));
    assert!(countries.reload_if_changed().unwrap());
    assert_eq!(find(&countries, "5.1.2.3").as_deref(), Some("FR"));
    replace(b"nothing of the kind");
    assert!(countries.reload_if_changed().is_err());
    assert_eq!(find(&countries, "5.1.2.3").as_deref(), Some("FR"));
}

#[test]
fn what_knows_no_countries_is_refused_by_name() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, database("Test-ASN", &[(5, &[("asn", Value::U32(1))])])).unwrap();
    let fault = |path: &Path| Countries::open(path).map(|_| ()).unwrap_err().to_string();
    assert_eq!(
        fault(file.path()),
        "is a database of Test-ASN, which knows no countries"
    );
    std::fs::write(&file, b"x").unwrap();
    assert!(fault(file.path()).starts_with("is no database of addresses"));
    assert!(fault(Path::new("/nowhere/at/all")).starts_with("can't be read"));
}
