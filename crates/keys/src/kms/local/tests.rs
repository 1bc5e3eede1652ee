use std::{
    env,
    os::unix::fs::PermissionsExt,
    process::{Command, Stdio},
    time::Duration,
};

use lakeward_domain::LakeId;
use proptest::prelude::*;

use super::*;

/// Cheap enough to be run for every place of a file.
const CHEAP: Cost = Cost {
    memory_kib: 8 * 1024,
    passes: 1,
    lanes: 1,
};

fn passphrase(text: &str) -> Hidden<String> {
    Hidden::new(text.to_owned())
}

fn fixed() -> LocalKms {
    let keys = BTreeMap::from([(1, Secret::from_slice(&[7; 32]).unwrap())]);
    LocalKms::new("ab".repeat(16), MasterKeys { newest: 1, keys })
}

fn cheap_text() -> String {
    fixed()
        .to_text_salted(&passphrase("right"), CHEAP, &[1; 16], &[2; 32])
        .unwrap()
}

fn with_digest(header: &str, sealed: &str) -> String {
    let body = format!("{header}\n{sealed}\n");
    let digest = hex(&sha256(body.as_bytes()));
    format!("{body}{digest}\n")
}

fn opened(text: &str, with: &str) -> Result<LocalKms> {
    LocalKms::from_text(text.as_bytes(), &passphrase(with))
}

fn context() -> WrapContext {
    WrapContext {
        lake: LakeId::from_bytes([1; 16]),
        key: None,
        version: 1,
        table: None,
        class: None,
    }
}

#[test]
fn stretching_is_the_reference_argon2id() {
    // The reference implementation's test.c: t=2, m=2^16 KiB, p=1, "password", "somesalt".
    let cost = Cost {
        memory_kib: 65_536,
        passes: 2,
        lanes: 1,
    };
    let key = stretch(&passphrase("password"), cost, b"somesalt").unwrap();
    assert_eq!(
        hex(key.reveal()),
        "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7"
    );
}

#[tokio::test]
async fn a_keystore_opens_with_its_passphrase_and_unwraps_what_it_wrapped() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keystore");
    let made = LocalKms::create(&path, &passphrase("right")).unwrap();
    let key = Secret::random().unwrap();
    let wrapped = made.wrap(&key, &context()).await.unwrap();

    let opened = LocalKms::open(&path, &passphrase("right")).unwrap();
    assert_eq!(opened.uri(), made.uri());
    assert_eq!(opened.unwraps(), 0);
    let again = opened.unwrap(&wrapped, &context()).await.unwrap();
    assert_eq!(again.reveal(), key.reveal());
    assert_eq!(opened.unwraps(), 1);

    let wrong = LocalKms::open(&path, &passphrase("wrong")).unwrap_err();
    assert_eq!(wrong, Error::WrongPassphrase);
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_keystore_that_is_there_is_never_replaced_by_a_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keystore");
    fs::write(&path, "precious").unwrap();
    let error = LocalKms::create(&path, &passphrase("right")).unwrap_err();
    assert_eq!(error, Error::KeystoreExists);
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn an_empty_passphrase_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keystore");
    let error = LocalKms::create(&path, &passphrase("")).unwrap_err();
    assert_eq!(error, Error::EmptyPassphrase);
    assert!(!path.exists());
}

#[test]
fn a_changed_passphrase_opens_the_same_keys() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keystore");
    fs::write(&path, cheap_text()).unwrap();
    let wrong = LocalKms::change_passphrase(&path, &passphrase("wrong"), &passphrase("new"));
    assert_eq!(wrong, Err(Error::WrongPassphrase));
    LocalKms::change_passphrase(&path, &passphrase("right"), &passphrase("new")).unwrap();
    let old = LocalKms::open(&path, &passphrase("right")).unwrap_err();
    assert_eq!(old, Error::WrongPassphrase);
    let new = LocalKms::open(&path, &passphrase("new")).unwrap();
    assert_eq!(*new.master.to_bytes(), *fixed().master.to_bytes());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_missing_file_folder_or_keystore_is_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("keystore");
    let error = LocalKms::open(&missing, &passphrase("right")).unwrap_err();
    assert_eq!(error, Error::KeystoreMissing);
    let nowhere = folder.path().join("no/keystore");
    let error = LocalKms::create(&nowhere, &passphrase("right")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }));
    for content in [&b""[..], b"\n\n\n", b"PAR1", &vec![b'x'; 100_000]] {
        fs::write(&missing, content).unwrap();
        let error = LocalKms::open(&missing, &passphrase("right")).unwrap_err();
        assert_eq!(error, Error::KeystoreTampered);
    }
}

