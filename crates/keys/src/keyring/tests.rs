use lakeward_domain::{Class, Code, ColumnId, FileId, FixedClock, TableId};

use super::*;
use crate::LocalKms;

struct World {
    kms: Arc<LocalKms>,
    clock: Arc<FixedClock>,
    ring: Keyring,
    scope: KeyScope,
}

impl World {
    fn new() -> Self {
        let kms = Arc::new(LocalKms::ephemeral().unwrap());
        let clock = Arc::new(FixedClock::at(Timestamp(1_000_000_000)));
        let ring = Keyring::new(
            LakeId::random(),
            Arc::clone(&kms) as Arc<dyn Kms>,
            Arc::clone(&clock) as Arc<dyn Clock>,
            TTL,
        );
        let scope = KeyScope {
            table: TableId::random(),
            class: Class::Phi,
        };
        Self {
            kms,
            clock,
            ring,
            scope,
        }
    }

    fn binding(&self) -> DekBinding {
        DekBinding {
            lake: self.ring.lake(),
            table: self.scope.table,
            file: FileId::random(),
            column: Some(ColumnId::random()),
        }
    }

    async fn loaded(&self) -> KekRecord {
        let record = self.ring.create_kek(self.scope, None).await.unwrap();
        self.ring.load([record.clone()]);
        record
    }

    fn set_state(&self, record: &KekRecord, state: KeyState) {
        self.ring.load([KekRecord {
            state,
            ..record.clone()
        }]);
    }
}

const TTL: Duration = Duration::from_secs(60);

fn named(record: &KekRecord) -> (KeyId, u32) {
    (record.id, record.version)
}

#[tokio::test]
async fn a_new_data_key_opens_again_with_its_metadata() {
    let world = World::new();
    let record = world.loaded().await;
    world.ring.prepare(&[named(&record)]).await.unwrap();
    let binding = world.binding();
    let (dek, metadata) = world.ring.new_dek(named(&record), &binding).unwrap();
    assert_eq!(Keyring::kek_of(&metadata), Ok(named(&record)));
    let again = world.ring.unwrap_dek(&metadata, &binding).unwrap();
    assert_eq!(dek.reveal(), again.reveal());
    let other = world.ring.unwrap_dek(&metadata, &world.binding());
    assert_eq!(other.unwrap_err().code(), Code::DataTampered);
}

#[tokio::test]
async fn only_prepare_asks_the_kms_and_asks_once_per_key() {
    let world = World::new();
    let (one, two) = (world.loaded().await, world.loaded().await);
    assert_eq!(world.kms.unwraps(), 0);
    let binding = world.binding();
    assert_eq!(
        world.ring.new_dek(named(&one), &binding).unwrap_err(),
        Error::NotPrepared {
            key: one.id,
            version: 1
        }
    );
    let keys = [named(&one), named(&one)];
    world.ring.prepare(&keys).await.unwrap();
    world.ring.prepare(&keys).await.unwrap();
    let (_, metadata) = world.ring.new_dek(named(&one), &binding).unwrap();
    world.ring.unwrap_dek(&metadata, &binding).unwrap();
    assert_eq!(world.kms.unwraps(), 1);
    assert!(world.ring.new_dek(named(&two), &binding).is_err());
    world.ring.prepare(&[named(&two)]).await.unwrap();
    assert_eq!(world.kms.unwraps(), 2);
}

#[tokio::test]
async fn a_kek_is_dropped_when_its_time_is_over_and_prepare_brings_it_back() {
    let world = World::new();
    let record = world.loaded().await;
    let key = named(&record);
    world.ring.prepare(&[key]).await.unwrap();
    let ttl = i64::try_from(TTL.as_micros()).unwrap();
    world.clock.advance(ttl);
    assert!(world.ring.new_dek(key, &world.binding()).is_ok());
    world.clock.advance(1);
    world.ring.drop_stale();
    assert!(world.ring.cache().is_empty());
    let error = world.ring.new_dek(key, &world.binding()).unwrap_err();
    assert_eq!(error.code(), Code::NoKey);
    world.ring.prepare(&[key]).await.unwrap();
    assert!(world.ring.new_dek(key, &world.binding()).is_ok());
    assert_eq!(world.kms.unwraps(), 2);
}

#[tokio::test]
async fn a_clock_that_goes_back_does_not_lengthen_a_keys_life() {
    let world = World::new();
    let record = world.loaded().await;
    world.ring.prepare(&[named(&record)]).await.unwrap();
    world.clock.advance(-1);
    world.ring.drop_stale();
    assert!(world.ring.cache().is_empty());
}

