//! Other programs read what is written here, and their archives are read.

use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipArchive, ZipWriter};

use super::*;

/// Members of all kinds: empty, small, in several pieces, with every way to be stored.
fn samples() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("empty.npy", Vec::new()),
        ("small.npy", b"0123456789".repeat(20)),
        ("layers.0.wéight.npy", compressible(300_000)),
        ("noise.npy", incompressible(1_000_000)),
        ("pieces.npy", compressible(3_000_000)),
        ("many_pieces.npy", compressible(10_000_000)),
        ("zeros.npy", vec![0; 6_000_000]),
    ]
}

fn borrowed<'a>(samples: &'a [(&'a str, Vec<u8>)]) -> Vec<(&'a str, &'a [u8])> {
    samples.iter().map(|(name, data)| (*name, &data[..])).collect()
}

/// Runs a program if there is one.
fn run(program: &Path, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    Some(text)
}

#[test]
fn others_read_ours() {
    let samples = samples();
    let members = borrowed(&samples);
    for (align, deflate) in [(64, None), (4096, None), (64, Some(1)), (64, Some(6)), (256, Some(9))]
    {
        let bytes = archive(&members, Settings { align, deflate });
        {
            let mut other = ZipArchive::new(Cursor::new(&bytes)).unwrap();
            assert_eq!(other.len(), members.len());
            for (name, data) in &members {
                let mut content = Vec::new();
                let mut file = other.by_name(name).unwrap();
                assert_eq!(file.unix_mode(), Some(0o100_644));
                file.read_to_end(&mut content).unwrap();
                assert!(content == *data, "{name}");
            }
            let file = tempfile::Builder::new().suffix(".npz").tempfile().unwrap();
            file.as_file().write_all(&bytes).unwrap();
            let path = file.path().to_str().unwrap();
            run(Path::new("unzip"), &["-tqq", path]);
            if let Some(python) = std::env::var_os("SERDE_SHM_PYTHON") {
                let script = "import sys, zipfile, zlib\n\
                    z = zipfile.ZipFile(sys.argv[1])\n\
                    assert z.testzip() is None\n\
                    print([(i.filename, i.file_size, i.CRC, i.date_time[0]) for i in z.infolist()])";
                let found = run(Path::new(&python), &["-c", script, path]).unwrap();
                let expected: Vec<String> = members
                    .iter()
                    .map(|(name, data)| {
                        format!("('{name}', {}, {}, 1980)", data.len(), crc32fast::hash(data))
                    })
                    .collect();
                assert_eq!(found.trim(), format!("[{}]", expected.join(", ")));
            }
        }
    }
}

#[test]
fn ours_reads_what_the_crate_zip_writes() {
    let samples = samples();
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated] {
        for large in [false, true] {
            let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
            let options = SimpleFileOptions::default().compression_method(method).large_file(large);
            writer.add_directory("folder/", options).unwrap();
            for (name, data) in &samples {
                writer.start_file(*name, options.with_alignment(64)).unwrap();
                writer.write_all(data).unwrap();
            }
            writer.set_comment("a comment of some length").unwrap();
            let bytes = writer.finish().unwrap().into_inner();
            both_ways(&bytes, |input| expect(input, &borrowed(&samples)));

            // Sizes that follow the data, as of a writer that cannot go back.
            let mut writer = ZipWriter::new_stream(Vec::new());
            for (name, data) in &samples {
                let options =
                    SimpleFileOptions::default().compression_method(method).large_file(large);
                writer.start_file(*name, options).unwrap();
                writer.write_all(data).unwrap();
            }
            let bytes = writer.finish().unwrap().into_inner();
            both_ways(&bytes, |input| expect(input, &borrowed(&samples)));
        }
    }
}

#[test]
fn ours_reads_what_info_zip_writes() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("sub")).unwrap();
    let samples = [("a.npy", compressible(200_000)), ("sub/b c.npy", incompressible(5_000))];
    for (name, data) in &samples {
        std::fs::write(folder.path().join(name), data).unwrap();
    }
    // With folders, dates of its own and names on standard input.
    for level in ["-0", "-9"] {
        let archive = folder.path().join(format!("x{level}.zip"));
        let output = Command::new("zip")
            .args(["-q", "-r", level, "-z"])
            .arg(&archive)
            .args(["a.npy", "sub"])
            .current_dir(folder.path())
            .output();
        let Ok(output) = output else { return };
        assert!(output.status.success());
        let bytes = std::fs::read(&archive).unwrap();
        both_ways(&bytes, |input| expect(input, &borrowed(&samples)));
    }
}

#[test]
fn ours_reads_what_python_writes() {
    let Some(python) = std::env::var_os("SERDE_SHM_PYTHON") else {
        assert!(std::env::var_os("CI").is_none(), "SERDE_SHM_PYTHON is not set, and CI is");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.zip");
    // As NumPy does it, with 64-bit sizes always; to a pipe; names beyond ASCII; an empty folder; a comment.
    let script = "import sys, zipfile\n\
        class Pipe:\n\
        \x20   def __init__(self, out): self.out = out\n\
        \x20   def write(self, data): return self.out.write(data)\n\
        \x20   def flush(self): self.out.flush()\n\
        for pipe in (False, True):\n\
        \x20   with open(sys.argv[1] + str(int(pipe)), 'wb') as out:\n\
        \x20       with zipfile.ZipFile(Pipe(out) if pipe else out, 'w', int(sys.argv[2])) as z:\n\
        \x20           z.comment = b'PK' * 300\n\
        \x20           z.mkdir('empty')\n\
        \x20           for name in ('a.npy', 'grüße.npy'):\n\
        \x20               with z.open(name, 'w', force_zip64=True) as f:\n\
        \x20                   f.write(name.encode() * 50000)\n";
    let data = |name: &str| name.as_bytes().repeat(50_000);
    let expected = [("a.npy", data("a.npy")), ("grüße.npy", data("grüße.npy"))];
    for method in ["0", "8"] {
        run(Path::new(&python), &["-c", script, path.to_str().unwrap(), method]).unwrap();
        for pipe in ["0", "1"] {
            let bytes = std::fs::read(format!("{}{pipe}", path.display())).unwrap();
            both_ways(&bytes, |input| expect(input, &borrowed(&expected)));
        }
    }
}
