//! The composition root: builds everything once, starts, drains, stops. Only it sees [`Config`] whole.
//!
//! To add a feature: a field in [`App`], a line in [`App::build`] (services, then the handlers of their jobs), its API in
//! [`Apis`] and [`App::apis`], its plain routes in [`App::routes`] and their words in [`App::document`].

use std::{
    future::Future,
    num::NonZeroU32,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use anyhow::Context;
use poem::{Endpoint, EndpointExt, Response, Route, endpoint::make_sync, http::Method};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    accounts::{
        self, Accounts, AnswerAddress, EndMember, NudgeLead, Passwords, WatchPolicies,
        api::{Door, MessagesApi},
    },
    bars::{
        self, Announce, Bars, PublishedBars, PurgeBar,
        api::{BarsApi, ShowingApi, TemplatesApi},
    },
    billing::{
        self, Billing, CloseCustomer, FollowEnding, NightlyReconciliation, PerformRequest, SyncMember,
        WakeBars, WatchBilling, api::BillingApi, stripe::Stripe,
    },
    clock::{self, Clock},
    config::{Config, Migrate, ProxyHeader, Switch},
    contacts::{
        self, Contacts, DeliverWebhook, PurgeDeliveries, SendDigests,
        api::{
            ContactsApi, FormLimits, POSTS_PER_MINUTE_AND_ADDRESS, POSTS_PER_MINUTE_AND_BAR, ViewsApi,
            WebhooksApi,
        },
    },
    db::{self, Db},
    demo,
    embed::{
        self, PrepareScript, Scripts,
        api::{PreviewsApi, ScriptsApi},
    },
    http::{
        Methods,
        client_addr::{self, TrustedProxies},
        dashboard::Dashboard,
        docs,
        guards::{AddressLimits, Guarded, Rules},
        headers::SecurityHeaders,
        health::{self, Readiness},
        hosts::Hosts,
        idempotency::Idempotency,
        metrics::{self, Metrics},
        openapi,
        rate_limit::{Policy, RateLimit},
        server::{self, Patience},
    },
    ids::{JobId, MemberId},
    install::{
        self, Installs,
        api::{CHECKS_PER_MINUTE, InstallApi, OLD_SCRIPT},
    },
    jobs,
    mail::{self, Links, Mailer, ReadReports, SendMail, SettleAddress, TidyMail, Transport},
    notices::{self, Notices, SendNotice, WatchBreaches},
    operators::{self, Operators, api::OperatorsApi},
    outgoing::Outgoing,
    plans::Plans,
    policies::{self, Policies, api::PoliciesApi},
    secrets::Random,
    tracking::{
        self, Countries, ForgetVisitors, Networks, OwnBrowsers, PurgeEvents, Reroll, Salts, Surroundings,
        Tracking, api::StatisticsApi,
    },
};

/// The operations of the management API, by feature.
pub type Apis = (
    accounts::api::Apis,
    MessagesApi,
    PoliciesApi,
    (BarsApi, TemplatesApi, ShowingApi),
    (ScriptsApi, PreviewsApi),
    StatisticsApi,
    ContactsApi,
    ViewsApi,
    WebhooksApi,
    InstallApi,
    (OperatorsApi, notices::api::Apis),
    BillingApi,
);

/// How many passwords are hashed at a time: 19 MiB and a core each.
const PASSWORDS_AT_A_TIME: usize = 2;
/// How many more may wait, for a second or two, before log-ins are told to come back.
const PASSWORDS_WAITING: usize = 64;

/// The service, built. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub config: Arc<Config>,
    pub clock: Clock,
    pub random: Random,
    pub db: Db,
    pub jobs: jobs::Runner,
    pub mailer: Mailer,
    pub policies: Policies,
    pub accounts: Accounts,
    pub metrics: Metrics,
    pub bars: Bars,
    pub scripts: Scripts,
    pub tracking: Tracking,
    pub surroundings: Surroundings,
    pub contacts: Contacts,
    pub operators: Operators,
    pub notices: Notices,
    pub billing: Billing,
    installs: Installs,
    install_limit: RateLimit<MemberId>,
    form_limits: FormLimits,
    address_limits: AddressLimits,
    idempotency: Idempotency,
    account_limit: RateLimit<uuid::Uuid>,
}

