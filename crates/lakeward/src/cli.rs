//! The command line's grammar.
//!
//! Nouns and verbs; nothing happens here. A flag wins over its environment variable, and that over
//! the configuration file. No flag takes a passphrase.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand};
use lakeward_domain::{Duty, Name, TableName};

use crate::{
    command::out::Format,
    config::{parse_bytes, parse_duration},
};

/// An encrypted, governed lakehouse for protected health information
#[derive(Debug, Parser)]
#[command(
    name = "lakeward",
    version,
    max_term_width = 100,
    after_help = "Data goes to stdout, everything else to stderr.\n\
                  Exit codes: 0 done, 1 error, 2 usage, 3 denied, 4 findings."
)]
pub struct Cli {
    #[command(flatten)]
    /// Flags of every command.
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Flags of every command.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The lake's folder
    #[arg(long, global = true, env = "LAKEWARD_LAKE", value_name = "DIR")]
    pub lake: Option<PathBuf>,
    /// The state folder: keystore, catalog, ledger [default: LAKE.state beside the lake]
    #[arg(long, global = true, env = "LAKEWARD_STATE", value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Who asks [default: the operating system's user]
    #[arg(long, global = true, env = "LAKEWARD_USER", value_name = "NAME")]
    pub user: Option<Name>,
    /// The configuration file [default: ~/.config/lakeward/config.toml, if there]
    #[arg(long, global = true, env = "LAKEWARD_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A file that holds the passphrase; else LAKEWARD_PASSPHRASE, else a prompt
    #[arg(long, global = true, value_name = "FILE")]
    pub passphrase_file: Option<PathBuf>,
    /// Memory of statements before they spill, such as 4GiB
    #[arg(long, global = true, env = "LAKEWARD_MEMORY", value_name = "BYTES", value_parser = parse_bytes)]
    pub memory: Option<u64>,
    /// Sealed temporary files at a time, such as 200GiB
    #[arg(long, global = true, env = "LAKEWARD_SPILL_QUOTA", value_name = "BYTES", value_parser = parse_bytes)]
    pub spill_quota: Option<u64>,
    /// Threads of one statement
    #[arg(long, global = true, env = "LAKEWARD_THREADS", value_name = "N")]
    pub threads: Option<usize>,
    /// How long a statement may run, such as 30min
    #[arg(long, global = true, env = "LAKEWARD_STATEMENT_TIMEOUT", value_name = "TIME", value_parser = parse_duration)]
    pub statement_timeout: Option<Duration>,
    /// How data is written [default: table]
    ///
    /// Whatever is written here is PLAINTEXT THAT LEAVES THE LAKE: as much of it as the requester may
    /// see, and from then on nobody guards it. arrow and parquet go to --to FILE, or to stdout where
    /// that is no terminal.
    #[arg(short, long, global = true, value_name = "FORMAT")]
    pub output: Option<Format>,
    /// Short for -o json
    #[arg(long, global = true, conflicts_with = "output")]
    pub json: bool,
    /// Write data to a new file instead of stdout: plaintext that leaves the lake, mode 0600
    #[arg(long, global = true, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

impl Global {
    /// The format that was asked for.
    #[must_use]
    pub fn format(&self) -> Format {
        match self.output {
            Some(format) => format,
            None if self.json => Format::Json,
            None => Format::Table,
        }
    }
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Build a lake out of a synthetic clinic and show what it does, in under two minutes
    Demo {
        /// The folder to build it in; must not be there yet
        #[arg(long, value_name = "DIR", default_value = "lakeward-demo")]
        dir: PathBuf,
    },
    /// Make a lake
    Init(Init),
    /// Run SQL: a statement, a file, or a session
    Sql(Sql),
    /// Take in records, scrubbed on the way
    Ingest(Ingest),
    /// Silver and gold
    #[command(subcommand)]
    Pipeline(Pipeline),
    /// Users and services
    #[command(subcommand)]
    User(User),
    /// Groups
    #[command(subcommand)]
    Group(Group),
    /// The ledger
    #[command(subcommand)]
    Audit(Audit),
    /// Policies
    #[command(subcommand)]
    Policy(Policy),
    /// Look the lake over: duties, keys, space, ledger, catalog (exit code 4 on findings)
    Doctor,
    /// Print the completions of a shell
    Completions {
        /// Which
        shell: clap_complete::Shell,
    },
}

/// `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// The folder of its tables
    #[arg(value_name = "LAKE")]
    pub folder: PathBuf,
    /// The key service: local:PATH [default: a keystore in the state folder]
    #[arg(long, value_name = "URI")]
    pub kms: Option<String>,
}

/// `sql`.
#[derive(Debug, Args)]
pub struct Sql {
    /// Statements to run, separated by semicolons. Other processes can see them: literals that
    /// identify somebody belong into -f or the session
    #[arg(short, long, value_name = "SQL", conflicts_with = "file")]
    pub command: Option<String>,
    /// A file of statements; - is stdin
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Act as another user (needs the duty impersonator; the ledger names both)
    #[arg(long = "as", value_name = "USER")]
    pub act_as: Option<Name>,
    /// Why the data is asked for: treatment, payment, research …
    #[arg(long, value_name = "WORD")]
    pub purpose: Option<Name>,
    /// The purpose's ticket or study number
    #[arg(long, value_name = "TEXT", requires = "purpose")]
    pub reference: Option<String>,
    /// Keep this session's lines for the arrow keys, in memory only: typed literals are PHI
    #[arg(long)]
    pub history: bool,
}

