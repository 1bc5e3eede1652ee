//! Nothing in the file can be read, and nobody else may try.

use std::os::unix::fs::PermissionsExt;

use super::house::*;
use crate::Change;

const PLANTED: [&str; 9] = [
    "quillfeather",
    "Quillfeather",
    "Zephyrine",
    "patients",
    "redact_ssn",
    "billing",
    "silver",
    "d3JhcHBlZA",
    "is_member",
];

fn count(haystack: &[u8]) -> usize {
    let found = |word: &&str| haystack.windows(word.len()).any(|w| w == word.as_bytes());
    PLANTED.iter().filter(|word| found(word)).count()
}

#[tokio::test]
async fn no_planted_name_is_in_the_file_or_its_journal() {
    let mut house = House::furnished().await;
    house.commit(vec![Change::DropGrant(GRANT)]).await.unwrap();
    house.commit(vec![Change::PutTable(table())]).await.unwrap();
    for _ in 0..2 {
        let mut files = 0;
        for entry in std::fs::read_dir(house.folder.path()).unwrap() {
            let bytes = std::fs::read(entry.unwrap().path()).unwrap();
            assert_eq!(count(&bytes), 0);
            files += 1;
        }
        assert!(files >= 1);
        house.reopen().await;
    }
    // Positive control: the same search finds every planted word in what was sealed.
    let state = house.catalog.state();
    let mut plain = Vec::new();
    let ids = [
        crate::ObjectId::Schema(SCHEMA),
        crate::ObjectId::Table(TABLE),
        crate::ObjectId::Function(FUNCTION),
        crate::ObjectId::Principal(ANNA),
        crate::ObjectId::Principal(BILLING),
        crate::ObjectId::Kek(KEY, 1),
    ];
    for id in ids {
        plain.extend(state.record(id).unwrap().encode().unwrap());
    }
    assert_eq!(count(&plain), PLANTED.len());
}

#[tokio::test]
async fn only_the_owner_may_read_the_file_and_its_journal() {
    let house = House::furnished().await;
    house.commit(vec![Change::DropGrant(GRANT)]).await.unwrap();
    for entry in std::fs::read_dir(house.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

#[tokio::test]
async fn a_replaced_key_record_leaves_no_copy_in_the_file() {
    let mut house = House::furnished().await;
    house.catalog.close().await.unwrap();
    let row = |path: std::path::PathBuf| async move {
        let mut raw = super::tamper::raw(&path).await;
        let sql = "SELECT sealed FROM objects WHERE kind = 'kek'";
        sqlx::query_scalar::<_, Vec<u8>>(sql)
            .fetch_one(&mut raw)
            .await
            .unwrap()
    };
    let before = row(house.path()).await;
    house.reopen().await;
    let mut gone = kek();
    gone.state = lakeward_keys::KeyState::Destroyed;
    gone.recipients.clear();
    house.commit(vec![Change::PutKek(gone)]).await.unwrap();
    house.catalog.close().await.unwrap();
    let needle = before.get(40..80).unwrap();
    for entry in std::fs::read_dir(house.folder.path()).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        assert!(!bytes.windows(needle.len()).any(|w| w == needle));
    }
}

#[tokio::test]
async fn printing_tells_no_name() {
    let house = House::furnished().await;
    let printed = format!("{:?} {:?}", house.catalog, house.catalog.state());
    assert_eq!(count(printed.as_bytes()), 0, "{printed}");
}