impl App {
    /// Builds everything. Talks to nobody yet: connections are made when first needed.
    pub fn build(config: Config, clock: Clock, random: Random) -> anyhow::Result<Self> {
        let transport =
            Transport::new(config.smtp_url(), &config.data_dir, &config.public_url).context("--smtp-url")?;
        Self::build_with(config, clock, random, transport)
    }

    /// The same, with mail leaving by another way: a test's mailbox.
    pub fn build_with(
        config: Config,
        clock: Clock,
        random: Random,
        transport: Transport,
    ) -> anyhow::Result<Self> {
        let db = Db::open(db::Options {
            url: config.database_url().clone(),
            pool_size: config.database_pool_size,
            acquire_timeout: config.database_wait,
            keep_prepared: config.prepared_statements == Switch::On,
        })
        .context("the database's folder can't be made")?;
        let metrics = Metrics::new();
        observe_pool(&metrics, &db);

        let plans = Plans {
            sold: config.stripe_key().is_some(),
        };

        // Services, lowest first.
        let mailer = Mailer::new(
            db.clone(),
            clock.clone(),
            random.clone(),
            Links::new(config.public_url.clone()).tracked_at(config.embed_url().clone()),
            config.mail_from.clone(),
        )?
        .paced(config.mail_pace())
        .telling(tell_of_mails(&metrics));
        let policies = Policies::new(db.clone(), clock.clone());
        let published = PublishedBars::new(db.clone(), clock.clone());
        let surroundings = surroundings(&config, &db, &clock, &random)?;
        let (of_a_member, own) = (published.clone(), surroundings.own.clone());
        let accounts = Accounts::new(
            db.clone(),
            clock.clone(),
            random.clone(),
            mailer.clone(),
            Passwords::new(random.clone(), PASSWORDS_AT_A_TIME, PASSWORDS_WAITING),
            config.public_url.scheme() == "https",
            Arc::new(move || {
                of_a_member.forget_all();
                own.wishes_changed();
            }),
        )
        .with_plans(plans, Arc::new(billing::follow_ending(&clock, &random)));
        let bars = Bars::new(
            db.clone(),
            clock.clone(),
            random.clone(),
            published,
            prepare_scripts(&clock, &random),
        )
        .with_plans(plans);
        let scripts = Scripts::new(
            db.clone(),
            clock.clone(),
            bars.clone(),
            config.embed_url(),
            &config.public_url,
            plans,
            embed::built_script(),
        );
        let tracking = Tracking::new(
            db.clone(),
            clock.clone(),
            random.clone(),
            bars.published().clone(),
            surroundings.clone(),
            config.ingest_queue_size as usize,
            tell_metrics(&metrics),
        )
        .with_plans(plans);
        let outgoing = Outgoing::new(config.webhooks_allow_private == Switch::On)
            .context("requests to members' sites need trusted certificates")?;
        let installs = Installs::new(bars.clone(), outgoing.clone(), config.embed_url().clone());
        let contacts = Contacts::new(
            db.clone(),
            clock.clone(),
            random.clone(),
            bars.clone(),
            tracking.clone(),
            mailer.clone(),
            outgoing,
        )
        .with_plans(plans);
        let of_a_member = bars.published().clone();
        let billing = Billing::new(
            db.clone(),
            clock.clone(),
            random.clone(),
            mailer.clone(),
            tracking.clone(),
            billing_settings(&config, &clock, &random)?,
            Arc::new(move || of_a_member.forget_all()),
        );

        let operators = Operators::new(db.clone(), clock.clone(), random.clone());
        let notices = Notices::new(db.clone(), clock.clone(), random.clone(), mailer.clone());

        let queue = tracking.clone();
        metrics.observe(
            "ingest_queue_depth",
            "Requests with events that wait to be written",
            move || count(queue.queue_depth().0),
        );

        let backlog = tracking.clone();
        metrics.observe(
            "ingest_backlog",
            "Arrivals of this process that wait in the journal to be folded, about",
            move || count(backlog.backlog()),
        );

        // Handlers of jobs.
        let mut jobs = jobs::Runner::new(
            db.clone(),
            clock.clone(),
            random.clone(),
            config.jobs_at_a_time as usize,
        );
        let ended = metrics.jobs.clone();
        jobs.tell(Arc::new(move |kind, outcome| {
            ended.get_or_create(&metrics::Outcome { kind, outcome }).inc();
        }));
        jobs.register(AnswerAddress(accounts.clone()));
        jobs.register(NudgeLead(accounts.clone()));
        jobs.register_scheduled(accounts::Purge(accounts.clone()), clock::HOUR);
        let watch = WatchPolicies {
            accounts: accounts.clone(),
            operator: config.operator_address.clone(),
        };
        jobs.register_scheduled(watch, WatchPolicies::EVERY);
        jobs.register(PurgeBar {
            db: db.clone(),
            clock: clock.clone(),
            random: random.clone(),
            forget: vec![Arc::new(tracking::forget_bar)],
        });
        jobs.register(EndMember {
            accounts: accounts.clone(),
            forget: vec![
                Arc::new(notices::forget_member),
                Arc::new(tracking::forget_member),
                Arc::new(contacts::forget_member),
                Arc::new(mail::forget_member),
                Arc::new(bars::forget_member),
                billing::forget_member(&clock, &random),
            ],
        });
        jobs.register(PrepareScript(scripts.clone()));
        jobs.register(
            SendMail::new(db.clone(), clock.clone(), random.clone(), transport)
                .stamped(config.stamp().context("--dkim-key")?)
                .paced(config.mail_pace())
                .telling(tell_of_mails(&metrics)),
        );
        jobs.register(SettleAddress { db: db.clone() });
        let tidy = TidyMail {
            db: db.clone(),
            clock: clock.clone(),
        };
        jobs.register_scheduled(tidy, TidyMail::EVERY);
        if let Some(maildir) = config.mail_reports.clone() {
            let mailer = mailer.clone();
            jobs.register_scheduled(ReadReports { mailer, maildir }, ReadReports::EVERY);
        }

        let hourly = clock::HOUR;
        jobs.register_scheduled(
            ForgetVisitors {
                db: db.clone(),
                clock: clock.clone(),
            },
            hourly,
        );
        jobs.register_scheduled(
            PurgeEvents {
                db: db.clone(),
                clock: clock.clone(),
                retention_days: config.events_kept_days,
                plans,
            },
            hourly,
        );

        jobs.register(Reroll(tracking.clone()));

        jobs.register(DeliverWebhook(contacts.clone()));
        jobs.register_scheduled(SendDigests(contacts.clone()), SendDigests::EVERY);
        jobs.register_scheduled(PurgeDeliveries(contacts.clone()), PurgeDeliveries::EVERY);

        jobs.register(SendNotice(notices.clone()));
        let watch = WatchBreaches {
            notices: notices.clone(),
            operator: config.operator_address.clone(),
        };
        jobs.register_scheduled(watch, WatchBreaches::EVERY);

        jobs.register(PerformRequest(billing.clone()));
        jobs.register(SyncMember(billing.clone()));
        jobs.register(WakeBars(billing.clone()));
        jobs.register(FollowEnding(billing.clone()));
        jobs.register(CloseCustomer(billing.clone()));
        jobs.register_scheduled(WatchBilling(billing.clone()), WatchBilling::EVERY);
        jobs.register_scheduled(
            NightlyReconciliation(billing.clone()),
            NightlyReconciliation::EVERY,
        );

        let form_limits = FormLimits {
            of_address: per_minute(&config, "form", POSTS_PER_MINUTE_AND_ADDRESS, &clock),
            of_bar: per_minute(&config, "bar", POSTS_PER_MINUTE_AND_BAR, &clock),
        };
        let address_limits = AddressLimits {
            api: per_minute(&config, "api", config.api_requests_per_minute, &clock),
            embed: per_minute(&config, "embed", config.embed_requests_per_minute, &clock),
        };
        let account_limit = per_minute(&config, "account", config.api_requests_per_minute, &clock);
        let install_limit = per_minute(&config, "install", CHECKS_PER_MINUTE, &clock);
        let idempotency = Idempotency::new(db.clone(), clock.clone());
        Ok(Self {
            config: Arc::new(config),
            clock,
            random,
            db,
            jobs,
            mailer,
            policies,
            accounts,
            account_limit,
            metrics,
            bars,
            scripts,
            tracking,
            surroundings,
            contacts,
            operators,
            notices,
            billing,
            installs,
            install_limit,
            form_limits,
            address_limits,
            idempotency,
        })
    }

