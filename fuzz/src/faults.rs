//! System calls that fail: the n-th of those that have to do with files, whoever makes it, the standard library, `libc` or
//! a `syscall` of its own.
//!
//! A seccomp filter hands these calls to a signal handler of this process, which counts them and makes them itself, but
//! for the one that is to fail. The filter lets through what comes from the handler's own instruction.

use std::sync::Once;
use std::sync::atomic::{AtomicI32, AtomicU32, Ordering::Relaxed};

/// How many calls are still to succeed; below zero, all do.
static LEFT: AtomicI32 = AtomicI32::new(-1);
static ERRNO: AtomicI32 = AtomicI32::new(0);
/// How many calls were counted.
static SEEN: AtomicU32 = AtomicU32::new(0);

/// Runs `call` with its n-th system call failing with this error; says whether there was an n-th one.
pub fn failing<R>(nth: u8, errno: i32, call: impl FnOnce() -> R) -> (R, bool) {
    if !is_ready() {
        return (call(), false);
    }
    ERRNO.store(errno, Relaxed);
    SEEN.store(0, Relaxed);
    LEFT.store(nth.into(), Relaxed);
    let result = call();
    let failed = LEFT.swap(-1, Relaxed) < 0;
    (result, failed)
}

/// How many such calls `call` makes.
pub fn count<R>(call: impl FnOnce() -> R) -> (R, u32) {
    SEEN.store(0, Relaxed);
    LEFT.store(i32::MAX, Relaxed);
    let result = call();
    LEFT.store(-1, Relaxed);
    (result, SEEN.load(Relaxed))
}

