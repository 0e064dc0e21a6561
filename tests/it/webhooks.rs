//! Webhooks: signed as the specification says, tried again, given up visibly, and never sent into our own network.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use base64::{Engine, engine::general_purpose::STANDARD};
use contactbar::clock::{DAY, HOUR};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::contacts::Stage;
use crate::support::TestApp;

/// One request that came.
#[derive(Clone, Debug)]
struct Came {
    headers: Vec<(String, String)>,
    body: String,
}

impl Came {
    fn header(&self, name: &str) -> &str {
        &self
            .headers
            .iter()
            .find(|(known, _)| known == name)
            .unwrap_or_else(|| panic!("{name} is missing"))
            .1
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A receiver on a port of its own.
#[derive(Clone)]
struct Receiver {
    url: String,
    came: Arc<Mutex<Vec<Came>>>,
    answers: Arc<Mutex<VecDeque<u16>>>,
}

impl Receiver {
    /// Answers these statuses in turn, and then 200.
    async fn start(answers: &[u16]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            url: format!("http://{}/in", listener.local_addr().unwrap()),
            came: Arc::default(),
            answers: Arc::new(Mutex::new(answers.iter().copied().collect())),
        };
        let this = receiver.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let came = read(&mut stream).await;
                this.came.lock().unwrap().push(came);
                let status = this.answers.lock().unwrap().pop_front().unwrap_or(200);
                let answer =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: 4\r\nconnection: close\r\n\r\nwell");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        receiver
    }

    fn take(&self) -> Vec<Came> {
        std::mem::take(&mut self.came.lock().unwrap())
    }
}

async fn read(stream: &mut tokio::net::TcpStream) -> Came {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.unwrap();
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let headers: Vec<(String, String)> = head
            .lines()
            .skip(1)
            .map(|line| line.split_once(": ").unwrap())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
            .collect();
        let length: usize = headers
            .iter()
            .find(|(name, _)| name == "content-length")
            .unwrap()
            .1
            .parse()
            .unwrap();
        if body.len() >= length {
            return Came {
                headers,
                body: body.to_owned(),
            };
        }
    }
}

/// HMAC-SHA256 from its definition (RFC 2104), with none of our code.
fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut block = [0u8; 64];
    block[..key.len()].copy_from_slice(key);
    let inner = Sha256::digest([block.map(|b| b ^ 0x36).as_slice(), message].concat());
    Sha256::digest([block.map(|b| b ^ 0x5c).as_slice(), &inner].concat()).to_vec()
}

fn signature(secret: &str, came: &Came) -> String {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let signed = format!(
        "{}.{}.{}",
        came.header("webhook-id"),
        came.header("webhook-timestamp"),
        came.body
    );
    format!("v1,{}", STANDARD.encode(hmac(&key, signed.as_bytes())))
}

async fn private(app: &TestApp) -> Stage {
    let app = TestApp::start(app.kind(), &["--webhooks-allow-private=on"]).await;
    Stage::with(&app, "ada", json!({"notification": {"mode": "off"}}), &[]).await
}

async fn hook(stage: &Stage, url: &str, types: &[&str]) -> (String, String) {
    let made = stage
        .client
        .post("/api/v1/webhooks", json!({"url": url, "event_types": types}))
        .await
        .expect(201);
    let path = format!("/api/v1/webhooks/{}", made["webhook"]["id"].as_str().unwrap());
    (path, made["secret"].as_str().unwrap().to_owned())
}

async fn deliveries(stage: &Stage, path: &str) -> Vec<Value> {
    stage.client.get(&format!("{path}/deliveries")).await.expect(200)["items"]
        .as_array()
        .unwrap()
        .clone()
}

