use proptest::prelude::*;

use super::*;

fn kek() -> Secret {
    Secret::from_slice(&[1; 32]).unwrap()
}

fn binding(column: Option<ColumnId>) -> DekBinding {
    DekBinding {
        lake: LakeId::from_bytes([1; 16]),
        table: TableId::from_bytes([2; 16]),
        file: FileId::from_bytes([3; 16]),
        column,
    }
}

fn column() -> Option<ColumnId> {
    Some(ColumnId::from_bytes([4; 16]))
}

const KEY: KeyId = KeyId::from_bytes([5; 16]);

fn wrapped(binding: &DekBinding) -> Vec<u8> {
    let dek = Secret::from_slice(&[9; 32]).unwrap();
    wrap(&kek(), (KEY, 1), binding, &dek, &[6; 32]).unwrap()
}

fn opened(kek: &Secret, metadata: &[u8], binding: &DekBinding) -> Result<Secret> {
    unwrap(kek, &KeyMetadata::parse(metadata)?, binding)
}

#[test]
fn a_data_key_opens_with_its_kek_and_binding() {
    for column in [None, column()] {
        let binding = binding(column);
        let dek = opened(&kek(), &wrapped(&binding), &binding).unwrap();
        assert_eq!(dek.reveal(), &[9; 32]);
    }
}

#[test]
fn a_data_key_does_not_open_for_another_binding_or_kek() {
    let right = binding(column());
    let metadata = wrapped(&right);
    let others = [
        DekBinding {
            lake: LakeId::random(),
            ..right
        },
        DekBinding {
            table: TableId::random(),
            ..right
        },
        DekBinding {
            file: FileId::random(),
            ..right
        },
        DekBinding {
            column: Some(ColumnId::random()),
            ..right
        },
        DekBinding {
            column: None,
            ..right
        },
    ];
    for other in others {
        let error = opened(&kek(), &metadata, &other).unwrap_err();
        assert_eq!(error, ALTERED, "{other:?}");
    }
    let other_kek = Secret::from_slice(&[2; 32]).unwrap();
    assert_eq!(opened(&other_kek, &metadata, &right).unwrap_err(), ALTERED);
}

#[test]
fn a_data_key_does_not_open_under_another_key_id_or_version() {
    let right = binding(column());
    let mut metadata = KeyMetadata::parse(&wrapped(&right)).unwrap();
    metadata.key = KeyId::random();
    assert!(unwrap(&kek(), &metadata, &right).is_err());
    let mut metadata = KeyMetadata::parse(&wrapped(&right)).unwrap();
    metadata.version = 2;
    assert!(unwrap(&kek(), &metadata, &right).is_err());
}

#[test]
fn a_flipped_bit_anywhere_in_key_metadata_is_noticed() {
    for column in [None, column()] {
        let binding = binding(column);
        let metadata = wrapped(&binding);
        for place in 0..metadata.len() {
            for bit in 0..8 {
                let mut altered = metadata.clone();
                altered[place] ^= 1 << bit;
                assert!(opened(&kek(), &altered, &binding).is_err(), "{place}.{bit}");
            }
        }
    }
}

#[test]
fn key_metadata_is_the_key_material_of_the_parquet_key_tools() {
    let json: serde_json::Value = serde_json::from_slice(&wrapped(&binding(None))).unwrap();
    let fields: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        fields,
        [
            "keyMaterialType",
            "internalStorage",
            "isFooterKey",
            "kmsInstanceID",
            "kmsInstanceURL",
            "masterKeyID",
            "wrappedDEK",
            "doubleWrapping"
        ]
    );
    assert_eq!(json["keyMaterialType"], "PKMT1");
    assert_eq!(json["masterKeyID"], format!("{KEY}@1"));
    let json: serde_json::Value = serde_json::from_slice(&wrapped(&binding(column()))).unwrap();
    assert!(json.get("kmsInstanceID").is_none());
}

#[test]
fn another_spelling_of_the_same_key_metadata_is_refused() {
    let text = String::from_utf8(wrapped(&binding(None))).unwrap();
    for other in [
        format!("{text} "),
        text.replacen(':', ": ", 1),
        text.replace("@1", "@01"),
        text.replace("@1", "@+1"),
        text.replace("DEFAULT", "default"),
        text.replace("PKMT1", "PKMT2"),
        text.replace("\"doubleWrapping\":false", "\"doubleWrapping\":true"),
        text.replace("\"internalStorage\":true", "\"internalStorage\":false"),
        text.replacen('{', "{\"extra\":1,", 1),
    ] {
        assert!(KeyMetadata::parse(other.as_bytes()).is_err(), "{other}");
    }
    assert!(KeyMetadata::parse(text.as_bytes()).is_ok());
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_key_metadata(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(KeyMetadata::parse(&bytes).is_err());
    }

    #[test]
    fn arbitrary_blobs_in_well_formed_key_metadata_do_not_open(
        version: u32,
        footer: bool,
        keep in 0_usize..200,
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let binding = binding(column().filter(|_| !footer));
        let real = KeyMetadata::parse(&wrapped(&binding)).unwrap();
        let mut blob = real.blob.get(..keep).unwrap_or_default().to_vec();
        blob.extend(bytes);
        prop_assume!(blob != real.blob);
        let metadata = to_json(KEY, version, footer, &blob).unwrap();
        prop_assert!(opened(&kek(), &metadata, &binding).is_err());
    }
}
