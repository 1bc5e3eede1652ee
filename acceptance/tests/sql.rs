//! Runs every `.slt` file under `sql/`: one lake per file, one session per `connection`.
//!
//! The first user is the connection without a name; `connection eve` speaks as eve. An expected
//! error is matched against `CODE: cause`. Ids are random, so each stands as `<id>` in what is
//! compared.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    process::ExitCode,
};

use lakeward_acceptance::world::{World, outcome};
use lakeward_engine::Session;
use sqllogictest::{
    Connection, DefaultColumnType, QueryExpect, Record, SortMode, StatementExpect, parse_file,
};

fn main() -> ExitCode {
    let only: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql");
    let mut files = Vec::new();
    find(&root, &mut files);
    files.sort();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_stack_size(8 << 20)
        .build()
        .expect("runtime");
    let (mut passed, mut failed) = (0, 0);
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for file in &files {
        let name = file
            .strip_prefix(&root)
            .unwrap_or(file)
            .display()
            .to_string();
        if !only.is_empty() && !only.iter().any(|part| name.contains(part.as_str())) {
            continue;
        }
        let file = file.clone();
        let (ok, errors, seen) = runtime.block_on(async move {
            tokio::spawn(async move { run(&file).await })
                .await
                .expect("a file's task")
        });
        for (kind, count) in seen {
            *kinds.entry(kind).or_default() += count;
        }
        passed += ok;
        failed += errors.len();
        println!(
            "{} {name}: {ok} records",
            if errors.is_empty() {
                "ok    "
            } else {
                "FAILED"
            }
        );
        for error in errors {
            println!("  {error}");
        }
    }
    for (kind, count) in kinds {
        println!("  {count:5} {kind}");
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 && passed > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    let entries = std::fs::read_dir(folder).expect("the folder sql");
    for path in entries.map(|entry| entry.expect("an entry").path()) {
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            files.push(path);
        }
    }
}

async fn run(file: &Path) -> (usize, Vec<String>, BTreeMap<String, usize>) {
    let (mut passed, mut errors, mut kinds) = (0, Vec::new(), BTreeMap::new());
    let records = match parse_file::<DefaultColumnType>(file) {
        Ok(records) => records,
        Err(error) => return (0, vec![error.to_string()], kinds),
    };
    let mut world = World::new().await;
    let mut sessions: HashMap<String, Session> = HashMap::new();
    for record in records {
        let (loc, connection, sql) = match &record {
            Record::Statement {
                loc,
                connection,
                sql,
                ..
            }
            | Record::Query {
                loc,
                connection,
                sql,
                ..
            } => (loc.clone(), connection.clone(), sql.clone()),
            Record::Subtest { name, .. } if name == "reopen" => {
                sessions.clear();
                world.reopen().await;
                continue;
            }
            Record::Halt { .. } => break,
            _ => continue,
        };
        let user = match connection {
            Connection::Default => lakeward_acceptance::world::ADMIN.to_owned(),
            Connection::Named(name) => name,
        };
        if !sessions.contains_key(&user) {
            let session = world.session(&user).await;
            sessions.insert(user.clone(), session);
        }
        let session = sessions.get_mut(&user).expect("a session");
        let got = outcome(session, &sql).await;
        let kind: Vec<String> = sql
            .split_whitespace()
            .take(2)
            .map(str::to_lowercase)
            .collect();
        *kinds.entry(kind.join(" ")).or_insert(0) += 1;
        match verdict(&record, got) {
            Ok(()) => passed += 1,
            Err(why) => errors.push(format!("{loc}: {why}")),
        }
    }
    (passed, errors, kinds)
}

fn verdict(
    record: &Record<DefaultColumnType>,
    got: Result<lakeward_acceptance::Rows, lakeward_engine::Error>,
) -> Result<(), String> {
    match record {
        Record::Statement { expected, .. } => match (expected, got) {
            (StatementExpect::Ok | StatementExpect::Count(_), Ok(_)) => Ok(()),
            (StatementExpect::Error(wanted), Err(error)) => {
                if wanted.is_match(&error.to_string(), Some(error.code().as_str())) {
                    Ok(())
                } else {
                    Err(format!("expected error {wanted:?}, got {error}"))
                }
            }
            (StatementExpect::Error(_), Ok(_)) => Err("expected an error, got success".into()),
            (_, Err(error)) => Err(format!("{error}")),
        },
        Record::Query { expected, .. } => match (expected, got) {
            (QueryExpect::Error(wanted), Err(error))
                if wanted.is_match(&error.to_string(), Some(error.code().as_str())) =>
            {
                Ok(())
            }
            (QueryExpect::Error(wanted), got) => {
                Err(format!("expected error {wanted:?}, got {got:?}"))
            }
            (
                QueryExpect::Results {
                    results, sort_mode, ..
                },
                Ok(rows),
            ) => {
                let rowsort = matches!(sort_mode, Some(SortMode::RowSort | SortMode::ValueSort));
                let normal = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
                let mut rows: Vec<String> = rows
                    .iter()
                    .map(|row| {
                        let cells: Vec<&str> = row
                            .iter()
                            .map(|cell| {
                                if cell.is_empty() {
                                    "(empty)"
                                } else {
                                    cell.as_str()
                                }
                            })
                            .collect();
                        without_ids(&normal(&cells.join(" ")))
                    })
                    .collect();
                let mut wanted: Vec<String> = results.iter().map(|line| normal(line)).collect();
                if rowsort {
                    rows.sort();
                    wanted.sort();
                }
                if rows == wanted {
                    Ok(())
                } else {
                    Err(format!(
                        "expected\n{}\ngot\n{}",
                        wanted.join("\n"),
                        rows.join("\n")
                    ))
                }
            }
            (QueryExpect::Results { .. }, Err(error)) => Err(format!("{error}")),
        },
        _ => Ok(()),
    }
}

/// A text with `<id>` in place of each id: one letter, or none, and 32 hex digits.
fn without_ids(text: &str) -> String {
    let is_id = |word: &str| {
        let digits = if word.len() == 33 { &word[1..] } else { word };
        digits.len() == 32 && digits.chars().all(|c| c.is_ascii_hexdigit())
    };
    text.split_inclusive(|c: char| !c.is_ascii_alphanumeric())
        .map(|piece| {
            let word = piece.trim_end_matches(|c: char| !c.is_ascii_alphanumeric());
            if is_id(word) {
                piece.replace(word, "<id>")
            } else {
                piece.to_owned()
            }
        })
        .collect()
}
