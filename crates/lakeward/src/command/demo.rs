//! `lakeward demo`: a lake out of a synthetic clinic, and what three people see of it.
//!
//! Nothing here is staged. Each step is what a person would type, through the same rooms; a step that
//! does not come out as it should ends the demo with an error. The clinic's raw records are streamed
//! into ingest and never stored.

mod people;
mod scan;
mod spill;
mod stage;

use std::path::{Path, PathBuf};

use lakeward_clinic::Clinic;
use lakeward_domain::{Code, Hidden, Name, TableName};
use lakeward_ingest::{Progress, Request, Source};
use lakeward_phi::scrub::ScrubPolicy;

use super::Done;
use crate::{
    Error, Format, Out, Result,
    config::Config,
    files,
    wire_up::{InitOptions, Limits, OpenLake, OpenOptions, init, open},
};
use stage::Stage;

/// Where and how large.
#[derive(Debug)]
pub struct DemoOptions {
    /// The folder to build it in; must not be there.
    pub dir: PathBuf,
    /// The clinic.
    pub clinic: Clinic,
    /// Who owns the lake.
    pub owner: Name,
    /// What the lake may use.
    pub limits: Limits,
    /// Memory of the join that is to spill.
    pub spill_memory_bytes: usize,
}

/// What it came to.
#[derive(Debug)]
pub struct DemoDone {
    /// The lake's folder, in the demo's.
    pub lake: PathBuf,
    /// The passphrase.
    pub passphrase: Hidden<String>,
    /// Planted identifiers that were looked for.
    pub planted: usize,
    /// Of those, found in what was stored.
    pub found: usize,
    /// Of those, found by the same scanner in plaintext in memory.
    pub control: usize,
    /// Sealed temporary files that the join made.
    pub spilled_files: u64,
}

/// Runs the demo at its full size.
///
/// # Errors
/// Whatever does not come out as it should.
pub async fn run(dir: &Path, config: &Config, out: &mut Out) -> Result<Done> {
    out.set_format(Format::Table);
    out.set_width(WIDTH);
    let options = DemoOptions {
        dir: dir.to_path_buf(),
        clinic: Clinic::demo(),
        owner: config.user()?,
        limits: config.limits.clone(),
        spill_memory_bytes: SPILL_MEMORY_BYTES,
    };
    Box::pin(show(options, out)).await?;
    Ok(Done::Fine)
}

