use rustix::fs::{fstat, ftruncate};

use super::*;

const PLANTED: &[u8] = b"Planted, Patricia 666-00-0001";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn file(folder: &tempfile::TempDir) -> Arc<EphemeralFile> {
    Arc::new(EphemeralFile::create(folder.path(), &Quota::new(1 << 30)).unwrap())
}

fn on_device(file: &EphemeralFile) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(file.bytes_on_disk()).unwrap()];
    read_exact(&file.device, &mut bytes, 0).unwrap();
    bytes
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

#[test]
fn frames_read_back_in_any_order() {
    let folder = folder();
    let file = file(&folder);
    let frames: Vec<Vec<u8>> = (0..20_usize).map(|i| vec![i as u8; i * 1_000]).collect();
    for frame in &frames {
        file.append_frame(frame).unwrap();
    }
    assert_eq!(file.frames(), 20);
    assert!(!file.is_finished());
    file.finish().unwrap();
    file.finish().unwrap();
    assert!(file.is_finished());
    assert_eq!(file.frames(), 20);
    file.verify_end().unwrap();
    for (number, frame) in frames.iter().enumerate().rev() {
        assert_eq!(&file.read_frame(number).unwrap(), frame);
    }
    assert_eq!(file.read_frame(20), Err(NO_SUCH_FRAME));
}

#[test]
fn the_folder_stays_empty_and_the_device_holds_no_planted_name() {
    let folder = folder();
    let file = file(&folder);
    let frame = PLANTED.repeat(1_000);
    file.append_frame(&frame).unwrap();
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let bytes = on_device(&file);
    assert!(contains(&frame, PLANTED) && !contains(&bytes, PLANTED));
    let stat = fstat(&file.device).unwrap();
    assert_eq!(stat.st_nlink, 0);
    assert_eq!(stat.st_mode & 0o777, 0o600);
}

#[test]
fn a_flipped_byte_anywhere_is_noticed() {
    let folder = folder();
    let file = file(&folder);
    file.append_frame(PLANTED).unwrap();
    file.finish().unwrap();
    for (place, byte) in on_device(&file).into_iter().enumerate() {
        write_all(&file.device, &[byte ^ 1], place as u64).unwrap();
        let whole = file.read_frame(0).and_then(|_| file.verify_end());
        assert_eq!(whole, Err(ALTERED), "{place}");
        write_all(&file.device, &[byte], place as u64).unwrap();
    }
    file.read_frame(0).unwrap();
    file.verify_end().unwrap();
}

#[test]
fn frames_swapped_on_the_device_or_from_another_file_are_noticed() {
    let folder = folder();
    let (one, two) = (file(&folder), file(&folder));
    for file in [&one, &two] {
        file.append_frame(PLANTED).unwrap();
        file.append_frame(PLANTED).unwrap();
    }
    let bytes = on_device(&one);
    let (first, second) = bytes.split_at(bytes.len() / 2);
    write_all(&one.device, second, 0).unwrap();
    write_all(&one.device, first, first.len() as u64).unwrap();
    assert_eq!(one.read_frame(0), Err(ALTERED));
    assert_eq!(one.read_frame(1), Err(ALTERED));
    write_all(&two.device, first, 0).unwrap();
    assert_eq!(two.read_frame(0), Err(ALTERED));
}

#[test]
fn the_files_id_is_part_of_every_frame_whatever_the_key() {
    let folder = folder();
    let one = EphemeralFile::create(folder.path(), &Quota::new(1_000)).unwrap();
    let mut two = EphemeralFile::create(folder.path(), &Quota::new(1_000)).unwrap();
    two.key = one.key.clone();
    one.append_frame(PLANTED).unwrap();
    two.append_frame(PLANTED).unwrap();
    write_all(&two.device, &on_device(&one), 0).unwrap();
    assert_eq!(two.read_frame(0), Err(ALTERED));
}

#[test]
fn a_truncated_file_is_noticed() {
    let folder = folder();
    let file = file(&folder);
    file.append_frame(PLANTED).unwrap();
    file.finish().unwrap();
    ftruncate(&file.device, file.bytes_on_disk() - 1).unwrap();
    assert!(file.read_frame(0).is_ok());
    assert_eq!(file.verify_end(), Err(ALTERED));
    let mut all = Vec::new();
    let error = file.reader().read_to_end(&mut all).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    ftruncate(&file.device, 3).unwrap();
    assert_eq!(file.read_frame(0), Err(ALTERED));
}

