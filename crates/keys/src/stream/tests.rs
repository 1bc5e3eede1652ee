use lakeward_domain::Code;
use proptest::prelude::*;

use super::*;

const LENGTHS: [usize; 9] = [
    0,
    1,
    FRAME_LEN - 1,
    FRAME_LEN,
    FRAME_LEN + 1,
    2 * FRAME_LEN - 1,
    2 * FRAME_LEN,
    2 * FRAME_LEN + 1,
    3 * FRAME_LEN + 77,
];

fn sealer() -> ObjectSealer {
    ObjectSealer::new(Secret::from_slice(&[1; 32]).unwrap(), 1)
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i % 251) as u8).collect()
}

fn fetched(sealed: &[u8], range: &Range<u64>) -> Vec<u8> {
    sealed[usize::try_from(range.start).unwrap()..usize::try_from(range.end).unwrap()].to_vec()
}

fn open_range(sealed: &[u8], plain: Range<u64>) -> Result<Vec<u8>> {
    let plan = RangePlan::new(plain, sealed.len() as u64)?;
    let (header, frames) = (fetched(sealed, &plan.header), fetched(sealed, &plan.frames));
    sealer().open_range("p", &plan, &header, &frames)
}

#[test]
fn what_is_sealed_opens_and_sizes_are_known_from_sizes() {
    for length in LENGTHS {
        let plain = pattern(length);
        let sealed = sealer().seal("p", &plain).unwrap();
        assert_eq!(sealed_len(length as u64), Some(sealed.len() as u64));
        assert_eq!(plain_len(sealed.len() as u64), Some(length as u64));
        assert!(sealer().open("p", &sealed).unwrap() == plain, "{length}");
    }
}

#[test]
fn sizes_that_no_sealed_object_has_are_refused() {
    for size in [0, HEADER, HEADER + 15, u64::MAX] {
        assert!(plain_len(size).is_none_or(|n| sealed_len(n) == Some(size)));
    }
    let full = HEADER + SEALED_FRAME;
    for extra in 1..=16 {
        assert_eq!(plain_len(full + extra), None, "{extra}");
    }
    assert_eq!(plain_len(full + 17), Some(FRAME + 1));
    assert_eq!(sealed_len(u64::MAX), None);
}

#[test]
fn an_object_opens_under_its_own_path_and_key_only() {
    let sealed = sealer().seal("a/1", b"plain").unwrap();
    assert!(sealer().open("a/2", &sealed).is_err());
    let other = ObjectSealer::new(Secret::from_slice(&[2; 32]).unwrap(), 1);
    assert!(other.open("a/1", &sealed).is_err());
    let newer = ObjectSealer::new(Secret::from_slice(&[1; 32]).unwrap(), 2);
    assert!(newer.open("a/1", &sealed).is_err());
}

#[test]
fn an_object_of_a_newer_format_is_named_as_such() {
    let mut sealed = sealer().seal("p", b"plain").unwrap();
    sealed[6] = 2;
    let error = sealer().open("p", &sealed).unwrap_err();
    assert_eq!(error.code(), Code::LakeVersion);
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let sealed = sealer().seal("p", b"a short object").unwrap();
    for place in 0..sealed.len() {
        for bit in 0..8 {
            let mut altered = sealed.clone();
            altered[place] ^= 1 << bit;
            assert!(sealer().open("p", &altered).is_err(), "{place}.{bit}");
        }
    }
}

