//! Order that is easy to lose: each check is a file here, and each returns its findings.

mod exceptions;
mod leftovers;
mod manifests;
mod orphans;
mod supported;

use std::path::Path;

use crate::source;

/// Every finding of every check.
pub(crate) fn check(root: &Path) -> anyhow::Result<Vec<String>> {
    let files = source::rust_files(root)?;
    let mut findings = leftovers::check(&files);
    findings.extend(orphans::check(&files));
    findings.extend(exceptions::check(root, &files)?);
    findings.extend(manifests::check(root)?);
    findings.extend(supported::check(root, &files)?);
    Ok(findings)
}
