//! The rules of architecture.md, held against the source: who may use whom, and who may know what.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// What describes a shape may stand on a feature's values, so that it is written once: poem-openapi's derives, and the
/// traits behind them for what they can't express.
const SHAPES: [&str; 6] = ["Enum", "Object", "Union", "NewType", "types", "registry"];

/// All of the crate that the HTTP face knows.
const BELOW_HTTP: [&str; 7] = ["clock", "ids", "secrets", "db", "http", "string_type", "both"];

struct Source {
    /// Relative to `src`, such as `bars/store.rs`.
    path: String,
    /// The module at the top: `bars`.
    module: String,
    /// `store` in `bars/store.rs` and in `bars/store/x.rs`.
    room: String,
    /// Every path that is named, from its root: `["crate", "db", "Conn"]`.
    paths: BTreeSet<Vec<String>>,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    list(&root, &mut files);
    files.iter().map(|file| read(&root, file)).collect()
}

fn list(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            list(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            into.push(path);
        }
    }
}

fn read(root: &Path, file: &Path) -> Source {
    let path = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
    let mut parts = path.trim_end_matches(".rs").split('/');
    let module = parts.next().unwrap().to_owned();
    let room = parts.next().unwrap_or("mod").to_owned();
    let text = std::fs::read_to_string(file).unwrap();
    // Tests may reach further than what they test.
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap();
    Source {
        path,
        module,
        room,
        paths: paths(&code_of(text)),
    }
}

/// Without comments and strings.
fn code_of(text: &str) -> String {
    let mut code = String::new();
    for line in text.lines() {
        let mut in_string = false;
        let mut previous = ' ';
        for c in line.chars() {
            match c {
                '"' if previous != '\\' && previous != '\'' => in_string = !in_string,
                '/' if previous == '/' && !in_string => {
                    code.pop();
                    break;
                }
                _ if in_string => {}
                _ => code.push(c),
            }
            previous = c;
        }
        code.push('\n');
    }
    code
}

/// Every path with a root of interest, trees of `use` spelt out.
fn paths(code: &str) -> BTreeSet<Vec<String>> {
    let mut found = BTreeSet::new();
    for root in ["crate", "super", "diesel", "poem", "poem_openapi"] {
        for (at, _) in code.match_indices(&format!("{root}::")) {
            let before = code[..at].chars().next_back().unwrap_or(' ');
            let inside_a_name =
                before.is_alphanumeric() || before == '_' || (before == ':' && root != "super");
            // `::poem::…` in a macro is the crate all the same.
            if inside_a_name && !code[..at].ends_with(" ::") && !code[..at].ends_with("<::") {
                continue;
            }
            tree(&code[at..], vec![], &mut found);
        }
    }
    found
}

