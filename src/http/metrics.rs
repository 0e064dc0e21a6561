//! What is counted about ourselves, for Prometheus. One [`Metrics`], handed around; never a label that a client can
//! choose, never anything personal.

use std::{
    fmt,
    sync::{
        Arc, RwLock,
        atomic::{AtomicI64, AtomicU64},
    },
    time::Duration,
};

use prometheus_client::{
    collector::Collector,
    encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric, text},
    metrics::{
        MetricType,
        counter::Counter,
        family::Family,
        gauge::{ConstGauge, Gauge},
        histogram::Histogram,
    },
    registry::Registry,
};

use super::route_class::RouteClass;

/// Cheap to clone; all clones count into one.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<RwLock<Registry>>,
    requests: Family<Answered, Counter>,
    durations: Family<Class, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    pub connections: Gauge,
    /// Events stored, by kind of event.
    pub events: Family<Kind, Counter>,
    /// Events that were not counted, by reason.
    pub events_dropped: Family<Reason, Counter>,
    /// Jobs that ended, by kind and outcome.
    pub jobs: Family<Outcome, Counter>,
    /// What became of mails, by category.
    pub mails: Family<Mailed, Counter>,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Answered {
    class: &'static str,
    status: u16,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Class {
    class: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Kind {
    pub kind: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Reason {
    pub reason: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Outcome {
    pub kind: &'static str,
    pub outcome: &'static str,
}

#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
pub struct Mailed {
    pub category: &'static str,
    pub outcome: &'static str,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("contactbar");
        let buckets = || {
            Histogram::new([
                0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
            ])
        };
        let metrics = Self {
            requests: Family::default(),
            durations: Family::new_with_constructor(buckets as fn() -> Histogram),
            in_flight: Gauge::default(),
            connections: Gauge::default(),
            events: Family::default(),
            events_dropped: Family::default(),
            jobs: Family::default(),
            mails: Family::default(),
            registry: Arc::default(),
        };
        registry.register(
            "http_requests",
            "Requests answered, by class of route and status",
            metrics.requests.clone(),
        );
        registry.register(
            "http_request_duration_seconds",
            "Time to answer, by class of route",
            metrics.durations.clone(),
        );
        registry.register(
            "http_requests_in_flight",
            "Requests being answered",
            metrics.in_flight.clone(),
        );
        registry.register(
            "http_connections",
            "Connections open",
            metrics.connections.clone(),
        );
        registry.register("events", "Events stored, by kind", metrics.events.clone());
        registry.register(
            "events_dropped",
            "Events not counted, by reason",
            metrics.events_dropped.clone(),
        );
        registry.register(
            "jobs",
            "Runs of jobs (mails and webhooks are jobs), by kind and outcome",
            metrics.jobs.clone(),
        );
        registry.register(
            "mails",
            "Mails sent, retried, failed, suppressed, bounced, complained of, by category",
            metrics.mails.clone(),
        );
        Self {
            registry: Arc::new(RwLock::new(registry)),
            ..metrics
        }
    }

    /// A value that is asked for at each scrape, such as the connections of a pool or the length of a queue.
    pub fn observe(
        &self,
        name: &'static str,
        help: &'static str,
        read: impl Fn() -> i64 + Send + Sync + 'static,
    ) {
        let observed = Observed {
            name,
            help,
            read: Box::new(read),
        };
        self.registry
            .write()
            .expect("no holder panics")
            .register_collector(Box::new(observed));
    }

    /// A request begins; the guard ends it, also when the client goes away.
    pub(super) fn begin(&self) -> InFlight {
        self.in_flight.inc();
        InFlight(self.in_flight.clone())
    }

    pub(super) fn answered(&self, class: RouteClass, status: u16, took: Duration) {
        self.requests
            .get_or_create(&Answered {
                class: class.name(),
                status,
            })
            .inc();
        self.durations
            .get_or_create(&Class { class: class.name() })
            .observe(took.as_secs_f64());
    }

    /// The text that Prometheus reads.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let registry = self.registry.read().expect("no holder panics");
        text::encode(&mut out, &registry).expect("a String takes all that is written");
        out
    }
}

pub(super) struct InFlight(Gauge<i64, AtomicI64>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.dec();
    }
}

struct Observed {
    name: &'static str,
    help: &'static str,
    read: Box<dyn Fn() -> i64 + Send + Sync>,
}

impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let metric = encoder.encode_descriptor(self.name, self.help, None, MetricType::Gauge)?;
        ConstGauge::new((self.read)()).encode(metric)
    }
}

// The counters behind `Counter` count in 64 bits on every platform.
const _: fn(Counter<u64, AtomicU64>) -> Counter = |counter| counter;
