use std::{io::Write, sync::Arc};

use datafusion::{
    execution::{
        SpillFile, TempFileFactory, disk_manager::DiskManagerBuilder, memory_pool::FairSpillPool,
        runtime_env::RuntimeEnvBuilder,
    },
    prelude::{SessionConfig, SessionContext},
};
use futures::StreamExt;
use lakeward_domain::Code;
use lakeward_keys::Quota;
use lakeward_lake::{SealedSpill, code_of};
use tempfile::TempDir;

fn session(spill: &Arc<SealedSpill>, memory: usize) -> SessionContext {
    let factory: Arc<dyn TempFileFactory> = Arc::clone(spill) as _;
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
        .with_disk_manager_builder(DiskManagerBuilder::default().with_temp_file_factory(factory))
        .build_arc()
        .unwrap();
    let config = SessionConfig::new()
        .with_target_partitions(2)
        .with_batch_size(1_024)
        .with_sort_spill_reservation_bytes(64 * 1024);
    SessionContext::new_with_config_rt(config, runtime)
}

const SORT: &str = "select concat('900-12-', value) as ssn from generate_series(1, 200000) \
                    order by reverse(concat('900-12-', value))";

#[tokio::test(flavor = "multi_thread")]
async fn a_sort_spills_sealed_and_sorts_right() {
    let dir = TempDir::new().unwrap();
    let spill = Arc::new(SealedSpill::new(dir.path(), Quota::new(1 << 30)));
    let plain = SessionContext::new();
    let expected = plain.sql(SORT).await.unwrap().collect().await.unwrap();
    let sorted = session(&spill, 8 << 20).sql(SORT).await.unwrap();
    let sorted = sorted.collect().await.unwrap();
    let join = |batches: &[arrow::array::RecordBatch]| {
        arrow::compute::concat_batches(&batches[0].schema(), batches).unwrap()
    };
    assert_eq!(join(&sorted), join(&expected));
    let counts = spill.counts();
    assert!(
        counts.files > 1 && counts.written_bytes > 1 << 20,
        "{counts:?}"
    );
    assert_eq!(counts.live_bytes, 0, "{counts:?}");
    assert!(!counts.by_operator.is_empty());
    // Unnamed files.
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_up_quota_ends_the_query_and_is_given_back() {
    let dir = TempDir::new().unwrap();
    let spill = Arc::new(SealedSpill::new(dir.path(), Quota::new(1 << 20)));
    let failed = session(&spill, 4 << 20)
        .sql(SORT)
        .await
        .unwrap()
        .collect()
        .await;
    let error = failed.unwrap_err();
    let code = code_of(&error);
    assert!(
        code == Some(Code::ResourcesExhausted) || error.to_string().contains("quota"),
        "{code:?} {error}"
    );
    // Operators that were cancelled let go of their files a little later.
    for _ in 0..200 {
        if spill.counts().live_bytes == 0 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("{:?}", spill.counts());
}

fn file(dir: &TempDir) -> Arc<dyn SpillFile> {
    let spill = SealedSpill::new(dir.path(), Quota::new(1 << 30));
    spill.create_temp_file("test").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_follows_the_writer_to_the_end() {
    let dir = TempDir::new().unwrap();
    let file = file(&dir);
    let mut writer = file.open_writer().unwrap();
    let mut reader = file.read_stream().unwrap();
    writer.write_all(b"first").unwrap();
    writer.flush().unwrap();
    assert_eq!(reader.next().await.unwrap().unwrap(), "first");
    let rest = tokio::spawn(async move {
        let mut all = Vec::new();
        while let Some(bytes) = reader.next().await {
            all.extend_from_slice(&bytes.unwrap());
        }
        all
    });
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    assert!(!rest.is_finished(), "it waits");
    let long = vec![7_u8; 1_000_000];
    tokio::task::spawn_blocking(move || {
        writer.write_all(&long).unwrap();
        writer.finish().unwrap();
    })
    .await
    .unwrap();
    assert_eq!(rest.await.unwrap(), vec![7_u8; 1_000_000]);
    assert!(file.size().unwrap() > 1_000_005);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_writer_that_goes_away_without_an_end_is_an_error_for_its_readers() {
    let dir = TempDir::new().unwrap();
    let file = file(&dir);
    let mut writer = file.open_writer().unwrap();
    writer.write_all(b"half").unwrap();
    writer.flush().unwrap();
    let mut reader = file.read_stream().unwrap();
    reader.next().await.unwrap().unwrap();
    let waiting = tokio::spawn(async move { reader.next().await });
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    drop(writer);
    assert!(waiting.await.unwrap().unwrap().is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_temporary_file_is_noticed() {
    use std::os::unix::fs::FileExt;
    let dir = TempDir::new().unwrap();
    let file = file(&dir);
    let mut writer = file.open_writer().unwrap();
    writer.write_all(&vec![b'7'; 600_000]).unwrap();
    writer.finish().unwrap();
    let folder = dir.path().to_owned();
    let mut changed = 0;
    for entry in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
        if std::fs::read_link(entry.path()).is_ok_and(|target| target.starts_with(&folder)) {
            let open = std::fs::OpenOptions::new()
                .read(true)
                .write(true)
                .open(entry.path());
            let open = open.unwrap();
            let mut all = vec![0; 600_000];
            open.read_exact_at(&mut all, 0).unwrap();
            assert!(!all.windows(16).any(|w| w == [b'7'; 16]), "it is sealed");
            open.write_at(b"X", 300_000).unwrap();
            changed += 1;
        }
    }
    assert_eq!(changed, 1);
    let read: Vec<_> = file.read_stream().unwrap().collect().await;
    let error = read.into_iter().find_map(Result::err).unwrap();
    assert_eq!(code_of(&error), Some(Code::DataTampered));
}
