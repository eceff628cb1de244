//! The crash: a system call fails, any one of them, for want of room, of memory or of descriptors, for a bad disk or for a
//! signal. It must be an error that says so or no matter at all; never a panic, a signal or a torn object, and nothing
//! may be left behind: no file, no descriptor, no mapping, no process and no lock.
//!
//! Each call fails for one reason, another one from call to call; with `SERDE_SHM_CRASH_FAULTS=all`, for each of them.

use crate::deed::Deed;
use crate::scene::in_scene;
use crate::strace::{self, Point, Who};

const REASONS: [&str; 5] = ["ENOSPC", "EIO", "EINTR", "EMFILE", "ENOMEM"];

/// The reasons for which this call is to fail.
fn reasons(at: usize) -> impl Iterator<Item = &'static str> {
    let all = std::env::var("SERDE_SHM_CRASH_FAULTS").is_ok_and(|text| text == "all");
    let one = REASONS[at % REASONS.len()];
    REASONS.into_iter().filter(move |reason| all || *reason == one)
}

/// What the allocator, the runtime and the harness call: a failure there is memory or randomness that cannot be had,
/// which ends a Rust program by its own rules. And what the kernel never lets fail.
fn is_the_runtimes(deed: Deed, point: &Point) -> bool {
    let text = &point.text;
    matches!(&*point.name, "brk" | "mremap" | "futex" | "munmap" | "mprotect")
        || point.name == "madvise" && !text.contains("MADV_POPULATE_WRITE")
        || matches!(&*point.name, "getpid" | "geteuid" | "rt_sigprocmask" | "restart_syscall")
        || text.contains("GRND_INSECURE")
        || text.contains("MAP_ANONYMOUS") && !is_memory_for_what_is_read(deed, text)
        || text.contains(strace::BEGIN)
}

/// Memory whose size comes from outside is no matter of the runtime's; nor are threads.
fn is_memory_for_what_is_read(deed: Deed, text: &str) -> bool {
    const LEAST: usize = 128 << 10;
    let length = text.split(", ").nth(1).and_then(|length| length.parse::<usize>().ok());
    let is_large = length.is_some_and(|length| length >= LEAST) && !text.contains("PROT_NONE");
    text.contains("MAP_STACK") || !deed.is_write() && is_large
}

/// Copies of descriptors and their flags, new sockets and threads, and what a link in `/proc` says.
fn is_never_interrupted(point: &Point) -> bool {
    let parts = ["F_DUPFD", "FIONBIO", "socketpair(", "clone3(", "readlink("];
    parts.iter().any(|part| point.text.contains(part))
}

fn sweep(deed: Deed) {
    if !strace::is_there() {
        return;
    }
    let points = in_scene(deed, |set, _| strace::points(Who::Thread, set));
    let points = points.iter().filter(|point| !is_the_runtimes(deed, point));
    let (mut failed, mut done) = (0, 0);
    for (at, point) in points.enumerate() {
        for errno in reasons(at) {
            in_scene(deed, |set, scene| {
                let context = format!("{errno} at {} {}: {}", point.name, point.number, point.text);
                let output = strace::inject(Who::Thread, point, &format!("error={errno}"), set);
                let said = said(&output, &context);
                if said == "ok" {
                    done += 1;
                } else {
                    failed += 1;
                    // A signal is no reason to fail: the call is made again, if the kernel does interrupt it.
                    let interrupted = errno == "EINTR" && !deed.is_of_files();
                    let interrupted = interrupted && !is_never_interrupted(point);
                    assert!(!interrupted, "{context}: {said}");
                    let kind = ["Io", "Unsupported", "NotFound"];
                    let kind = kind.iter().any(|kind| said.starts_with(&format!("error {kind}: ")));
                    assert!(kind, "{context}: {said}");
                    scene.check_kept(&said, &context);
                }
                scene.check(&context);
                scene.check_after_housekeeping(&context);
            });
        }
    }
    println!("{deed:?}: {failed} errors, {done} times no matter");
    assert!(failed > 2, "{failed}");
}

