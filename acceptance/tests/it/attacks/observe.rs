//! Everything that a requester can observe of one statement, as text and as bytes.

use arrow::{
    array::{Array, ArrayData},
    ipc::writer::StreamWriter,
    record_batch::RecordBatch,
};
use lakeward_acceptance::{Rows, World, world::text_of};
use lakeward_domain::{Code, QueryId};

use super::twins::{CANARIES, Twins};

/// What a statement let its requester know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Names, types and nullability, of the answer and of what came.
    pub(crate) schema: String,
    /// Rows, or the code, the cause and the position.
    pub(crate) answer: Result<Rows, (Code, String)>,
    /// Affected rows, messages and notices.
    pub(crate) said: String,
    /// The statement's entries in the ledger.
    pub(crate) ledger: Vec<String>,
    /// Batches as they go out, and whatever else lies in their buffers.
    bytes: Vec<u8>,
}

impl Seen {
    /// As one text.
    pub(crate) fn text(&self) -> String {
        format!(
            "{}\n{:?}\n{}\n{}",
            self.schema,
            self.answer,
            self.said,
            self.ledger.join("\n")
        )
    }

    pub(crate) fn code(&self) -> Option<Code> {
        self.answer.as_ref().err().map(|(code, _)| *code)
    }

    /// Rows have no order of their own.
    pub(crate) fn sorted(mut self) -> Self {
        if let Ok(rows) = &mut self.answer {
            rows.sort();
        }
        self
    }

    /// What two worlds must have in common. Bytes are not: buffers hold rows in the order of files.
    pub(crate) fn same_as(&self, other: &Self) -> bool {
        self.schema == other.schema
            && self.answer == other.answer
            && self.said == other.said
            && self.ledger == other.ledger
    }

    /// Hidden strings in anything that came out, unless the requester wrote them.
    pub(crate) fn canaries(&self, sql: &str) -> Vec<&'static str> {
        let sql = sql.to_lowercase();
        let text = self.text().to_lowercase();
        let bytes = self.bytes.to_ascii_lowercase();
        let mut found: Vec<&'static str> = CANARIES
            .into_iter()
            .filter(|canary| !sql.contains(canary))
            .filter(|canary| {
                text.contains(canary)
                    || bytes
                        .windows(canary.len())
                        .any(|window| window == canary.as_bytes())
            })
            .collect();
        // 31337.13 as DECIMAL(10, 2).
        let charge = 3_133_713_i128.to_le_bytes();
        if !sql.contains("31337") && self.bytes.windows(16).any(|window| window == charge) {
            found.push("the charge");
        }
        found
    }
}

fn buffers(data: &ArrayData, into: &mut Vec<u8>) {
    for buffer in data.buffers() {
        into.extend_from_slice(buffer.as_slice());
        into.push(0);
    }
    for child in data.child_data() {
        buffers(child, into);
    }
}

fn bytes_of(batches: &[RecordBatch]) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(first) = batches.first() {
        let mut writer = StreamWriter::try_new(Vec::new(), &first.schema()).expect("ipc");
        for batch in batches {
            writer.write(batch).expect("ipc");
        }
        writer.finish().expect("ipc");
        bytes = writer.into_inner().expect("ipc");
    }
    for column in batches.iter().flat_map(RecordBatch::columns) {
        buffers(&column.to_data(), &mut bytes);
    }
    bytes
}

/// Runs a statement in a session of its own and notes all that comes of it.
pub(crate) async fn observe(world: &World, user: &str, sql: &str) -> Seen {
    let mut session = world.session(user).await;
    let before = world.lake().engine.ledger().size();
    let mut said = String::new();
    let mut schema = String::new();
    let mut bytes = Vec::new();
    let result = match session.run(sql).await {
        Ok(answer) => {
            said = format!("{:?} {:?}", answer.outcome(), answer.notices());
            schema = format!("{:?}", answer.schema());
            let query = answer.query();
            answer.collect().await.map(|batches| (query, batches))
        }
        Err(error) => Err(error),
    };
    let (query, answer) = match result {
        Ok((query, batches)) => {
            if let Some(first) = batches.first() {
                schema.push_str(&format!(" {:?}", first.schema()));
            }
            bytes = bytes_of(&batches);
            (Some(query), Ok(normal(text_of(&batches))))
        }
        Err(error) => {
            let cause = format!("{} {:?} {}", error.cause(), error.position(), error.retry());
            (error.query(), Err((error.code(), without_ids(&cause))))
        }
    };
    Seen {
        schema,
        answer,
        said,
        ledger: ledger(world, before, query),
        bytes,
    }
}

