//! `/operator/…`: how the operators' API learns who asks, and the record. [`Caller`] takes an operator's token and
//! nothing else; each feature's operations for operators begin with it.

use poem::http::header;
use poem::{Request, RequestBody};
use poem_openapi::param::Query;
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::types::Example;
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions, Object, OpenApi, Tags};
use uuid::Uuid;

use super::{By, Operator, OperatorName, Operators, Reason, Recorded, TOKEN_PREFIX};
use crate::accounts::{Operation, Rule};
use crate::clock::Timestamp;
use crate::http::page::{self, Cursor, in_our_time};
use crate::http::rate_limit::RateLimit;
use crate::http::{Json, Problem};
use crate::ids::{OperatorEntryId, OperatorId};

crate::string_type!(OperatorName, "operator-name", "anna", None);
crate::string_type!(Reason, "reason", "Ticket 4711: they ask why no mail came", None);

/// What [`Caller`] needs; `app.rs` gives it to every request of the API, with `.data(…)`.
#[derive(Clone)]
pub struct Door {
    pub operators: Operators,
    /// How much one operator may ask for.
    pub limit: RateLimit<Uuid>,
}

/// The operator who asks. Taking it as a parameter puts their token into the document.
pub struct Caller {
    door: Door,
    operator: Operator,
}

impl Caller {
    /// The right to change something: what it does, it puts on record itself.
    pub fn may(&self, operation: Operation) -> By {
        debug_assert_eq!(operation.rule(), Rule::Operator, "{}", operation.id());
        By::Operator(self.operator.id)
    }

    /// The right to look at something, which is on record by then; with the reason where it is a member's data.
    pub async fn looks(
        &self,
        operation: Operation,
        target: impl ToString,
        reason: Option<Reason>,
    ) -> Result<By, Problem> {
        let by = self.may(operation);
        let target = target.to_string();
        self.door
            .operators
            .looked(by, operation.id(), target, reason)
            .await?;
        Ok(by)
    }

    async fn of(request: &Request) -> Result<Self, Problem> {
        let door = request
            .data::<Door>()
            .expect("app.rs gives the door to every request of the API");
        let presented = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|text| text.split_once(' '))
            .filter(|(scheme, token)| {
                scheme.eq_ignore_ascii_case("bearer") && token.trim().starts_with(TOKEN_PREFIX)
            });
        let Some((_, token)) = presented else {
            return Err(not_an_operator());
        };
        let operator = door.operators.known_by(token.trim()).await?;
        let operator = operator.ok_or_else(not_an_operator)?;
        door.limit.check(operator.id.uuid())?;
        Ok(Self {
            door: door.clone(),
            operator,
        })
    }
}

fn not_an_operator() -> Problem {
    Problem::unauthorized("This is for operators: Authorization: Bearer cbo_…, known and not expired.")
}

const SCHEME: &str = "operator";

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let scheme = MetaSecurityScheme {
            ty: "http",
            description: Some(
                "An operator's token, made by `contactbar operator add`: `Authorization: Bearer cbo_…`. It opens nothing \
                 of the members' API.",
            ),
            name: None,
            key_in: None,
            scheme: Some("bearer"),
            bearer_format: Some("cbo_…"),
            flows: None,
            openid_connect_url: None,
        };
        registry.create_security_scheme(SCHEME, scheme);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self::of(request).await?)
    }
}

#[derive(Tags)]
enum Tag {
    /// For those who run the service, by an operator's token alone. All that they do and look at is on record.
    Operators,
}

