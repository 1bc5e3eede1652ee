use std::sync::Arc;

use lakeward_domain::{Code, LakeId, Signer as _};
use proptest::prelude::*;

use crate::{
    Error, Ledger,
    frame::{self, HEADER_BYTES, Header, Scan},
    note::Signed,
    sink::testing::{self as files, Folder},
    testing::{
        LAKE, TestSealer, TestSigner, begin, clock, create, fill, finished, open, public_key,
        query, refused, run,
    },
    verify::{verify, verify_with_sealer},
};

const SEGMENT: &str = "records/00000000";
/// The kind byte of a record's frame.
const RECORD: u8 = 0x52;

/// A ledger of 300 entries in several batches, with a full tile; a checkpoint of its first half.
fn ledger() -> (Folder, String) {
    let folder = Folder::new();
    let ledger = create(folder.path());
    fill(&ledger, 140);
    let known = ledger.checkpoint().unwrap();
    for number in 0..10 {
        run(ledger.append(finished(number))).unwrap();
    }
    fill(&ledger, 150);
    (folder, known)
}

fn refused_by_both(folder: &Folder, what: &str) {
    let found = verify(folder.path(), &public_key(), None);
    let code = found.expect_err(what).code();
    assert!(
        matches!(code, Code::LedgerTampered | Code::LakeVersion),
        "{what}: {code}"
    );
    let code = open(folder.path()).expect_err(what).code();
    assert!(
        matches!(code, Code::LedgerTampered | Code::LakeVersion),
        "{what}: {code}"
    );
}

/// The frames of a segment: each record's and seal's bytes.
fn frames(segment: &[u8]) -> Vec<Vec<u8>> {
    let scan = Scan::of(segment);
    let mut ends: Vec<_> = scan
        .records
        .iter()
        .map(|record| record.payload.end)
        .collect();
    ends.extend(scan.seals.iter().map(|seal| seal.payload.end));
    ends.sort_unstable();
    let mut at = HEADER_BYTES;
    let mut frames = Vec::new();
    for end in ends {
        frames.push(segment[at..end].to_vec());
        at = end;
    }
    frames
}

fn joined(segment: &[u8], frames: &[Vec<u8>]) -> Vec<u8> {
    [&segment[..HEADER_BYTES], &frames.concat()].concat()
}

#[test]
fn an_untouched_ledger_verifies() {
    let (folder, known) = ledger();
    for known in [None, Some(known.as_str())] {
        let report = verify(folder.path(), &public_key(), known).unwrap();
        assert_eq!(
            (report.entries, report.tiles, report.unsealed_bytes),
            (300, 1, 0)
        );
        assert_eq!(report.lake, LAKE);
        assert_eq!(report.known, known.map(|_| 140));
        assert_eq!(report.dangling, None);
    }
    assert!(open(folder.path()).is_ok());
}

#[test]
fn a_flipped_bit_anywhere_is_found() {
    let (folder, _) = ledger();
    // Everything of the small files, a sample of the large ones.
    for (name, step) in [("checkpoint", 1), (SEGMENT, 997), ("tile/0/000", 331)] {
        let path = folder.path().join(name);
        let whole = files::read(&path);
        let header = (0..HEADER_BYTES).filter(|_| name == SEGMENT);
        for at in header.chain((0..whole.len()).step_by(step)) {
            let mut flipped = whole.clone();
            flipped[at] ^= 1 << (at % 8);
            files::write(&path, &flipped);
            refused_by_both(&folder, &format!("{name} byte {at}"));
        }
        files::write(&path, &whole);
    }
    assert!(verify(folder.path(), &public_key(), None).is_ok());
}

#[test]
fn a_removed_added_or_cut_file_is_found() {
    let (folder, _) = ledger();
    for name in ["checkpoint", SEGMENT, "tile/0/000"] {
        let path = folder.path().join(name);
        let whole = files::read(&path);
        files::remove(&path);
        refused_by_both(&folder, &format!("{name} removed"));
        for end in [0, 1, whole.len() / 2, whole.len() - 1] {
            files::write(&path, &whole[..end]);
            refused_by_both(&folder, &format!("{name} cut to {end}"));
        }
        files::write(&path, &whole);
    }
    let foreign = folder.path().join("records/zz");
    files::write(&foreign, b"");
    refused_by_both(&folder, "a foreign segment");
    files::remove(&foreign);
    let foreign = folder.path().join("tile/0/001");
    files::write(&foreign, &[0; 8_192]);
    let error = verify(folder.path(), &public_key(), None).unwrap_err();
    assert_eq!(error.code(), Code::LedgerTampered);
}

