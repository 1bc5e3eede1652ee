//! A join that is larger than its memory: its temporary files are sealed, and have no names.

use lakeward_domain::{Door, Name};

use super::{DemoOptions, scan::Control, stage::Stage};
use crate::{
    Error, Result,
    wire_up::{Limits, Unlocked, open_unlocked},
};
use lakeward_domain::Code;

const JOIN: &str = "\
SELECT p.ssn, p.mrn, p.first_name, p.last_name, p.address, p.phone, p.email,
       c.claim_id, c.member_id, c.service_date, c.amount
FROM bronze.claims c
JOIN bronze.patients p ON p.patient_id = c.patient_id
ORDER BY p.last_name, p.ssn, c.claim_id";

/// Opens the lake with little memory, joins and sorts raw records as the one service that may see
/// them, and looks at the temporary files while they are there. Gives how many there were.
pub(super) async fn join(
    unlocked: Unlocked,
    options: &DemoOptions,
    control: &mut Control,
    stage: &mut Stage<'_>,
) -> Result<u64> {
    let limits = Limits {
        memory_bytes: options.spill_memory_bytes,
        // Each thread sets memory aside for its merge: with many there would be none to join in.
        threads: options.limits.threads.min(2),
        ..options.limits.clone()
    };
    let lake = open_unlocked(unlocked, &limits).await?;
    stage.quote(JOIN)?;
    stage.say("")?;
    let person = Name::parse("pipeline")?;
    let mut session = lake
        .engine
        .login(&options.owner, Some(&person), Door::Pipeline)
        .await?;
    let mut answer = Box::pin(session.run(JOIN)).await?;
    let mut rows = 0;
    let mut looked = None;
    while let Some(batch) = answer.next().await? {
        rows += batch.num_rows();
        if looked.is_none() {
            // The sort has read everything by now and merges from its files.
            looked = Some(control.deleted()?);
        }
    }
    let counts = lake.spill.counts();
    stage.say(&format!(
        "As the service pipeline, which sees bronze raw, with {} MiB: {rows} rows, {} sealed temporary files, {} KiB written.",
        options.spill_memory_bytes >> 20,
        counts.files,
        counts.written_bytes >> 10
    ))?;
    for (operator, files) in &counts.by_operator {
        stage.say(&format!("  {files:>4}  {operator}"))?;
    }
    let looked = looked.unwrap_or_default();
    stage.say(&format!(
        "Looked into {} files without a name under /proc/self/fd while it ran: {} of {} planted identifiers found.",
        looked.files, looked.found, control.planted
    ))?;
    if counts.files == 0 {
        return Err(Error::new(
            Code::Internal,
            "the join was to spill and did not",
        ));
    }
    Ok(counts.files)
}