both_databases! {
    async fn events_are_signed_and_say_what_happened(app: TestApp) {
        let stage = private(&app).await;
        let receiver = Receiver::start(&[]).await;
        let all = ["contact.created", "contact.updated", "contact.deleted", "submission.created"];
        let (path, secret) = hook(&stage, &receiver.url, &all).await;
        stage.leave(json!({"email": "jo@example.com"})).await;
        stage.app.run_jobs().await;
        let mut came = receiver.take();
        came.sort_by_key(|request| request.body.contains("submission.created"));
        assert_eq!(came.iter().map(|c| c.json()["type"].clone()).collect::<Vec<_>>(), ["contact.created", "submission.created"]);
        for request in &came {
            assert_eq!(request.header("webhook-signature"), signature(&secret, request));
            assert_eq!(request.header("webhook-timestamp"), stage.app.clock.now().secs().to_string());
            assert_eq!(request.header("content-type"), "application/json");
            assert!(request.header("webhook-id").starts_with("dlv_"));
        }
        assert_eq!(came[0].json()["data"]["contact"]["email"], "jo@example.com");
        assert_eq!(came[0].json()["data"]["submission"]["fields"][0]["value"], "jo@example.com");

        // Both secrets sign for a day.
        let rotated = stage.client.post(&format!("{path}/rotate-secret"), json!(null)).await.expect(200);
        let new = rotated["secret"].as_str().unwrap();
        let contact = stage.only_contact().await;
        let contact_path = format!("/api/v1/contacts/{}", contact["id"].as_str().unwrap());
        stage.client.patch(&contact_path, json!({"status": "open"})).await.expect(200);
        stage.app.run_jobs().await;
        let came = receiver.take();
        assert_eq!(came[0].json()["type"], "contact.updated");
        assert_eq!(came[0].header("webhook-signature"), format!("{} {}", signature(new, &came[0]), signature(&secret, &came[0])));
        stage.app.clock.advance(DAY);
        stage.client.delete(&contact_path).await.expect(204);
        stage.app.run_jobs().await;
        let came = receiver.take();
        assert_eq!(came[0].json()["data"], json!({"contact": {"id": contact["id"]}}));
        assert_eq!(came[0].header("webhook-signature"), signature(new, &came[0]));
        // What was logged of the contact went with it.
        let left: Vec<_> = deliveries(&stage, &path).await.iter().map(|d| d["event_type"].clone()).collect();
        assert_eq!(left, ["contact.deleted"]);
    }

    async fn a_failed_delivery_is_tried_again_until_it_arrives(app: TestApp) {
        let stage = private(&app).await;
        let receiver = Receiver::start(&[500, 302]).await;
        let (path, _) = hook(&stage, &receiver.url, &["contact.created"]).await;
        stage.leave(json!({"email": "jo@example.com"})).await;
        for state in ["pending", "pending", "delivered"] {
            stage.app.run_jobs().await;
            assert_eq!(deliveries(&stage, &path).await[0]["state"], state);
            stage.app.clock.advance(HOUR);
        }
        let came = receiver.take();
        assert_eq!(came.len(), 3);
        assert!(came.iter().all(|c| c.header("webhook-id") == came[0].header("webhook-id") && c.body == came[0].body));
        assert!(came[0].header("webhook-timestamp") < came[2].header("webhook-timestamp"));
        let log = &deliveries(&stage, &path).await[0];
        assert_eq!((&log["attempts"], &log["response_status"], &log["response_excerpt"]), (&json!(3), &json!(200), &json!("well")));
        assert_eq!(log["payload"]["type"], "contact.created");
    }

    async fn after_a_day_a_delivery_is_given_up_and_can_be_sent_again(app: TestApp) {
        let stage = private(&app).await;
        let receiver = Receiver::start(&[503; 16]).await;
        let (path, _) = hook(&stage, &receiver.url, &["contact.created"]).await;
        stage.leave(json!({"email": "jo@example.com"})).await;
        let begun = stage.app.clock.now();
        let mut attempts = 0;
        while deliveries(&stage, &path).await[0]["state"] == "pending" {
            stage.app.run_jobs().await;
            attempts += receiver.take().len();
            stage.app.clock.advance(HOUR / 4);
        }
        assert_eq!(attempts, 16);
        let took = stage.app.clock.now().since(begun);
        assert!(took > DAY * 3 / 4 && took < DAY * 3 / 2, "{took:?}");
        let log = deliveries(&stage, &path).await[0].clone();
        assert_eq!((&log["state"], &log["response_status"]), (&json!("failed"), &json!(503)));
        let retry = format!("{path}/deliveries/{}/retry", log["id"].as_str().unwrap());
        assert_eq!(stage.client.post(&retry, json!(null)).await.expect(200)["state"], "pending");
        stage.client.post(&retry, json!(null)).await.problem(409);
        stage.app.run_jobs().await;
        assert_eq!(deliveries(&stage, &path).await[0]["state"], "delivered");
        assert_eq!(receiver.take()[0].header("webhook-id"), log["id"].as_str().unwrap());
    }

    async fn a_receiver_that_is_gone_is_told_no_more(app: TestApp) {
        let stage = private(&app).await;
        let receiver = Receiver::start(&[410]).await;
        let (path, _) = hook(&stage, &receiver.url, &["contact.created"]).await;
        stage.leave(json!({"email": "jo@example.com"})).await;
        stage.app.run_jobs().await;
        assert_eq!(stage.client.get(&path).await.expect(200)["enabled"], false);
        stage.leave(json!({"email": "sam@example.com"})).await;
        stage.app.run_jobs().await;
        assert_eq!((receiver.take().len(), deliveries(&stage, &path).await.len()), (1, 1));
    }

    async fn a_test_says_at_once_how_it_went(app: TestApp) {
        let stage = private(&app).await;
        let receiver = Receiver::start(&[418]).await;
        let (path, secret) = hook(&stage, &receiver.url, &["contact.deleted"]).await;
        let failed = stage.client.post(&format!("{path}/test"), json!(null)).await.expect(200);
        assert_eq!((&failed["state"], &failed["response_status"], &failed["attempts"]), (&json!("failed"), &json!(418), &json!(1)));
        let went = stage.client.post(&format!("{path}/test"), json!(null)).await.expect(200);
        assert_eq!((&went["state"], &went["event_type"]), (&json!("delivered"), &json!("webhook.test")));
        let came = receiver.take();
        assert_eq!(came[1].header("webhook-signature"), signature(&secret, &came[1]));
        let nobody = json!({"url": "http://127.0.0.1:1/"});
        stage.client.patch(&path, nobody).await.expect(200);
        let lost = stage.client.post(&format!("{path}/test"), json!(null)).await.expect(200);
        assert_eq!((&lost["state"], &lost["error"], lost.get("response_status")), (&json!("failed"), &json!("no connection"), None));
        let page = stage.client.get(&format!("{path}/deliveries?limit=2")).await.expect(200);
        let next = page["next_cursor"].as_str().unwrap();
        let rest = stage.client.get(&format!("{path}/deliveries?limit=2&after={next}")).await.expect(200);
        assert_eq!((rest["items"].as_array().unwrap().len(), rest.get("next_cursor")), (1, None));
    }

    async fn a_webhook_is_never_pointed_into_our_network(app: TestApp) {
        let stage = Stage::new(&app, "ada").await;
        for url in [
            "http://hooks.example/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/latest/meta-data",
            "https://2130706433/", "https://[::ffff:10.0.0.1]/", "https://user:secret@hooks.example/", "https://hooks.example:22/", "x",
        ] {
            let body = json!({"url": url, "event_types": ["contact.created"]});
            let problem = stage.client.post("/api/v1/webhooks", body).await.problem(422);
            assert!(problem[0].starts_with("url: "), "{url}: {problem:?}");
        }
        let (path, _) = hook(&stage, "https://hooks.example/in", &["contact.created"]).await;
        assert_eq!(stage.client.patch(&path, json!({"url": "https://10.1.2.3/"})).await.status, 422);
        assert_eq!(stage.client.patch(&path, json!({"event_types": ["webhook.test"]})).await.status, 422);
        // A name that leads to us is found out when it is resolved.
        stage.client.patch(&path, json!({"url": "https://localhost/"})).await.expect(200);
        let tested = stage.client.post(&format!("{path}/test"), json!(null)).await.expect(200);
        assert_eq!(tested["error"], "the host leads into a private network");
    }

    async fn the_log_is_forgotten_after_a_month(app: TestApp) {
        let stage = private(&app).await;
        let receiver = Receiver::start(&[]).await;
        let (path, _) = hook(&stage, &receiver.url, &["contact.created"]).await;
        stage.leave(json!({"email": "jo@example.com"})).await;
        stage.app.run_jobs().await;
        stage.app.clock.advance(DAY * 31);
        stage.app.jobs.enqueue_due_schedules().await.unwrap();
        stage.app.run_jobs().await;
        assert_eq!(deliveries(&stage, &path).await.len(), 0);
    }
}
