use std::io::Write;

use super::*;
use crate::Clinic;

/// What the made files of `fixtures/scan` hold.
fn never_issued(shape: impl Fn(u64) -> String) -> Planted {
    let numbers = (0..40).map(|n| 900_120_000 + 37 * n);
    Planted::new(numbers.map(|number| (PlantKind::Ssn, shape(number))))
}

fn dashed(n: u64) -> String {
    format!(
        "{:03}-{:02}-{:04}",
        n / 1_000_000,
        n / 10_000 % 100,
        n % 10_000
    )
}

fn scanned(planted: &Planted, bytes: &[u8]) -> Report {
    let mut scanner = Scanner::new(planted).unwrap();
    scanner.scan_bytes("here", bytes);
    scanner.take_report()
}

/// Bytes that look like ciphertext, the same each time.
fn noise(length: usize) -> Vec<u8> {
    let mut random = crate::random::Random::new(9, crate::random::Stream::Note, 9);
    (0..length.div_ceil(8))
        .flat_map(|_| random.next().to_le_bytes())
        .take(length)
        .collect()
}

fn within_noise(bytes: &[u8]) -> Vec<u8> {
    [&noise(1_001), bytes, &noise(777)].concat()
}

const SECRET: &str = "Guadalupe Thibodeaux";

fn secret() -> Planted {
    Planted::new([(PlantKind::Name, SECRET.to_owned())])
}

#[test]
fn each_shape_is_found_and_named() {
    let wide: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let wide_big: Vec<u8> = SECRET.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let each = |change: fn(u8) -> u8| SECRET.bytes().map(change).collect::<Vec<u8>>();
    // Arrow's row key of a string: a two, then blocks of eight, each with 255 or its length.
    let mut key = vec![2];
    key.extend(b"Guadalup\xFFe Thibod\xFFeaux\0\0\0\0\x04");
    let inverted_key: Vec<u8> = key.iter().map(|byte| !byte).collect();
    let cases: Vec<(Encoding, Vec<u8>)> = vec![
        (Encoding::Raw, SECRET.into()),
        (Encoding::Upper, "GUADALUPE THIBODEAUX".into()),
        (Encoding::Lower, "guadalupe thibodeaux".into()),
        (Encoding::Percent, "/name=Guadalupe%20Thibodeaux/".into()),
        (Encoding::Utf16Le, wide),
        (Encoding::Utf16Be, wide_big),
        (
            Encoding::Hex,
            "47756164616c75706520546869626f6465617578".into(),
        ),
        (
            Encoding::Hex,
            "47756164616C75706520546869626F6465617578".into(),
        ),
        (Encoding::Inverted, each(|byte| !byte)),
        (Encoding::SignFlipped, each(|byte| byte ^ 0x80)),
        (Encoding::Shifted, each(|byte| byte + 1)),
        (Encoding::Shifted, each(|byte| byte + 2)),
        (Encoding::Shifted, each(|byte| byte - 1)),
        (Encoding::Reversed, SECRET.bytes().rev().collect()),
        (Encoding::RowKey, key),
        (Encoding::RowKey, inverted_key),
    ];
    for (encoding, bytes) in cases {
        let report = scanned(&secret(), &within_noise(&bytes));
        assert_eq!(report.found(), 1, "{} was not found", encoding.as_str());
        assert_eq!(
            report.hits.len(),
            1,
            "{} was found twice over",
            encoding.as_str()
        );
        assert_eq!(report.hits[0].encoding, encoding);
    }
}

#[test]
fn base64_is_found_in_every_alignment_and_alphabet() {
    use base64::Engine;
    use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE};
    for text in [SECRET, "Renée Núñez-Peña??>", "Zoë O'Brien~~~???"] {
        let planted = Planted::new([(PlantKind::Name, text.to_owned())]);
        for before in ["", "a", "ab", "abc", "name: "] {
            for after in ["", "z", "zz", " is here"] {
                let letter = format!("{before}{text}{after}");
                for packed in [
                    STANDARD.encode(&letter),
                    STANDARD_NO_PAD.encode(&letter),
                    URL_SAFE.encode(&letter),
                ] {
                    let report = scanned(&planted, &within_noise(packed.as_bytes()));
                    assert_eq!(report.found(), 1, "after {before:?} and before {after:?}");
                }
            }
        }
    }
}

