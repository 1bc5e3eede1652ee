use std::sync::Arc;

use lakeward_domain::{Code, Sealer as _};
use tlog_tiles::{Checkpoint, check_tree, prove_tree};

use crate::{
    Error, Event, frame,
    sink::{
        Sink,
        testing::{self as files, Folder},
    },
    testing::{
        LAKE, TestSealer, begin, create, create_in, fill, finished, join, open, public_key, run,
    },
    verify::verify,
};

#[test]
fn entries_come_back_as_they_were_appended_and_after_reopening() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    assert_eq!(ledger.size(), 0);
    let entries = [begin(1), finished(1), begin(2)];
    for (index, entry) in (0..).zip(&entries) {
        assert_eq!(run(ledger.append(entry.clone())).unwrap(), index);
    }
    let expected: Vec<_> = (0..).zip(entries).collect();
    assert_eq!(ledger.entries(0..99).unwrap(), expected);
    assert_eq!(ledger.entries(1..2).unwrap(), expected[1..2]);
    assert_eq!(ledger.entries(5..9).unwrap(), []);
    drop(ledger);

    let (ledger, recovery) = open(folder.path()).unwrap();
    assert!(!recovery.happened());
    assert_eq!(ledger.entries(0..99).unwrap(), expected);
    assert_eq!(run(ledger.append(finished(2))).unwrap(), 3);
}

#[test]
fn latest_finds_the_newest_match() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    for number in 1..5 {
        run(ledger.append(finished(number))).unwrap();
        run(ledger.append(begin(number))).unwrap();
    }
    let rows = |entry: &crate::Entry| match entry.event {
        Event::Finished { rows, .. } => Some(rows),
        _ => None,
    };
    assert_eq!(ledger.latest(rows).unwrap(), Some(4));
    assert_eq!(ledger.latest(|_| None::<()>).unwrap(), None);
}

#[test]
fn nothing_readable_reaches_the_disk() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    fill(&ledger, 300);
    let root = folder.path();
    for name in Sink::new(root).list("").unwrap() {
        let bytes = files::read(&root.join(&name));
        for word in [
            &b"restricted"[..],
            b"billing",
            b"fingerprint",
            b"clinicians",
        ] {
            let found = bytes.windows(word.len()).any(|window| window == word);
            assert!(!found, "{name}");
        }
    }
}

#[test]
fn concurrent_appends_share_syncs() {
    let folder = Folder::new();
    let sink = Sink::new(folder.path());
    let ledger = create_in(&sink).unwrap();
    let before = sink.fault.steps();
    run(ledger.append(begin(0))).unwrap();
    let one = sink.fault.steps() - before;
    let before = sink.fault.steps();
    fill(&ledger, 200);
    let many = sink.fault.steps() - before;
    // One append costs two syncs: the segment's and the checkpoint's.
    assert_eq!(one, 6, "write, sync, open, write, sync, rename");
    assert!(many < one * 20, "{many} steps for 200 appends");
}

#[test]
fn tasks_on_many_threads_get_an_index_each() {
    let folder = Folder::new();
    let ledger = Arc::new(create(folder.path()));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .build()
        .unwrap();
    let mut indexes = runtime.block_on(async {
        let tasks = (0..200).map(|number| {
            let ledger = Arc::clone(&ledger);
            tokio::spawn(async move { ledger.append(begin(number)).await.unwrap() })
        });
        join(tasks.collect())
            .await
            .into_iter()
            .collect::<Result<Vec<_>, _>>()
            .unwrap()
    });
    indexes.sort_unstable();
    assert_eq!(indexes, (0..200).collect::<Vec<_>>());
    assert_eq!(
        verify(folder.path(), &public_key(), None).unwrap().entries,
        200
    );
}

