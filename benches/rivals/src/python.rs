//! NumPy, joblib and the Python package, by a script in a process of its own, beside a yardstick of its own.

use std::fmt::Write as _;
use std::process::Command;

use crate::report::{digits, load, today};

pub(crate) fn run(bytes: usize, rounds: usize) -> String {
    let title = "## Python, in a process of its own: the model of 64 MB";
    let python = std::env::var("SERDE_SHM_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/rivals.py");
    let args = [script.to_owned(), bytes.to_string(), rounds.to_string()];
    let out = match Command::new(&python).args(args).output() {
        Ok(out) if out.status.success() => out,
        Ok(out) => {
            let error = String::from_utf8_lossy(&out.stderr);
            let why = error.lines().last().unwrap_or("it failed").to_owned();
            return format!("{title}\n\nSkipped: {why}\n");
        }
        Err(_) => return format!("{title}\n\nSkipped: there is no Python here.\n"),
    };
    let mut text = format!("{title}\n\n{rounds} rounds, on {}, {}.\n\n", today(), load());
    text += "| | write | ratio | load and sum | ratio |\n|---|---|---|---|---|\n";
    let mut notes = String::new();
    for line in String::from_utf8_lossy(&out.stdout).lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        if let Some(note) = row["skipped"].as_str() {
            writeln!(notes, "\nSkipped: {note}.").unwrap();
            continue;
        }
        let cell = |of: &str| {
            let at = |part: usize| row[of][part].as_f64().unwrap();
            format!("{} ({}) | {}", digits(at(0)), digits(at(1)), digits(at(2)))
        };
        let name = row["name"].as_str().unwrap();
        writeln!(text, "| {name} | {} | {} |", cell("write"), cell("read")).unwrap();
    }
    text + &notes
}
