//! Contacts as CSV: read page by page while the reader takes it, so that a million need no more memory than a page.

use bytes::Bytes;
use futures_util::stream::{self, Stream};

use super::Contacts;
use super::managing::page_of;
use crate::accounts;
use crate::bars::configuration::FieldKind;
use crate::contacts::rules::search::Words;
use crate::contacts::store::contacts;
use crate::contacts::{Contact, Cursor, Error, Filter, Page, Sort};
use crate::csv::cell;
use crate::ids::MemberId;

const PAGE: u32 = 500;
/// What makes spreadsheets read UTF-8 as such.
const BYTE_ORDER_MARK: &str = "\u{feff}";

const COLUMNS: [&str; 17] = [
    "id",
    "email",
    "name",
    "phone",
    "status",
    "tags",
    "submissions",
    "first_submitted_at",
    "last_submitted_at",
    "bar",
    "variant",
    "page",
    "referrer",
    "language",
    "consent_text",
    "consented_at",
    "fields",
];

/// What is left to write.
enum Left {
    Page(Page<Contact>),
    Behind(Cursor),
    Nothing,
}

impl Contacts {
    /// The contacts of a filter, oldest post first: who posts again meanwhile comes once more at the end, and nobody is
    /// left out. Fails before the first byte, or breaks off: half a file never looks whole to HTTP. Beside it, how many
    /// there were when it began.
    pub async fn export(
        &self,
        member: MemberId,
        filter: Filter,
        byte_order_mark: bool,
    ) -> Result<
        (
            i64,
            impl Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static,
        ),
        Error,
    > {
        let (asked, words) = (filter.clone(), Words::of(filter.search.as_deref()));
        let plans = self.plans;
        let (total, first) = self
            .db
            .read(move |conn| {
                accounts::may_export(conn, plans, member)??;
                let total = contacts::count(conn, member, &asked, &words)?;
                let more = i64::from(PAGE) + 1;
                let first = contacts::list(conn, member, &asked, &words, Sort::Oldest, None, more)?;
                Ok::<_, Error>((total, first))
            })
            .await?;
        let first = page_of(first, Sort::Oldest, PAGE);
        let mut head = String::new();
        if byte_order_mark {
            head.push_str(BYTE_ORDER_MARK);
        }
        let mut head = head.into_bytes();
        head.extend(lines(&[COLUMNS.map(str::to_owned).to_vec()]));
        let this = self.clone();
        let rows = stream::try_unfold(Left::Page(first), move |left| {
            let (this, filter) = (this.clone(), filter.clone());
            async move {
                let page = match left {
                    Left::Nothing => return Ok(None),
                    Left::Page(page) => page,
                    Left::Behind(cursor) => this
                        .list(member, filter, Sort::Oldest, Some(cursor), PAGE)
                        .await
                        .map_err(std::io::Error::other)?,
                };
                let rows: Vec<Vec<String>> = page.items.iter().map(row).collect();
                let bytes = lines(&rows);
                let left = page.next.map_or(Left::Nothing, Left::Behind);
                Ok(Some((Bytes::from(bytes), left)))
            }
        });
        let head = stream::once(async move { Ok(Bytes::from(head)) });
        Ok((total, futures_util::StreamExt::chain(head, rows)))
    }
}

fn lines(rows: &[Vec<String>]) -> Vec<u8> {
    let mut writer = ::csv::WriterBuilder::new()
        .terminator(::csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let written = rows.iter().try_for_each(|row| writer.write_record(row));
    // A `Vec` takes all that is written, and every row has the same number of cells.
    written.expect("memory takes every record");
    writer.into_inner().expect("memory takes every record")
}

fn row(contact: &Contact) -> Vec<String> {
    let text = |value: &Option<String>| cell(value.as_deref().unwrap_or_default()).into_owned();
    let mut row = vec![
        contact.id.to_string(),
        text(&contact.email),
        text(&contact.name),
        text(&contact.phone),
        contact.status.as_str().to_owned(),
        cell(&contact.tags.join(", ")).into_owned(),
        contact.submissions.to_string(),
        contact.first_submitted_at.to_string(),
        contact.last_submitted_at.to_string(),
    ];
    if let Some(post) = &contact.latest {
        row.extend([
            post.bar.to_string(),
            cell(&post.variant).into_owned(),
            cell(&format!("{}{}", post.host, post.path)).into_owned(),
            cell(&post.referrer_host).into_owned(),
            cell(&post.language).into_owned(),
            text(&post.consent_text),
            post.consented_at.map(|at| at.to_string()).unwrap_or_default(),
        ]);
        let others = post
            .fields
            .iter()
            .filter(|answer| !matches!(answer.kind, FieldKind::Email | FieldKind::Name | FieldKind::Phone));
        let others: Vec<_> = others
            .map(|answer| format!("{}: {}", answer.label, answer.value))
            .collect();
        row.push(cell(&others.join("\n")).into_owned());
    }
    row.resize(COLUMNS.len(), String::new());
    row
}