    /// By which every operation of the API learns who asks.
    fn door(&self) -> Door {
        Door {
            accounts: self.accounts.clone(),
            limit: self.account_limit.clone(),
            notice: notice(&self.surroundings.own),
        }
    }

    /// By which the operators' operations learn who asks.
    fn operators_door(&self) -> operators::api::Door {
        operators::api::Door {
            operators: self.operators.clone(),
            limit: self.account_limit.clone(),
        }
    }

    fn apis(&self) -> Apis {
        (
            accounts::api::apis(&self.accounts),
            MessagesApi {
                mailer: self.mailer.clone(),
            },
            PoliciesApi {
                policies: self.policies.clone(),
            },
            self.bar_apis(),
            (
                ScriptsApi {
                    scripts: self.scripts.clone(),
                },
                PreviewsApi {
                    scripts: self.scripts.clone(),
                },
            ),
            StatisticsApi {
                tracking: self.tracking.clone(),
            },
            ContactsApi {
                contacts: self.contacts.clone(),
            },
            ViewsApi {
                contacts: self.contacts.clone(),
            },
            WebhooksApi {
                contacts: self.contacts.clone(),
            },
            InstallApi {
                installs: self.installs.clone(),
                limit: self.install_limit.clone(),
            },
            (
                OperatorsApi {
                    operators: self.operators.clone(),
                },
                notices::api::apis(&self.notices),
            ),
            BillingApi {
                billing: self.billing.clone(),
            },
        )
    }

