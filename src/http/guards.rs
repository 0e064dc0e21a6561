//! What every request passes on its way in and out, in order. Read `call` and `inside`: that is the order.

use std::sync::Arc;

use poem::{
    Endpoint, IntoResponse, Request, Response,
    http::{Method, StatusCode},
};
use tracing::Instrument;

use super::{
    client_addr::{ClientAddr, TrustedProxies},
    compress::{self, Encoding},
    cors,
    headers::SecurityHeaders,
    hosts::Hosts,
    limits,
    metrics::Metrics,
    origin, panics, problem,
    rate_limit::{Allowance, RateLimit},
    request_id::{self, RequestId},
    route_class::{RouteClass, Side},
};
use crate::{clock::Stopwatch, secrets::Random};

/// All that the guards need to know.
#[derive(Clone)]
pub struct Rules {
    pub hosts: Hosts,
    pub headers: SecurityHeaders,
    pub proxies: TrustedProxies,
    pub limits: AddressLimits,
    pub metrics: Metrics,
    pub random: Random,
}

/// How much one address may ask for. Accounts and bars have limits of their own, in their features' api.rs.
#[derive(Clone)]
pub struct AddressLimits {
    pub api: RateLimit<ClientAddr>,
    pub embed: RateLimit<ClientAddr>,
}

impl AddressLimits {
    /// Forgets callers who have been away; called now and then.
    pub fn forget_idle(&self) {
        self.api.forget_idle();
        self.embed.forget_idle();
    }

    fn of(&self, class: RouteClass) -> Option<&RateLimit<ClientAddr>> {
        match class {
            // From memory, and many at once: a page loads some fifteen files.
            RouteClass::Health | RouteClass::Script | RouteClass::Asset => None,
            _ if class.side() == Side::Embed => Some(&self.embed),
            _ => Some(&self.api),
        }
    }
}

/// The routes behind the guards.
pub struct Guarded<E> {
    rules: Arc<Rules>,
    routes: E,
}

impl<E: Endpoint> Guarded<E> {
    pub fn new(rules: Rules, routes: E) -> Self {
        Self {
            rules: Arc::new(rules),
            routes,
        }
    }

    async fn inside(
        &self,
        class: RouteClass,
        mut request: Request,
        allowance: &mut Option<Allowance>,
    ) -> poem::Result<Response> {
        let rules = &*self.rules;
        rules.hosts.check(class, &request)?;
        if let Some(answer) = cors::preflight(class, &request) {
            return Ok(answer);
        }
        let client = rules.proxies.client_of(&request);
        request.extensions_mut().insert(client);
        if let Some(limit) = rules.limits.of(class) {
            *allowance = Some(limit.check(&ClientAddr(client.network()))?);
        }
        origin::check(class, &request, rules.hosts.public_origin())?;
        limits::read_body(&mut request, class.body_cap_bytes()).await?;
        Ok(panics::caught(self.routes.call(request)).await?.into_response())
    }
}

impl<E: Endpoint> Endpoint for Guarded<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> poem::Result<Response> {
        let rules = &*self.rules;
        let stopwatch = Stopwatch::start();
        let _in_flight = rules.metrics.begin();
        let class = RouteClass::of(request.uri().path());
        let id = RequestId::of(request.headers(), &rules.random);
        request.extensions_mut().insert(id.clone());
        let accepted = Encoding::accepted(request.headers());
        let head = request.method() == Method::HEAD;
        let span = tracing::info_span!("request", id = id.as_str(), class = class.name(), method = %request.method());
        async {
            let mut allowance = None;
            let mut response = match self.inside(class, request, &mut allowance).await {
                Ok(response) => response,
                Err(error) => problem::from_error(error).respond(id.as_str()),
            };
            if let Some(allowance) = allowance.filter(|_| class.side() == Side::App) {
                allowance.describe(response.headers_mut());
            }
            rules.headers.add(class, response.headers_mut());
            cors::allow(class, response.headers_mut());
            response
                .headers_mut()
                .insert(request_id::HEADER, id.header_value());
            if !head && response.status() != StatusCode::NOT_MODIFIED {
                response = compress::compress(accepted, response).await;
            }
            let status = response.status().as_u16();
            let took = stopwatch.elapsed();
            rules.metrics.answered(class, status, took);
            if class.side() == Side::App {
                tracing::info!(
                    http.status = status,
                    http.duration_ms = took.as_millis() as u64,
                    "answered"
                );
            } else {
                tracing::debug!(
                    http.status = status,
                    http.duration_ms = took.as_millis() as u64,
                    "answered"
                );
            }
            Ok(response)
        }
        .instrument(span)
        .await
    }
}