/// One path or tree of paths; answers how much of the text it took.
fn tree(text: &str, mut path: Vec<String>, found: &mut BTreeSet<Vec<String>>) -> usize {
    let mut at = 0;
    loop {
        at += text[at..].len() - text[at..].trim_start().len();
        let name: String = text[at..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        at += name.len();
        if !name.is_empty() {
            path.push(name);
        }
        let rest = text[at..].trim_start();
        if let Some(after) = rest.strip_prefix("::") {
            at = text.len() - after.len();
            continue;
        }
        if rest.starts_with('{') && path.len() < 16 && text[..at].trim_end().ends_with("::") {
            at = text.len() - rest.len() + 1;
            while !text[at..].trim_start().starts_with('}') && at < text.len() {
                let taken = tree(&text[at..], path.clone(), found);
                at += taken.max(1);
                let rest = text[at..].trim_start();
                at = text.len() - rest.strip_prefix(',').unwrap_or(rest).len();
            }
            at += text[at..].find('}').map_or(0, |end| end + 1);
            return at;
        }
        found.insert(path);
        return at;
    }
}

/// The order of the modules, lowest first, as lib.rs has it.
fn order() -> Vec<String> {
    let lib = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let modules = lib.lines().filter_map(|line| {
        line.trim()
            .strip_prefix("pub mod ")?
            .strip_suffix(';')
            .map(str::to_owned)
    });
    modules.collect()
}

#[track_caller]
fn assert_none(broken: Vec<String>) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn only_stores_and_db_know_diesel() {
    let knows = |s: &Source| s.paths.iter().any(|path| path[0] == "diesel");
    let may = |s: &Source| s.module == "db" || s.room == "store" || s.path.ends_with("/store.rs");
    assert_none(
        sources()
            .iter()
            .filter(|s| knows(s) && !may(s))
            .map(|s| format!("{} uses diesel", s.path))
            .collect(),
    );
}

#[test]
fn only_apis_and_http_know_poem() {
    let may = |s: &Source| s.module == "http" || s.module == "app" || s.room == "api";
    let shape = |path: &Vec<String>| {
        path[0] == "poem_openapi" && path.get(1).is_some_and(|name| SHAPES.contains(&name.as_str()))
    };
    let knows = |s: &Source| {
        s.paths
            .iter()
            .any(|path| path[0].starts_with("poem") && !shape(path))
    };
    assert_none(
        sources()
            .iter()
            .filter(|s| knows(s) && !may(s))
            .map(|s| format!("{} uses poem", s.path))
            .collect(),
    );
}

#[test]
fn a_module_uses_only_those_below_it() {
    let order = order();
    let place = |module: &str| order.iter().position(|known| known == module);
    let mut broken = Vec::new();
    for source in sources() {
        let Some(own) = place(&source.module) else {
            continue;
        };
        for path in source
            .paths
            .iter()
            .filter(|path| path[0] == "crate" && path.len() > 1)
        {
            // The face is a door of its own: see `only_apis_and_the_root_know_http`.
            if path[1] != "http" && place(&path[1]).is_some_and(|other| other > own) {
                broken.push(format!(
                    "{} uses {}, which is above it in lib.rs",
                    source.path,
                    path.join("::")
                ));
            }
        }
    }
    assert_none(broken);
}

#[test]
fn only_apis_and_the_root_know_http() {
    let may = |s: &Source| ["http", "app", "cli"].contains(&s.module.as_str()) || s.room == "api";
    let knows = |s: &Source| {
        s.paths
            .iter()
            .any(|path| path[0] == "crate" && path.get(1).is_some_and(|m| m == "http"))
    };
    assert_none(
        sources()
            .iter()
            .filter(|s| knows(s) && !may(s))
            .map(|s| format!("{} uses http", s.path))
            .collect(),
    );
}

#[test]
fn http_knows_no_feature() {
    let foreign = |path: &&Vec<String>| {
        path[0] == "crate"
            && path
                .get(1)
                .is_some_and(|module| !BELOW_HTTP.contains(&module.as_str()))
    };
    let http = sources().into_iter().filter(|s| s.module == "http");
    let broken = http.flat_map(|s| {
        let paths: Vec<_> = s.paths.iter().filter(foreign).cloned().collect();
        paths
            .into_iter()
            .map(move |path| format!("{} uses {}", s.path, path.join("::")))
    });
    assert_none(broken.collect());
}

#[test]
fn every_room_keeps_to_its_doors() {
    // What a room may not use of its own feature, and of the crate.
    let forbidden: [(&str, &[&str], &[&str]); 4] = [
        ("rules", &["store", "service", "api", "jobs"], &["db", "jobs"]),
        ("store", &["service", "api", "jobs"], &["jobs"]),
        ("service", &["api"], &[]),
        ("api", &["store"], &["db"]),
    ];
    let mut broken = Vec::new();
    for source in sources()
        .iter()
        .filter(|s| !["db", "http", "jobs"].contains(&s.module.as_str()))
    {
        for (room, own, shared) in forbidden.iter().filter(|(room, ..)| source.room == *room) {
            for path in &source.paths {
                let own_door = match path[0].as_str() {
                    "super" => path.get(1),
                    "crate" if path.get(1) == Some(&source.module) => path.get(2),
                    _ => None,
                };
                let shared_door = path.get(1).filter(|_| path[0] == "crate");
                // Errors of the database are told as problems where they surface.
                let error = path.last().is_some_and(|last| last == "Error");
                let wrong = own_door.is_some_and(|door| own.contains(&door.as_str()))
                    || shared_door.is_some_and(|door| shared.contains(&door.as_str()) && !error);
                if wrong {
                    broken.push(format!("{}: {room} uses {}", source.path, path.join("::")));
                }
            }
        }
    }
    assert_none(broken);
}

#[test]
fn nobody_reaches_into_another_feature_s_store() {
    let mut broken = Vec::new();
    for source in sources() {
        for path in source
            .paths
            .iter()
            .filter(|path| path[0] == "crate" && path.len() > 2)
        {
            if path[1] != source.module && path[2] == "store" {
                broken.push(format!("{} uses {}", source.path, path.join("::")));
            }
        }
    }
    assert_none(broken);
}

#[test]
fn every_module_says_what_it_owns() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let silent = |s: &Source| {
        !std::fs::read_to_string(root.join(&s.path))
            .unwrap()
            .starts_with("//!")
    };
    assert_none(
        sources()
            .iter()
            .filter(|s| silent(s))
            .map(|s| format!("{} opens without //!", s.path))
            .collect(),
    );
}

#[test]
fn trees_of_use_are_read() {
    let code = "use crate::{db::{self, Conn}, http::Problem};\nlet x = super::store::find(); use poem_openapi::{Enum, Object};";
    let all: Vec<_> = paths(code).into_iter().map(|path| path.join("::")).collect();
    assert_eq!(
        all,
        [
            "crate::db::Conn",
            "crate::db::self",
            "crate::http::Problem",
            "poem_openapi::Enum",
            "poem_openapi::Object",
            "super::store::find"
        ]
    );
}