/// Runs the demo.
///
/// # Errors
/// Whatever does not come out as it should.
pub async fn show(options: DemoOptions, out: &mut Out) -> Result<DemoDone> {
    files::make_new_folder(&options.dir).map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => Error::new(
            Code::AlreadyExists,
            format!(
                "{} is there already; name another folder with --dir",
                options.dir.display()
            ),
        ),
        _ => Error::io("make the demo's folder")(error),
    })?;
    let folder = options.dir.join("lake");
    let passphrase = passphrase()?;
    let mut stage = Stage::new(out);

    stage.heading("An encrypted lake")?;
    let made = init(InitOptions {
        lake: folder.clone(),
        state: None,
        kms: None,
        user: options.owner.clone(),
        passphrase: passphrase.clone(),
        step: |_| (),
    })
    .await?;
    stage.say(&format!(
        "{} holds the tables: encrypted Parquet, sealed Delta logs, ids for names.",
        made.place.lake().display()
    ))?;
    stage.say(&format!(
        "{} holds keystore, sealed catalog and ledger.",
        made.place.state().display()
    ))?;
    let mut lake = open(OpenOptions {
        lake: folder.clone(),
        state: None,
        passphrase: passphrase.clone(),
        limits: options.limits.clone(),
    })
    .await?;
    let checkpoint = lake.engine.ledger().checkpoint()?;
    let kept = options.dir.join("checkpoint");
    files::write_whole(&kept, checkpoint.as_bytes()).map_err(Error::io("keep a checkpoint"))?;

    stage.heading("Raw records go in, scrubbed on the way")?;
    take_in(&lake, &options, &mut stage).await?;

    stage.heading("People and a service")?;
    stage.owner(&lake, &options.owner, PEOPLE).await?;
    stage.say("billing_bob is in billing, of one tenant; researcher_rita is in data_scientists; sam is nobody.")?;
    stage
        .say("The service pipeline may read bronze unmasked and make tables in silver and gold.")?;

    stage.heading("Silver and gold, by the service pipeline")?;
    let pipeline = options.dir.join("pipeline");
    refine(&lake, &options, &pipeline, &mut stage).await?;

    stage.heading("The mask that everybody writes first")?;
    people::fail_open(&lake, &options.owner, &mut stage).await?;

    stage.heading("The mask the right way round, and the others")?;
    stage.owner(&lake, &options.owner, POLICIES).await?;
    stage.quote(
        POLICIES
            .lines()
            .take(4)
            .collect::<Vec<_>>()
            .join("\n")
            .as_str(),
    )?;
    stage.say(&format!(
        "… and {} more statements, in {}.",
        lakeward_engine::split(POLICIES)?.len() - 1,
        keep(&options.dir, "policies.sql", POLICIES)?.display()
    ))?;

    stage.heading("One query, three people")?;
    people::side_by_side(&lake, &options.owner, &mut stage).await?;

    stage.heading("Why")?;
    people::why(&lake, &options.owner, &mut stage).await?;

    stage.heading("A join that does not fit into memory")?;
    let mut control = scan::control(options.clinic)?;
    let unlocked = lake.unlocked.clone();
    drop(lake);
    let spilled = spill::join(unlocked, &options, &mut control, &mut stage).await?;

    stage.heading("Is anything readable?")?;
    let found = control.everything(&made.place, &mut stage)?;

    stage.heading("What the ledger says")?;
    lake = open(OpenOptions {
        lake: folder.clone(),
        state: None,
        passphrase: passphrase.clone(),
        limits: options.limits.clone(),
    })
    .await?;
    ledger(&lake, &checkpoint, &kept, &mut stage)?;
    drop(lake);

    stage.heading("Go on by hand")?;
    by_hand(
        &options.dir,
        &folder,
        &kept,
        &pipeline,
        &passphrase,
        &mut stage,
    )?;
    if found.found > 0 || found.unread > 0 || control.found < control.planted {
        return Err(Error::new(
            Code::Findings,
            "the scan did not come out as it should",
        ));
    }
    Ok(DemoDone {
        lake: folder,
        passphrase,
        planted: control.planted,
        found: found.found,
        control: control.found,
        spilled_files: spilled,
    })
}

async fn take_in(lake: &OpenLake, options: &DemoOptions, stage: &mut Stage<'_>) -> Result<()> {
    let clinic = options.clinic;
    let scrub = ScrubPolicy::from_toml(SCRUB)?;
    stage.say(&format!(
        "Scrub policy demo_clinic, in {}:",
        keep(&options.dir, "scrub.toml", SCRUB)?.display()
    ))?;
    let sources: [(&str, lakeward_ingest::Format, Box<dyn std::io::Read + Send>); 3] = [
        (
            "patients",
            lakeward_ingest::Format::Csv,
            Box::new(clinic.patients_csv()),
        ),
        (
            "encounters",
            lakeward_ingest::Format::Ndjson,
            Box::new(clinic.encounters_ndjson()),
        ),
        (
            "claims",
            lakeward_ingest::Format::Csv,
            Box::new(clinic.claims_csv()),
        ),
    ];
    for (name, format, reader) in sources {
        let mut session = lake
            .engine
            .login(&options.owner, None, lakeward_domain::Door::Ingest)
            .await?;
        let source = Source::Stream {
            label: name.to_owned(),
            format,
            reader,
        };
        let into: TableName = format!("bronze.{name}").parse()?;
        let request = Request::new(source, into, scrub.clone());
        let bar = stage.progress();
        let show = |progress: Progress| {
            bar.at(
                progress.bytes_read,
                progress.bytes_total,
                progress.rows,
                progress.quarantined,
            );
        };
        let report = Box::pin(lakeward_ingest::run(&mut session, request, &show)).await;
        bar.end();
        stage.taken_in(&report?)?;
    }
    Ok(())
}