#[test]
fn json_escapes_and_integers_are_found() {
    let split = Planted::new([(PlantKind::Ssn, "900-12-\n3456".to_owned())]);
    let line = serde_json::json!({ "note": "form reads 900-12-\n3456." }).to_string();
    assert_eq!(
        scanned(&split, line.as_bytes()).hits[0].encoding,
        Encoding::Json
    );

    let bare = Planted::new([(PlantKind::Ssn, "900123456".to_owned())]);
    let number = 900_123_456i64;
    let ascending = (number as u64 ^ 1 << 63).to_be_bytes();
    let descending = ascending.map(|byte| !byte);
    for bytes in [number.to_le_bytes(), ascending, descending] {
        let report = scanned(&bare, &within_noise(&bytes));
        assert_eq!(report.hits[0].encoding, Encoding::Integer);
    }
}

/// A text long enough for every codec to reach back into it, with the secret inside.
fn letter() -> Vec<u8> {
    let filler = "The patient was seen and is doing well. ".repeat(30);
    format!("{filler}Then {SECRET} came. {filler}").into_bytes()
}

fn zstd_of(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 3).unwrap()
}

fn gzip_of(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zlib_of(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zip_of(bytes: &[u8]) -> Vec<u8> {
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    let packed = encoder.finish().unwrap();
    let mut zip = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0".to_vec();
    zip.extend([0; 12]);
    zip.extend([5, 0, 0, 0]);
    zip.extend(b"a.txt");
    zip.extend(packed);
    zip
}

fn lz4_of(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn snappy_of(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = snap::write::FrameEncoder::new(Vec::new());
    encoder.write_all(bytes).unwrap();
    encoder.into_inner().unwrap()
}

/// Packs so that the secret itself is not in a row: every second letter is a copy.
fn hides(packed: &[u8]) -> bool {
    !packed
        .windows(SECRET.len())
        .any(|window| window == SECRET.as_bytes())
}

/// Said in pieces before, so that a codec with copies alone (snappy, lz4) breaks it up.
fn torn_letter() -> Vec<u8> {
    let pieces = "Guadalupe was here. Thibodeaux too. pe Thibo was a slip. ".repeat(3);
    [pieces.as_bytes(), &letter()].concat()
}

#[test]
fn each_codec_is_undone_in_the_middle_of_other_bytes() {
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("zstd", zstd_of(&torn_letter())),
        ("gzip", gzip_of(&torn_letter())),
        ("zlib", zlib_of(&torn_letter())),
        ("zip", zip_of(&torn_letter())),
        ("lz4", lz4_of(&torn_letter())),
        ("snappy", snappy_of(&torn_letter())),
    ];
    for (name, packed) in cases {
        assert!(
            hides(&packed),
            "{name} does not hide the secret, so it proves nothing"
        );
        let report = scanned(&secret(), &within_noise(&packed));
        assert_eq!(report.found(), 1, "{name} was not undone");
        let inside = report
            .hits
            .iter()
            .any(|hit| hit.place == format!("here!{name}@1001"));
        assert!(inside, "{name} is not named");
    }
}

#[test]
fn blocks_without_a_magic_are_undone_where_they_start_the_file() {
    let plain = torn_letter();
    let raw_lz4 = lz4_flex::block::compress(&plain);
    let mut hadoop = (plain.len() as u32).to_be_bytes().to_vec();
    hadoop.extend((raw_lz4.len() as u32).to_be_bytes());
    hadoop.extend(&raw_lz4);
    let cases = [
        (
            "snappy_block",
            snap::raw::Encoder::new().compress_vec(&plain).unwrap(),
        ),
        (
            "lz4_sized_block",
            lz4_flex::block::compress_prepend_size(&plain),
        ),
        ("lz4_hadoop", hadoop),
        ("lz4_block", raw_lz4),
    ];
    for (name, packed) in cases {
        assert!(
            hides(&packed),
            "{name} does not hide the secret, so it proves nothing"
        );
        let report = scanned(&secret(), &packed);
        let inside = report
            .hits
            .iter()
            .any(|hit| hit.place == format!("here!{name}"));
        assert!(inside, "{name} was not undone");
    }
}

#[test]
fn codecs_within_codecs_are_undone() {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    let twice = zstd_of(&within_noise(&gzip_of(&letter())));
    assert_eq!(scanned(&secret(), &twice).found(), 1);
    for packed in [gzip_of(&letter()), zstd_of(&letter())] {
        let text = format!("{{\"data\":\"{}\"}}", STANDARD.encode(packed));
        let report = scanned(&secret(), text.as_bytes());
        assert_eq!(report.found(), 1, "base64 of a codec was not undone");
    }
}

#[test]
fn a_frame_that_is_cut_gives_what_it_has() {
    for packed in [
        gzip_of(&letter()),
        zstd_of(&[letter(), noise(300_000)].concat()),
    ] {
        let cut = &packed[..packed.len() * 9 / 10];
        assert_eq!(scanned(&secret(), cut).found(), 1);
    }
}

#[test]
fn a_frame_longer_than_a_window_is_undone_to_its_end() {
    let plain = [noise(WINDOW_BYTES + 100_000), letter()].concat();
    let packed = [b"x".to_vec(), zstd_of(&plain)].concat();
    assert_eq!(scanned(&secret(), &packed).found(), 1);
}

#[test]
fn a_find_across_two_windows_is_counted_once() {
    for shift in 0..SECRET.len() + 2 {
        let mut bytes = vec![b'.'; WINDOW_BYTES + 4_096];
        let overlap = Index::new(&secret())
            .unwrap()
            .overlap()
            .max(codec::LONGEST_MAGIC);
        let at = WINDOW_BYTES + overlap - shift;
        bytes[at..at + SECRET.len()].copy_from_slice(SECRET.as_bytes());
        let mut scanner = Scanner::new(&secret()).unwrap();
        scanner.search("here", &Bytes(&bytes)).unwrap();
        assert_eq!(
            scanner.report().hit_count(),
            1,
            "{shift} bytes before the end"
        );
    }
}

macro_rules! fixture {
    ($name:literal) => {
        (
            $name,
            include_bytes!(concat!("../../../../fixtures/scan/", $name, ".parquet")).as_slice(),
        )
    };
}

#[test]
fn parquet_pages_of_every_codec_are_searched() {
    let planted = never_issued(dashed);
    // Version 2 with 5 of 40 values missing.
    for ((name, file), expected) in [
        (fixture!("text-none"), 40),
        (fixture!("text-snappy"), 40),
        (fixture!("text-gzip"), 40),
        (fixture!("text-zstd"), 40),
        (fixture!("text-lz4"), 40),
        (fixture!("text-none-v2"), 35),
        (fixture!("text-snappy-v2"), 35),
        (fixture!("text-gzip-v2"), 35),
        (fixture!("text-zstd-v2"), 35),
        (fixture!("text-lz4-v2"), 35),
    ] {
        let report = scanned(&planted, file);
        assert_eq!(report.found(), expected, "{name}");
        assert_eq!(report.unread, [], "{name}");
    }
}

#[test]
fn parquet_encodings_that_tear_values_apart_are_undone() {
    let text = never_issued(dashed);
    let bare = never_issued(|number| number.to_string());
    for ((name, file), planted) in [
        (fixture!("delta-strings"), &text),
        (fixture!("delta-strings-v2"), &text),
        (fixture!("delta-length"), &text),
        (fixture!("integers"), &bare),
        (fixture!("delta-integers"), &bare),
        (fixture!("split-integers"), &bare),
    ] {
        assert_eq!(scanned(planted, file).found(), 40, "{name}");
    }
}

#[test]
fn a_parquet_file_whose_writer_was_killed_gives_up_its_pages() {
    let planted = never_issued(dashed);
    for (name, file) in [
        fixture!("text-snappy"),
        fixture!("text-gzip"),
        fixture!("text-zstd"),
        fixture!("text-lz4"),
        fixture!("delta-strings"),
    ] {
        // The footer is gone, the pages are whole.
        let size = u32::from_le_bytes(*file[file.len() - 8..].first_chunk().unwrap()) as usize;
        let cut = &file[..file.len() - 8 - size];
        assert_eq!(scanned(&planted, cut).found(), 40, "{name}");
    }
}

#[test]
fn a_codec_that_cannot_be_undone_is_reported() {
    let (_, file) = fixture!("text-brotli");
    let report = scanned(&never_issued(dashed), file);
    assert_eq!(report.found(), 0);
    assert!(!report.unread.is_empty());
    assert!(!report.is_clean());
}

#[test]
fn parquet_in_pieces_never_panics() {
    let planted = never_issued(dashed);
    let mut scanner = Scanner::new(&planted).unwrap();
    for (_, file) in [
        fixture!("text-lz4-v2"),
        fixture!("delta-strings"),
        fixture!("text-gzip"),
    ] {
        for at in 0..file.len() {
            let mut altered = file.to_vec();
            altered[at] ^= 0xA5;
            scanner.scan_bytes("altered", &altered);
            scanner.scan_bytes("cut", &file[..at]);
            scanner.scan_bytes("late", &file[at..]);
        }
    }
}

#[test]
fn noise_is_clean_and_does_not_compress() {
    let planted = Clinic::small(11).planted();
    let report = scanned(&planted, &noise(3_000_000));
    assert!(report.is_clean());
    assert_eq!(report.compressible, []);
}

#[test]
fn a_readable_stretch_in_ciphertext_compresses() {
    let mut bytes = noise(400_000);
    bytes.splice(
        100_000..100_000,
        "nothing that is planted, just text. ".repeat(1_200).bytes(),
    );
    let report = scanned(&secret(), &bytes);
    assert_eq!(report.compressible.len(), 1);
    let found = &report.compressible[0];
    assert!(found.windows >= 1 && found.windows < found.of && found.ratio < 0.5);
}

#[test]
fn a_stream_is_searched_in_windows() {
    let mut scanner = Scanner::new(&secret()).unwrap();
    let long = std::io::repeat(b'.').take(PIECE_BYTES as u64 - 7);
    scanner
        .scan_reader("stream", long.chain(SECRET.as_bytes()))
        .unwrap();
    let report = scanner.take_report();
    assert_eq!(report.hit_count(), 1);
    assert_eq!(report.bytes, (PIECE_BYTES - 7 + SECRET.len()) as u64);
    assert_eq!(scanner.report().found(), 0, "a taken report is gone");
}

#[test]
fn too_short_and_too_long_identifiers_are_refused() {
    let short = Planted::new([(PlantKind::Name, "Amy Lee".to_owned())]);
    assert!(matches!(Scanner::new(&short), Err(Error::TooShort { .. })));
    let long = Planted::new([(PlantKind::Name, "x".repeat(5_000))]);
    assert!(matches!(Scanner::new(&long), Err(Error::TooLong { .. })));
}

#[test]
fn neither_report_nor_list_prints_what_was_found() {
    let report = scanned(&secret(), &letter());
    assert!(!format!("{report:?} {:?}", secret()).contains("Thibodeaux"));
}

#[test]
fn an_empty_list_finds_nothing() {
    let report = scanned(&Planted::default(), &letter());
    assert_eq!((report.planted(), report.hit_count()), (0, 0));
}
