//! Where the stack of this thread is, and how much of it is left.
#![allow(unsafe_code)]

/// The stack pointer, or an address near it. The stack below that address is free.
#[cfg_attr(not(debug_assertions), inline(always))]
pub(crate) fn stack_pointer() -> usize {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    {
        let pointer: usize;
        // SAFETY: the instruction copies one register to another, and touches neither memory nor flags.
        unsafe {
            std::arch::asm!("mov {}, rsp", out(reg) pointer, options(nomem, nostack, preserves_flags));
        }
        pointer
    }
    #[cfg(all(target_arch = "aarch64", not(miri)))]
    {
        let pointer: usize;
        // SAFETY: the instruction copies one register to another, and touches neither memory nor flags.
        unsafe {
            std::arch::asm!("mov {}, sp", out(reg) pointer, options(nomem, nostack, preserves_flags));
        }
        pointer
    }
    #[cfg(any(miri, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
    {
        // An address in this frame or its caller's. Sanitizers may move local variables elsewhere, but the two
        // architectures above use this code only under Miri.
        let here = 0_u8;
        std::ptr::from_ref(std::hint::black_box(&here)).addr()
    }
}

/// The lowest address of this thread's stack; `None` if it is not known.
#[cfg(all(target_os = "linux", not(feature = "deep")))]
pub(crate) fn stack_end() -> Option<usize> {
    use std::cell::Cell;
    use std::mem::MaybeUninit;
    use std::ops::Range;

    fn of_thread() -> Range<usize> {
        let mut attributes = MaybeUninit::<libc::pthread_attr_t>::uninit();
        // SAFETY: the call takes no argument and changes nothing.
        let thread = unsafe { libc::pthread_self() };
        // SAFETY: the thread is this one, which is alive; the call fills a place for attributes.
        let failed = unsafe { libc::pthread_getattr_np(thread, attributes.as_mut_ptr()) } != 0;
        if failed {
            return 0..0;
        }
        let (mut start, mut size) = (std::ptr::null_mut(), 0);
        // SAFETY: the attributes were filled above; both places have the types that the call fills.
        let failed = unsafe {
            libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut start, &raw mut size)
        } != 0;
        // SAFETY: the attributes were filled above and are not used again.
        unsafe { libc::pthread_attr_destroy(attributes.as_mut_ptr()) };
        if failed { 0..0 } else { start.addr()..start.addr() + size }
    }

    thread_local! {
        static STACK: Cell<Option<(usize, usize)>> = const { Cell::new(None) };
    }
    let (start, end) = STACK.get().unwrap_or_else(|| {
        let Range { start, end } = of_thread();
        STACK.set(Some((start, end)));
        (start, end)
    });
    // Code may run on a stack of its own, whose bounds are not known.
    (start..end).contains(&stack_pointer()).then_some(start)
}

/// The lowest address of this thread's stack; `None` if it is not known.
#[cfg(all(not(target_os = "linux"), not(feature = "deep")))]
pub(crate) fn stack_end() -> Option<usize> {
    None
}