/// Entries of a statement, without its time and the keys that were used: files are pruned by what
/// is in them, and an auditor, who alone reads this, is told which were opened.
fn ledger(world: &World, before: u64, query: Option<QueryId>) -> Vec<String> {
    let ledger = world.lake().engine.ledger();
    let entries = ledger.entries(before..ledger.size()).expect("ledger");
    entries
        .iter()
        .filter(|(_, entry)| entry.query.is_some() && entry.query == query)
        .map(|(_, entry)| {
            let mut event = serde_json::to_value(&entry.event).expect("json");
            if let Some(keys) = event.get_mut("keys_released") {
                *keys = serde_json::Value::Null;
            }
            without_ids(&format!("{event} {:?}", entry.who))
        })
        .collect()
}

/// Ids are random: what was made after the worlds parted has others in each.
fn without_ids(text: &str) -> String {
    let mut out = String::new();
    let mut run = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_alphanumeric() {
            run.push(c);
            continue;
        }
        let id = run.len() == 33 && run[1..].bytes().all(|b| b.is_ascii_hexdigit());
        out.push_str(if id { &run[..1] } else { &run });
        run.clear();
        out.push(c);
    }
    out.trim_end().to_owned()
}

/// Durations out of a printed plan; everything else stays as it is.
fn normal(rows: Rows) -> Rows {
    let units = ["ns", "µs", "us", "ms", "s", "m", "h"];
    let is_time = |text: &str| {
        let number = text.trim_end_matches(|c: char| c.is_alphabetic());
        number.parse::<f64>().is_ok() && units.contains(&&text[number.len()..])
    };
    let cell = |cell: String| {
        if cell.contains("PolicyBarrier") {
            return without_ids(&cell);
        }
        if !cell.contains("metrics=[") {
            return cell;
        }
        let mut out = String::new();
        for (at, part) in cell.split_inclusive([',', ']', ' ', '(', ')']).enumerate() {
            let (body, end) =
                part.split_at(part.len() - usize::from(part.ends_with([',', ']', ' ', '(', ')'])));
            match body.rsplit_once('=') {
                Some((key, value)) if is_time(value) => out.push_str(&format!("{key}=T")),
                _ if at > 0 && is_time(body) => out.push('T'),
                _ => out.push_str(body),
            }
            out.push_str(end);
        }
        out
    };
    rows.into_iter()
        .map(|row| row.into_iter().map(cell).collect())
        .collect()
}

/// The same statement in both worlds, with rows as a multiset unless it orders them.
pub(crate) async fn both(twins: &Twins, user: &str, sql: &str) -> (Seen, Seen) {
    let one = observe(&twins.one, user, sql).await;
    let two = observe(&twins.two, user, sql).await;
    if orders(sql) {
        (one, two)
    } else {
        (one.sorted(), two.sorted())
    }
}

/// Whether the answer has an order: its own ORDER BY, not that of a window or an aggregate.
fn orders(sql: &str) -> bool {
    let sql = sql.to_lowercase();
    let outermost = |at: usize| {
        let before = &sql[..at];
        before.matches('(').count() == before.matches(')').count()
    };
    sql.starts_with("explain") || sql.match_indices("order by").any(|(at, _)| outermost(at))
}

/// What is wrong with a statement of eve's, if anything: worlds that differ, or hidden strings.
pub(crate) async fn leak(twins: &Twins, user: &str, sql: &str) -> Option<String> {
    let (one, two) = both(twins, user, sql).await;
    judged(user, sql, &one, &two)
}

/// As [`leak`], of what was seen already.
pub(crate) fn judged(user: &str, sql: &str, one: &Seen, two: &Seen) -> Option<String> {
    if !one.same_as(two) {
        return Some(format!(
            "the worlds differ\n--- {user}: {sql}\n{}\n---\n{}",
            one.text(),
            two.text()
        ));
    }
    let mut found = one.canaries(sql);
    found.extend(two.canaries(sql));
    (!found.is_empty()).then(|| {
        format!(
            "hidden {found:?} came out\n--- {user}: {sql}\n{}",
            one.text()
        )
    })
}