/// An operator, without their token.
#[derive(Debug, Object)]
#[oai(rename = "Operator", example)]
pub struct OperatorBody {
    pub id: OperatorId,
    pub name: OperatorName,
    /// The token's last four characters.
    pub hint: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

impl From<Operator> for OperatorBody {
    fn from(operator: Operator) -> Self {
        let Operator {
            id,
            name,
            hint,
            created_at,
            expires_at,
            last_used_at,
        } = operator;
        Self {
            id,
            name,
            hint,
            created_at,
            expires_at,
            last_used_at,
        }
    }
}

impl Example for OperatorBody {
    fn example() -> Self {
        Self {
            id: OperatorId::from_uuid(Uuid::from_u128(7)),
            name: "anna".parse().expect("the example is a name"),
            hint: "x7Qa".to_owned(),
            created_at: Timestamp::from_secs(1_795_341_600),
            expires_at: Timestamp::from_secs(1_803_117_600),
            last_used_at: None,
        }
    }
}

/// Something that an operator did or looked at.
#[derive(Debug, Object)]
#[oai(example)]
pub struct OperatorEntry {
    pub id: OperatorEntryId,
    /// Which operator; absent for the command line and for the service itself, which `detail` names.
    pub operator_id: Option<OperatorId>,
    /// What was done, such as `notice.scheduled`; or the operation by which something was looked at.
    pub action: String,
    /// The id of what it was about.
    pub target: String,
    /// Why a member's data was looked at.
    pub reason: Option<String>,
    pub detail: serde_json::Value,
    pub at: Timestamp,
}

impl From<Recorded> for OperatorEntry {
    fn from(recorded: Recorded) -> Self {
        let Recorded {
            id,
            operator,
            action,
            target,
            reason,
            detail,
            at,
        } = recorded;
        Self {
            id,
            operator_id: operator,
            action,
            target,
            reason,
            detail,
            at,
        }
    }
}

impl Example for OperatorEntry {
    fn example() -> Self {
        Self {
            id: OperatorEntryId::from_uuid(Uuid::from_u128(7)),
            operator_id: Some(OperatorId::from_uuid(Uuid::from_u128(7))),
            action: "list_notice_recipients".to_owned(),
            target: "ntc_01jd3k8q9x7v2m5n6p4r8s0tbw".to_owned(),
            reason: Some("Ticket 4711: they ask why no mail came".to_owned()),
            detail: serde_json::json!({}),
            at: Timestamp::from_secs(1_795_341_600),
        }
    }
}

/// A page of the record, newest first.
#[derive(Debug, Object)]
pub struct OperatorRecord {
    pub items: Vec<OperatorEntry>,
    /// Where the next page begins, if there is one.
    pub next_cursor: Option<Cursor>,
}

pub struct OperatorsApi {
    pub operators: Operators,
}

#[OpenApi]
impl OperatorsApi {
    /// Read who the token belongs to
    #[oai(
        path = "/operator",
        method = "get",
        operation_id = "read_operator",
        tag = "Tag::Operators"
    )]
    async fn read(&self, caller: Caller) -> Result<Json<OperatorBody>, Problem> {
        let id = caller.operator.id;
        caller.looks(Operation::ReadOperator, id, None).await?;
        Ok(Json(caller.operator.into()))
    }

    /// List what operators did and looked at
    ///
    /// Newest first. Entries are never changed and never deleted.
    #[oai(
        path = "/operator/record",
        method = "get",
        operation_id = "list_operator_record",
        tag = "Tag::Operators"
    )]
    async fn list(
        &self,
        caller: Caller,
        /// The id of what it was about.
        #[oai(validator(pattern = "^[0-9A-Za-z_]{1,100}$"))]
        target: Query<Option<String>>,
        /// How many at most.
        #[oai(
            default = "default_limit",
            validator(minimum(value = "1"), maximum(value = "200"))
        )]
        limit: Query<u32>,
        /// The `next_cursor` of the page before.
        after: Query<Option<Cursor>>,
    ) -> Result<Json<OperatorRecord>, Problem> {
        let about = target.0.clone().unwrap_or_else(|| "all".to_owned());
        caller.looks(Operation::ListOperatorRecord, about, None).await?;
        let before = after
            .0
            .map(|cursor| (in_our_time(cursor.at), OperatorEntryId::from_uuid(cursor.id)));
        let found = self
            .operators
            .list_record(target.0, before, page::one_more(limit.0))
            .await?;
        let (items, next_cursor) = page::cut(found, limit.0, |entry| Cursor {
            at: entry.at,
            id: *entry.id.uuid(),
        });
        Ok(Json(OperatorRecord {
            items: items.into_iter().map(Into::into).collect(),
            next_cursor,
        }))
    }
}

pub(crate) fn default_limit() -> u32 {
    page::DEFAULT_LIMIT
}
