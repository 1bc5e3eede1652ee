//! A progress bar on stderr, where a person looks at it.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows how far something came. Without a terminal it shows nothing.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new(shown: bool) -> Self {
        let target = if shown {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template(UNKNOWN_LENGTH) {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Bytes so far, of all if that is known, and what came of them.
    pub(crate) fn at(&self, bytes: u64, total: Option<u64>, rows: u64, quarantined: u64) {
        if let Some(total) = total
            && self.0.length() != Some(total)
        {
            self.0.set_length(total);
            if let Ok(style) = ProgressStyle::with_template(KNOWN_LENGTH) {
                self.0.set_style(style);
            }
        }
        self.0.set_position(bytes);
        let mut text = format!("{rows} rows");
        if quarantined > 0 {
            text.push_str(&format!(", {quarantined} quarantined"));
        }
        self.0.set_message(text);
    }

    /// What is being done.
    pub(crate) fn say(&self, what: &str) {
        self.0.set_message(super::printable(what).into_owned());
        self.0.tick();
    }

    /// Takes the bar away.
    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

const KNOWN_LENGTH: &str = "{bar:30} {percent:>3}% {bytes}/{total_bytes} {bytes_per_sec} {msg}";
const UNKNOWN_LENGTH: &str = "{spinner} {bytes} {msg}";
