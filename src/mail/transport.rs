//! The ways out: an SMTP server, a folder of `.eml` files, or memory. Knows nothing of the outbox.

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use url::Url;

use super::EmailAddress;
use super::dkim::Signer;
use super::feedback::Status;
pub use super::mime::Outgoing;

/// Where mail leaves by. Cheap to clone.
#[derive(Clone, Debug)]
pub enum Transport {
    Smtp(Arc<Smtp>),
    File(PathBuf),
    Memory(Memory),
}

/// What every mail gets on its way out.
#[derive(Clone, Debug, Default)]
pub struct Stamp {
    /// Signs it as ours.
    pub signer: Option<Signer>,
    /// Where it comes back to: below this address each has its own, `local+msg_…@domain` [none: the sender's address].
    pub bounces: Option<EmailAddress>,
}

impl Stamp {
    /// The sender on the envelope.
    fn sender(&self, mail: &Outgoing) -> EmailAddress {
        let id = mail.message_id.split('@').next().unwrap_or_default();
        let own = self.bounces.as_ref().and_then(|address| {
            let (local, domain) = address.as_str().rsplit_once('@')?;
            format!("{local}+{id}@{domain}").parse().ok()
        });
        own.or_else(|| self.bounces.clone())
            .unwrap_or_else(|| mail.from.clone())
    }
}

/// Why a mail did not leave, and what that means for it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// May work later.
    #[error("not now: {0}")]
    Later(String),
    /// Will never work.
    #[error("refused: {0}")]
    Refused(String),
    /// Will never work, for any mail: the mailbox does not exist.
    #[error("no such mailbox: {0}")]
    NoSuchMailbox(String),
}

/// What is wrong with the address of a mail server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadServer {
    #[error("use smtp://, smtp+starttls:// or smtps://, a host, and nothing behind it")]
    Address,
    #[error("a password needs smtps:// or smtp+starttls://, unless the server is on this machine")]
    PasswordInTheClear,
    #[error("TLS can't be set up: {0}")]
    Tls(String),
}

impl Transport {
    /// The server, if there is one; else files in the data folder's `mail`.
    pub fn new(server: Option<&Url>, data: &std::path::Path, public_url: &Url) -> Result<Self, BadServer> {
        let hello = public_url.host_str().unwrap_or("localhost");
        match server {
            Some(url) => Ok(Self::Smtp(Arc::new(Smtp::from_url(
                url,
                hello,
                Smtp::TIME_LIMIT,
            )?))),
            None => Ok(Self::File(data.join("mail"))),
        }
    }

    /// Returns once the mail is out of our hands: after the server's 250, or when the file is on disk.
    pub async fn send(&self, mail: &Outgoing, stamp: &Stamp) -> Result<(), SendError> {
        let message = mail
            .message(&stamp.sender(mail))
            .map_err(|error| SendError::Refused(error.to_string()))?;
        let bytes = || match &stamp.signer {
            Some(signer) => signer.sign(message.formatted(), mail.date),
            None => message.formatted(),
        };
        match self {
            Self::Smtp(server) => server.send(message.envelope(), &bytes()).await,
            Self::File(folder) => write_file(folder, mail, bytes()).await,
            Self::Memory(memory) => memory.keep(mail),
        }
    }
}

/// Written beside and renamed, so that a half-written mail is never seen; a second try replaces the first.
async fn write_file(folder: &std::path::Path, mail: &Outgoing, bytes: Vec<u8>) -> Result<(), SendError> {
    let name: String = mail
        .message_id
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "_.-".contains(c) {
                c
            } else {
                '_'
            }
        })
        .collect();
    let (part, whole) = (
        folder.join(format!("{name}.part")),
        folder.join(format!("{name}.eml")),
    );
    let written = async {
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::write(&part, bytes).await?;
        tokio::fs::File::open(&part).await?.sync_all().await?;
        tokio::fs::rename(&part, &whole).await
    };
    written.await.map_err(|error| SendError::Later(error.to_string()))
}

