use super::*;

#[test]
fn a_passphrase_is_long_and_never_the_same() {
    let (a, b) = (passphrase().unwrap(), passphrase().unwrap());
    assert!(a != b);
    assert_eq!(
        a.reveal()
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .count(),
        26
    );
    assert!(a.reveal().split('-').all(|group| group.len() >= 5));
}

#[test]
fn the_demos_own_scrub_policy_loads() {
    assert_eq!(ScrubPolicy::from_toml(SCRUB).unwrap().name(), "demo_clinic");
}