#[test]
fn dropped_swapped_doubled_and_replayed_records_are_found() {
    let (folder, _) = ledger();
    let path = folder.path().join(SEGMENT);
    let whole = files::read(&path);
    let original = frames(&whole);
    assert_eq!(joined(&whole, &original), whole);
    let is_record = |at: usize| original[at][0] == RECORD;
    let records: Vec<_> = (0..original.len()).filter(|at| is_record(*at)).collect();
    // One with a seal before and after it, among others.
    let lone = *records
        .iter()
        .find(|at| **at > 0 && !is_record(**at - 1) && !is_record(**at + 1))
        .unwrap();
    let places = [records[0], records[1], records[100], lone, records[299]];
    type Change = fn(&mut Vec<Vec<u8>>, usize);
    let changes: [(&str, Change); 6] = [
        ("dropped", |frames, at| drop(frames.remove(at))),
        ("swapped", |frames, at| frames.swap(at, at + 1)),
        ("doubled", |frames, at| {
            frames.insert(at, frames[at].clone())
        }),
        ("replayed", |frames, at| {
            let other = frames
                .iter()
                .position(|frame| frame[0] == RECORD && *frame != frames[at]);
            frames[at] = frames[other.unwrap()].clone();
        }),
        ("replayed at the end", |frames, at| {
            frames.push(frames[at].clone())
        }),
        ("cut after", |frames, at| frames.truncate(at)),
    ];
    for (what, change) in changes {
        for at in places {
            let mut changed = original.clone();
            change(&mut changed, at);
            files::write(&path, &joined(&whole, &changed));
            if what == "replayed at the end" {
                // Behind the last seal: proves nothing, counts for nothing, and is dropped.
                let report = verify(folder.path(), &public_key(), None).unwrap();
                assert_eq!(report.entries, 300);
                assert!(report.unsealed_bytes > 0);
            } else {
                refused_by_both(&folder, &format!("{what} {at}"));
            }
        }
    }
}

#[test]
fn an_old_checkpoint_file_alone_hides_nothing() {
    let (folder, known) = ledger();
    files::write(&folder.path().join("checkpoint"), known.as_bytes());
    let report = verify(folder.path(), &public_key(), None).unwrap();
    assert_eq!(report.entries, 300);
    let (ledger, recovery) = open(folder.path()).unwrap();
    assert_eq!(recovery.adopted, 160);
    assert_eq!(ledger.size(), 301);
}

#[test]
fn yesterdays_copy_of_everything_is_found_against_a_checkpoint_kept_elsewhere() {
    let today = Folder::new();
    let ledger = create(today.path());
    fill(&ledger, 20);
    drop(ledger);
    let yesterday = Folder::copy_of(today.path());
    let (ledger, _) = open(today.path()).unwrap();
    fill(&ledger, 5);
    let known = ledger.checkpoint().unwrap();
    assert!(verify(yesterday.path(), &public_key(), None).is_ok());
    let error = verify(yesterday.path(), &public_key(), Some(&known)).unwrap_err();
    assert_eq!(error.code(), Code::LedgerTampered);
    assert!(verify(today.path(), &public_key(), Some(&known)).is_ok());
}

#[test]
fn a_fork_signed_with_the_same_key_is_found_against_a_checkpoint_kept_elsewhere() {
    let one = Folder::new();
    let ledger = create(one.path());
    fill(&ledger, 20);
    let common = ledger.checkpoint().unwrap();
    drop(ledger);
    let other = Folder::copy_of(one.path());
    let (ledger, _) = open(one.path()).unwrap();
    run(ledger.append(begin(1))).unwrap();
    let known = ledger.checkpoint().unwrap();
    let (fork, _) = open(other.path()).unwrap();
    run(fork.append(begin(2))).unwrap();
    run(fork.append(begin(3))).unwrap();
    assert!(verify(other.path(), &public_key(), Some(&common)).is_ok());
    let error = verify(other.path(), &public_key(), Some(&known)).unwrap_err();
    assert_eq!(error.code(), Code::LedgerTampered);
    // Put together from both, it is refused without any checkpoint from elsewhere.
    drop((ledger, fork));
    let checkpoint = files::read(&one.path().join("checkpoint"));
    files::write(&other.path().join("checkpoint"), &checkpoint);
    refused_by_both(&other, "a checkpoint of the other branch");
}

#[test]
fn a_ledger_signed_again_with_another_key_is_found() {
    let folder = Folder::new();
    let forger = Arc::new(TestSigner(2));
    let forged = Ledger::create(
        folder.path(),
        LAKE,
        Arc::new(TestSealer),
        Arc::clone(&forger) as _,
        clock(),
    );
    run(forged.unwrap().append(begin(1))).unwrap();
    refused_by_both(&folder, "another key");
    assert!(verify(folder.path(), &forger.public_key(), None).is_ok());
}

