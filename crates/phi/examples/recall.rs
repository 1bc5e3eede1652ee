//! Prints how much of the labelled texts in `../shared/corpora` the detector finds, and how fast it is.
//!
//! A label counts as touched if any finding overlaps it, as covered if findings cover all of it. The
//! numbers are for people: tests assert only what validators can decide.

#![expect(
    clippy::disallowed_methods,
    reason = "reads corpora of other projects, which are plain files"
)]
#![expect(clippy::print_stdout, reason = "printing is what this example is for")]

use std::{
    collections::BTreeMap,
    ops::Range,
    path::PathBuf,
    time::{Duration, Instant},
};

use lakeward_phi::Detector;
use serde_json::Value;

#[derive(Default)]
struct Score {
    labels: usize,
    touched: usize,
    covered: usize,
}

fn main() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let verbose = std::env::args().any(|argument| argument == "--missed");
    let detector = Detector::new();
    // The lexicon is built at first use.
    let _ = detector.find("warm up", None);
    for (name, texts) in [
        (
            "presidio-research",
            presidio(&root.join("corpora/presidio-research/generated_large.json")),
        ),
        (
            "phi-text-dev",
            presidio(&root.join("data/phi-text-dev/generated_small.json")),
        ),
        (
            "deidgate-seed",
            deidgate(&root.join("corpora/deidgate-seed/safeharbor_seed.jsonl")),
        ),
    ] {
        let mut scores = BTreeMap::<String, Score>::new();
        let (mut bytes, mut extra) = (0, 0);
        let mut spent = Duration::ZERO;
        for (text, labels) in &texts {
            bytes += text.len();
            let start = Instant::now();
            let findings = detector.find(text, None);
            spent += start.elapsed();
            extra += findings
                .iter()
                .filter(|finding| {
                    !labels
                        .iter()
                        .any(|(_, range)| overlap(range, &finding.range))
                })
                .inspect(|finding| {
                    if verbose {
                        println!(
                            "extra {} {:?} in {text:?}",
                            finding.kind,
                            text.get(finding.range.clone())
                        );
                    }
                })
                .count();
            for (kind, range) in labels {
                let score = scores.entry(kind.clone()).or_default();
                let touched = findings
                    .iter()
                    .any(|finding| overlap(range, &finding.range));
                let covered = range.clone().all(|at| {
                    findings.iter().any(|finding| finding.range.contains(&at))
                        || text
                            .as_bytes()
                            .get(at)
                            .is_none_or(|b| !b.is_ascii_alphanumeric())
                });
                score.labels += 1;
                score.touched += usize::from(touched);
                score.covered += usize::from(covered);
                if verbose && !touched {
                    println!("missed {kind} {:?} in {text:?}", text.get(range.clone()));
                }
            }
        }
        let seconds = spent.as_secs_f64();
        println!(
            "{name}: {} texts, {extra} findings outside labels, {:.1} MB/s",
            texts.len(),
            bytes as f64 / seconds / 1e6
        );
        for (kind, score) in &scores {
            let share = |part: usize| 100.0 * part as f64 / score.labels as f64;
            println!(
                "  {kind:20} {:5} labels, touched {:5.1} %, covered {:5.1} %",
                score.labels,
                share(score.touched),
                share(score.covered)
            );
        }
    }
    let plain = "The abdomen was soft and without tenderness, bowel sounds were present in all four quadrants. ".repeat(50_000);
    let start = Instant::now();
    let found = detector.find(&plain, None).len();
    println!(
        "text without identifiers: {found} findings, {:.1} MB/s",
        plain.len() as f64 / start.elapsed().as_secs_f64() / 1e6
    );
}

fn overlap(a: &Range<usize>, b: &Range<usize>) -> bool {
    a.start < b.end && b.start < a.end
}

type Labelled = (String, Vec<(String, Range<usize>)>);

fn presidio(file: &std::path::Path) -> Vec<Labelled> {
    let Ok(Value::Array(texts)) =
        serde_json::from_str(&std::fs::read_to_string(file).unwrap_or_default())
    else {
        return Vec::new();
    };
    texts
        .iter()
        .filter_map(|item| {
            let text = item["full_text"].as_str()?.to_owned();
            let place = |index: u64| {
                text.char_indices()
                    .nth(usize::try_from(index).ok()?)
                    .map_or(Some(text.len()), |(at, _)| Some(at))
            };
            let labels = item["spans"]
                .as_array()?
                .iter()
                .filter_map(|span| {
                    let range = place(span["start_position"].as_u64()?)?
                        ..place(span["end_position"].as_u64()?)?;
                    Some((span["entity_type"].as_str()?.to_owned(), range))
                })
                .collect();
            Some((text, labels))
        })
        .collect()
}

fn deidgate(file: &std::path::Path) -> Vec<Labelled> {
    std::fs::read_to_string(file)
        .unwrap_or_default()
        .lines()
        .filter_map(|line| {
            let item: Value = serde_json::from_str(line).ok()?;
            let text = item["text"].as_str()?.to_owned();
            let labels = item["phi"]
                .as_array()?
                .iter()
                .filter_map(|label| {
                    let value = label["value"].as_str()?;
                    let start = text.find(value)?;
                    Some((
                        label["category"].as_str()?.to_owned(),
                        start..start + value.len(),
                    ))
                })
                .collect();
            Some((text, labels))
        })
        .collect()
}
