//! Who asks, as far as the request itself tells.

use poem::http::header;
use poem::{FromRequest, Request, RequestBody};

use crate::accounts::Client;
use crate::http::ClientAddr;

/// The browser or program at the other end; an extractor.
pub struct Asking(pub Client);

impl<'a> FromRequest<'a> for Asking {
    async fn from_request(request: &'a Request, body: &mut RequestBody) -> poem::Result<Self> {
        let address = ClientAddr::from_request(request, body).await?;
        let text = |name| {
            request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        Ok(Self(Client {
            address: address.0,
            network: address.network(),
            user_agent: text(header::USER_AGENT),
            language: text(header::ACCEPT_LANGUAGE),
            referrer: text(header::REFERER),
        }))
    }
}
