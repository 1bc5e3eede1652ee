//! The workspace's Rust files, with and without comments and strings.

use std::fs;
use std::path::Path;

use anyhow::Context;

/// A Rust file.
#[derive(Debug)]
pub(crate) struct RustFile {
    /// From the workspace's folder, with forward slashes.
    pub(crate) path: String,
    /// As it is.
    pub(crate) text: String,
    /// With blanks for comments and for what is inside strings; as long as the text.
    pub(crate) code: String,
    /// Only tests are made of it.
    pub(crate) is_test: bool,
}

impl RustFile {
    /// A file that ships, until something says otherwise.
    pub(crate) fn of(path: &str, text: String) -> Self {
        Self {
            path: path.to_owned(),
            code: code_only(&text),
            text,
            is_test: false,
        }
    }

    /// The code that ships: nothing of a test's file, and of others all but the tests.
    pub(crate) fn shipped(&self) -> String {
        if self.is_test {
            String::new()
        } else {
            without_tests(&self.code)
        }
    }
}

/// Every Rust file of the workspace's members, in order of their paths.
pub(crate) fn rust_files(root: &Path) -> anyhow::Result<Vec<RustFile>> {
    let mut files = Vec::new();
    for top in ["acceptance", "crates", "xtask"] {
        walk(root, &root.join(top), &mut files)?;
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    mark_tests(&mut files);
    Ok(files)
}

/// A file is a test's by its place, or because a module above it is compiled for tests only.
fn mark_tests(files: &mut [RustFile]) {
    let only_for_tests: Vec<String> = files.iter().flat_map(test_modules).collect();
    for file in files {
        let module = file.path.trim_end_matches(".rs");
        let is_below = |tests: &String| {
            module
                .strip_prefix(tests.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        file.is_test = file.path.contains("/tests/")
            || file.path.contains("/examples/")
            || file.path.starts_with("acceptance/")
            || file.path.starts_with("crates/testkit/")
            || only_for_tests.iter().any(is_below);
    }
}

/// The paths, without `.rs`, of the modules that a file declares for tests only.
fn test_modules(file: &RustFile) -> Vec<String> {
    let module = file.path.trim_end_matches(".rs");
    let folder = ["/lib", "/main", "/mod"]
        .iter()
        .find_map(|root| module.strip_suffix(root))
        .unwrap_or(module);
    let items = file.code.split("#[cfg(test)]").skip(1);
    let names = items.filter_map(|item| {
        let (head, _) = item.split_once([';', '{'])?;
        let name = head.split_once("mod ")?.1.trim();
        item[head.len()..]
            .starts_with(';')
            .then(|| format!("{folder}/{name}"))
    });
    names.collect()
}

/// The code without the items that are compiled for tests only.
fn without_tests(code: &str) -> String {
    let mut shipped = String::new();
    let mut rest = code;
    while let Some((before, item)) = rest.split_once("#[cfg(test)]") {
        shipped.push_str(before);
        rest = &item[item_length(item)..];
    }
    shipped + rest
}

/// Up to the item's semicolon, or to the brace that closes its first one.
fn item_length(item: &str) -> usize {
    let mut depth = 0usize;
    for (at, byte) in item.bytes().enumerate() {
        match byte {
            b';' if depth == 0 => return at + 1,
            b'{' => depth += 1,
            b'}' if depth == 1 => return at + 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    item.len()
}

fn walk(root: &Path, folder: &Path, files: &mut Vec<RustFile>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("{}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                walk(root, &path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).with_context(|| format!("{}", path.display()))?;
            let path = path
                .strip_prefix(root)?
                .to_string_lossy()
                .replace('\\', "/");
            files.push(RustFile::of(&path, text));
        }
    }
    Ok(())
}

/// The text with blanks for comments and the inside of strings. Line ends stay.
pub(crate) fn code_only(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = bytes.to_vec();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &bytes[at..];
        let (skip, length) = if rest.starts_with(b"//") {
            (
                0,
                rest.iter()
                    .position(|byte| *byte == b'\n')
                    .unwrap_or(rest.len()),
            )
        } else if rest.starts_with(b"/*") {
            (0, block_comment(rest))
        } else if let Some((open, length)) = raw_string(bytes, at) {
            (open, length)
        } else if rest[0] == b'"' {
            (1, quoted(rest))
        } else if let Some(length) = character(rest) {
            (1, length)
        } else {
            at += 1;
            continue;
        };
        for byte in &mut code[at + skip..at + length] {
            if *byte != b'\n' {
                *byte = b' ';
            }
        }
        at += length.max(1);
    }
    String::from_utf8_lossy(&code).into_owned()
}

/// The identifiers of a code, one after the other.
pub(crate) fn words(code: &str) -> impl Iterator<Item = &str> {
    code.split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
}

fn block_comment(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0usize, 0);
    while at + 1 < rest.len() {
        match &rest[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" if depth == 1 => return at + 2,
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r"…"`, `r#"…"#`, `br"…"`, …: the length of what opens it, and the whole.
fn raw_string(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let before = at.checked_sub(1).map(|before| bytes[before]);
    if bytes[at] != b'r'
        || before.is_some_and(|b| (b.is_ascii_alphanumeric() && b != b'b') || b == b'_')
    {
        return None;
    }
    let rest = &bytes[at + 1..];
    let hashes = rest.iter().take_while(|byte| **byte == b'#').count();
    if rest.get(hashes) != Some(&b'"') {
        return None;
    }
    let open = hashes + 2;
    let close: Vec<u8> = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
    let inside = &bytes[at + open..];
    let end = inside
        .windows(close.len())
        .position(|window| window == close);
    Some((
        open,
        open + end.map_or(inside.len(), |end| end + close.len()),
    ))
}

fn quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// A character literal; a lifetime is none.
fn character(rest: &[u8]) -> Option<usize> {
    if rest[0] != b'\'' {
        return None;
    }
    if rest.get(1) == Some(&b'\\') {
        let end = rest.iter().skip(3).position(|byte| *byte == b'\'')?;
        return Some(end + 4);
    }
    // One character of up to four bytes, then a quote.
    let text = std::str::from_utf8(&rest[1..rest.len().min(6)]);
    let valid = match text {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&rest[1..1 + error.valid_up_to()]).ok()?,
    };
    let length = valid.chars().next()?.len_utf8();
    (rest.get(1 + length) == Some(&b'\'')).then_some(length + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_are_told_from_what_ships() {
        let file = |path: &str, text: &str| RustFile::of(path, text.to_owned());
        let inline =
            "fn a() {}\n#[cfg(test)]\nfn b() { {} }\nfn c() {}\n#[cfg(test)]\nmod tests {}";
        let mut files = [
            file(
                "crates/a/src/lib.rs",
                "mod kept;\n#[cfg(test)]\nmod golden;\nmod late;",
            ),
            file("crates/a/src/golden.rs", "fn f() {}"),
            file("crates/a/src/golden/deep.rs", "fn f() {}"),
            file("crates/a/src/late.rs", inline),
            file("crates/a/tests/it/main.rs", "fn f() {}"),
        ];
        mark_tests(&mut files);
        assert_eq!(
            files.each_ref().map(|file| file.is_test),
            [false, true, true, false, true]
        );
        assert_eq!(files[0].shipped(), "mod kept;\n\nmod late;");
        assert_eq!(files[3].shipped(), "fn a() {}\n\nfn c() {}\n");
    }

    #[test]
    fn comments_and_strings_become_blanks() {
        for (text, code) in [
            ("a // b\nc", "a     \nc"),
            ("a /* b /* c */ d */ e", "a                   e"),
            (r#"f("x\"y", z)"#, r#"f("     , z)"#),
            ("let s = r#\"a\"b\"#; t", "let s = r#\"     ; t"),
            ("let c = '\"'; d", "let c = '  ; d"),
            ("let c = '\\''; d", "let c = '   ; d"),
            ("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}"),
            ("for r in x {}", "for r in x {}"),
        ] {
            let made = code_only(text);
            assert_eq!(made.len(), text.len());
            // What opens a literal may stay or go; what is inside must go.
            let blank = |text: &str| text.replace(['"', '\''], " ");
            assert_eq!(blank(&made), blank(code), "{text}");
        }
    }
}
