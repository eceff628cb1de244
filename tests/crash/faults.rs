//! The crash: a system call fails, any one of them, for want of room, for a bad disk or for a signal. It must be an error
//! that says so or no matter at all; never a panic, a signal or a torn object, and nothing may be left behind.

use crate::kills::in_scene;
use crate::scene::Deed;
use crate::strace::{self, Point};

/// What the allocator, the runtime and the harness call: a failure there is memory or randomness that cannot be had,
/// which ends a Rust program by its own rules. And what the kernel never lets fail.
fn is_the_runtimes(point: &Point) -> bool {
    matches!(point.name.as_str(), "brk" | "mremap" | "futex" | "munmap" | "madvise" | "mprotect")
        || matches!(point.name.as_str(), "getpid" | "geteuid")
        || point.text.contains("GRND_INSECURE")
        || point.text.contains("MAP_ANONYMOUS")
        || point.text.contains(strace::BEGIN)
}

fn sweep(deed: Deed) {
    if !strace::is_there() {
        return;
    }
    let points = in_scene(deed, |set, _| strace::points(set));
    let (mut failed, mut done) = (0, 0);
    for point in points.iter().filter(|point| !is_the_runtimes(point)) {
        for errno in ["ENOSPC", "EIO", "EINTR"] {
            in_scene(deed, |set, scene| {
                let context = format!("{errno} at {} {}: {}", point.name, point.number, point.text);
                let output = strace::inject(point, &format!("error={errno}"), set);
                let said = String::from_utf8_lossy(&output.stdout);
                let error = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{context}: {}\n{said}{error}", output.status);
                let said = said.lines().find_map(|line| line.strip_prefix("> ")).unwrap();
                if said == "ok" {
                    done += 1;
                } else {
                    failed += 1;
                    // A signal is no reason to fail: the call is made again. Of saving files only those are, which the
                    // kernel does interrupt.
                    let interrupted = errno == "EINTR" && deed != Deed::ToNpz;
                    assert!(!interrupted, "{context}: {said}");
                    let kind = ["Io", "Unsupported", "NotFound"];
                    let kind = kind.iter().any(|kind| said.starts_with(&format!("error {kind}: ")));
                    assert!(kind, "{context}: {said}");
                }
                scene.check(&context);
                scene.check_after_housekeeping(&context);
            });
        }
    }
    println!("{deed:?}: {failed} errors, {done} times no matter");
    assert!(failed > 5, "{failed}");
}

#[test]
fn faults_in_to_shared() {
    sweep(Deed::ToShared);
}

#[test]
fn faults_while_a_name_is_given() {
    sweep(Deed::Create);
}

#[test]
fn faults_while_a_name_is_replaced() {
    sweep(Deed::Replace);
}

#[test]
fn faults_while_a_segment_is_stored() {
    sweep(Deed::Persist);
}

#[test]
fn faults_while_a_stored_segment_is_replaced() {
    sweep(Deed::PersistReplace);
}

#[test]
fn faults_while_a_stored_segment_is_replaced_in_a_directory_of_its_own() {
    sweep(Deed::PersistElsewhere);
}

#[test]
fn faults_in_to_npz() {
    sweep(Deed::ToNpz);
}
