//! The filters of statistics: query parameters that are called as the dimensions are.

use poem::{FromRequest, Request, RequestBody};
use serde_json::{Value, json};

use crate::http::Problem;
use crate::http::openapi::PREFIX;
use crate::tracking::{Dimension, FilterUnfit, Filters};

/// An extractor: all filters of a request. [`describe`] tells of them.
pub struct Only(pub Filters);

/// A page is a host and a path; nothing else is as long.
const MAX_CHARS: usize = 800;

impl<'a> FromRequest<'a> for Only {
    async fn from_request(request: &'a Request, _: &mut RequestBody) -> poem::Result<Self> {
        let query = request.uri().query().unwrap_or_default();
        Ok(Self(read(query)?))
    }
}

fn read(query: &str) -> Result<Filters, Problem> {
    let mut filters = Filters::default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let Some(dimension) = named(&name) else {
            continue;
        };
        if value.chars().count() > MAX_CHARS || value.chars().any(char::is_control) {
            return Err(Problem::field(
                dimension.as_str(),
                "must have at most 800 characters on one line",
            ));
        }
        if filters.iter().any(|(known, _)| known == dimension) {
            return Err(Problem::field(dimension.as_str(), "is given twice"));
        }
        filters = filters.only(dimension, value);
    }
    Ok(filters)
}

fn named(name: &str) -> Option<Dimension> {
    name.parse()
        .ok()
        .filter(|dimension| *dimension != Dimension::Total)
}

impl From<FilterUnfit> for Problem {
    fn from(unfit: FilterUnfit) -> Self {
        Problem::field(unfit.field.as_str(), unfit.to_string())
    }
}

/// The piece of the OpenAPI document that tells of the filters, for every operation that takes them.
pub fn describe() -> Value {
    let parameters: Vec<Value> = Dimension::ALL
        .into_iter()
        .filter(|dimension| *dimension != Dimension::Total)
        .map(|dimension| {
            let (words, example) = words_of(dimension);
            json!({
                "name": dimension.as_str(), "in": "query", "required": false,
                "description": format!("Only {words}, as a breakdown lists it."),
                "schema": { "type": "string", "maxLength": MAX_CHARS },
                "example": example
            })
        })
        .collect();
    let mut paths = json!({});
    for path in ["stats", "stats/series", "stats/breakdown", "stats.csv"] {
        paths[format!("{PREFIX}/bars/{{bar_id}}/{path}")] = json!({ "get": { "parameters": parameters } });
    }
    json!({ "paths": paths })
}

fn words_of(dimension: Dimension) -> (&'static str, &'static str) {
    match dimension {
        Dimension::Total => ("everything", ""),
        Dimension::Variant => ("this variant", "a"),
        Dimension::Page => ("this page: host and path", "shop.example/pricing"),
        Dimension::Site => ("this host", "shop.example"),
        Dimension::Referrer => (
            "visits that this host led to; empty: those that none did",
            "news.example",
        ),
        Dimension::Browser => ("this browser", "Firefox"),
        Dimension::System => ("this system", "Linux"),
        Dimension::Device => ("this kind of device", "mobile"),
        Dimension::Language => ("browsers of this language", "de"),
        Dimension::Country => (
            "visits from this country, two letters of ISO 3166-1; empty: from an unknown one",
            "DE",
        ),
        Dimension::UtmSource => ("this `utm_source`; empty: without one", "newsletter"),
        Dimension::UtmMedium => ("this `utm_medium`; empty: without one", "mail"),
        Dimension::UtmCampaign => ("this `utm_campaign`; empty: without one", "spring"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_by_their_names_and_once() {
        let filters = read("from=x&page=a.example%2Fb&utm_source=&total=1").unwrap();
        let expected = Filters::default()
            .only(Dimension::Page, "a.example/b")
            .only(Dimension::UtmSource, "");
        assert_eq!(filters, expected);
        for query in ["page=a&page=b", "page=a%00", &format!("page={}", "x".repeat(801))] {
            assert!(read(query).is_err(), "{query}");
        }
    }
}