    fn bar_apis(&self) -> (BarsApi, TemplatesApi, ShowingApi) {
        let showing = ShowingApi {
            clock: self.clock.clone(),
        };
        (
            BarsApi::new(self.bars.clone(), self.config.embed_url()),
            TemplatesApi,
            showing,
        )
    }

    /// All routes, behind the guards.
    pub fn router(&self) -> impl Endpoint<Output = Response> + 'static {
        let rules = Rules {
            hosts: Hosts::new(&self.config.public_url, self.config.embed_url()),
            headers: SecurityHeaders {
                hsts: self.config.public_url.scheme() == "https",
            },
            proxies: TrustedProxies {
                networks: self.config.trusted_proxies.clone(),
                header: match self.config.proxy_header {
                    ProxyHeader::XForwardedFor => client_addr::ProxyHeader::XForwardedFor,
                    ProxyHeader::Forwarded => client_addr::ProxyHeader::Forwarded,
                },
            },
            limits: self.address_limits.clone(),
            metrics: self.metrics.clone(),
            random: self.random.clone(),
        };
        Guarded::new(rules, self.routes())
    }

    fn routes(&self) -> Route {
        Dashboard::embedded()
            .routes(Route::new())
            .nest(
                openapi::PREFIX,
                self.idempotency.around(
                    openapi::routes(self.apis())
                        .data(self.door())
                        .data(self.operators_door()),
                ),
            )
            .at(
                "/api/openapi.json",
                Methods::new().get(openapi::endpoint(&Self::document())),
            )
            .nest("/docs", docs::routes())
            .at(
                mail::api::UNSUBSCRIBE,
                mail::api::unsubscribe(self.mailer.clone()),
            )
            .at(mail::api::CONFIRM, mail::api::confirm(self.mailer.clone()))
            .at(
                accounts::api::PREFERENCES,
                accounts::api::preferences(self.accounts.clone()),
            )
            .at(
                mail::api::FEEDBACK,
                Methods::new().post(mail::api::feedback(
                    self.mailer.clone(),
                    self.config.mail_feedback_secret().map(str::to_owned),
                )),
            )
            .at(
                "/m/:file",
                looked_at(|| mail::api::pixel(self.mailer.clone(), self.data_centers())),
            )
            .at(
                "/c/:token",
                looked_at(|| mail::api::follow(self.mailer.clone(), self.data_centers())),
            )
            .at(
                "/b/:key",
                Methods::new().get(embed::api::script(
                    self.scripts.clone(),
                    self.bars.published().clone(),
                )),
            )
            .at(
                OLD_SCRIPT,
                Methods::new().get(install::api::old_script(
                    self.config.embed_url().as_str().trim_end_matches('/'),
                )),
            )
            .at(
                "/b/:key/:file",
                Methods::new().get(embed::api::pinned(self.scripts.clone())),
            )
            .at("/optout", embed::api::optout(&self.config.public_url))
            .at(
                "/b/:key/contacts",
                Methods::new().post(contacts::api::post(
                    self.contacts.clone(),
                    self.form_limits.clone(),
                )),
            )
            .at(
                "/e",
                Methods::new().post(tracking::api::post(self.tracking.clone())),
            )
            .at(
                "/e.gif",
                Methods::new().get(tracking::api::gif(self.tracking.clone())),
            )
            .at(
                billing::api::WEBHOOK,
                Methods::new().post(billing::api::webhook(self.billing.clone())),
            )
            .nest("/policies", policies::api::pages(self.policies.clone()))
            .at(
                accounts::api::OBJECTION,
                accounts::api::objection(self.accounts.clone()),
            )
            .at(
                "/demo",
                Methods::new().get(demo::api::shop(
                    self.bars.published().clone(),
                    self.config.embed_url(),
                )),
            )
            .at("/healthz", Methods::new().get(health::healthz()))
            .at("/readyz", Methods::new().get(self.readiness().readyz()))
    }

    /// The OpenAPI document, of everything that is routed.
    pub fn document() -> Value {
        openapi::document::<Apis>([
            health::describe(),
            mail::api::describe(),
            mail::api::describe_feedback(),
            mail::api::describe_looks(),
            policies::api::describe(),
            accounts::api::describe(),
            accounts::api::describe_preferences(),
            embed::api::describe(),
            install::api::describe(),
            tracking::api::describe(),
            tracking::api::describe_filters(),
            contacts::api::describe(),
            billing::api::describe(),
        ])
    }

    /// Where the operator's file says that machines stand.
    fn data_centers(&self) -> mail::api::IsDataCenter {
        let networks = self.surroundings.data_centers.clone();
        Arc::new(move |address| networks.contains(address))
    }

    fn readiness(&self) -> Readiness {
        let (db, tracking) = (self.db.clone(), self.tracking.clone());
        Readiness::default()
            .check("database", move || {
                let db = db.clone();
                async move { logged("database", db.ping().await) }
            })
            .check("queue", move || {
                let writing = tracking.is_writing();
                async move { writing }
            })
    }

    /// Serves until `stop`, then drains: first the requests that are open, then the jobs under way.
    pub async fn serve(self, stop: CancellationToken) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.config.stripe_key().is_none() || !self.config.stripe_webhook_secrets().is_empty(),
            "--stripe-key needs --stripe-webhook-secret: `contactbar billing sync` makes the endpoint and shows its secret"
        );
        self.prepare_database().await?;
        let listener = bind(self.config.listen, "--listen").await?;
        let metrics_listener = match self.config.metrics_addr {
            Some(address) => Some(bind(address, "--metrics-addr").await?),
            None => None,
        };
        let stop_jobs = CancellationToken::new();
        let background = TaskTracker::new();
        spawn(&background, {
            let (jobs, stop) = (self.jobs.clone(), stop_jobs.clone());
            async move { jobs.run(stop).await }
        });
        spawn(&background, {
            let (tracking, stop) = (self.tracking.clone(), stop_jobs.clone());
            async move {
                let folding = CancellationToken::new();
                let until_written = async {
                    tracking.run_writer(stop).await;
                    folding.cancel();
                };
                tokio::join!(until_written, tracking.run_folder(folding.clone()));
            }
        });
        spawn(
            &background,
            forget_the_idle(
                self.address_limits.clone(),
                self.account_limit.clone(),
                self.form_limits.clone(),
                self.install_limit.clone(),
                self.idempotency.clone(),
                self.surroundings.clone(),
                stop_jobs.clone(),
            ),
        );
        spawn(&background, {
            let (outbox, mailer) = (Outbox::observed_by(&self.metrics), self.mailer.clone());
            let stop = stop_jobs.clone();
            async move {
                loop {
                    outbox.look(&mailer).await;
                    if tokio::time::timeout(Duration::from_secs(60), stop.cancelled())
                        .await
                        .is_ok()
                    {
                        break;
                    }
                }
            }
        });
        if let Some(listener) = metrics_listener {
            tracing::info!(address = %listener.local_addr()?, "metrics");
            let scrape = Arc::new(metrics_endpoint(self.metrics.clone()));
            let connections = self.metrics.connections.clone();
            spawn(
                &background,
                server::serve(listener, scrape, self.patience(), connections, stop_jobs.clone()),
            );
        }
        background.close();

        tracing::info!(address = %listener.local_addr()?, url = %self.config.public_url, "listening");
        let router = Arc::new(self.router());
        server::serve(
            listener,
            router,
            self.patience(),
            self.metrics.connections.clone(),
            stop,
        )
        .await;
        tracing::info!("requests have ended; stopping jobs and the writer of events");
        stop_jobs.cancel();
        background.wait().await;
        tracing::info!("stopped");
        Ok(())
    }

    fn patience(&self) -> Patience {
        Patience {
            drain: self.config.drain,
            max_connections: self.config.max_connections as usize,
            ..Patience::default()
        }
    }

    /// Runs the migrations that are missing, and posts what must stand from the first day on. Answers the migrations' names.
    pub async fn migrate(&self) -> anyhow::Result<Vec<String>> {
        let ran = self.db.migrate().await.context("migrating the database")?;
        let (clock, random) = (self.clock.clone(), self.random.clone());
        self.db
            .write(move |tx| policies::post_first_versions(tx, &clock, &random))
            .await
            .context("posting the first policies")?;
        Ok(ran)
    }

    async fn prepare_database(&self) -> anyhow::Result<()> {
        self.db.wait_for_it().await.context("reaching the database")?;
        match self.config.migrate {
            Migrate::Auto => {
                let ran = self.migrate().await?;
                if !ran.is_empty() {
                    tracing::info!(
                        db.migrations = ran.len(),
                        "the database has been brought up to date"
                    );
                }
            }
            Migrate::Off => {
                let missing = self
                    .db
                    .pending_migrations()
                    .await
                    .context("looking at the database")?;
                if !missing.is_empty() {
                    anyhow::bail!(
                        "the database lacks {} migrations; run `contactbar migrate`",
                        missing.len()
                    );
                }
            }
        }
        Ok(())
    }
}