#[test]
fn an_append_nobody_waits_for_is_written_nevertheless() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    run(async {
        let mut append = Box::pin(ledger.append(begin(1)));
        std::future::poll_fn(|context| {
            assert!(append.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    });
    run(ledger.append(begin(2))).unwrap();
    assert_eq!(ledger.size(), 2);
}

#[test]
fn segments_and_tiles_follow_each_other() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    fill(&ledger, 8_300);
    let before = ledger.entries(4_090..4_100).unwrap();
    assert_eq!(before.len(), 10);
    drop(ledger);
    let sink = Sink::new(folder.path());
    assert_eq!(
        sink.list("records").unwrap(),
        ["00000000", "00000001", "00000002"]
    );
    assert_eq!(sink.list("tile").unwrap().len(), 32);
    let (ledger, recovery) = open(folder.path()).unwrap();
    assert!(!recovery.happened());
    assert_eq!(ledger.entries(4_090..4_100).unwrap(), before);
    fill(&ledger, 10);
    let report = verify(folder.path(), &public_key(), None).unwrap();
    assert_eq!((report.entries, report.tiles), (8_310, 32));
    assert_eq!(report.root, ledger.root());
    assert_eq!(report.checkpoint, ledger.checkpoint().unwrap());
}

#[test]
fn a_full_segment_reopens_and_goes_on_in_the_next() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    fill(&ledger, 4_096);
    drop(ledger);
    for size in [4_096, 4_097] {
        let (ledger, recovery) = open(folder.path()).unwrap();
        assert!(!recovery.happened());
        assert_eq!(ledger.size(), size);
        run(ledger.append(begin(1))).unwrap();
    }
    assert_eq!(
        verify(folder.path(), &public_key(), None).unwrap().entries,
        4_098
    );
}

#[test]
fn a_checkpoint_is_one_that_others_can_read_and_prove() {
    struct Hashes(Vec<tlog_tiles::Hash>);
    impl tlog_tiles::HashReader for Hashes {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
            Ok(indexes.iter().map(|i| self.0[*i as usize]).collect())
        }
    }
    let folder = Folder::new();
    let ledger = create(folder.path());
    fill(&ledger, 300);
    let old = ledger.checkpoint().unwrap();
    fill(&ledger, 45);
    let new = ledger.checkpoint().unwrap();
    assert_eq!(
        files::read(&folder.path().join("checkpoint")),
        new.as_bytes()
    );

    // The reference implementation proves that the newer log continues the older one.
    let bytes = files::read(&folder.path().join("records/00000000"));
    let scan = frame::Scan::of(&bytes);
    let mut hashes = Hashes(Vec::new());
    for (n, record) in (0..).zip(&scan.records) {
        let payload = &bytes[record.payload.clone()];
        let more = tlog_tiles::stored_hashes(n, payload, &hashes).unwrap();
        hashes.0.extend(more);
    }
    let read = |note: &str| {
        let text = note.split("\n\n").next().unwrap().to_owned() + "\n";
        Checkpoint::from_bytes(text.as_bytes()).unwrap()
    };
    let (old, new) = (read(&old), read(&new));
    assert_eq!(new.origin(), format!("lakeward/{LAKE}"));
    let proof = prove_tree(new.size(), old.size(), &hashes).unwrap();
    check_tree(&proof, new.size(), *new.hash(), old.size(), *old.hash()).unwrap();
}

#[test]
fn a_second_opening_is_refused_while_the_first_lasts() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    assert_eq!(open(folder.path()).unwrap_err().code(), Code::LakeBusy);
    drop(ledger);
    assert!(open(folder.path()).is_ok());
}

#[test]
fn a_ledger_is_not_made_over_another() {
    let folder = Folder::new();
    drop(create(folder.path()));
    let again = create_in(&Sink::new(folder.path()));
    assert!(matches!(again, Err(Error::Exists)));
    files::remove(&folder.path().join("checkpoint"));
    drop(create_in(&Sink::new(folder.path())).unwrap());
}

#[test]
fn an_entry_too_large_is_refused_and_the_next_is_not() {
    let folder = Folder::new();
    let ledger = create(folder.path());
    let mut entry = begin(1);
    entry.event = Event::Recovered {
        what: "x".repeat(frame::MAX_RECORD_BYTES),
    };
    let error = run(ledger.append(entry)).unwrap_err();
    assert_eq!(error.code(), Code::ResourcesExhausted);
    assert_eq!(run(ledger.append(begin(2))).unwrap(), 0);
}

#[test]
fn an_entry_of_a_newer_release_asks_for_that_release() {
    let sealed = |plain: &[u8]| TestSealer.seal(plain, &frame::context(LAKE, 0)).unwrap();
    let newer_event = br#"{"at":0,"query":null,"who":null,"event":{"event":"teleported"}}"#;
    for plain in [[&[1][..], newer_event].concat(), vec![2], vec![]] {
        let result = crate::writer::decode(&TestSealer, LAKE, 0, &sealed(&plain));
        assert_eq!(result.unwrap_err().code(), Code::LakeVersion);
    }
    let elsewhere = sealed(&[1]);
    let result = crate::writer::decode(&TestSealer, LAKE, 1, &elsewhere);
    assert_eq!(result.unwrap_err().code(), Code::LedgerTampered);
}
