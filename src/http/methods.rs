//! One path's methods. Says `Allow` when asked for another, and answers `HEAD` wherever there is a `GET`.

use hyper::body::Body as _;
use poem::{
    Body, Endpoint, EndpointExt, IntoEndpoint, IntoResponse, Request, Response,
    endpoint::BoxEndpoint,
    http::{HeaderValue, Method, StatusCode, header},
};

use super::problem::Problem;

#[derive(Default)]
pub struct Methods {
    endpoints: Vec<(Method, BoxEndpoint<'static>)>,
}

impl Methods {
    pub fn new() -> Self {
        Self::default()
    }

    #[must_use]
    pub fn on<E>(mut self, method: Method, endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        self.endpoints
            .push((method, Answers(endpoint.into_endpoint()).boxed()));
        // The same order each time, whatever order the routes came in.
        self.endpoints
            .sort_by(|(a, _), (b, _)| a.as_str().cmp(b.as_str()));
        self
    }

    #[must_use]
    pub fn get<E>(self, endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        self.on(Method::GET, endpoint)
    }

    #[must_use]
    pub fn post<E>(self, endpoint: E) -> Self
    where
        E: IntoEndpoint,
        E::Endpoint: 'static,
    {
        self.on(Method::POST, endpoint)
    }

    fn find(&self, method: &Method) -> Option<&BoxEndpoint<'static>> {
        self.endpoints
            .iter()
            .find(|(known, _)| known == method)
            .map(|(_, endpoint)| endpoint)
    }

    fn allow(&self) -> HeaderValue {
        let mut names: Vec<_> = self.endpoints.iter().map(|(method, _)| method.as_str()).collect();
        if names.contains(&"GET") && !names.contains(&"HEAD") {
            names.push("HEAD");
        }
        HeaderValue::try_from(names.join(", ")).expect("methods are ASCII")
    }
}

/// Makes an answer of whatever an endpoint returns; its errors stay as they are.
struct Answers<E>(E);

impl<E: Endpoint> Endpoint for Answers<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> poem::Result<Response> {
        Ok(self.0.call(request).await?.into_response())
    }
}

impl Endpoint for Methods {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        if let Some(endpoint) = self.find(request.method()) {
            return endpoint.call(request).await;
        }
        match self
            .find(&Method::GET)
            .filter(|_| request.method() == Method::HEAD)
        {
            Some(endpoint) => {
                request.set_method(Method::GET);
                Ok(without_body(endpoint.call(request).await?))
            }
            None => Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED)
                .header(header::ALLOW, self.allow())
                .into()),
        }
    }
}

/// Keeps the length of what is left out.
fn without_body(mut response: Response) -> Response {
    let body: http_body_util::combinators::BoxBody<_, _> = response.take_body().into();
    if let Some(length) = body.size_hint().exact() {
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    }
    response.set_body(Body::empty());
    response
}