/// How billing is set up. Without a key nothing is sold.
fn billing_settings(config: &Config, clock: &Clock, random: &Random) -> anyhow::Result<billing::Settings> {
    let stripe = match config.stripe_key() {
        Some(key) => Some(
            Stripe::new(key, &config.stripe_url, clock.clone(), random.clone()).context("--stripe-key")?,
        ),
        None => None,
    };
    Ok(billing::Settings {
        stripe,
        webhook_secrets: config.stripe_webhook_secrets(),
        tax: config.stripe_tax == Switch::On,
        operator: config.operator_address.clone(),
    })
}

/// What the operator's files say of addresses, and which browsers are members' own.
fn surroundings(config: &Config, db: &Db, clock: &Clock, random: &Random) -> anyhow::Result<Surroundings> {
    let countries = match &config.country_database {
        Some(path) => {
            Countries::open(path).with_context(|| format!("--country-database {}", path.display()))?
        }
        None => Countries::default(),
    };
    let data_centers = match &config.datacenter_ranges {
        Some(path) => {
            Networks::read(path).with_context(|| format!("--datacenter-ranges {}", path.display()))?
        }
        None => Networks::default(),
    };
    let salts = Salts::new(db.clone(), random.clone());
    Ok(Surroundings {
        own: OwnBrowsers::new(db.clone(), clock.clone(), salts),
        countries,
        data_centers: Arc::new(data_centers),
    })
}

