//! The command line as a process: arguments, environment, pipes, exit codes.
//!
//! The process is this test program run again, with the same `main` path behind its arguments.

use std::{
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use clap::Parser as _;
use lakeward::{Out, cli::Cli};

const ARGUMENTS: &str = "LAKEWARD_TEST_ARGUMENTS";

/// Not a test of its own: what the others run.
#[test]
fn child() {
    let Ok(arguments) = std::env::var(ARGUMENTS) else {
        return;
    };
    let arguments: Vec<String> = serde_json::from_str(&arguments).unwrap();
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let mut out = Out::standard(cli.global.format(), cli.global.to.as_deref()).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(16 << 20)
        .enable_all()
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    let command = std::thread::Builder::new()
        .stack_size(16 << 20)
        .spawn(move || handle.block_on(lakeward::command::run(cli, &mut out)))
        .unwrap();
    std::process::exit(i32::from(command.join().unwrap()));
}

fn lakeward(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut all = vec!["lakeward"];
    all.extend(arguments);
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "commands::child", "--nocapture"])
        .env(ARGUMENTS, serde_json::to_string(&all).unwrap())
        .env("HOME", folder)
        .env("LAKEWARD_LAKE", folder.join("lake"))
        .env("LAKEWARD_PASSPHRASE", "a passphrase from the environment")
        .env("LAKEWARD_USER", "root")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

#[track_caller]
fn ran(output: &Output, code: i32) -> (String, String) {
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{stdout}\n{stderr}");
    (stdout, stderr)
}

fn lake() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let made = lakeward(
        folder.path(),
        &["init", folder.path().join("lake").to_str().unwrap()],
        "",
    );
    ran(&made, 0);
    folder
}

#[test]
fn the_passphrase_comes_from_the_environment_and_a_wrong_one_is_denied() {
    let folder = lake();
    let sql = ["sql", "-o", "json", "-c", "SELECT 6 * 7 AS answer"];
    let (stdout, _) = ran(&lakeward(folder.path(), &sql, ""), 0);
    assert!(
        stdout.contains("\"answer\":42") || stdout.contains("\"answer\": 42"),
        "{stdout}"
    );
    let file = folder.path().join("wrong");
    std::fs::write(&file, "not this one\n").unwrap();
    let wrong = [
        "--passphrase-file",
        file.to_str().unwrap(),
        "sql",
        "-c",
        "SELECT 1",
    ];
    let (_, stderr) = ran(&lakeward(folder.path(), &wrong, ""), 3);
    assert!(stderr.contains("WRONG_PASSPHRASE"), "{stderr}");
}

#[test]
fn sql_reads_a_command_or_a_file_as_another_user_for_a_purpose() {
    let folder = lake();
    let run = |arguments: &[&str]| lakeward(folder.path(), arguments, "");
    ran(&run(&["user", "add", "rita"]), 0);
    let who = "SELECT current_user() AS who, current_purpose() AS why";
    let asked = [
        "sql",
        "--as",
        "rita",
        "--purpose",
        "research",
        "-o",
        "csv",
        "-c",
        who,
    ];
    let (stdout, _) = ran(&run(&asked), 0);
    assert!(stdout.contains("who,why\nrita,research"), "{stdout}");
    let script = folder.path().join("script.sql");
    std::fs::write(
        &script,
        "CREATE TABLE t (a INT); -- two\nINSERT INTO t VALUES (1), (2);\nSELECT sum(a) AS total FROM t;",
    )
    .unwrap();
    let (stdout, _) = ran(
        &run(&["sql", "-o", "csv", "-f", script.to_str().unwrap()]),
        0,
    );
    assert!(stdout.contains("total\n3"), "{stdout}");
    let (_, stderr) = ran(&run(&["sql", "--as", "rita", "-c", "SELECT * FROM t"]), 3);
    assert!(
        stderr.contains("NOT_FOUND") && stderr.contains("help:"),
        "{stderr}"
    );
    ran(&run(&["sql", "-c", "SELEC 1"]), 2);
    ran(&run(&["sql", "--no-such-flag"]), 2);
}

#[test]
fn a_session_keeps_no_history_of_what_was_typed() {
    let folder = lake();
    let typed = "CREATE TABLE people (ssn STRING);\nINSERT INTO people\nVALUES ('CANARY-666-00-0001');\nSELECT count(*) AS n FROM people;\n\\q\n";
    let (stdout, _) = ran(&lakeward(folder.path(), &["sql", "-o", "csv"], typed), 0);
    assert!(stdout.contains("n\n1"), "{stdout}");
    let mut left = vec![folder.path().to_owned()];
    let mut files = 0;
    while let Some(next) = left.pop() {
        for path in std::fs::read_dir(next)
            .unwrap()
            .map(|entry| entry.unwrap().path())
        {
            if path.is_dir() {
                left.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes.windows(6).any(|window| window == b"CANARY");
            assert!(!found, "{}", path.display());
        }
    }
    assert!(files > 5, "the lake's own files were looked into");
}

#[test]
fn audit_tail_lists_and_audit_verify_needs_no_passphrase() {
    let folder = lake();
    let run = |arguments: &[&str]| lakeward(folder.path(), arguments, "");
    ran(&run(&["sql", "-c", "CREATE TABLE t (a INT)"]), 0);
    let (stdout, _) = ran(&run(&["audit", "tail", "-n", "50"]), 0);
    for word in ["create table", "begin", "finished", "root"] {
        assert!(stdout.contains(word), "{word}: {stdout}");
    }
    ran(&run(&["user", "add", "sam"]), 0);
    let verified = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "commands::child", "--nocapture"])
        .env(ARGUMENTS, "[\"lakeward\", \"audit\", \"verify\"]")
        .env("HOME", folder.path())
        .env("LAKEWARD_LAKE", folder.path().join("lake"))
        .env_remove("LAKEWARD_PASSPHRASE")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    ran(&verified, 0);
}

