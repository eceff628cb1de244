//! What the examples have in common: the genome that they read, and FASTA, lines of bases under headers that start with `>`.

use std::error::Error;
use std::io::BufRead;

/// The genome that comes with the examples.
pub const GENOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/lambda.fa");

/// A sequence.
#[derive(Debug)]
pub struct Record {
    /// The header up to its first blank; what follows is a description.
    pub name: String,
    /// The letters, in upper case.
    pub bases: Vec<u8>,
}

/// Reads all records. Lower case only marks repeats and means the same bases.
///
/// # Errors
///
/// The number of the line that cannot be read or is not FASTA.
pub fn read_fasta(input: impl BufRead) -> Result<Vec<Record>, Box<dyn Error>> {
    let mut records: Vec<Record> = Vec::new();
    for (number, line) in (1..).zip(input.lines()) {
        let line = line.map_err(|error| format!("line {number}: {error}"))?;
        let line = line.trim();
        if let Some(header) = line.strip_prefix('>') {
            let name = header.split(char::is_whitespace).next().unwrap_or_default().to_owned();
            if name.is_empty() {
                return Err(format!("line {number}: a header without a name").into());
            }
            records.push(Record { name, bases: Vec::new() });
            continue;
        }
        if let Some(other) = line.chars().find(|c| !c.is_ascii_alphabetic() && !"*-".contains(*c)) {
            return Err(format!("line {number}: {other:?} is no base").into());
        }
        match records.last_mut() {
            Some(record) => record.bases.extend(line.bytes().map(|base| base.to_ascii_uppercase())),
            None if line.is_empty() => {}
            None => return Err(format!("line {number}: bases before the first header").into()),
        }
    }
    Ok(records)
}
