//! Against the data that is shared beside the project.

#![expect(
    clippy::disallowed_methods,
    reason = "public reference data are plain files"
)]

use lakeward_phi::{
    ScrubPolicy,
    scrub::{ColumnHint, Transform},
    zip3,
};

#[test]
fn every_pack_has_a_plan_for_every_header_of_synthea_and_omop() {
    let shared = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    if !shared.exists() {
        assert!(std::env::var_os("CI").is_none(), "../shared is absent");
        println!("skipped: ../shared absent");
        return;
    }
    for folder in ["synthea-csv-dev", "omop-eunomia"] {
        for entry in std::fs::read_dir(shared.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|extension| extension != "csv") {
                continue;
            }
            let text = std::fs::read(&path).unwrap();
            let line = text.split(|b| *b == b'\n').next().unwrap();
            let hints: Vec<ColumnHint> = String::from_utf8_lossy(line)
                .trim_start_matches('\u{feff}')
                .trim()
                .split(',')
                .map(|name| ColumnHint {
                    name: name.to_owned(),
                    ..ColumnHint::default()
                })
                .collect();
            for pack in ScrubPolicy::BUILTIN {
                let plans = ScrubPolicy::builtin(pack).unwrap().plan(&hints).unwrap();
                assert_eq!(plans.len(), hints.len());
                let unknown: Vec<&str> = plans
                    .iter()
                    .filter(|plan| plan.action == Transform::Quarantine)
                    .map(|plan| plan.name.as_str())
                    .collect();
                if !unknown.is_empty() {
                    println!(
                        "{pack} quarantines of {}: {unknown:?}",
                        path.file_name().unwrap().display()
                    );
                }
                assert!(*pack != "internal" || unknown.is_empty());
            }
        }
    }
}

#[test]
fn the_table_of_2020_agrees_with_the_census_file() {
    let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/corpora/us-census-zcta-2020/zip-code-population.csv");
    let Ok(text) = std::fs::read_to_string(file) else {
        assert!(std::env::var_os("CI").is_none(), "../shared is absent");
        println!("skipped: ../shared absent");
        return;
    };
    let mut people = std::collections::BTreeMap::<u16, u64>::new();
    for line in text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let (zip, count) = line.split_once(',').unwrap();
        *people.entry(zip[..3].parse().unwrap()).or_default() += count.parse::<u64>().unwrap();
    }
    for prefix in 0..1000 {
        let large = people.get(&prefix).is_some_and(|count| *count > 20_000);
        assert_eq!(zip3::Table::Census2020.allows(prefix), large, "{prefix:03}");
    }
}
