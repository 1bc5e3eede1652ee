//! Whatever is done to the file with another program is noticed when it is opened.

use std::path::Path;

use lakeward_domain::{Code, LakeId};
use sqlx::{ConnectOptions, Connection, Row, SqliteConnection, sqlite::SqliteConnectOptions};

use super::house::*;
use crate::{Catalog, Change, Error};

/// The file as another program opens it.
pub(super) async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(path)
        .connect()
        .await
        .unwrap()
}

async fn execute(path: &Path, sql: &'static str) {
    let mut raw = raw(path).await;
    sqlx::raw_sql(sql).execute(&mut raw).await.unwrap();
    raw.close().await.unwrap();
}

async fn outcome(path: &Path) -> Result<(), Code> {
    match Catalog::open(path, LAKE, &keys()).await {
        Ok(catalog) => {
            catalog.close().await.unwrap();
            Ok(())
        }
        Err(error) => Err(error.code()),
    }
}

/// A closed catalog of three epochs.
async fn closed() -> House {
    let house = House::furnished().await;
    house.commit(vec![Change::DropGrant(GRANT)]).await.unwrap();
    house.commit(vec![Change::PutGrant(grant())]).await.unwrap();
    house.catalog.close().await.unwrap();
    house
}

#[tokio::test]
async fn every_edit_of_a_row_is_noticed() {
    let cases = [
        // Positive controls: nothing, and nothing that counts.
        ("SELECT 1", Ok(())),
        ("VACUUM", Ok(())),
        // Edit.
        (
            "UPDATE objects SET sealed = zeroblob(length(sealed)) WHERE kind = 'policy'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET sealed = x'' WHERE kind = 'policy'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET sealed = 'text' WHERE kind = 'policy'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET mac = zeroblob(32) WHERE kind = 'grant'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET mac = x'' WHERE kind = 'grant'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET epoch = epoch + 1 WHERE kind = 'table'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET epoch = -1 WHERE kind = 'table'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET epoch = 'one' WHERE kind = 'table'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET kind = 'grant' WHERE kind = 'policy'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET parent = 't' || substr(parent, 2) || '0' WHERE kind = 'policy'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET name_key = NULL WHERE kind = 'schema'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET name_key = zeroblob(32) WHERE kind = 'schema'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET id = 'p' || substr(id, 2, 31) || 'f' WHERE kind = 'policy'",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE objects SET id = 'x' WHERE kind = 'policy'",
            Err(Code::CatalogTampered),
        ),
        // Delete and thin.
        (
            "DELETE FROM objects WHERE kind = 'policy'",
            Err(Code::CatalogTampered),
        ),
        (
            "DELETE FROM objects WHERE kind = 'catalog'",
            Err(Code::CatalogTampered),
        ),
        ("DELETE FROM objects", Err(Code::CatalogTampered)),
        // Add.
        (
            "INSERT INTO objects SELECT 'g' || substr(id, 2, 31) || 'f', kind, parent, name_key, epoch, sealed, mac FROM objects WHERE kind = 'grant'",
            Err(Code::CatalogTampered),
        ),
        // Swap payloads of two tables.
        (
            "UPDATE objects AS a SET sealed = (SELECT b.sealed FROM objects b WHERE b.kind = 'table' AND b.id <> a.id), \
          mac = (SELECT b.mac FROM objects b WHERE b.kind = 'table' AND b.id <> a.id) WHERE a.kind = 'table'",
            Err(Code::CatalogTampered),
        ),
        // Swap ids of two tables.
        (
            "UPDATE objects SET id = 'x1' WHERE kind = 'table' AND id LIKE 't02%'; \
          UPDATE objects SET id = 't02020202020202020202020202020202' WHERE id LIKE 't03%'; \
          UPDATE objects SET id = 't03030303030303030303030303030303' WHERE id = 'x1'",
            Err(Code::CatalogTampered),
        ),
        // Epochs.
        ("DELETE FROM epochs", Err(Code::CatalogTampered)),
        (
            "DELETE FROM epochs WHERE epoch = 1",
            Err(Code::CatalogTampered),
        ),
        (
            "DELETE FROM epochs WHERE epoch = 2",
            Err(Code::CatalogTampered),
        ),
        (
            "DELETE FROM epochs WHERE epoch = 3",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE epochs SET root = zeroblob(32) WHERE epoch = 3",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE epochs SET mac = zeroblob(32) WHERE epoch = 3",
            Err(Code::CatalogTampered),
        ),
        (
            "UPDATE epochs SET root = (SELECT root FROM epochs WHERE epoch = 2), mac = (SELECT mac FROM epochs WHERE epoch = 2) WHERE epoch = 3",
            Err(Code::CatalogTampered),
        ),
        (
            "INSERT INTO epochs SELECT 4, root, mac FROM epochs WHERE epoch = 3",
            Err(Code::CatalogTampered),
        ),
        // Format.
        ("UPDATE meta SET value = 2", Err(Code::LakeVersion)),
        ("UPDATE meta SET value = 0", Err(Code::CatalogTampered)),
        ("UPDATE meta SET value = 'one'", Err(Code::CatalogTampered)),
        ("DELETE FROM meta", Err(Code::CatalogTampered)),
        ("DROP TABLE meta", Err(Code::CatalogTampered)),
        // Code that would run in our transactions.
        (
            "CREATE TRIGGER t AFTER INSERT ON epochs BEGIN DELETE FROM objects WHERE kind = 'policy'; END",
            Err(Code::CatalogTampered),
        ),
        ("CREATE VIEW v AS SELECT 1", Err(Code::CatalogTampered)),
        ("CREATE TABLE more (a)", Err(Code::CatalogTampered)),
        ("DROP INDEX objects_by_name", Err(Code::CatalogTampered)),
        (
            "ALTER TABLE objects ADD COLUMN more TEXT",
            Err(Code::CatalogTampered),
        ),
    ];
    for (sql, expected) in cases {
        let house = closed().await;
        execute(&house.path(), sql).await;
        assert_eq!(outcome(&house.path()).await, expected, "{sql}");
    }
}