/// A mailbox for tests. It can also be told to fail.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    inner: Arc<Mutex<MemoryState>>,
}

#[derive(Debug, Default)]
struct MemoryState {
    mails: Vec<Outgoing>,
    failure: Option<SendError>,
}

impl Memory {
    /// All mails since the last time, oldest first.
    pub fn take(&self) -> Vec<Outgoing> {
        std::mem::take(&mut self.state().mails)
    }

    /// From now on every mail meets this fate; `None`: they arrive again.
    pub fn fail_with(&self, failure: Option<SendError>) {
        self.state().failure = failure;
    }

    fn keep(&self, mail: &Outgoing) -> Result<(), SendError> {
        let mut state = self.state();
        if let Some(failure) = &state.failure {
            return Err(failure.clone());
        }
        state.mails.push(mail.clone());
        Ok(())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, MemoryState> {
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A mail server.
///
/// A connection is used again only if its last mail ended with a clean 250. lettre's own pool takes back whatever is
/// dropped, also in the middle of a dialogue that ran out of time; the next mail would then read the last one's answer.
pub struct Smtp {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<Credentials>,
    hello: ClientId,
    time_limit: Duration,
    idle: tokio::sync::Mutex<Vec<AsyncSmtpConnection>>,
}

#[derive(Clone)]
enum Security {
    Plain,
    StartTls(TlsParameters),
    Tls(TlsParameters),
}

/// At most so many connections wait for the next mail.
const MAX_IDLE: usize = 4;
/// A waiting connection answers within this, or is given up.
const PROBE_LIMIT: Duration = Duration::from_secs(5);

impl Smtp {
    /// For one whole mail, from connecting to the server's last word. lettre's limit covers connecting only.
    pub const TIME_LIMIT: Duration = Duration::from_secs(60);

    /// `smtp://host[:25]` in the clear, `smtp+starttls://[user:password@]host[:587]`, `smtps://[user:password@]host[:465]`.
    /// `hello`: what we call ourselves, the host of the public address.
    pub fn from_url(server: &Url, hello: &str, time_limit: Duration) -> Result<Self, BadServer> {
        let host = server
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or(BadServer::Address)?;
        let host = percent_decoded(host.trim_matches(['[', ']']))?;
        if !matches!(server.path(), "" | "/") || server.query().is_some() || server.fragment().is_some() {
            return Err(BadServer::Address);
        }
        let tls = || TlsParameters::new(host.clone()).map_err(|error| BadServer::Tls(error.to_string()));
        let (security, port) = match server.scheme() {
            "smtp" => (Security::Plain, 25),
            "smtp+starttls" => (Security::StartTls(tls()?), 587),
            "smtps" => (Security::Tls(tls()?), 465),
            _ => return Err(BadServer::Address),
        };
        let credentials = match server.password() {
            Some(password) => Some(Credentials::new(
                percent_decoded(server.username())?,
                percent_decoded(password)?,
            )),
            None if !server.username().is_empty() => return Err(BadServer::Address),
            None => None,
        };
        let local = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        if credentials.is_some() && matches!(security, Security::Plain) && !local {
            return Err(BadServer::PasswordInTheClear);
        }
        Ok(Self {
            port: server.port().unwrap_or(port),
            host,
            security,
            credentials,
            hello: ClientId::Domain(hello.to_owned()),
            time_limit,
            idle: tokio::sync::Mutex::default(),
        })
    }

    async fn send(&self, envelope: &Envelope, bytes: &[u8]) -> Result<(), SendError> {
        let dialogue = async {
            let mut connection = match self.idle_connection().await {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            connection.send(envelope, bytes).await?;
            Ok(connection)
        };
        // Past the limit the future is dropped, and the connection is closed with it.
        let connection = tokio::time::timeout(self.time_limit, dialogue)
            .await
            .map_err(|_| SendError::Later(format!("no answer within {} s", self.time_limit.as_secs())))?
            .map_err(|error| verdict(&error))?;
        let mut idle = self.idle.lock().await;
        if idle.len() < MAX_IDLE {
            idle.push(connection);
        }
        Ok(())
    }

    async fn idle_connection(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let mut connection = self.idle.lock().await.pop()?;
            if tokio::time::timeout(PROBE_LIMIT, connection.test_connected()).await == Ok(true) {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, lettre::transport::smtp::Error> {
        let server = (self.host.as_str(), self.port);
        let wrapper = match &self.security {
            Security::Tls(parameters) => Some(parameters.clone()),
            Security::Plain | Security::StartTls(_) => None,
        };
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, Some(self.time_limit), &self.hello, wrapper, None)
                .await?;
        if let Security::StartTls(parameters) = &self.security {
            connection.starttls(parameters.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            connection
                .auth(&[Mechanism::Plain, Mechanism::Login], credentials)
                .await?;
        }
        Ok(connection)
    }
}

/// Without the password.
impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Smtp({}:{})", self.host, self.port)
    }
}

fn percent_decoded(text: &str) -> Result<String, BadServer> {
    percent_encoding::percent_decode_str(text)
        .decode_utf8()
        .map(Into::into)
        .map_err(|_| BadServer::Address)
}

fn verdict(error: &lettre::transport::smtp::Error) -> SendError {
    let words = match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    };
    match error.status() {
        Some(code) if error.is_permanent() => permanent(code.into(), words),
        _ => SendError::Later(words),
    }
}

/// Tells a mailbox that does not exist from a mail that is not wanted. A refused log-in (535) or a server that wants TLS (530) is our
/// setting at fault, and is mended, not given up.
fn permanent(code: u16, words: String) -> SendError {
    let enhanced = Status::find_in(&words).filter(|status| status.is_permanent());
    match (code, enhanced) {
        (530 | 534 | 535 | 538, _) => SendError::Later(words),
        (_, Some(status)) if status.is_of_the_mailbox() => SendError::NoSuchMailbox(words),
        (550 | 551 | 553, None) => SendError::NoSuchMailbox(words),
        _ => SendError::Refused(words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Result<Smtp, BadServer> {
        Smtp::from_url(&url.parse().unwrap(), "contactbar.example", Smtp::TIME_LIMIT)
    }

    #[test]
    fn a_server_is_named_by_an_address() {
        for (url, shown) in [
            ("smtp://localhost:1025", "Smtp(localhost:1025)"),
            ("smtp://[::1]", "Smtp(::1:25)"),
            (
                "smtp+starttls://user:p%40ss@mail.example",
                "Smtp(mail.example:587)",
            ),
            ("smtps://user:secret@mail.example/", "Smtp(mail.example:465)"),
        ] {
            assert_eq!(format!("{:?}", server(url).unwrap()), shown);
        }
        for url in [
            "http://mail.example",
            "smtp:mail.example",
            "smtps://mail.example/path",
            "smtps://user@mail.example",
        ] {
            assert_eq!(server(url).err(), Some(BadServer::Address), "{url}");
        }
        assert_eq!(
            server("smtp://user:secret@mail.example").err(),
            Some(BadServer::PasswordInTheClear)
        );
    }

    #[test]
    fn only_a_missing_mailbox_is_a_missing_mailbox() {
        let fate = |code, words: &str| match permanent(code, words.into()) {
            SendError::Later(_) => "later",
            SendError::Refused(_) => "refused",
            SendError::NoSuchMailbox(_) => "no such mailbox",
        };
        assert_eq!(
            fate(550, "permanent error (550): 5.1.1 user unknown"),
            "no such mailbox"
        );
        assert_eq!(
            fate(550, "permanent error (550): user unknown"),
            "no such mailbox"
        );
        assert_eq!(
            fate(550, "permanent error (550): 5.7.1 looks like spam"),
            "refused"
        );
        assert_eq!(
            fate(550, "permanent error (550): 5.2.1 disabled"),
            "no such mailbox"
        );
        assert_eq!(fate(552, "permanent error (552): 5.2.2 over quota"), "refused");
        assert_eq!(fate(553, "permanent error (553): 5.1.8 bad sender"), "refused");
        assert_eq!(fate(554, "permanent error (554): no"), "refused");
        assert_eq!(fate(535, "permanent error (535): 5.7.8 bad password"), "later");
    }

    fn mail(number: u32) -> Outgoing {
        Outgoing {
            message_id: format!("msg_{number}@contactbar.example"),
            from: "hello@contactbar.example".parse().unwrap(),
            from_name: "Contactbar".into(),
            to: "anna@example.com".parse().unwrap(),
            to_name: None,
            reply_to: None,
            date: crate::clock::Timestamp::from_secs(0),
            subject: "Hello".into(),
            text: "Hello".into(),
            html: "<p>Hello</p>".into(),
            unsubscribe: None,
        }
    }

    /// A server that falls silent after the first mail's data, and would say its 250 later; and is well from then on.
    #[tokio::test]
    async fn a_silent_server_costs_one_try_and_its_connection_is_not_used_again() {
        use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let served = tokio::spawn(async move {
            let mut connections = Vec::new();
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                connections.push(tokio::spawn({
                    let first = connections.is_empty();
                    async move {
                        let (read, mut write) = socket.into_split();
                        let mut lines = BufReader::new(read).lines();
                        write.write_all(b"220 ready\r\n").await.unwrap();
                        let mut mails = 0;
                        while let Ok(Some(line)) = lines.next_line().await {
                            let answer: &[u8] = match line.as_str() {
                                "DATA" => b"354 go on\r\n",
                                "." if first => continue,
                                "." => {
                                    mails += 1;
                                    b"250 taken\r\n"
                                }
                                command
                                    if ["EHLO", "MAIL", "RCPT", "NOOP"]
                                        .iter()
                                        .any(|known| command.starts_with(known)) =>
                                {
                                    b"250 ok\r\n"
                                }
                                _ => continue,
                            };
                            write.write_all(answer).await.unwrap();
                        }
                        mails
                    }
                }));
                if connections.len() == 2 {
                    return connections;
                }
            }
        });
        let url = format!("smtp://127.0.0.1:{port}").parse().unwrap();
        let server = Smtp::from_url(&url, "contactbar.example", Duration::from_millis(500)).unwrap();
        let transport = Transport::Smtp(Arc::new(server));
        assert!(matches!(
            transport.send(&mail(1), &Stamp::default()).await,
            Err(SendError::Later(_))
        ));
        assert_eq!(transport.send(&mail(2), &Stamp::default()).await, Ok(()));
        assert_eq!(transport.send(&mail(3), &Stamp::default()).await, Ok(()));
        drop(transport);
        let mut connections = served.await.unwrap();
        assert_eq!(
            connections.pop().unwrap().await.unwrap(),
            2,
            "the second connection carries both"
        );
        assert_eq!(connections.pop().unwrap().await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_file_is_whole_and_written_once() {
        let folder = std::env::temp_dir().join(format!("contactbar-mail-{}", std::process::id()));
        let transport = Transport::File(folder.clone());
        for number in [1, 1, 2] {
            transport.send(&mail(number), &Stamp::default()).await.unwrap();
        }
        let mut names: Vec<_> = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(
            names,
            ["msg_1_contactbar.example.eml", "msg_2_contactbar.example.eml"]
        );
        std::fs::remove_dir_all(folder).unwrap();
    }

    #[tokio::test]
    async fn no_server_means_later() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("smtp://{}", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        drop(listener);
        let server = Smtp::from_url(&url, "contactbar.example", Duration::from_secs(5)).unwrap();
        let sent = Transport::Smtp(Arc::new(server))
            .send(&mail(1), &Stamp::default())
            .await;
        assert!(matches!(sent, Err(SendError::Later(_))));
    }
}