#[test]
fn a_flipped_bit_anywhere_is_tampering_and_not_a_wrong_passphrase() {
    let text = cheap_text();
    assert!(Parsed::read(text.as_bytes()).is_ok());
    for place in 0..text.len() {
        for bit in 0..8 {
            let mut bytes = text.clone().into_bytes();
            bytes[place] ^= 1 << bit;
            let error = LocalKms::from_text(&bytes, &passphrase("right")).unwrap_err();
            assert_eq!(error, Error::KeystoreTampered, "{place}.{bit}");
        }
        let cut = &text.as_bytes()[..place];
        assert!(Parsed::read(cut).is_err(), "cut at {place}");
    }
}

#[test]
fn alterations_under_a_repaired_digest_do_not_open() {
    let text = cheap_text();
    let [header, sealed, ..] = text.lines().collect::<Vec<_>>()[..] else {
        panic!("a keystore has three lines")
    };
    assert_eq!(with_digest(header, sealed), text);
    let flip = |place: usize| {
        let mut bytes = STANDARD.decode(sealed).unwrap();
        bytes[place] ^= 1;
        STANDARD.encode(bytes)
    };
    let end = STANDARD.decode(sealed).unwrap().len() - 1;
    let cheaper = header.replace("\"passes\":1", "\"passes\":2");
    let other_salt = header.replace("AQEB", "AQEC");
    let other_id = header.replace("abab", "abac");
    let cases = [
        // Right passphrase, right commitment: the tag tells.
        (header, flip(1 + 32 + 32), Error::KeystoreTampered),
        (header, flip(end), Error::KeystoreTampered),
        (header, flip(0), Error::KeystoreTampered),
        // As far as anyone can tell, made with another passphrase.
        (header, flip(1 + 32), Error::WrongPassphrase),
        (header, flip(1), Error::WrongPassphrase),
        (&cheaper, sealed.to_owned(), Error::WrongPassphrase),
        (&other_salt, sealed.to_owned(), Error::WrongPassphrase),
        (&other_id, sealed.to_owned(), Error::WrongPassphrase),
    ];
    for (header, sealed, expected) in cases {
        let error = opened(&with_digest(header, &sealed), "right").unwrap_err();
        assert_eq!(error, expected, "{header} {sealed}");
    }
}

#[test]
fn costs_out_of_bounds_are_refused_before_they_are_paid() {
    let text = cheap_text();
    let (header, sealed) = text.split_once('\n').unwrap();
    let sealed = sealed.lines().next().unwrap();
    for (from, to) in [
        ("\"memory_kib\":8192", "\"memory_kib\":4294967295"),
        ("\"memory_kib\":8192", "\"memory_kib\":1"),
        ("\"passes\":1", "\"passes\":4294967295"),
        ("\"passes\":1", "\"passes\":0"),
        ("\"lanes\":1", "\"lanes\":17"),
        ("argon2id", "argon2d"),
    ] {
        let altered = header.replace(from, to);
        assert_ne!(altered, header);
        let error = opened(&with_digest(&altered, sealed), "right").unwrap_err();
        assert_eq!(error, Error::KeystoreTampered, "{to}");
    }
}

#[test]
fn a_keystore_of_a_newer_format_is_named_as_such() {
    let newer = "{\"format\":\"lakeward-keystore\",\"version\":2,\"anything\":[]}";
    let error = opened(&with_digest(newer, "anything"), "right").unwrap_err();
    assert_eq!(
        error,
        Error::Version {
            what: "keystore",
            found: 2
        }
    );
}