async fn refine(
    lake: &OpenLake,
    options: &DemoOptions,
    pipeline: &Path,
    stage: &mut Stage<'_>,
) -> Result<()> {
    files::make_new_folder(pipeline).map_err(Error::io("make the pipeline's folder"))?;
    for (name, text) in PIPELINE {
        files::write_whole(&pipeline.join(name), text.as_bytes())
            .map_err(Error::io("write the pipeline's files"))?;
    }
    let service = Name::parse("pipeline")?;
    let door = lakeward_domain::Door::Pipeline;
    let mut session = lake
        .engine
        .login(&options.owner, Some(&service), door)
        .await?;
    let steps = Box::pin(lakeward_ingest::pipeline::run(
        &mut session,
        pipeline,
        &|_| (),
    ))
    .await?;
    for step in steps {
        stage.say(&format!("{:<32} {:>7} rows", step.file, step.rows))?;
    }
    stage.say(
        "Tags came along by lineage: a copy of a protected column is protected like its source.",
    )
}

/// Writes one of the demo's own texts beside the lake, to read and to change.
fn keep(dir: &Path, name: &str, text: &str) -> Result<PathBuf> {
    let path = dir.join(name);
    files::write_whole(&path, text.as_bytes()).map_err(Error::io("write the demo's files"))?;
    Ok(path)
}

fn ledger(lake: &OpenLake, known: &str, kept: &Path, stage: &mut Stage<'_>) -> Result<()> {
    let ledger = lake.engine.ledger();
    let size = ledger.size();
    stage.say(&format!(
        "{size} entries, each sealed, hashed into a Merkle tree and signed for. The last ones:"
    ))?;
    stage.entries(ledger, size.saturating_sub(8), size)?;
    let unlocked = &lake.unlocked;
    let report = lakeward_audit::verify::verify(
        &unlocked.place.ledger(),
        &unlocked.record.public_key()?,
        Some(known),
    )?;
    stage.say(&format!(
        "audit verify: {} entries, root {}, {} signatures, and it contains the checkpoint kept in {}.",
        report.entries,
        report.root,
        report.seals,
        kept.display()
    ))
}

fn by_hand(
    dir: &Path,
    lake: &Path,
    kept: &Path,
    pipeline: &Path,
    passphrase: &Hidden<String>,
    stage: &mut Stage<'_>,
) -> Result<()> {
    stage.say("The passphrase is random, shown here once, and stored nowhere:")?;
    stage.say("")?;
    stage.quote(&format!(
        "export LAKEWARD_LAKE={} LAKEWARD_PASSPHRASE={}\n\
         lakeward sql --as billing_bob\n\
         lakeward sql --as researcher_rita -c 'EXPLAIN POLICY SELECT * FROM silver_health_records'\n\
         lakeward pipeline run {}\n\
         lakeward policy lint\n\
         lakeward audit tail\n\
         lakeward audit verify --known {}\n\
         lakeward doctor",
        lake.display(),
        passphrase.reveal(),
        pipeline.display(),
        kept.display()
    ))?;
    stage.say("")?;
    stage.say(&format!(
        "(From the source: cargo run --release -- sql …) When done: rm -r {}",
        dir.display()
    ))
}

/// 128 random bits, in letters and digits that are not mistaken for others.
fn passphrase() -> Result<Hidden<String>> {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut bits = u128::from_be_bytes(lakeward_keys::random::<16>()?);
    let mut text = String::with_capacity(32);
    for i in 0..26 {
        if i > 0 && i % 5 == 0 && i < 25 {
            text.push('-');
        }
        let digit = usize::try_from(bits & 31).unwrap_or(0);
        text.push(char::from(DIGITS.get(digit).copied().unwrap_or(b'0')));
        bits >>= 5;
    }
    Ok(Hidden::new(text))
}

const SCRUB: &str = include_str!("../../demo/scrub.toml");
const PEOPLE: &str = include_str!("../../demo/people.sql");
const POLICIES: &str = include_str!("../../demo/policies.sql");
const PIPELINE: [(&str, &str); 4] = [
    (
        "01_silver_health_records.sql",
        include_str!("../../demo/pipeline/01_silver_health_records.sql"),
    ),
    (
        "02_silver_encounters.sql",
        include_str!("../../demo/pipeline/02_silver_encounters.sql"),
    ),
    (
        "03_silver_claims.sql",
        include_str!("../../demo/pipeline/03_silver_claims.sql"),
    ),
    (
        "04_gold_revenue.sql",
        include_str!("../../demo/pipeline/04_gold_revenue.sql"),
    ),
];
const WIDTH: u16 = 116;
const SPILL_MEMORY_BYTES: usize = 80 << 20;

#[cfg(test)]
mod tests;