/// Whether this machine lets calls fail; said once if it does not.
fn is_ready() -> bool {
    static START: Once = Once::new();
    static READY: AtomicI32 = AtomicI32::new(0);
    START.call_once(|| match machine::install() {
        Ok(()) => READY.store(1, Relaxed),
        Err(error) => eprintln!("SKIPPED: no system call fails here: {error}"),
    });
    READY.load(Relaxed) == 1
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod machine {
    use std::io;
    use std::sync::atomic::Ordering::Relaxed;

    use super::{ERRNO, LEFT, SEEN};

    std::arch::global_asm!(
        ".globl serde_shm_fuzz_call",
        "serde_shm_fuzz_call:",
        "mov rax, rdi",
        "mov rdi, rsi",
        "mov rsi, rdx",
        "mov rdx, rcx",
        "mov r10, r8",
        "mov r8, r9",
        "mov r9, [rsp + 8]",
        "syscall",
        ".globl serde_shm_fuzz_called",
        "serde_shm_fuzz_called:",
        "ret",
    );

    unsafe extern "C" {
        fn serde_shm_fuzz_call(nr: i64, a: i64, b: i64, c: i64, d: i64, e: i64, f: i64) -> i64;
        /// Where that call returns to, which is what a filter sees of it.
        static serde_shm_fuzz_called: u8;
    }

    const CALLS: [libc::c_long; 41] = [
        libc::SYS_open,
        libc::SYS_openat,
        libc::SYS_read,
        libc::SYS_pread64,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_pwrite64,
        libc::SYS_pwritev,
        libc::SYS_copy_file_range,
        libc::SYS_sendfile,
        libc::SYS_ftruncate,
        libc::SYS_fallocate,
        libc::SYS_memfd_create,
        libc::SYS_mmap,
        libc::SYS_fcntl,
        libc::SYS_flock,
        libc::SYS_fsync,
        libc::SYS_fdatasync,
        libc::SYS_fchmod,
        libc::SYS_fchmodat,
        libc::SYS_chmod,
        libc::SYS_mkdir,
        libc::SYS_mkdirat,
        libc::SYS_link,
        libc::SYS_linkat,
        libc::SYS_rename,
        libc::SYS_renameat,
        libc::SYS_renameat2,
        libc::SYS_unlink,
        libc::SYS_unlinkat,
        libc::SYS_rmdir,
        libc::SYS_fstat,
        libc::SYS_stat,
        libc::SYS_lstat,
        libc::SYS_newfstatat,
        libc::SYS_statx,
        libc::SYS_fstatfs,
        libc::SYS_statfs,
        libc::SYS_getdents64,
        libc::SYS_getrandom,
        libc::SYS_readlinkat,
    ];

    /// Whether this call may fail: not what the machinery of the process needs, memory and its own output.
    fn counts(nr: i64, arguments: &[i64; 6]) -> bool {
        match nr {
            libc::SYS_mmap => arguments[4] >= 0,
            libc::SYS_write | libc::SYS_writev => arguments[0] > 2,
            // What the standard library seeds its maps with; it ends the process where there is none.
            libc::SYS_getrandom => arguments[2] & i64::from(libc::GRND_INSECURE) == 0,
            _ => true,
        }
    }

    unsafe extern "C" fn handle(_: i32, _: *mut libc::siginfo_t, context: *mut libc::c_void) {
        // SAFETY: the kernel hands the handler the context of the thread that it interrupted, and nobody else has it.
        let registers = unsafe { &mut (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs };
        let at = |name: i32| name as usize;
        let nr = registers[at(libc::REG_RAX)];
        let arguments = [
            libc::REG_RDI,
            libc::REG_RSI,
            libc::REG_RDX,
            libc::REG_R10,
            libc::REG_R8,
            libc::REG_R9,
        ]
        .map(|name| registers[at(name)]);
        let left = LEFT.load(Relaxed);
        let [a, b, c, d, e, f] = arguments;
        registers[at(libc::REG_RAX)] = if left >= 0 && counts(nr, &arguments) {
            SEEN.fetch_add(1, Relaxed);
            LEFT.store(left - 1, Relaxed);
            if left == 0 {
                -i64::from(ERRNO.load(Relaxed))
            } else {
                // SAFETY: the very call that the thread was about to make.
                unsafe { serde_shm_fuzz_call(nr, a, b, c, d, e, f) }
            }
        } else {
            // SAFETY: as above.
            unsafe { serde_shm_fuzz_call(nr, a, b, c, d, e, f) }
        };
    }

    fn statement(code: u32, k: u32) -> libc::sock_filter {
        libc::sock_filter { code: code as u16, jt: 0, jf: 0, k }
    }

    fn jump(k: u32, jt: usize, jf: usize) -> libc::sock_filter {
        let code = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
        libc::sock_filter { code, jt: jt as u8, jf: jf as u8, k }
    }

    pub(super) fn install() -> io::Result<()> {
        let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
        let answer = libc::BPF_RET | libc::BPF_K;
        let address = (&raw const serde_shm_fuzz_called).addr() as u64;
        // `struct seccomp_data`: the number, the architecture, where the call came from, its arguments.
        let mut filter = vec![
            statement(load, 8),
            jump(address as u32, 0, 2),
            statement(load, 12),
            jump((address >> 32) as u32, CALLS.len() + 1, 0),
            statement(load, 0),
        ];
        for (at, call) in CALLS.iter().enumerate() {
            filter.push(jump(*call as u32, CALLS.len() - at, 0));
        }
        filter.push(statement(answer, libc::SECCOMP_RET_ALLOW));
        filter.push(statement(answer, libc::SECCOMP_RET_TRAP));
        // The call from the handler jumps to the first answer.
        let to_allow = filter.len() - 2 - 4;
        filter[3].jt = to_allow as u8;
        let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
        // SAFETY: a zeroed `sigaction` is one without flags.
        let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
        action.sa_sigaction = handle as *const () as usize;
        action.sa_flags = libc::SA_SIGINFO | libc::SA_RESTART | libc::SA_ONSTACK;
        // SAFETY: the handler touches atomics and its own context only.
        if unsafe { libc::sigaction(libc::SIGSYS, &action, std::ptr::null_mut()) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: takes numbers.
        if unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) } != 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel copies the program, which lives until then.
        if unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &program) } != 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(())
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
mod machine {
    pub(super) fn install() -> std::io::Result<()> {
        Err(std::io::Error::other("the handler is written for x86-64 Linux"))
    }
}