#[test]
fn a_wrapped_key_opens_in_its_context_only_and_shows_every_flipped_bit() {
    let (master, key) = (fixed().master, Secret::from_slice(&[3; 32]).unwrap());
    let wrapped = master.wrap(&key, &context(), &[4; 32]).unwrap();
    let again = master.unwrap(&wrapped, &context()).unwrap();
    assert_eq!(again.reveal(), key.reveal());
    let elsewhere = WrapContext {
        lake: LakeId::random(),
        ..context()
    };
    assert!(master.unwrap(&wrapped, &elsewhere).is_err());
    for place in 0..wrapped.len() {
        for bit in 0..8 {
            let mut altered = wrapped.clone();
            altered[place] ^= 1 << bit;
            let error = master.unwrap(&altered, &context()).unwrap_err();
            let expected = Error::Altered {
                what: "wrapped key",
            };
            assert_eq!(error, expected, "{place}.{bit}");
        }
    }
}

const CHILD: &str = "LAKEWARD_KEYS_TEST_CHILD";

/// The child's part of the next test; nothing by itself.
#[test]
fn a_child_replaces_a_keystore_until_it_is_killed() {
    let Some(folder) = env::var_os(CHILD) else {
        return;
    };
    let folder = PathBuf::from(folder);
    let texts = ["one", "two"].map(|name| fs::read(folder.join(name)).unwrap());
    for text in texts.iter().cycle() {
        replace(&folder.join("state/keystore"), text).unwrap();
    }
}

#[test]
fn a_kill_at_any_time_leaves_the_old_keystore_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/keystore");
    fs::create_dir(folder.path().join("state")).unwrap();
    // Of different lengths, so that a mixture would show.
    let texts = [cheap_text(), {
        let mut kms = fixed();
        kms.master.keys.insert(2, Secret::random().unwrap());
        kms.to_text(&passphrase("new"), CHEAP).unwrap()
    }];
    fs::write(folder.path().join("one"), &texts[0]).unwrap();
    fs::write(folder.path().join("two"), &texts[1]).unwrap();
    fs::write(&path, &texts[0]).unwrap();
    for round in 0..12 {
        let mut child = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "kms::local::tests::a_child_replaces_a_keystore_until_it_is_killed",
            ])
            .env(CHILD, folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let started = fs::metadata(&path).unwrap().modified().unwrap();
        while fs::metadata(&path).unwrap().modified().unwrap() == started {
            std::thread::yield_now();
            assert!(child.try_wait().unwrap().is_none(), "the child ended");
        }
        std::thread::sleep(Duration::from_micros(round * 397));
        child.kill().unwrap();
        child.wait().unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert!(texts.contains(&text), "round {round}");
    }
    assert!(
        LocalKms::open(&path, &passphrase("right")).is_ok()
            || LocalKms::open(&path, &passphrase("new")).is_ok()
    );
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_keystore(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Parsed::read(&bytes).is_err());
    }

    #[test]
    fn arbitrary_lines_under_a_right_digest_do_not_panic(
        header in "\\PC{0,200}",
        sealed in "[A-Za-z0-9+/=]{0,200}",
    ) {
        prop_assert!(Parsed::read(with_digest(&header, &sealed).as_bytes()).is_err());
    }

    #[test]
    fn arbitrary_bytes_unwrap_to_nothing(
        mut bytes in proptest::collection::vec(any::<u8>(), 0..200),
        known: bool,
    ) {
        if known {
            bytes = [&wrap_header(1), bytes.as_slice()].concat();
        }
        prop_assert!(fixed().master.unwrap(&bytes, &context()).is_err());
        let _ = MasterKeys::from_bytes(&bytes);
    }
}

/// What the golden files need of this module's inside.
impl LocalKms {
    pub(crate) fn golden_text(passphrase: &Hidden<String>) -> String {
        fixed()
            .to_text_salted(passphrase, Cost::DEFAULT, &[1; 16], &[2; 32])
            .unwrap()
    }

    pub(crate) fn golden_open(bytes: &[u8], passphrase: &Hidden<String>) -> Result<Self> {
        Self::from_text(bytes, passphrase)
    }

    pub(crate) fn golden_wrap(&self, key: &Secret, context: &WrapContext) -> String {
        STANDARD.encode(self.master.wrap(key, context, &[4; 32]).unwrap())
    }
}
