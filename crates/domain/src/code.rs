//! The closed list of error codes.
//!
//! A code is what a person searches for and what a client branches on. It is stable; the sentence
//! beside it is not. Every code has a page in `docs/errors.md`.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $text:literal, $exit:literal, $help:literal;)*) => {
        /// What went wrong, in one stable word.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $text)] $variant,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The stable word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// The command line's exit code: 1 error, 2 usage, 3 denied, 4 findings.
            #[must_use]
            pub const fn exit(self) -> u8 {
                match self { $(Self::$variant => $exit,)* }
            }

            /// What to do about it.
            #[must_use]
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => $help,)* }
            }
        }
    };
}

codes! {
    /// The text is not SQL that this lake reads.
    SyntaxError = "SYNTAX_ERROR", 2, "check the statement at the position given";
    /// A statement kind or option outside the allow-list.
    StatementNotAllowed = "STATEMENT_NOT_ALLOWED", 2, "the manual lists the statements and options that are allowed";
    /// Missing, or not visible to this requester: the two look alike on purpose.
    NotFound = "NOT_FOUND", 3, "check the name, or ask a policy administrator for access";
    /// A thing of that name is there already.
    AlreadyExists = "ALREADY_EXISTS", 1, "choose another name, or use OR REPLACE or IF NOT EXISTS";
    /// A right or duty is missing.
    Denied = "DENIED", 3, "ask a policy administrator for the right that is named";
    /// A name could be read in two ways, or is not a valid name.
    InvalidName = "INVALID_NAME", 2, "use letters, digits and underscores";
    /// Types do not fit together.
    TypeMismatch = "TYPE_MISMATCH", 2, "cast to the expected type";
    /// The statement cannot be planned (an unknown function, a wrong argument).
    PlanError = "PLAN_ERROR", 2, "check functions, columns and types of the statement";
    /// The statement failed while it ran.
    ExecutionError = "EXECUTION_ERROR", 1, "a value did not fit an expression of the statement; try TRY_CAST or NULLIF";
    /// A policy could not be evaluated on some row.
    PolicyEvalFailed = "POLICY_EVAL_FAILED", 1, "tell a policy administrator the policy id";
    /// A policy's body may fail on some value and would be an oracle.
    PolicyNotTotal = "POLICY_NOT_TOTAL", 2, "use TRY_CAST, NULLIF or another expression that cannot fail";
    /// A policy that cannot be bound: wrong arguments, a missing group, a volatile function.
    PolicyInvalid = "POLICY_INVALID", 2, "read the cause; the policy was not changed";
    /// The mask shows raw values to whoever is not listed.
    PolicyFailOpen = "POLICY_FAIL_OPEN", 4, "turn the condition around: name who may see the value, and mask in ELSE";
    /// Something else needs the thing that is to be dropped.
    InUse = "IN_USE", 1, "drop what depends on it first";
    /// The finished plan does not carry the rulings.
    PlanCheckFailed = "PLAN_CHECK_FAILED", 1, "this is a defect of the engine and was stopped; please report it";
    /// NOT NULL, WITH CHECK or another constraint does not hold.
    ConstraintViolated = "CONSTRAINT_VIOLATED", 1, "check the new rows against the table's definition";
    /// Another writer was faster, again and again.
    Conflict = "CONFLICT", 1, "run the statement again";
    /// The ledger cannot be written, so there is no answer.
    LedgerUnavailable = "LEDGER_UNAVAILABLE", 1, "free space or repair the state folder, then run `lakeward audit verify`";
    /// The ledger does not verify.
    LedgerTampered = "LEDGER_TAMPERED", 1, "keep the state folder as evidence and restore a backup";
    /// The catalog does not verify.
    CatalogTampered = "CATALOG_TAMPERED", 1, "keep the state folder as evidence and restore a backup";
    /// The catalog is older than the ledger says.
    CatalogRolledBack = "CATALOG_ROLLED_BACK", 1, "restore the newest catalog; the ledger names the epoch it has seen";
    /// The table's log is older than the catalog says, or was altered.
    LogRolledBack = "LOG_ROLLED_BACK", 1, "restore the table's folder from the newest backup";
    /// A file does not authenticate.
    DataTampered = "DATA_TAMPERED", 1, "restore the file from a backup";
    /// A plaintext data file was about to be written.
    PlaintextRefused = "PLAINTEXT_REFUSED", 1, "this is a defect of the engine and was stopped; please report it";
    /// The object store failed.
    StorageFailed = "STORAGE_FAILED", 1, "check that the lake's folder is there, writable and not full";
    /// No space is left on a device.
    StorageFull = "STORAGE_FULL", 1, "free space on the device; nothing that was acknowledged is lost";
    /// Memory or temporary space ran out.
    ResourcesExhausted = "RESOURCES_EXHAUSTED", 1, "raise the memory or spill quota, or ask for less at once";
    /// The statement took longer than its deadline.
    DeadlineExceeded = "DEADLINE_EXCEEDED", 1, "raise the deadline or ask for less at once";
    /// The KMS does not answer or refuses.
    KmsUnavailable = "KMS_UNAVAILABLE", 1, "check the KMS and the credentials";
    /// The passphrase does not open the keystore.
    WrongPassphrase = "WRONG_PASSPHRASE", 3, "set LAKEWARD_PASSPHRASE, use --passphrase-file, or type it at the prompt";
    /// A key is not there, or its state forbids this use.
    NoKey = "NO_KEY", 1, "restore the newest catalog if an old one is in its place; the ledger names each change of a key's state";
    /// The keystore file was altered or is not one.
    KeystoreTampered = "KEYSTORE_TAMPERED", 1, "restore the keystore from a backup";
    /// Another process holds the lake.
    LakeBusy = "LAKE_BUSY", 1, "wait for the other process, or stop it";
    /// There is no lake here.
    LakeNotFound = "LAKE_NOT_FOUND", 2, "make one with `lakeward init LAKE`, or name it with --lake or LAKEWARD_LAKE";
    /// The lake's own record (`lake.json`) was altered or is gone.
    LakeTampered = "LAKE_TAMPERED", 1, "keep the state folder as evidence and restore lake.json from a backup";
    /// The lake was written by another version.
    LakeVersion = "LAKE_VERSION", 1, "use a release of Lakeward that knows this format";
    /// Login failed.
    LoginFailed = "LOGIN_FAILED", 3, "check the user name";
    /// A command was used wrongly.
    Usage = "USAGE", 2, "run the command with --help";
    /// A source cannot be read as what it claims to be.
    SourceInvalid = "SOURCE_INVALID", 1, "check the file's format and encoding; the line number is given";
    /// A scrub policy that contradicts its claim or cannot be read.
    ScrubInvalid = "SCRUB_INVALID", 2, "read the cause; nothing was ingested";
    /// Cleartext identifiers were found.
    Findings = "FINDINGS", 4, "see the list of places";
    /// The output cannot be written.
    OutputFailed = "OUTPUT_FAILED", 1, "check where the output goes";
    /// A defect.
    Internal = "INTERNAL", 1, "please report it with the query id";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_that_says_its_exit_code_and_what_to_do() {
        let pages = include_str!("../../../docs/errors.md");
        let sections: Vec<&str> = pages.split("\n## ").skip(1).collect();
        for code in Code::ALL {
            let section = sections
                .iter()
                .find(|section| section.lines().next() == Some(code.as_str()));
            let section = section.unwrap_or_else(|| panic!("{code} has no section"));
            assert!(
                section.contains(&format!("\n({}) ", code.exit())),
                "{code}: exit code"
            );
            assert!(section.contains("\nWhat to do: "), "{code}: what to do");
        }
        assert_eq!(
            sections.len(),
            Code::ALL.len(),
            "a section for a code that is not there"
        );
    }

    #[test]
    fn a_code_is_one_word_and_its_help_one_line() {
        for code in Code::ALL {
            let plain = code
                .as_str()
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b == b'_');
            assert!(plain, "{code}");
            assert!(
                !code.help().contains('\n') && !code.help().ends_with('.'),
                "{code}"
            );
            assert!((1..=4).contains(&code.exit()), "{code}");
        }
    }
}
