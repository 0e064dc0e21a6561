//! `GET /m/{token}.gif` and `GET /c/{token}`: that a mail was opened, and one of its links followed. Set no cookie; where a link leads
//! is stored, and never taken from the request.

use std::net::IpAddr;
use std::sync::Arc;

use poem::http::{Method, StatusCode, header};
use poem::{Endpoint, Request, Response, endpoint::make};
use serde_json::{Value, json};

use super::super::{Landing, Language, Mailer, rules};
use crate::http::html::{Page, Shape};
use crate::http::{ClientAddr, Problem};

/// A transparent point, 43 bytes.
const GIF: &[u8; 43] =
    b"GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";

/// Whether an address stands in a data centre, where machines look at mails.
pub type IsDataCenter = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// What tells people from machines.
#[derive(Clone)]
struct Machines {
    bots: Arc<isbot::Bots>,
    is_data_center: IsDataCenter,
}

impl Machines {
    fn new(is_data_center: IsDataCenter) -> Self {
        Self {
            bots: Arc::default(),
            is_data_center,
        }
    }

    fn made(&self, request: &Request) -> bool {
        let user_agent = request.headers().get(header::USER_AGENT);
        let user_agent = user_agent
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let client = request.data::<ClientAddr>();
        request.method() == Method::HEAD
            || rules::is_machine(&self.bots, &user_agent[..user_agent.floor_char_boundary(512)])
            || client.is_some_and(|client| (self.is_data_center)(client.0))
    }
}

/// The route of the pixel; the path's parameter is `file`. Whatever is asked for, the answer is the same.
pub fn pixel(mailer: Mailer, is_data_center: IsDataCenter) -> impl Endpoint<Output = Response> + 'static {
    let machines = Machines::new(is_data_center);
    make(move |request: Request| {
        let (mailer, machine) = (mailer.clone(), machines.made(&request));
        async move {
            let file = request.raw_path_param("file").unwrap_or_default();
            if let Some(token) = file.strip_suffix(".gif") {
                mailer.note_look(token, machine).await.map_err(Problem::from)?;
            }
            Ok::<_, poem::Error>(
                Response::builder()
                    .content_type("image/gif")
                    .header(header::CACHE_CONTROL, "no-store")
                    .body(GIF.as_slice()),
            )
        }
    })
}

/// The route of a mail's links; the path's parameter is `token`.
pub fn follow(mailer: Mailer, is_data_center: IsDataCenter) -> impl Endpoint<Output = Response> + 'static {
    let machines = Machines::new(is_data_center);
    make(move |request: Request| {
        let (mailer, machine) = (mailer.clone(), machines.made(&request));
        async move {
            let token = request.raw_path_param("token").unwrap_or_default();
            let landing = mailer.note_look(token, machine).await.map_err(Problem::from)?;
            let Some(Landing::Target(target)) = landing else {
                return Ok::<_, poem::Error>(unknown());
            };
            Ok(Response::builder()
                .status(StatusCode::FOUND)
                .header(header::LOCATION, target)
                .header(header::CACHE_CONTROL, "no-store")
                .header(header::REFERRER_POLICY, "no-referrer")
                .finish())
        }
    })
}

fn unknown() -> Response {
    let (title, text) = (
        "This link leads nowhere",
        "The mail that it stood in was deleted, or the link was cut short.",
    );
    Page {
        status: StatusCode::NOT_FOUND,
        language: Language::En.as_str(),
        title,
        body: format!("<h1>{title}</h1><p>{text}</p>"),
        shape: Shape::Card,
    }
    .respond()
}

/// The two routes, for the document.
pub fn describe() -> Value {
    let problem = |description: &str| {
        json!({ "description": description,
                "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } } })
    };
    let parameters = json!([{
        "name": "token", "in": "path", "required": true, "schema": { "type": "string" }, "description": "From the mail."
    }]);
    json!({
        "paths": {
            "/m/{token}.gif": { "get": {
                "operationId": "open_mail", "tags": ["Mail"], "summary": "Load a mail's pixel",
                "description": "A transparent point. Counts that the mail was opened, where its recipient left that on: people and machines apart. The same answer for whatever token.",
                "parameters": parameters,
                "responses": {
                    "200": { "description": "The point.", "content": { "image/gif": { "schema": { "type": "string", "format": "binary" } } } },
                    "429": problem("Too many requests from this address."),
                    "503": problem("Not able to answer right now. Try again after `Retry-After` seconds.")
                }
            } },
            "/c/{token}": { "get": {
                "operationId": "follow_mail_link", "tags": ["Mail"], "summary": "Follow a mail's link",
                "description": "Leads to where the link was made to lead, which is stored and never taken from the request. Counts as above. No cookie.",
                "parameters": parameters,
                "responses": {
                    "302": { "description": "On to the target.", "headers": { "Location": { "description": "The target.", "schema": { "type": "string", "format": "uri" } } } },
                    "404": { "description": "The link leads nowhere.", "content": { "text/html": { "schema": { "type": "string" } } } },
                    "429": problem("Too many requests from this address."),
                    "503": problem("Not able to answer right now. Try again after `Retry-After` seconds.")
                }
            } }
        }
    })
}
