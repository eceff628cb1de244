//! The example `kmer_count`, run as a user runs it.
#![cfg(all(target_os = "linux", feature = "derive", feature = "ndarray", feature = "workers"))]

const GENOME: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/lambda.fa");

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut command = crate::support::example("kmer_count");
    let output = command.args(arguments).current_dir(&elsewhere).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn four_processes_count_what_one_does() {
    let (code, out, err) = run(&[GENOME, "3"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("index     48472 distinct 31-mers"), "{out}");
    // 48,502 bases three times, in reads of 150; each has 120 k-mers.
    assert!(out.contains("reads     971 of 150 bases"), "{out}");
    let line = out.lines().find_map(|line| line.strip_prefix("k-mers")).unwrap();
    let numbers = line.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
    assert_eq!(numbers.sum::<u64>(), 971 * 120);
    assert!(out.ends_with("compared  4 processes and one alone: no difference\n"), "{out}");
}

#[test]
fn what_it_cannot_use_is_an_error() {
    for (arguments, says) in [
        (&["/no/such/file"][..], "/no/such/file: No such file"),
        (&[GENOME, "many"], "expected a FASTA file and a coverage"),
        (&[GENOME, "1", "2"], "expected a FASTA file and a coverage"),
    ] {
        let (code, out, err) = run(arguments);
        assert_eq!((code, out.as_str()), (Some(1), ""), "{arguments:?}");
        assert!(err.starts_with("kmer_count: ") && err.contains(says), "{err}");
    }
}