/// A user at work is noticed, so that their own visits can stay uncounted where the member wishes it. Nobody's request
/// fails by that.
fn notice(own: &OwnBrowsers) -> accounts::api::Notice {
    let own = own.clone();
    Arc::new(move |user, client, headers| {
        let (own, network) = (own.clone(), client.network());
        let user_agent = tracking::api::user_agent(headers).to_owned();
        Box::pin(async move {
            if let Err(error) = own.notice(user, network, &user_agent).await {
                tracing::warn!(%error, "a member's own browser was not noticed");
            }
        })
    })
}

/// A publication enqueues the making of its script.
fn prepare_scripts(clock: &Clock, random: &Random) -> Announce {
    let (clock, random) = (clock.clone(), random.clone());
    Arc::new(move |tx, key| embed::prepare(tx, JobId::new(&clock, &random), clock.now(), key))
}

fn tell_metrics(metrics: &Metrics) -> tracking::Tell {
    let (events, dropped) = (metrics.events.clone(), metrics.events_dropped.clone());
    Arc::new(move |told| match told {
        tracking::Told::Stored(kind) => {
            let kind = metrics::Kind { kind: kind.as_str() };
            events.get_or_create(&kind).inc();
        }
        tracking::Told::Dropped(reason) => {
            let kind = metrics::Reason {
                reason: reason.as_str(),
            };
            dropped.get_or_create(&kind).inc();
        }
    })
}