/// How it went, as a child said that came to its end.
fn said(output: &std::process::Output, context: &str) -> String {
    let said = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{context}: {}\n{said}{error}", output.status);
    said.lines().find_map(|line| line.strip_prefix("> ")).unwrap().to_owned()
}

#[test]
fn faults_in_to_shared() {
    sweep(Deed::ToShared);
}

#[test]
fn faults_while_a_segment_is_built_in_place() {
    sweep(Deed::Build);
}

#[test]
fn faults_while_memory_is_written_and_sealed() {
    sweep(Deed::Seal);
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

/// A segment that was in place when a call failed was not among what this process had published, and stayed.
#[test]
fn faults_while_a_segment_is_stored_and_what_was_published_is_removed() {
    sweep(Deed::Retract);
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
fn faults_in_open_or_create() {
    sweep(Deed::OpenOrCreate);
}

#[test]
fn faults_while_a_name_is_offered() {
    sweep(Deed::Offer);
}

#[test]
fn faults_while_a_segment_is_stored_from_a_reader() {
    sweep(Deed::FromReader);
}

#[test]
fn faults_in_to_npz() {
    sweep(Deed::ToNpz);
}

#[test]
fn faults_while_a_file_is_compressed() {
    sweep(Deed::ToNpzDeflated);
}

#[test]
fn faults_in_from_shared() {
    sweep(Deed::Attach);
}

#[test]
fn faults_while_a_name_is_followed() {
    sweep(Deed::AttachByName);
}

/// A name that could not be read was not listed, as if it were not there.
#[test]
fn faults_while_names_are_listed() {
    sweep(Deed::List);
}

#[test]
fn faults_while_a_stored_segment_is_read() {
    sweep(Deed::OpenStored);
}

#[test]
fn faults_in_from_npz() {
    sweep(Deed::Load);
}

#[test]
fn faults_while_a_file_is_decompressed() {
    sweep(Deed::LoadDeflated);
}

#[test]
fn faults_while_a_file_is_looked_into() {
    sweep(Deed::LookInto);
}

#[test]
fn faults_in_the_lock_of_a_live_array() {
    sweep(Deed::Lock);
}

#[test]
fn faults_while_a_pool_starts() {
    sweep(Deed::Pool);
}

/// What a thread and a process need to come to their start: what fails there, the system's loader and the runtime tell. And
/// what this harness says by.
const START: [&str; 15] = [
    "mmap",
    "sigaltstack",
    "prctl",
    "rseq",
    "set_robust_list",
    "set_tid_address",
    "arch_prctl",
    "prlimit64",
    "sched_getaffinity",
    "rt_sigaction",
    "clock_nanosleep",
    "exit",
    "exit_group",
    "wait4",
    "write",
];

/// The same for the thread that starts the processes, and in the processes themselves. To the caller that may be the end of a
/// process as well, or an error there.
#[test]
fn faults_on_the_other_side_of_a_pool() {
    if !strace::is_there() {
        return;
    }
    let deed = Deed::Pool;
    let points = in_scene(deed, |set, _| strace::points(Who::All, set));
    let is_kept = |point: &&Point| !is_the_runtimes(deed, point) && !START.contains(&&*point.name);
    let (mut failed, mut done) = (0, 0);
    for (at, point) in points.iter().filter(is_kept).enumerate() {
        for errno in reasons(at) {
            in_scene(deed, |set, scene| {
                let context = format!("{errno} at {} {}: {}", point.name, point.number, point.text);
                let output = strace::inject(Who::All, point, &format!("error={errno}"), set);
                let said = said(&output, &context);
                let kind = ["Io", "NotFound", "WorkerDied", "JobFailed"];
                let kind = kind.iter().any(|kind| said.starts_with(&format!("error {kind}: ")));
                assert!(said == "ok" || kind, "{context}: {said}");
                failed += usize::from(kind);
                done += usize::from(!kind);
                scene.check(&context);
                scene.check_after_housekeeping(&context);
            });
        }
    }
    println!("{deed:?}, all of it: {failed} errors, {done} times no matter");
    assert!(failed > 5 && done > 5, "{failed} {done}");
}
