use super::*;

#[test]
fn the_built_in_packs_load() {
    for name in ScrubPolicy::BUILTIN {
        let text = ScrubPolicy::builtin_text(name).unwrap();
        let policy = ScrubPolicy::from_toml(text).unwrap();
        assert_eq!(policy.name(), *name);
    }
    assert!(ScrubPolicy::builtin("other").is_none());
}