/// `ingest`.
#[derive(Debug, Args)]
pub struct Ingest {
    /// A CSV or NDJSON file; - is stdin
    #[arg(value_name = "SOURCE")]
    pub source: PathBuf,
    /// The table to add to, made if it is not there
    #[arg(long, value_name = "TABLE")]
    pub into: TableName,
    /// A scrub policy: a TOML file, or safe_harbor, limited_data_set, internal
    #[arg(long, value_name = "FILE|PACK")]
    pub scrub: String,
    /// What the source is [default: by its name]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<SourceFormat>,
    /// Read and report, write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Start over instead of going on where an interrupted run stopped
    #[arg(long)]
    pub no_resume: bool,
    /// Rows per commit
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub chunk_rows: u64,
}

/// What a source is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum SourceFormat {
    /// Comma-separated values with a header
    Csv,
    /// One JSON object a line
    Ndjson,
}

/// `pipeline`.
#[derive(Debug, Subcommand)]
pub enum Pipeline {
    /// Run a folder's *.sql files in the order of their names, as a service
    Run {
        /// The folder
        folder: PathBuf,
        /// The service that it runs as
        #[arg(long = "as", value_name = "SERVICE", default_value = "pipeline")]
        service: Name,
    },
}

/// `user`.
#[derive(Debug, Subcommand)]
pub enum User {
    /// Add a user or service
    Add {
        /// Login name
        name: Name,
        /// A program, not a person
        #[arg(long)]
        service: bool,
        /// An attribute that policies read: clearance, tenant or any other
        #[arg(long = "attribute", value_name = "KEY=VALUE", value_parser = parse_pair)]
        attributes: Vec<(String, String)>,
        /// A group to be in
        #[arg(long = "group", value_name = "GROUP")]
        groups: Vec<Name>,
        /// A duty to hold
        #[arg(long = "duty", value_name = "DUTY", value_parser = parse_duty)]
        duties: Vec<Duty>,
    },
    /// List users and services
    List,
    /// Change a user or service
    Alter {
        /// Which
        name: Name,
        /// Set an attribute
        #[arg(long = "set", value_name = "KEY=VALUE", value_parser = parse_pair)]
        set: Vec<(String, String)>,
        /// Remove an attribute
        #[arg(long = "unset", value_name = "KEY")]
        unset: Vec<String>,
        /// Refuse its logins
        #[arg(long, conflicts_with = "enable")]
        disable: bool,
        /// Allow its logins again
        #[arg(long)]
        enable: bool,
        /// Give a duty
        #[arg(long = "grant-duty", value_name = "DUTY", value_parser = parse_duty)]
        grant: Vec<Duty>,
        /// Take a duty
        #[arg(long = "revoke-duty", value_name = "DUTY", value_parser = parse_duty)]
        revoke: Vec<Duty>,
    },
    /// Drop a user or service
    Drop {
        /// Which
        name: Name,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// `group`.
#[derive(Debug, Subcommand)]
pub enum Group {
    /// Add a group
    Add {
        /// Its name
        name: Name,
        /// Users, services and groups in it
        members: Vec<Name>,
    },
    /// List groups with their members
    List,
    /// List or change the members of a group
    Members {
        /// Which
        name: Name,
        /// A member to add
        #[arg(long = "add", value_name = "NAME")]
        add: Vec<Name>,
        /// A member to remove
        #[arg(long = "remove", value_name = "NAME")]
        remove: Vec<Name>,
    },
    /// Drop a group
    Drop {
        /// Which
        name: Name,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// `audit`.
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Show the newest entries (needs the duty auditor, and is itself an entry)
    Tail {
        /// How many
        #[arg(short = 'n', long = "lines", value_name = "N", default_value_t = 20)]
        lines: u64,
        /// Go on with what comes. Other commands wait their turn meanwhile
        #[arg(short = 'f', long)]
        follow: bool,
    },
    /// Verify the whole ledger offline: hashes, tiles, signatures. Needs no passphrase; with one it
    /// also finds statements that never ended
    Verify {
        /// A checkpoint of this ledger that was kept elsewhere: shows whether it was cut since
        #[arg(long, value_name = "FILE")]
        known: Option<PathBuf>,
    },
    /// Print the newest signed checkpoint, to be kept elsewhere. Needs no passphrase
    Checkpoint,
}

/// `policy`.
#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Look for policies that are legal but unwise (exit code 4 on findings)
    Lint,
}

fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => {
            Ok((key.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}

fn parse_duty(text: &str) -> Result<Duty, String> {
    text.parse().map_err(|()| {
        let all: Vec<String> = Duty::ALL.iter().map(ToString::to_string).collect();
        format!("expected one of {}", all.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_grammar_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_flag_takes_a_passphrase() {
        fn flags(command: &clap::Command, all: &mut Vec<String>) {
            all.extend(
                command
                    .get_arguments()
                    .map(|argument| argument.get_id().to_string()),
            );
            command
                .get_subcommands()
                .for_each(|command| flags(command, all));
        }
        let mut all = Vec::new();
        flags(&Cli::command(), &mut all);
        assert!(all.iter().any(|flag| flag == "passphrase_file"));
        assert!(!all.iter().any(|flag| flag == "passphrase"), "{all:?}");
    }

    #[test]
    fn global_flags_stand_before_or_after_the_command() {
        for line in [
            &[
                "lakeward", "--lake", "x", "sql", "-c", "select 1", "-o", "csv",
            ][..],
            &[
                "lakeward", "sql", "-c", "select 1", "-o", "csv", "--lake", "x",
            ][..],
        ] {
            let cli = Cli::try_parse_from(line).unwrap();
            assert_eq!(cli.global.lake, Some(PathBuf::from("x")));
            assert_eq!(cli.global.format(), Format::Csv);
        }
    }
}
