#![expect(
    clippy::disallowed_methods,
    reason = "tests write configuration files of their own"
)]

use super::*;

fn flags() -> Global {
    Global::default()
}

fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    files::write_whole(&path, text.as_bytes()).unwrap();
    (folder, path)
}

#[test]
fn amounts_and_times_are_read_with_their_units() {
    for (text, bytes) in [
        ("1", Some(1)),
        ("64k", Some(64 << 10)),
        ("512MiB", Some(512 << 20)),
        ("2 GB", Some(2_000_000_000)),
        ("0", None),
        ("-1", None),
        ("1.5GiB", None),
        ("99999999999TiB", None),
        ("much", None),
    ] {
        assert_eq!(parse_bytes(text).ok(), bytes, "{text}");
    }
    for (text, millis) in [
        ("500ms", Some(500)),
        ("30", Some(30_000)),
        ("5 min", Some(300_000)),
        ("2h", Some(7_200_000)),
        ("0s", None),
        ("soon", None),
    ] {
        let expected = millis.map(Duration::from_millis);
        assert_eq!(parse_duration(text).ok(), expected, "{text}");
    }
}

#[test]
fn flags_win_over_the_file_and_its_paths_are_relative_to_it() {
    let (folder, path) = file(
        "lake = \"clinic\"\nuser = \"ann\"\nmemory = \"1GiB\"\nspill_quota = 5000\nthreads = 3\nstatement_timeout = \"9s\"\n",
    );
    let given = Global {
        config: Some(path),
        memory: Some(77),
        user: Some(Name::parse("bob").unwrap()),
        ..flags()
    };
    let config = Config::load(&given).unwrap();
    assert_eq!(config.place().unwrap().lake(), folder.path().join("clinic"));
    assert_eq!(config.user().unwrap().as_str(), "bob");
    assert_eq!(config.limits.memory_bytes, 77);
    assert_eq!(config.limits.spill_bytes, 5_000);
    assert_eq!(config.limits.threads, 3);
    assert_eq!(config.limits.statement_timeout, Duration::from_secs(9));
}

#[test]
fn a_file_that_is_not_understood_is_refused_without_repeating_it() {
    for text in [
        "lake = \"a\"\npassphrase = \"CANARY-1\"\n",
        "threads = \"CANARY-1\"\n",
        "lake = CANARY-1\n",
        "memory = \"CANARY-1\"\n",
    ] {
        let (_folder, path) = file(text);
        let error = Config::load(&Global {
            config: Some(path),
            ..flags()
        })
        .unwrap_err();
        assert_eq!(error.code(), Code::Usage, "{text}");
        assert!(!error.to_string().contains("CANARY"), "{error}");
    }
}

#[test]
fn a_configuration_that_was_named_must_be_there() {
    let given = Global {
        config: Some(PathBuf::from("/nowhere/config.toml")),
        ..flags()
    };
    assert_eq!(Config::load(&given).unwrap_err().code(), Code::Usage);
}

#[test]
fn a_passphrase_file_gives_its_first_line_without_the_line_break() {
    let (_folder, path) = file("open sesame\n");
    let (mut out, _) = Out::captured(crate::Format::Table);
    let secret = from_file(&path, &mut out).unwrap();
    assert_eq!(secret.reveal(), "open sesame");
    let (_folder, empty) = file("\n");
    assert_eq!(from_file(&empty, &mut out).unwrap_err().code(), Code::Usage);
}