/// HEAD reaches the endpoint as such: only machines ask so.
fn looked_at<E: Endpoint + 'static>(endpoint: impl Fn() -> E) -> Methods {
    Methods::new().get(endpoint()).on(Method::HEAD, endpoint())
}

fn tell_of_mails(metrics: &Metrics) -> mail::Tell {
    let mails = metrics.mails.clone();
    Arc::new(move |category, told| {
        let labels = metrics::Mailed {
            category: category.as_str(),
            outcome: told.as_str(),
        };
        mails.get_or_create(&labels).inc();
    })
}

/// What the outbox held when it was last looked at, once a minute.
#[derive(Clone, Default)]
struct Outbox {
    queued: Arc<AtomicI64>,
    parked: Arc<AtomicI64>,
}

impl Outbox {
    fn observed_by(metrics: &Metrics) -> Self {
        let outbox = Self::default();
        let Self { queued, parked } = outbox.clone();
        metrics.observe("mails_queued", "Mails that wait to be sent", move || {
            queued.load(Ordering::Relaxed)
        });
        metrics.observe(
            "mails_parked",
            "Mails that were given up: `contactbar mail list` shows them",
            move || parked.load(Ordering::Relaxed),
        );
        outbox
    }

    async fn look(&self, mailer: &Mailer) {
        match mailer.backlog().await {
            Ok(counts) => {
                self.queued.store(counts.pending, Ordering::Relaxed);
                self.parked.store(counts.failed, Ordering::Relaxed);
            }
            Err(error) => tracing::warn!(%error, "the outbox was not counted"),
        }
    }
}

