#![expect(
    clippy::disallowed_methods,
    reason = "lakes of tests live in temporary folders"
)]

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use lakeward_audit::Event;
use lakeward_domain::{Door, Duty, Name};
use rstest::rstest;

use super::*;
use crate::files;

const PASSPHRASE: &str = "correct horse battery staple";

fn secret(text: &str) -> Hidden<String> {
    Hidden::new(text.to_owned())
}

fn making(lake: &Path, step: fn(InitStep)) -> InitOptions {
    InitOptions {
        lake: lake.to_path_buf(),
        state: None,
        kms: None,
        user: Name::parse("ann").unwrap(),
        passphrase: secret(PASSPHRASE),
        step,
    }
}

fn opening(lake: &Path) -> OpenOptions {
    OpenOptions {
        lake: lake.to_path_buf(),
        state: None,
        passphrase: secret(PASSPHRASE),
        limits: Limits {
            lock_wait: Duration::from_millis(50),
            ..Limits::default()
        },
    }
}

async fn made() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    init(making(&lake, |_| ())).await.unwrap();
    (folder, lake)
}

async fn code_of_opening(lake: &Path) -> Option<Code> {
    open(opening(lake)).await.err().map(|error| error.code())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_lake_has_its_schemas_its_first_user_and_its_first_entry() {
    let (_folder, lake) = made().await;
    let open = open(opening(&lake)).await.unwrap();
    let state = open.engine.state();
    let mut schemas: Vec<_> = state
        .schemas()
        .map(|schema| schema.name.to_string())
        .collect();
    schemas.sort();
    assert_eq!(
        schemas,
        ["bronze", "default", "gold", "quarantine", "silver"]
    );
    let ann = state
        .requester(&Name::parse("ann").unwrap(), Door::Cli)
        .unwrap();
    assert_eq!(ann.duties, Duty::ALL.into_iter().collect());
    let rights: Vec<_> = state
        .grants()
        .map(|grant| grant.privilege.to_string())
        .collect();
    assert_eq!(rights.len(), 3);
    assert!(
        !rights
            .iter()
            .any(|right| right == "UNMASK" || right == "SELECT"),
        "{rights:?}"
    );
    let first = open.engine.ledger().entries(0..1).unwrap();
    assert!(matches!(first[0].1.event, Event::LakeCreated { .. }));
    for path in [open.place.state(), &open.place.temporary()] {
        assert_eq!(files::mode(path).unwrap(), 0o700);
    }
    assert!(!open.place.marker().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_process_holds_a_lake() {
    let (_folder, lake) = made().await;
    let held = open(opening(&lake)).await.unwrap();
    assert_eq!(code_of_opening(&lake).await, Some(Code::LakeBusy));
    drop(held);
    assert_eq!(code_of_opening(&lake).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_passphrase_and_a_missing_lake_have_codes_of_their_own() {
    let (folder, lake) = made().await;
    let mut wrong = opening(&lake);
    wrong.passphrase = secret("another");
    assert_eq!(open(wrong).await.unwrap_err().code(), Code::WrongPassphrase);
    let nowhere = folder.path().join("nowhere");
    assert_eq!(code_of_opening(&nowhere).await, Some(Code::LakeNotFound));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lake_is_never_made_over_another_or_over_files() {
    let (folder, lake) = made().await;
    let again = init(making(&lake, |_| ())).await.unwrap_err();
    assert_eq!(again.code(), Code::AlreadyExists);
    let full = folder.path().join("full");
    files::make_folder(&full).unwrap();
    files::write_whole(&full.join("x"), b"x").unwrap();
    assert_eq!(
        init(making(&full, |_| ())).await.unwrap_err().code(),
        Code::AlreadyExists
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn init_does_not_destroy_the_keystore_of_a_lake_whose_record_is_lost() {
    let (_folder, lake) = made().await;
    let place = Place::new(&lake, None).unwrap();
    files::remove(&place.record()).unwrap();
    assert_eq!(code_of_opening(&lake).await, Some(Code::LakeTampered));
    let before = files::read(&place.keystore(), 1 << 20).unwrap();
    assert_eq!(
        init(making(&lake, |_| ())).await.unwrap_err().code(),
        Code::AlreadyExists
    );
    assert_eq!(files::read(&place.keystore(), 1 << 20).unwrap(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_keystore_elsewhere_serves_two_lakes() {
    let folder = tempfile::tempdir().unwrap();
    let keystore = folder.path().join("keys/keystore");
    for name in ["a", "b"] {
        let lake = folder.path().join(name);
        let mut options = making(&lake, |_| ());
        options.kms = Some(format!("local:{}", keystore.display()));
        init(options).await.unwrap();
        assert_eq!(code_of_opening(&lake).await, None);
        assert!(!Place::new(&lake, None).unwrap().keystore().exists());
    }
    let mut foreign = making(&folder.path().join("c"), |_| ());
    foreign.kms = Some("awskms:alias/x".to_owned());
    assert_eq!(
        init(foreign).await.unwrap_err().code(),
        Code::KmsUnavailable
    );
}

#[rstest]
#[case("keystore", &[Code::KeystoreTampered])]
#[case("lake.json", &[Code::LakeTampered])]
#[case("catalog.db", &[Code::CatalogTampered, Code::CatalogRolledBack])]
#[case("ledger/checkpoint", &[Code::LedgerTampered])]
#[case("ledger/records/00000000", &[Code::LedgerTampered])]
#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_byte_is_noticed_by_the_code_of_its_file(
    #[case] name: &str,
    #[case] codes: &[Code],
) {
    let (_folder, lake) = made().await;
    let path = Place::new(&lake, None).unwrap().state().join(name);
    let whole = files::read(&path, 1 << 20).unwrap();
    let at = if name == "catalog.db" {
        in_a_row(&lake, &whole).await
    } else {
        whole.len() / 2
    };
    let mut flipped = whole.clone();
    flipped[at] ^= 0x01;
    files::write_whole(&path, &flipped).unwrap();
    let code = code_of_opening(&lake).await;
    assert!(
        code.is_some_and(|code| codes.contains(&code)),
        "{name}: {code:?}"
    );
    files::write_whole(&path, &whole).unwrap();
    assert_eq!(code_of_opening(&lake).await, None);
}

/// A place in a row: most of a small SQLite file is filler that nobody reads.
async fn in_a_row(lake: &Path, file: &[u8]) -> usize {
    let open = open(opening(lake)).await.unwrap();
    let state = open.engine.state();
    let id = state
        .user_by_name(&Name::parse("ann").unwrap())
        .unwrap()
        .id()
        .to_string();
    file.windows(id.len())
        .position(|window| window == id.as_bytes())
        .unwrap()
        + 40
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_catalog_is_noticed() {
    let (_folder, lake) = made().await;
    let path = Place::new(&lake, None).unwrap().catalog();
    let yesterday = files::read(&path, 1 << 20).unwrap();
    {
        let open = open(opening(&lake)).await.unwrap();
        let ann = Name::parse("ann").unwrap();
        let mut session = open.engine.login(&ann, None, Door::Cli).await.unwrap();
        let answer = Box::pin(session.run("CREATE GROUP billing")).await.unwrap();
        answer.collect().await.unwrap();
    }
    files::write_whole(&path, &yesterday).unwrap();
    assert_eq!(code_of_opening(&lake).await, Some(Code::CatalogRolledBack));
    files::remove(&path).unwrap();
    assert_eq!(code_of_opening(&lake).await, Some(Code::CatalogTampered));
}

const LAKE: &str = "LAKEWARD_TEST_INIT_IN";
const STEP: &str = "LAKEWARD_TEST_DIE_AT";

/// Not a test of its own: the process that [`an_init_killed_at_any_step_is_no_lake_or_a_whole_one`]
/// kills.
#[tokio::test(flavor = "multi_thread")]
async fn child_that_dies_in_init() {
    let Some(lake) = std::env::var_os(LAKE) else {
        return;
    };
    let die = |step: InitStep| {
        if std::env::var(STEP).is_ok_and(|wanted| wanted == format!("{step:?}")) {
            let own = rustix::process::getpid();
            rustix::process::kill_process(own, rustix::process::Signal::KILL).unwrap();
            std::thread::sleep(Duration::from_secs(60));
        }
    };
    init(making(Path::new(&lake), die)).await.unwrap();
}

#[rstest]
#[case(InitStep::Begun)]
#[case(InitStep::KeystoreMade)]
#[case(InitStep::LedgerMade)]
#[case(InitStep::CatalogMade)]
#[case(InitStep::RecordWritten)]
#[tokio::test(flavor = "multi_thread")]
async fn an_init_killed_at_any_step_is_no_lake_or_a_whole_one(#[case] step: InitStep) {
    let folder = tempfile::tempdir().unwrap();
    let lake = folder.path().join("lake");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "wire_up::tests::child_that_dies_in_init"])
        .env(LAKE, &lake)
        .env(STEP, format!("{step:?}"))
        .output()
        .unwrap();
    assert!(!child.status.success(), "{step:?}");
    let after = code_of_opening(&lake).await;
    if step == InitStep::RecordWritten {
        assert_eq!(after, None);
        return;
    }
    assert_eq!(after, Some(Code::LakeNotFound), "{step:?}");
    init(making(&lake, |_| ())).await.unwrap();
    assert_eq!(code_of_opening(&lake).await, None, "{step:?}");
}