#[test]
fn frames_that_are_cut_moved_repeated_or_mixed_are_noticed() {
    let plain = pattern(3 * FRAME_LEN);
    let sealed = sealer().seal("p", &plain).unwrap();
    let again = sealer().seal("p", &plain).unwrap();
    let (header, frames) = sealed.split_at(HEADER_LEN);
    let frame = |i: usize| &frames[i * SEALED_FRAME_LEN..(i + 1) * SEALED_FRAME_LEN];
    let foreign = &again[HEADER_LEN..HEADER_LEN + SEALED_FRAME_LEN];
    let cases: [(&str, Vec<&[u8]>); 7] = [
        ("cut at the end", vec![frame(0), frame(1)]),
        ("cut to one", vec![frame(0)]),
        ("cut at the start", vec![frame(1), frame(2)]),
        ("swapped", vec![frame(1), frame(0), frame(2)]),
        ("repeated", vec![frame(0), frame(0), frame(1), frame(2)]),
        ("last twice", vec![frame(0), frame(1), frame(2), frame(2)]),
        ("of another object", vec![foreign, frame(1), frame(2)]),
    ];
    for (name, frames) in cases {
        let altered = [header, &frames.concat()].concat();
        assert_eq!(sealer().open("p", &altered), Err(ALTERED), "{name}");
    }
    for length in [0, 5, HEADER_LEN, HEADER_LEN + 1, sealed.len() - 1] {
        assert!(sealer().open("p", &sealed[..length]).is_err(), "{length}");
    }
    assert!(sealer().open("p", &[&sealed[..], &[0]].concat()).is_err());
}

#[test]
fn a_range_reads_no_more_than_its_frames() {
    let sealed_total = sealed_len(10 * FRAME).unwrap();
    let plan = RangePlan::new(FRAME + 5..FRAME + 9, sealed_total).unwrap();
    assert_eq!(
        plan.frames,
        HEADER + SEALED_FRAME..HEADER + 2 * SEALED_FRAME
    );
    let plan = RangePlan::new(FRAME - 1..FRAME + 1, sealed_total).unwrap();
    assert_eq!(plan.frames, HEADER..HEADER + 2 * SEALED_FRAME);
}

#[test]
fn ranges_at_frame_borders_are_exact() {
    let borders = [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 2 * FRAME + 1];
    for length in LENGTHS {
        let plain = pattern(length);
        let sealed = sealer().seal("p", &plain).unwrap();
        for start in borders {
            for end in borders {
                let (from, to) = (
                    usize::try_from(start).unwrap().min(length),
                    usize::try_from(end).unwrap().min(length),
                );
                let expected = plain.get(from..to).unwrap_or_default();
                let opened = open_range(&sealed, start..end).unwrap();
                assert!(opened == expected, "{start}..{end} of {length}");
            }
        }
    }
}

#[test]
fn a_range_of_altered_frames_is_noticed() {
    let mut sealed = sealer().seal("p", &pattern(2 * FRAME_LEN)).unwrap();
    sealed[HEADER_LEN + SEALED_FRAME_LEN + 3] ^= 1;
    assert!(open_range(&sealed, 0..10).is_ok());
    assert_eq!(open_range(&sealed, FRAME..FRAME + 1), Err(ALTERED));
}

proptest! {
    #[test]
    fn plans_for_arbitrary_ranges_and_sizes_do_not_panic(
        start: u64,
        end: u64,
        total in prop_oneof![any::<u64>(), (0_u64..5_000_000).prop_map(|n| sealed_len(n).unwrap())],
    ) {
        if let Ok(plan) = RangePlan::new(start..end, total) {
            prop_assert!(plan.frames.end <= total && plan.frames.start < plan.frames.end);
        }
    }

    #[test]
    fn every_size_reads_back(plain in any::<u64>()) {
        if let Some(sealed) = sealed_len(plain) {
            prop_assert_eq!(plain_len(sealed), Some(plain));
        }
        if let Some(inner) = plain_len(plain) {
            prop_assert_eq!(sealed_len(inner), Some(plain));
        }
    }

    #[test]
    fn opening_arbitrary_bytes_fails_without_a_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..300),
        magic: bool,
    ) {
        let sealed = if magic { [MAGIC, bytes.as_slice()].concat() } else { bytes };
        prop_assert!(sealer().open("p", &sealed).is_err());
    }
}
