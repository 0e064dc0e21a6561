//! A bar's script, put together of the parts of the built one that the bar needs.

use crate::bars::configuration::{Part, Runtime, splice};

/// What stands for a part that is left out: an expression that is nothing.
const NOTHING: &str = "\"\"";

/// The built script in its parts, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Segment {
    /// The name of its part; empty: every bar needs it.
    name: String,
    text: String,
}

impl Built {
    /// Reads `widget-js/dist/bar.json`: `[[part, text], …]`.
    pub fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        let segments: Vec<(String, String)> = serde_json::from_slice(json)?;
        let segment = |(name, text)| Segment { name, text };
        Ok(Self(segments.into_iter().map(segment).collect()))
    }

    /// The script of one bar. `None` if the built script has no one place for the configuration.
    pub fn assemble(&self, runtime: &Runtime) -> Option<String> {
        let needed = |segment: &Segment| match segment.name.as_str() {
            "" => true,
            // A part that nobody knows here is better sent in vain than missed.
            name => name.parse().map_or(true, |part: Part| runtime.needs(part)),
        };
        let mut script = String::new();
        for segment in &self.0 {
            script += if needed(segment) { &segment.text } else { NOTHING };
        }
        splice(&script, runtime)
    }

    /// Names of parts that this server does not know.
    pub fn unknown_parts(&self) -> Vec<&str> {
        let names = self.0.iter().map(|segment| segment.name.as_str());
        let known = |name: &str| name.is_empty() || name.parse::<Part>().is_ok();
        names.filter(|name| !known(name)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bars::configuration::{Configuration, Embedding, GoalKind, ModalLayout};
    use crate::ids::MemberId;

    fn built() -> Built {
        let parts = r#"[["","go(\"__CONTACTBAR__\","],["form","form()"],["",","],["modal","modal()"],["",","],
                        ["bar","bar()"],["",","],["later","later()"],["",")"]]"#;
        Built::from_json(parts.as_bytes()).unwrap()
    }

    fn script(configuration: &Configuration) -> String {
        let runtime = configuration.runtime(&Embedding {
            key: "k",
            member: MemberId::from_uuid(uuid::Uuid::nil()),
            base_url: None,
            policy_url: "",
            brand_url: None,
        });
        let script = built().assemble(&runtime).unwrap();
        script
            .split_once("},")
            .unwrap()
            .1
            .rsplit_once("},")
            .map_or_else(|| script.clone(), |(_, parts)| parts.to_owned())
    }

    #[test]
    fn a_script_has_the_parts_that_its_bar_needs() {
        let mut form = Configuration::starter(GoalKind::Contact, "en");
        assert!(
            script(&form).ends_with("form(),\"\",bar(),later())"),
            "{}",
            script(&form)
        );
        form.layout = crate::bars::configuration::Layout::Modal(ModalLayout {});
        assert!(script(&form).ends_with("form(),modal(),\"\",later())"));
        let notice = Configuration::starter(GoalKind::Notice, "en");
        assert!(script(&notice).ends_with("\"\",\"\",bar(),later())"));
    }

    #[test]
    fn an_unknown_part_is_told() {
        assert_eq!(built().unknown_parts(), ["later"]);
    }

    #[test]
    fn what_is_no_list_of_parts_is_refused() {
        assert!(Built::from_json(b"[[\"a\"]]").is_err());
        let built = Built::from_json(br#"[["","no place"]]"#).unwrap();
        let configuration = Configuration::starter(GoalKind::Notice, "en");
        let place = Embedding {
            key: "k",
            member: MemberId::from_uuid(uuid::Uuid::nil()),
            base_url: None,
            policy_url: "",
            brand_url: None,
        };
        assert_eq!(built.assemble(&configuration.runtime(&place)), None);
    }

    /// The script that this binary carries, if it was built before it.
    #[test]
    fn every_part_of_the_built_script_is_known() {
        if let Some(built) = super::super::built_script() {
            assert_eq!(built.unknown_parts(), Vec::<&str>::new());
        }
    }
}