/// Rolls rows back to what they were, with the MACs they had.
#[tokio::test]
async fn a_row_that_is_rolled_back_is_noticed() {
    let mut house = House::furnished().await;
    house.catalog.close().await.unwrap();
    let old = house.folder.path().join("old.db");
    std::fs::copy(house.path(), &old).unwrap();
    house.reopen().await;
    // A grant is revoked and a mask's function made stricter.
    let mut stricter = function();
    stricter.body = "'***'".into();
    let changes = vec![Change::DropGrant(GRANT), Change::PutFunction(stricter)];
    house.commit(changes).await.unwrap();
    house.catalog.close().await.unwrap();
    assert_eq!(outcome(&house.path()).await, Ok(()));
    let new = house.folder.path().join("new.db");
    std::fs::copy(house.path(), &new).unwrap();
    for kind in ["grant", "function"] {
        std::fs::copy(&new, house.path()).unwrap();
        let mut from = raw(&old).await;
        let row = sqlx::query(
            "SELECT id, kind, parent, name_key, epoch, sealed, mac FROM objects WHERE kind = $1",
        )
        .bind(kind)
        .fetch_one(&mut from)
        .await
        .unwrap();
        let mut to = raw(&house.path()).await;
        sqlx::query("INSERT OR REPLACE INTO objects VALUES ($1, $2, $3, $4, $5, $6, $7)")
            .bind(row.get::<String, _>(0))
            .bind(row.get::<String, _>(1))
            .bind(row.get::<String, _>(2))
            .bind(row.get::<Option<Vec<u8>>, _>(3))
            .bind(row.get::<i64, _>(4))
            .bind(row.get::<Vec<u8>, _>(5))
            .bind(row.get::<Vec<u8>, _>(6))
            .execute(&mut to)
            .await
            .unwrap();
        to.close().await.unwrap();
        from.close().await.unwrap();
        assert_eq!(
            outcome(&house.path()).await,
            Err(Code::CatalogTampered),
            "{kind}"
        );
    }
}