#[test]
fn a_reader_does_not_take_an_unfinished_file_for_the_whole() {
    let folder = folder();
    let file = file(&folder);
    let mut writer = file.writer();
    writer.write_all(PLANTED).unwrap();
    assert_eq!(file.frames(), 0);
    writer.flush().unwrap();
    assert_eq!(file.frames(), 1);
    let mut reader = file.reader();
    let mut start = vec![0; PLANTED.len()];
    reader.read_exact(&mut start).unwrap();
    assert_eq!(start, PLANTED);
    assert!(reader.read(&mut [0]).is_err());
    writer.write_all(b"more").unwrap();
    writer.finish().unwrap();
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, b"more");
}

#[test]
fn a_writer_cuts_long_writes_into_frames() {
    let folder = folder();
    let file = file(&folder);
    let plain: Vec<u8> = (0..1_000_003_u32).map(|i| i as u8).collect();
    let mut writer = file.writer();
    writer.write_all(&plain).unwrap();
    writer.finish().unwrap();
    assert_eq!(file.frames(), plain.len().div_ceil(WRITER_FRAME));
    let mut all = Vec::new();
    file.reader().read_to_end(&mut all).unwrap();
    assert!(all == plain);
}

#[test]
fn a_finished_file_takes_no_more_frames() {
    let folder = folder();
    let file = file(&folder);
    file.finish().unwrap();
    assert_eq!(file.append_frame(b"late"), Err(APPEND_AFTER_END));
    assert_eq!(file.reader().read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_quota_is_shared_refuses_and_is_given_back() {
    let folder = folder();
    let quota = Quota::new(100);
    let one = EphemeralFile::create(folder.path(), &quota).unwrap();
    let two = EphemeralFile::create(folder.path(), &quota).unwrap();
    one.append_frame(&[0; 44]).unwrap();
    assert_eq!(quota.live_bytes(), 60);
    assert_eq!(one.bytes_on_disk(), 60);
    let refused = Err(Error::QuotaExceeded { limit_bytes: 100 });
    assert_eq!(two.append_frame(&[0; 25]), refused);
    assert_eq!((two.frames(), two.bytes_on_disk()), (0, 0));
    two.append_frame(&[0; 24]).unwrap();
    assert_eq!(quota.live_bytes(), 100);
    drop(one);
    assert_eq!(quota.live_bytes(), 40);
    drop(two);
    assert_eq!(quota.live_bytes(), 0);
    assert_eq!(quota.written_bytes(), 100);
}

#[test]
fn a_full_device_is_told_and_ends_the_file() {
    let folder = folder();
    let quota = Quota::new(1 << 20);
    let mut file = EphemeralFile::create(folder.path(), &quota).unwrap();
    file.append_frame(PLANTED).unwrap();
    let live = quota.live_bytes();
    let real = std::mem::replace(
        &mut file.device,
        openat(CWD, "/dev/full", OFlags::RDWR, Mode::empty()).unwrap(),
    );
    let error = file.append_frame(PLANTED).unwrap_err();
    assert_eq!(error.code(), lakeward_domain::Code::StorageFull);
    assert_eq!(quota.live_bytes(), live);
    file.device = real;
    assert_eq!(file.append_frame(PLANTED), Err(APPEND_AFTER_FAILURE));
    assert_eq!(file.finish(), Err(APPEND_AFTER_FAILURE));
    assert_eq!(file.frames(), 1);
    assert_eq!(file.read_frame(0).unwrap(), PLANTED);
    assert_eq!(file.verify_end(), Err(NOT_FINISHED));
}

#[test]
fn a_missing_folder_is_an_error() {
    let folder = folder();
    let missing = folder.path().join("missing");
    let error = EphemeralFile::create(&missing, &Quota::new(1)).unwrap_err();
    assert_eq!(error.code(), lakeward_domain::Code::StorageFailed);
}

#[test]
fn many_threads_append_and_follow_without_losing_a_frame() {
    let folder = folder();
    let file = file(&folder);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let file = &file;
            scope.spawn(move || {
                for _ in 0..50 {
                    file.append_frame(&[thread; 1_000]).unwrap();
                }
            });
        }
        let follower = Arc::clone(&file);
        scope.spawn(move || {
            for number in 0..200 {
                while follower.frames() <= number {
                    std::thread::yield_now();
                }
                assert_eq!(follower.read_frame(number).unwrap().len(), 1_000);
            }
        });
    });
    file.finish().unwrap();
    let mut counts = [0; 4];
    for number in 0..file.frames() {
        counts[usize::from(file.read_frame(number).unwrap()[0])] += 1;
    }
    assert_eq!(counts, [50; 4]);
}

#[test]
fn debug_prints_no_key() {
    let folder = folder();
    assert_eq!(
        format!("{:?}", file(&folder)),
        "EphemeralFile { frames: 0, .. }"
    );
}
