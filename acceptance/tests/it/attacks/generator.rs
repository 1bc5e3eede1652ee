//! Random statements against the twins: no difference, and no hidden string.
//!
//! `LAKEWARD_SEED` and `LAKEWARD_STATEMENTS` choose the run; a failure prints its seed.

use lakeward_domain::Code;

use super::{
    grammar::{Dice, statement},
    observe::{both, judged, leak},
    twins::Twins,
};

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread")]
async fn random_statements_tell_the_twin_worlds_apart_for_nobody_but_root() {
    let seed = number("LAKEWARD_SEED", 20_260_101);
    let count = number("LAKEWARD_STATEMENTS", 300);
    println!("seed {seed}, {count} statements");
    let twins = Twins::new().await;
    let (mut answered, mut failed, mut asked, mut told) = (0, 0, 0, 0);
    let mut leaks = Vec::new();
    for at in 0..count {
        // Each statement has a seed of its own, so that one can be run again alone.
        let own = seed.wrapping_add(at);
        let sql = statement(&mut Dice::new(own)).replace("{t}", "phi.patients");
        let (one, two) = both(&twins, "eve", &sql).await;
        leaks.extend(judged("eve", &sql, &one, &two).map(|leak| format!("seed {own}: {leak}")));
        match one.code() {
            None => answered += 1,
            Some(Code::ExecutionError) => failed += 1,
            // What the engine cannot plan.
            Some(Code::PlanError | Code::StatementNotAllowed) => {}
            Some(_) => leaks.push(format!("seed {own}: {:?} for {sql}", one.answer)),
        }
        if at % 10 == 0 {
            for how in ["EXPLAIN", "EXPLAIN ANALYZE"] {
                if let Some(leak) = leak(&twins, "eve", &format!("{how} {sql}")).await {
                    leaks.push(format!("seed {own}: {leak}"));
                }
            }
        }
        if at % 3 == 0 {
            let (one, two) = both(&twins, "root", &sql).await;
            asked += 1;
            told += u64::from(!one.same_as(&two));
        }
    }
    println!(
        "{answered} answered, {failed} failed on a value; {told} of {asked} told root the worlds apart"
    );
    assert!(
        leaks.is_empty(),
        "{} leaks\n{}",
        leaks.len(),
        leaks.join("\n\n")
    );
    assert!(
        answered * 10 > count * 6,
        "most statements must have an answer: {answered}"
    );
    assert!(
        told * 5 > asked * 2,
        "the control must see the difference: {told}"
    );
}
