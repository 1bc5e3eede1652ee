use std::path::Path;

use lakeward_domain::Code;

use crate::{
    Entry, Event, Ledger, Recovery,
    frame::{HEADER_BYTES, Scan},
    sink::{
        Sink,
        testing::{self as files, Folder},
    },
    testing::{begin, create, create_in, fill, open, open_in, public_key, run},
    verify::verify,
};

const SEGMENT: &str = "records/00000000";

fn entries(ledger: &Ledger) -> Vec<Entry> {
    entries_from(ledger, 0)
}

fn entries_from(ledger: &Ledger, first: u64) -> Vec<Entry> {
    let entries = ledger.entries(first..u64::MAX).unwrap();
    entries.into_iter().map(|(_, entry)| entry).collect()
}

/// Opens what a crash left, and checks of the entries from `first` on that all of `acknowledged` are
/// there, that at most `sent` is, and that a repair is on record.
fn survives(dir: &Path, first: u64, acknowledged: usize, sent: &[Entry]) -> Recovery {
    let crashed = verify(dir, &public_key(), None).unwrap();
    let (ledger, recovery) = open(dir).unwrap();
    let mut found = entries_from(&ledger, first);
    if recovery.happened() {
        assert!(matches!(
            found.pop().unwrap().event,
            Event::Recovered { .. }
        ));
    }
    assert!(found.len() >= acknowledged, "an acknowledged entry is lost");
    assert_eq!(found, sent[..found.len()]);
    assert_eq!(crashed.entries, first + found.len() as u64);
    assert_eq!(crashed.unsealed_bytes, recovery.dropped_bytes);
    run(ledger.append(begin(77))).unwrap();
    drop(ledger);
    assert_eq!(verify(dir, &public_key(), None).unwrap().unsealed_bytes, 0);
    recovery
}

/// Lets a writer die at every step of three appends, started on a ledger of `size` entries.
fn dies_at_every_step_from(size: u64) -> Vec<Recovery> {
    let base = Folder::new();
    let ledger = create(base.path());
    fill(&ledger, size);
    // Older entries are proved by verification; reading them all each time would only take time.
    let first = size.saturating_sub(3);
    let before = entries_from(&ledger, first);
    drop(ledger);
    let mut recoveries = Vec::new();
    for step in 0.. {
        let folder = Folder::copy_of(base.path());
        let sink = Sink::new(folder.path());
        let (ledger, _) = open_in(&sink).unwrap();
        sink.fault.die_after(step);
        let mut sent = before.clone();
        let mut acknowledged = sent.len();
        let mut failed = false;
        for number in 1_000..1_003 {
            sent.push(begin(number));
            let result = run(ledger.append(begin(number)));
            assert!(!(failed && result.is_ok()), "an append after a failure");
            failed |= result.is_err();
            acknowledged += usize::from(result.is_ok());
        }
        drop(ledger);
        recoveries.push(survives(folder.path(), first, acknowledged, &sent));
        if !failed {
            return recoveries;
        }
    }
    recoveries
}

#[test]
fn a_writer_may_die_at_every_step_and_nothing_acknowledged_is_lost() {
    // An ordinary batch; one that fills a tile; one that fills a segment and begins the next.
    for size in [0, 254, 4_094] {
        let recoveries = dies_at_every_step_from(size);
        let any = |what: fn(&Recovery) -> bool| recoveries.iter().any(what);
        assert!(any(|r| r.dropped_bytes > 0), "no torn batch at {size}");
        assert!(any(|r| r.adopted > 0), "no adopted batch at {size}");
        assert_eq!(any(|r| r.tiles > 0), size > 0, "tiles at {size}");
    }
}

#[test]
fn a_crash_while_it_repairs_is_repaired_too() {
    let base = Folder::new();
    let ledger = create(base.path());
    fill(&ledger, 255);
    let mut sent = entries(&ledger);
    drop(ledger);
    // Sealed but not told, with a tile missing and a torn batch behind it.
    let sink = Sink::new(base.path());
    let (ledger, _) = open_in(&sink).unwrap();
    sink.fault.die_after(2);
    run(ledger.append(begin(1))).unwrap_err();
    sent.push(begin(1));
    drop(ledger);
    let mut segment = files::read(&base.path().join(SEGMENT));
    segment.extend_from_slice(&[0x52, 0, 0, 1]);
    files::write(&base.path().join(SEGMENT), &segment);

    for step in 0.. {
        let folder = Folder::copy_of(base.path());
        let sink = Sink::new(folder.path());
        sink.fault.die_after(step);
        let done = open_in(&sink).is_ok();
        verify(folder.path(), &public_key(), None).unwrap();
        let (ledger, _) = open(folder.path()).unwrap();
        let found = entries(&ledger);
        assert_eq!(found[..256], sent);
        for extra in &found[256..] {
            assert!(matches!(extra.event, Event::Recovered { .. }));
        }
        if done {
            return;
        }
    }
}

#[test]
fn a_creation_may_die_at_every_step_and_is_made_again() {
    for step in 0.. {
        let folder = Folder::new();
        let sink = Sink::new(folder.path());
        sink.fault.die_after(step);
        let done = create_in(&sink).is_ok();
        let ledger = match open(folder.path()) {
            Ok((ledger, _)) => ledger,
            Err(_) => create(folder.path()),
        };
        run(ledger.append(begin(1))).unwrap();
        if done {
            return;
        }
    }
}

