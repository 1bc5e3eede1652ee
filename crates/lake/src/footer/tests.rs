//! What the check of a footer refuses, on files as Parquet writes them.

use std::sync::Arc;

use arrow::{
    array::{ArrayRef, Int64Array, RecordBatch},
    datatypes::{DataType, Field, Schema},
};
use parquet::{arrow::ArrowWriter, file::properties::WriterProperties};

use super::*;

const KEY: [u8; 32] = [7; 32];

fn file(size: u64) -> FileRef {
    FileRef {
        lake: LakeId::from_bytes([1; 16]),
        table: TableId::from_bytes([2; 16]),
        file: FileId::from_bytes([3; 16]),
        size,
    }
}

/// Two columns; those of `keyed` have a key, as `(column, path, metadata)` say.
fn written(keyed: &[(&str, &[u8])], columns: &[&str], bloom: bool) -> ParquetMetaData {
    let fields = columns
        .iter()
        .map(|name| Field::new(*name, DataType::Int64, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let array = Arc::new(Int64Array::from(vec![1, 2, 3])) as ArrayRef;
    let arrays = vec![array; columns.len()];
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let reference = file(0);
    let mut keys = FileEncryptionProperties::builder(KEY.to_vec())
        .with_footer_key_metadata(b"footer".to_vec())
        .with_aad_prefix(reference.aad_prefix());
    for (column, metadata) in keyed {
        keys = keys.with_column_key_and_metadata(column, KEY.to_vec(), metadata.to_vec());
    }
    let properties = WriterProperties::builder()
        .set_bloom_filter_enabled(bloom)
        .with_file_encryption_properties(keys.build().unwrap())
        .build();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let bytes = Bytes::from(bytes);
    let reference = file(bytes.len() as u64);
    let mut open = FileDecryptionProperties::builder(KEY.to_vec());
    for (column, _) in keyed {
        open = open.with_column_key(column, KEY.to_vec());
    }
    let open = open
        .with_aad_prefix(reference.aad_prefix())
        .build()
        .unwrap();
    match decode(&bytes, &reference, &open) {
        Decoded::Done(metadata) => metadata,
        _ => panic!("a footer"),
    }
}

fn refused(metadata: &ParquetMetaData) -> &'static str {
    match check(metadata) {
        Err(Error::Plaintext { what }) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_column_that_was_forgotten_is_refused() {
    let (a, b) = (
        ColumnId::random().to_string(),
        ColumnId::random().to_string(),
    );
    let both = written(&[(&a, b"a"), (&b, b"b")], &[&a, &b], false);
    assert_eq!(check(&both).unwrap().len(), 2);
    let one = written(&[(&a, b"a")], &[&a, &b], false);
    assert_eq!(refused(&one), "a column without a key of its own");
}

#[test]
fn uniform_encryption_is_refused() {
    let a = ColumnId::random().to_string();
    let uniform = written(&[], &[&a], false);
    assert_eq!(refused(&uniform), "a column without a key of its own");
}

#[test]
fn a_bloom_filter_is_refused() {
    let a = ColumnId::random().to_string();
    let filtered = written(&[(&a, b"a")], &[&a], true);
    assert_eq!(
        refused(&filtered),
        "a bloom filter, which Parquet does not encrypt"
    );
}

#[test]
fn a_column_that_is_not_named_by_an_id_is_refused() {
    let named = written(&[("ssn", b"a")], &["ssn"], false);
    assert_eq!(refused(&named), "a column without key metadata");
}

#[test]
fn a_cached_footer_dies_after_its_time_and_when_it_is_forgotten() {
    let a = ColumnId::random().to_string();
    let footer = || {
        Arc::new(Footer {
            metadata: Arc::new(written(&[(&a, b"a")], &[&a], false)),
            keys: BTreeMap::new(),
            keks: BTreeSet::new(),
        })
    };
    let key = (FileId::random(), BTreeSet::new());
    let cache = FooterCache::new(Duration::from_secs(60), 1 << 20);
    cache.put(key.clone(), footer());
    assert!(cache.cached(&key).is_some());
    cache.clear();
    assert!(cache.cached(&key).is_none());
    let cache = FooterCache::new(Duration::ZERO, 1 << 20);
    cache.put(key.clone(), footer());
    assert!(cache.cached(&key).is_none());
    // A budget of two footers keeps the newer ones.
    let size = footer().metadata.memory_size();
    let cache = FooterCache::new(Duration::from_secs(60), 2 * size);
    let keys: Vec<CacheKey> = (0..3)
        .map(|_| (FileId::random(), BTreeSet::new()))
        .collect();
    for key in &keys {
        cache.put(key.clone(), footer());
    }
    let kept: Vec<bool> = keys.iter().map(|key| cache.cached(key).is_some()).collect();
    assert_eq!(kept, [false, true, true]);
}