#[test]
fn doctor_says_that_duties_are_not_separated() {
    let folder = lake();
    let (stdout, stderr) = ran(&lakeward(folder.path(), &["doctor"], ""), 4);
    assert!(
        format!("{stdout}{stderr}").contains("duties not separated"),
        "{stdout}{stderr}"
    );
}

#[test]
fn policy_lint_finds_the_mask_that_fails_open() {
    let folder = lake();
    let run = |arguments: &[&str]| lakeward(folder.path(), arguments, "");
    ran(&run(&["policy", "lint"]), 0);
    ran(&run(&["group", "add", "data_scientists"]), 0);
    let seed = "CREATE FUNCTION redact_ssn(ssn STRING) \
                RETURN CASE WHEN is_member('data_scientists') THEN '***-**-****' ELSE ssn END";
    ran(&run(&["sql", "-c", seed]), 0);
    let (stdout, stderr) = ran(&run(&["policy", "lint"]), 4);
    let all = format!("{stdout}{stderr}");
    assert!(
        all.contains("POLICY_FAIL_OPEN") && all.contains("CREATE OR REPLACE FUNCTION"),
        "{all}"
    );
}

#[test]
fn completions_name_the_commands() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let (stdout, _) = ran(&lakeward(folder.path(), &["completions", shell], ""), 0);
        assert!(
            stdout.contains("ingest") && stdout.contains("pipeline"),
            "{shell}"
        );
    }
}

#[test]
fn ingest_shows_a_progress_bar_on_a_terminal_and_none_in_a_pipe() {
    let folder = lake();
    let source = folder.path().join("people.csv");
    let mut text = String::from("patient_id,diagnosis\n");
    for id in 0..60_000 {
        text.push_str(&format!("{id},E11.9\n"));
    }
    std::fs::write(&source, text).unwrap();
    let arguments = |table: &str| {
        let source = source.to_str().unwrap().to_owned();
        [
            "ingest",
            &source,
            "--into",
            table,
            "--scrub",
            "internal",
            "--chunk-rows",
            "5000",
        ]
        .map(ToOwned::to_owned)
    };
    let piped = arguments("bronze.piped");
    let piped: Vec<&str> = piped.iter().map(String::as_str).collect();
    let (_, stderr) = ran(&lakeward(folder.path(), &piped, ""), 0);
    assert!(!stderr.contains("\u{1b}["), "no bar in a pipe: {stderr:?}");
    let mut all = vec!["lakeward".to_owned()];
    all.extend(arguments("bronze.terminal"));
    // `script` runs it under a terminal of its own.
    let exe = std::env::current_exe().unwrap();
    let command = format!("{} --exact commands::child --nocapture", exe.display());
    let shown = Command::new("script")
        .args(["-qec", &command, "/dev/null"])
        .env(ARGUMENTS, serde_json::to_string(&all).unwrap())
        .env("HOME", folder.path())
        .env("TERM", "xterm")
        .env("LAKEWARD_LAKE", folder.path().join("lake"))
        .env("LAKEWARD_PASSPHRASE", "a passphrase from the environment")
        .env("LAKEWARD_USER", "root")
        .stdin(Stdio::null())
        .output()
        .expect("script, of util-linux");
    let (stdout, _) = ran(&shown, 0);
    assert!(
        stdout.contains("\u{1b}[") && stdout.contains("rows"),
        "{stdout:?}"
    );
}

#[test]
fn the_demo_finds_no_planted_identifier_in_plaintext() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("demo");
    let demo = lakeward(folder.path(), &["demo", "--dir", dir.to_str().unwrap()], "");
    let (stdout, stderr) = ran(&demo, 0);
    let all = format!("{stdout}{stderr}");
    let line = all
        .lines()
        .find_map(|line| {
            line.trim()
                .strip_prefix("planted identifiers found in plaintext: ")
        })
        .expect("the line that must be shown");
    let (found, of) = line.split_once(" of ").unwrap();
    assert_eq!(found, "0");
    assert!(of.trim().parse::<u64>().unwrap() >= 20_000, "{of}");
    let control = format!("{} of {}", of.trim(), of.trim());
    let found = all
        .lines()
        .any(|l| l.contains("positive control") && l.contains(&control));
    assert!(found, "the control finds all of them");
}
