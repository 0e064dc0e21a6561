//! The shapes of notices that members' and operators' operations share.

use poem_openapi::Object;
use poem_openapi::types::Example;

use crate::accounts::Region;
use crate::clock::Timestamp;
use crate::ids::MemberId;
use crate::notices::Audience;
use crate::policies::Words;

/// A text in every language of ours.
#[derive(Debug, Clone, Object)]
#[oai(rename = "NoticeWords", example)]
pub struct WordsBody {
    pub en: String,
    pub de: String,
}

impl From<Words> for WordsBody {
    fn from(words: Words) -> Self {
        Self {
            en: words.en,
            de: words.de,
        }
    }
}

impl From<WordsBody> for Words {
    fn from(words: WordsBody) -> Self {
        Self {
            en: words.en,
            de: words.de,
        }
    }
}

impl Example for WordsBody {
    fn example() -> Self {
        Self {
            en: "Maintenance on Wednesday night".to_owned(),
            de: "Wartung in der Nacht zum Donnerstag".to_owned(),
        }
    }
}

/// Whom it concerns: everyone, or those who fit all of what is named. Of one sort any will do.
#[derive(Debug, Clone, Default, Object)]
#[oai(rename = "NoticeAudience", example)]
pub struct AudienceBody {
    #[oai(default)]
    pub everyone: bool,
    /// Names of plans.
    #[oai(default, validator(max_items = 10000))]
    pub plans: Vec<String>,
    #[oai(default, validator(max_items = 10000))]
    pub regions: Vec<Region>,
    /// Hosts on which a bar of theirs was seen.
    #[oai(default, validator(max_items = 10000))]
    pub sites: Vec<String>,
    #[oai(default, validator(max_items = 10000))]
    pub members: Vec<MemberId>,
}

impl From<Audience> for AudienceBody {
    fn from(audience: Audience) -> Self {
        let Audience {
            everyone,
            plans,
            regions,
            sites,
            members,
        } = audience;
        Self {
            everyone,
            plans,
            regions,
            sites,
            members,
        }
    }
}

impl From<AudienceBody> for Audience {
    fn from(body: AudienceBody) -> Self {
        let AudienceBody {
            everyone,
            plans,
            regions,
            sites,
            members,
        } = body;
        Self {
            everyone,
            plans,
            regions,
            sites,
            members,
        }
    }
}

impl Example for AudienceBody {
    fn example() -> Self {
        Self {
            everyone: true,
            ..Self::default()
        }
    }
}

/// The moment of the examples.
pub fn example_time() -> Timestamp {
    Timestamp::from_secs(1_795_341_600)
}