#[tokio::test]
async fn the_state_of_a_key_decides_what_it_may_do() {
    use KeyState::{Active, Compromised, Deactivated, Destroyed, PreActivation, Suspended};
    let cases = [
        (Active, true, true),
        (Deactivated, false, true),
        (Compromised, false, true),
        (Suspended, false, false),
        (PreActivation, false, false),
        (Destroyed, false, false),
    ];
    for (state, wraps, unwraps) in cases {
        let world = World::new();
        let record = world.loaded().await;
        let (key, binding) = (named(&record), world.binding());
        world.ring.prepare(&[key]).await.unwrap();
        let (_, metadata) = world.ring.new_dek(key, &binding).unwrap();
        world.set_state(&record, state);
        let prepared = world.ring.prepare(&[key]).await;
        let wrapped = world.ring.new_dek(key, &binding);
        let unwrapped = world.ring.unwrap_dek(&metadata, &binding);
        assert_eq!(wrapped.is_ok(), wraps, "{state}");
        assert_eq!(unwrapped.is_ok(), unwraps, "{state}");
        assert_eq!(prepared.is_ok(), unwraps, "{state}");
        assert_eq!(world.ring.cache().is_empty(), !unwraps, "{state}");
    }
}

#[tokio::test]
async fn a_resumed_key_is_unwrapped_anew() {
    let world = World::new();
    let record = world.loaded().await;
    let key = named(&record);
    world.ring.prepare(&[key]).await.unwrap();
    world.set_state(&record, KeyState::Suspended);
    world.set_state(&record, KeyState::Active);
    assert!(world.ring.new_dek(key, &world.binding()).is_err());
    world.ring.prepare(&[key]).await.unwrap();
    assert!(world.ring.new_dek(key, &world.binding()).is_ok());
}

#[tokio::test]
async fn one_unusable_key_keeps_the_kms_from_being_asked_at_all() {
    let world = World::new();
    let (good, bad) = (world.loaded().await, world.loaded().await);
    world.set_state(&bad, KeyState::Suspended);
    let unknown = (KeyId::random(), 1);
    for other in [named(&bad), unknown] {
        assert!(world.ring.prepare(&[named(&good), other]).await.is_err());
    }
    assert_eq!(world.kms.unwraps(), 0);
}

#[tokio::test]
async fn a_kek_record_moved_to_another_scope_version_or_lake_does_not_unwrap() {
    let world = World::new();
    let record = world.loaded().await;
    let elsewhere = KeyScope {
        table: TableId::random(),
        ..record.scope
    };
    let milder = KeyScope {
        class: Class::Open,
        ..record.scope
    };
    let moved = [
        KekRecord {
            scope: elsewhere,
            ..record.clone()
        },
        KekRecord {
            scope: milder,
            ..record.clone()
        },
        KekRecord {
            version: 2,
            ..record.clone()
        },
        KekRecord {
            id: KeyId::random(),
            ..record.clone()
        },
    ];
    for moved in moved {
        let key = named(&moved);
        world.ring.load([moved]);
        let error = world.ring.prepare(&[key]).await.unwrap_err();
        assert_eq!(error.code(), Code::DataTampered);
    }
    let other_lake = Keyring::new(
        LakeId::random(),
        Arc::clone(&world.kms) as Arc<dyn Kms>,
        Arc::clone(&world.clock) as Arc<dyn Clock>,
        TTL,
    );
    other_lake.load([record.clone()]);
    assert!(other_lake.prepare(&[named(&record)]).await.is_err());
}

#[tokio::test]
async fn a_kek_of_one_table_makes_no_key_for_another() {
    let world = World::new();
    let record = world.loaded().await;
    world.ring.prepare(&[named(&record)]).await.unwrap();
    let foreign = DekBinding {
        table: TableId::random(),
        ..world.binding()
    };
    assert!(world.ring.new_dek(named(&record), &foreign).is_err());
}

#[tokio::test]
async fn a_key_wrapped_for_another_kms_is_named_as_such() {
    let (world, other) = (World::new(), World::new());
    let record = other.loaded().await;
    world.ring.load([record.clone()]);
    let error = world.ring.prepare(&[named(&record)]).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "key-encrypting key is wrapped for another key service"
    );
}

#[tokio::test]
async fn a_record_survives_the_catalogs_json() {
    let world = World::new();
    let record = world.ring.create_kek(world.scope, None).await.unwrap();
    let json = serde_json::to_string(&record).unwrap();
    assert_eq!(serde_json::from_str::<KekRecord>(&json).unwrap(), record);
    assert_eq!(record.state, KeyState::Active);
    assert_eq!(record.transitions.len(), 1);
}
