//! A user who depends on `serde_shm` alone, without serde, can derive: a crate of that kind is built and run.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

#[test]
fn depends_on_serde_shm_alone() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let krate = target.join("no_serde");
    let manifest = format!(
        "[package]\nname = \"no_serde\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
         [dependencies]\nserde_shm = {{ path = {root:?}, default-features = false, features = [\"derive\"] }}\n\n[workspace]\n"
    );
    fs::create_dir_all(krate.join("src")).unwrap();
    fs::write(krate.join("Cargo.toml"), manifest).unwrap();
    fs::write(krate.join("src/main.rs"), include_str!("ui/pass/no_serde.rs")).unwrap();
    // The versions that this crate is tested with are at hand without a network.
    if root.join("Cargo.lock").exists() {
        fs::copy(root.join("Cargo.lock"), krate.join("Cargo.lock")).unwrap();
    }

    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["run", "--quiet", "--offline"])
        .current_dir(&krate)
        .env("CARGO_TARGET_DIR", target.join("no_serde_target"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