fn observe_pool(metrics: &Metrics, db: &Db) {
    let (used, all) = (db.clone(), db.clone());
    metrics.observe(
        "db_connections_in_use",
        "Database connections in use",
        move || count(used.pool_state().0),
    );
    metrics.observe("db_connections", "Database connections open", move || {
        count(all.pool_state().1)
    });
    let away = db.clone();
    metrics.observe(
        "db_away",
        "1 while the database can't be reached and requests are refused for it",
        move || away.is_away().into(),
    );
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn per_minute<K>(config: &Config, name: &'static str, amount: u32, clock: &Clock) -> RateLimit<K>
where
    K: std::hash::Hash + Eq + Clone,
{
    // "Off" is an amount that nobody reaches, so that the way of a request is the same.
    let amount = if config.rate_limits == Switch::On {
        amount
    } else {
        1_000_000_000
    };
    let amount = NonZeroU32::new(amount).unwrap_or(NonZeroU32::MIN);
    RateLimit::new(
        Policy {
            name,
            amount,
            window: Duration::from_secs(60),
        },
        clock.clone(),
    )
}

async fn bind(address: std::net::SocketAddr, setting: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("{setting} {address}: can't listen there"))
}

/// A task that the stop waits for.
fn spawn(tasks: &TaskTracker, task: impl Future<Output = ()> + Send + 'static) {
    tasks.spawn(task);
}

async fn forget_the_idle(
    limits: AddressLimits,
    accounts: RateLimit<uuid::Uuid>,
    forms: FormLimits,
    installs: RateLimit<MemberId>,
    idempotency: Idempotency,
    surroundings: Surroundings,
    stop: CancellationToken,
) {
    while tokio::time::timeout(Duration::from_secs(60), stop.cancelled())
        .await
        .is_err()
    {
        limits.forget_idle();
        accounts.forget_idle();
        forms.forget_idle();
        installs.forget_idle();
        surroundings.own.forget_stale();
        look_at_countries(surroundings.countries.clone()).await;
        if let Err(error) = idempotency.forget_expired().await {
            tracing::warn!(error = %error, "old Idempotency-Keys were not forgotten");
        }
    }
}

/// A new file of countries is taken, a broken one is not.
async fn look_at_countries(countries: Countries) {
    match tokio::task::spawn_blocking(move || countries.reload_if_changed()).await {
        Ok(Ok(true)) => tracing::info!("the database of countries has changed and was read again"),
        Ok(Ok(false)) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the database of countries can't be read again"),
        Err(error) => tracing::warn!(%error, "the database of countries was not looked at"),
    }
}

fn metrics_endpoint(metrics: Metrics) -> impl Endpoint<Output = Response> + 'static {
    let scrape = make_sync(move |_| {
        Response::builder()
            .content_type("application/openmetrics-text; version=1.0.0; charset=utf-8")
            .body(metrics.text())
    });
    Route::new().at("/metrics", Methods::new().get(scrape))
}

/// Why not is for the log; yes or no is for the outside.
fn logged<E: std::fmt::Display>(name: &str, result: Result<(), E>) -> bool {
    if let Err(error) = &result {
        tracing::warn!(check = name, error = %error, "not ready");
    }
    result.is_ok()
}
