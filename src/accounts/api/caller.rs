//! Who is calling: a session cookie or an API token, and what they may do.
//!
//! `origin` (in `http`) has seen by now that a change which comes with a cookie comes from our own pages.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use poem::http::{HeaderMap, header};
use poem::{Request, RequestBody};
use poem_openapi::registry::{MetaSecurityScheme, Registry};
use poem_openapi::{ApiExtractor, ApiExtractorType, ExtractParamOptions};
use uuid::Uuid;

use super::cookie;
use crate::accounts::{Access, Accounts, Operation, Principal, Refusal, SignedIn, permissions};
use crate::http::rate_limit::RateLimit;
use crate::http::{ClientAddr, Problem};
use crate::ids::UserId;

/// What [`Caller`] needs of the service; `app.rs` gives it to every request of the API, with `.data(…)`.
#[derive(Clone)]
pub struct Door {
    pub accounts: Accounts,
    /// How much one account may ask for: a user, or the member of a token.
    pub limit: RateLimit<Uuid>,
    pub notice: Notice,
}

/// Told of every request of a user: who, from where, with which user agent. `app.rs` hands it in, for who wants to know
/// stands above this feature.
pub type Notice = Arc<dyn Fn(UserId, ClientAddr, &HeaderMap) -> BoxFuture<'static, ()> + Send + Sync>;

/// The caller of an operation. Taking it as a parameter puts both ways to authenticate into the document.
///
/// ```ignore
/// async fn list(&self, caller: Caller) -> Result<Json<Bars>, Problem> {
///     let access = caller.may(Operation::ListBars)?;
///     Ok(Json(self.bars.list(access.member).await?.into()))
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Caller {
    principal: Principal,
}

impl Caller {
    pub fn principal(&self) -> &Principal {
        &self.principal
    }

    /// The right to do an operation for the current member, or 401, or 403.
    pub fn may(&self, operation: Operation) -> Result<Access, Problem> {
        Ok(permissions::may(operation, &self.principal)?)
    }

    /// The user, for what concerns only themself; or 401, or 403 for a token.
    pub fn in_person(&self, operation: Operation) -> Result<SignedIn, Problem> {
        Ok(permissions::may_in_person(operation, &self.principal)?)
    }

    async fn of(request: &Request) -> Result<Self, Problem> {
        let door = request
            .data::<Door>()
            .expect("app.rs gives the door to every request of the API");
        let principal = match presented(request, door.accounts.secure_cookies())? {
            Presented::Nothing => Principal::Anonymous,
            Presented::Cookie(token) => door.accounts.principal_of_session(&token).await?,
            Presented::Bearer(token) => match door.accounts.principal_of_token(&token).await? {
                Principal::Anonymous => return Err(bad_token()),
                known => known,
            },
        };
        match &principal {
            Principal::Anonymous => {}
            Principal::User(signed_in) => {
                door.limit.check(signed_in.user.uuid())?;
                if let Some(client) = request.data::<ClientAddr>() {
                    (door.notice)(signed_in.user, *client, request.headers()).await;
                }
            }
            Principal::Token { member, .. } => {
                door.limit.check(member.uuid())?;
            }
        }
        Ok(Self { principal })
    }
}

enum Presented {
    Nothing,
    Cookie(String),
    Bearer(String),
}

/// A token beats a cookie; whatever stands in `Authorization` and is no good is refused, never passed over.
fn presented(request: &Request, secure: bool) -> Result<Presented, Problem> {
    if let Some(value) = request.headers().get(header::AUTHORIZATION) {
        let (scheme, token) = value
            .to_str()
            .ok()
            .and_then(|text| text.split_once(' '))
            .ok_or_else(bad_token)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(bad_token());
        }
        return Ok(Presented::Bearer(token.trim().to_owned()));
    }
    Ok(cookie::read(request.headers(), secure).map_or(Presented::Nothing, Presented::Cookie))
}

fn bad_token() -> Problem {
    Problem::unauthorized("The token in Authorization is unknown, revoked or expired.")
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let detail = match refusal {
            Refusal::NotSignedIn => {
                return Problem::unauthorized("Log in, or send a token: Authorization: Bearer cb_…");
            }
            Refusal::NotByToken => "Only a user who is logged in can do this, never an API token.".to_owned(),
            Refusal::ScopeMissing(scope) => format!("The token needs the scope {scope}."),
            Refusal::RoleTooLow(role) => format!("This needs the role {role} or a higher one."),
            Refusal::NoMember => {
                "Your session has no current member: choose one with PATCH /api/v1/session.".to_owned()
            }
        };
        Problem::forbidden(detail)
    }
}

const COOKIE_SCHEME: &str = "session";
const TOKEN_SCHEME: &str = "token";

fn scheme(ty: &'static str, description: &'static str) -> MetaSecurityScheme {
    MetaSecurityScheme {
        ty,
        description: Some(description),
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    }
}

impl<'a> ApiExtractor<'a> for Caller {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::SecurityScheme];

    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        let mut cookie = scheme(
            "apiKey",
            "The cookie of `POST /api/v1/session`; on http://localhost its name is `session`. A change needs a same-origin `Sec-Fetch-Site` or `Origin`.",
        );
        cookie.name = Some(cookie::SECURE_NAME);
        cookie.key_in = Some("cookie");
        registry.create_security_scheme(COOKIE_SCHEME, cookie);
        let mut token = scheme("http", "An API token of a member: `Authorization: Bearer cb_…`.");
        token.scheme = Some("bearer");
        token.bearer_format = Some("cb_…");
        registry.create_security_scheme(TOKEN_SCHEME, token);
    }

    fn security_schemes() -> Vec<&'static str> {
        vec![COOKIE_SCHEME, TOKEN_SCHEME]
    }

    async fn from_request(
        request: &'a Request,
        _body: &mut RequestBody,
        _options: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        Ok(Self::of(request).await?)
    }
}