#[test]
fn a_ledger_of_another_lake_is_refused() {
    let folder = Folder::new();
    let lake = LakeId::from_bytes([8; 16]);
    let other = Ledger::create(
        folder.path(),
        lake,
        Arc::new(TestSealer),
        Arc::new(TestSigner(1)),
        clock(),
    );
    drop(other);
    assert_eq!(
        open(folder.path()).unwrap_err().code(),
        Code::LedgerTampered
    );
    assert_eq!(
        verify(folder.path(), &public_key(), None).unwrap().lake,
        lake
    );
    let (_, known) = ledger();
    let result = verify(folder.path(), &public_key(), Some(&known));
    assert!(matches!(result, Err(Error::KnownForeign)));
    let result = verify(folder.path(), &public_key(), Some("not a note"));
    assert_eq!(result.unwrap_err().code(), Code::SourceInvalid);
}

#[test]
fn a_change_in_an_older_segment_is_found_when_read_and_by_verification() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    fill(&ledger, 4_200);
    drop(ledger);
    let path = folder.path().join(SEGMENT);
    let whole = files::read(&path);
    let mut flipped = whole.clone();
    flipped[HEADER_BYTES + 100] ^= 4;
    files::write(&path, &flipped);
    let error = verify(folder.path(), &public_key(), None).unwrap_err();
    assert_eq!(error.code(), Code::LedgerTampered);
    let (ledger, _) = open(folder.path()).unwrap();
    assert_eq!(
        ledger.entries(0..1).unwrap_err().code(),
        Code::LedgerTampered
    );
    assert!(ledger.entries(4_096..4_100).is_ok());
    drop(ledger);
    files::write(&path, &whole[..whole.len() - 1]);
    refused_by_both(&folder, "an older segment cut");
    files::remove(&path);
    refused_by_both(&folder, "an older segment removed");
}

#[test]
fn statements_without_an_end_are_listed() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    for entry in [
        begin(1),
        begin(2),
        finished(1),
        begin(3),
        begin(4),
        refused(3),
    ] {
        run(ledger.append(entry)).unwrap();
    }
    let report = verify_with_sealer(folder.path(), &public_key(), None, &TestSealer).unwrap();
    assert_eq!(report.dangling, Some(vec![(1, query(2)), (4, query(4))]));
}

#[test]
fn verification_beside_a_ledger_at_work_does_not_fail() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    let path = folder.path().to_owned();
    let done = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = Arc::clone(&done);
    let verifier = std::thread::spawn(move || {
        let mut last = 0;
        while !seen.load(std::sync::atomic::Ordering::SeqCst) {
            let report = verify(&path, &public_key(), None).unwrap();
            assert!(report.entries >= last);
            last = report.entries;
        }
    });
    for number in 0..300 {
        run(ledger.append(begin(number))).unwrap();
    }
    done.store(true, std::sync::atomic::Ordering::SeqCst);
    verifier.join().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn readers_of_files_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        drop(Header::parse(&bytes));
        prop_assert!(Signed::verify(&bytes, &public_key()).is_none());
        let scan = Scan::of(&bytes);
        prop_assert!(scan.sealed_end <= bytes.len());
    }

    #[test]
    fn frames_read_back(records in proptest::collection::vec(
        proptest::collection::vec(any::<u8>(), 0..50), 0..20), cut in 0_usize..2_000) {
        let mut bytes = vec![0; HEADER_BYTES];
        for record in &records {
            frame::push_record(&mut bytes, record).unwrap();
        }
        frame::push_seal(&mut bytes, "seal").unwrap();
        let scan = Scan::of(&bytes);
        prop_assert_eq!(scan.sealed().len(), records.len());
        for (found, record) in scan.sealed().iter().zip(&records) {
            prop_assert_eq!(&bytes[found.payload.clone()], &record[..]);
        }
        let cut = Scan::of(&bytes[..cut.min(bytes.len() - 1)]);
        prop_assert!(cut.seals.is_empty() && cut.sealed().is_empty());
    }
}

#[test]
fn random_edits_of_a_segment_never_pass_as_other_entries() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    for number in 0..12 {
        run(ledger.append(begin(number))).unwrap();
    }
    drop(ledger);
    let path = folder.path().join(SEGMENT);
    let whole = files::read(&path);
    let length = whole.len();
    proptest!(ProptestConfig::with_cases(300), |(
        at in 0..length, span in 1_usize..600, to in 0..length, kind in 0..4_u8, byte in any::<u8>()
    )| {
        let end = (at + span).min(length);
        let mut edited = whole.clone();
        match kind {
            0 => edited[at] = byte,
            1 => drop(edited.drain(at..end)),
            2 => {
                let piece = whole[at..end].to_vec();
                edited.splice(to..to, piece);
            }
            _ => {
                let piece = whole[at..end].to_vec();
                let stop = (to + piece.len()).min(length);
                edited.splice(to..stop, piece);
            }
        }
        files::write(&path, &edited);
        match verify(folder.path(), &public_key(), None) {
            Ok(report) => {
                prop_assert_eq!(report.entries, 12);
                prop_assert_eq!(&edited[..length], &whole[..]);
            }
            Err(error) => prop_assert!(error.code() != Code::Internal),
        }
    });
}