/// The files before and after one more entry: the segment of both, the checkpoint before.
fn torn_batch() -> (Folder, Vec<Entry>, Vec<u8>, usize) {
    let folder = Folder::new();
    let ledger = create(folder.path());
    run(ledger.append(begin(1))).unwrap();
    run(ledger.append(begin(2))).unwrap();
    let note = ledger.checkpoint().unwrap();
    let short = files::read(&folder.path().join(SEGMENT)).len();
    run(ledger.append(begin(3))).unwrap();
    let sent = entries(&ledger);
    drop(ledger);
    files::write(&folder.path().join("checkpoint"), note.as_bytes());
    let long = files::read(&folder.path().join(SEGMENT));
    (folder, sent, long, short)
}

#[test]
fn a_batch_torn_at_any_byte_is_dropped_and_a_whole_one_is_kept() {
    let (base, sent, long, short) = torn_batch();
    for end in short..=long.len() {
        let folder = Folder::copy_of(base.path());
        files::write(&folder.path().join(SEGMENT), &long[..end]);
        let recovery = survives(folder.path(), 0, 2, &sent);
        let whole = end == long.len();
        assert_eq!(recovery.adopted, u64::from(whole));
        let dropped = if whole { 0 } else { end - short };
        assert_eq!(recovery.dropped_bytes, dropped as u64);
    }
}

#[test]
fn a_batch_whose_pages_came_to_disk_in_another_order_is_dropped() {
    let (base, sent, long, short) = torn_batch();
    for start in (short..long.len()).step_by(7) {
        let mut holed = long.clone();
        let end = (start + 64).min(long.len());
        holed[start..end].fill(0);
        let folder = Folder::copy_of(base.path());
        files::write(&folder.path().join(SEGMENT), &holed);
        let recovery = survives(folder.path(), 0, 2, &sent);
        assert_eq!(recovery.dropped_bytes, (long.len() - short) as u64);
    }
}

#[test]
fn cutting_what_the_checkpoint_covers_is_tampering_at_any_byte() {
    let base = Folder::new();
    let ledger = create(base.path());
    for number in 0..3 {
        run(ledger.append(begin(number))).unwrap();
    }
    drop(ledger);
    let whole = files::read(&base.path().join(SEGMENT));
    assert_eq!(Scan::of(&whole).sealed_end, whole.len());
    for end in 0..whole.len() {
        files::write(&base.path().join(SEGMENT), &whole[..end]);
        for error in [
            open(base.path()).unwrap_err(),
            verify(base.path(), &public_key(), None).unwrap_err(),
        ] {
            assert_eq!(error.code(), Code::LedgerTampered, "cut at {end}");
        }
    }
    files::write(&base.path().join(SEGMENT), &whole);
    assert!(open(base.path()).is_ok());
}

#[test]
fn a_segment_that_was_only_begun_is_removed() {
    let base = Folder::new();
    let ledger = create(base.path());
    fill(&ledger, 4_096);
    let sent = entries_from(&ledger, 4_095);
    run(ledger.append(begin(1))).unwrap();
    let checkpoint = ledger.checkpoint().unwrap();
    drop(ledger);
    let next = base.path().join("records/00000001");
    let whole = files::read(&next);
    // Back to before: the last checkpoint of the full segment is its last seal.
    let full = files::read(&base.path().join(SEGMENT));
    let seal = Scan::of(&full).seals.pop().unwrap();
    files::write(&base.path().join("checkpoint"), &full[seal.payload]);
    for end in [
        0,
        1,
        HEADER_BYTES - 1,
        HEADER_BYTES,
        HEADER_BYTES + 9,
        whole.len() - 1,
    ] {
        let folder = Folder::copy_of(base.path());
        files::write(&folder.path().join("records/00000001"), &whole[..end]);
        let recovery = survives(folder.path(), 4_095, 1, &sent);
        assert_eq!(recovery.dropped_bytes, end as u64);
    }
    // With a checkpoint that covers it, the same is tampering.
    files::write(&base.path().join("checkpoint"), checkpoint.as_bytes());
    files::write(&next, &whole[..HEADER_BYTES]);
    assert_eq!(open(base.path()).unwrap_err().code(), Code::LedgerTampered);
}

#[test]
fn bytes_behind_a_full_segment_are_dropped_before_the_next_begins() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    fill(&ledger, 4_096);
    let sent = entries_from(&ledger, 4_095);
    drop(ledger);
    let mut segment = files::read(&folder.path().join(SEGMENT));
    segment.extend_from_slice(b"behind");
    files::write(&folder.path().join(SEGMENT), &segment);
    let recovery = survives(folder.path(), 4_095, 1, &sent);
    assert_eq!(recovery.dropped_bytes, 6);
}

#[test]
fn a_full_disk_ends_the_ledger_until_it_is_opened_again() {
    let folder = Folder::new();
    let sink = Sink::new(folder.path());
    let ledger = create_in(&sink).unwrap();
    run(ledger.append(begin(0))).unwrap();
    sink.fault.fill_disk(true);
    let error = run(ledger.append(begin(1))).unwrap_err();
    assert_eq!(error.code(), Code::LedgerUnavailable);
    sink.fault.fill_disk(false);
    // Still refused although there is room again: somebody has to look.
    let error = run(ledger.append(begin(1))).unwrap_err();
    assert_eq!(error.code(), Code::LedgerUnavailable);
    assert_eq!(entries(&ledger), [begin(0)]);
    drop(ledger);
    let report = verify(folder.path(), &public_key(), None).unwrap();
    assert_eq!((report.entries, report.unsealed_bytes), (1, 0));
    let (ledger, recovery) = open(folder.path()).unwrap();
    assert!(!recovery.happened());
    assert_eq!(run(ledger.append(begin(1))).unwrap(), 1);
}