/// The catalog cannot notice this by itself; it gives the ledger what it needs to.
#[tokio::test]
async fn a_catalog_replaced_by_an_older_copy_shows_an_older_epoch() {
    let mut house = House::furnished().await;
    house.catalog.close().await.unwrap();
    let old = house.folder.path().join("old.db");
    std::fs::copy(house.path(), &old).unwrap();
    house.reopen().await;
    house.commit(vec![Change::DropGrant(GRANT)]).await.unwrap();
    let seen = house.catalog.epoch();
    let root = house.catalog.root(seen).await.unwrap();
    house.catalog.close().await.unwrap();
    std::fs::copy(&old, house.path()).unwrap();
    house.reopen().await;
    assert!(house.catalog.epoch() < seen);
    assert_eq!(house.catalog.root(seen).await.unwrap(), None);
    // Even when it moves on to the same number.
    let mut other = grant();
    other.on = lakeward_policy::Securable::Catalog;
    house.commit(vec![Change::PutGrant(other)]).await.unwrap();
    assert_eq!(house.catalog.epoch(), seen);
    assert_ne!(house.catalog.root(seen).await.unwrap(), root);
}

#[tokio::test]
async fn an_old_root_that_was_altered_is_noticed_when_it_is_asked_for() {
    let mut house = closed().await;
    execute(
        &house.path(),
        "UPDATE epochs SET root = zeroblob(32) WHERE epoch = 1",
    )
    .await;
    house.reopen_closed().await;
    assert!(matches!(
        house.catalog.root(1).await,
        Err(Error::Tampered(_))
    ));
    assert!(house.catalog.root(2).await.unwrap().is_some());
}

#[tokio::test]
async fn another_lakes_keys_or_id_open_nothing() {
    let house = closed().await;
    let other = Catalog::open(&house.path(), LAKE, &keys_of(8)).await;
    assert!(matches!(other.map(drop), Err(Error::Tampered(_))));
    let other = Catalog::open(&house.path(), LakeId::from_bytes([1; 16]), &keys()).await;
    assert!(matches!(other.map(drop), Err(Error::Tampered(_))));
    assert_eq!(outcome(&house.path()).await, Ok(()));
}

#[tokio::test]
async fn a_file_that_is_no_catalog_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalog.db");
    for content in ["", "short", &"not a database at all ".repeat(1_000)] {
        std::fs::write(&path, content).unwrap();
        assert_eq!(
            outcome(&path).await,
            Err(Code::CatalogTampered),
            "{content:.10}"
        );
    }
    std::fs::remove_file(&path).unwrap();
    let mut other = SqliteConnectOptions::new()
        .filename(&path)
        .create_if_missing(true)
        .connect()
        .await
        .unwrap();
    sqlx::raw_sql("CREATE TABLE t (a)")
        .execute(&mut other)
        .await
        .unwrap();
    other.close().await.unwrap();
    assert_eq!(outcome(&path).await, Err(Code::CatalogTampered));
}

#[tokio::test]
async fn a_flipped_byte_is_noticed_or_changes_nothing() {
    let house = closed().await;
    let good = std::fs::read(house.path()).unwrap();
    let expected = format!("{:?}", house.catalog.state());
    let tables: Vec<_> = house.catalog.state().tables().cloned().collect();
    let mut noticed = 0;
    for at in (0..good.len()).step_by(101) {
        let mut bad = good.clone();
        if let Some(byte) = bad.get_mut(at) {
            *byte ^= 0x41;
        }
        std::fs::write(house.path(), &bad).unwrap();
        match Catalog::open(&house.path(), LAKE, &keys()).await {
            Ok(catalog) => {
                let state = catalog.state();
                assert_eq!(format!("{state:?}"), expected, "byte {at}");
                assert!(state.tables().eq(&tables), "byte {at}");
                catalog.close().await.unwrap();
            }
            Err(error) => {
                let codes = [
                    Code::CatalogTampered,
                    Code::LakeVersion,
                    Code::StorageFailed,
                ];
                assert!(codes.contains(&error.code()), "byte {at}: {error}");
                noticed += 1;
            }
        }
    }
    assert!(noticed > 50, "only {noticed} were noticed");
}

#[tokio::test]
async fn a_truncated_file_is_refused() {
    let house = closed().await;
    let good = std::fs::read(house.path()).unwrap();
    for length in (1..good.len()).step_by(1_500) {
        std::fs::write(house.path(), good.get(..length).unwrap()).unwrap();
        assert_eq!(
            outcome(&house.path()).await,
            Err(Code::CatalogTampered),
            "{length} bytes"
        );
    }
}
