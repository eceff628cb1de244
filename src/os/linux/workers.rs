//! What processes that work together need: a connection that carries descriptors, a wait for many processes at once, and
//! a way to learn that a process has ended. All of it uses safe calls.

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use rustix::process::{Pid, PidfdFlags, Signal};

use crate::os::Waiting;

/// How many descriptors one message carries at most.
const FILES: usize = 4;

/// One end of a connection between two processes. If the other end has gone, a write gives an error and not a SIGPIPE.
pub(crate) struct Line(UnixStream);

impl Line {
    /// Makes both ends. Calls on the first one never wait; the second is for a process that is about to be started.
    pub(crate) fn pair() -> io::Result<(Line, Line)> {
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(true)?;
        Ok((Line(near), Line(far)))
    }

    /// A number that no other socket has at the same time.
    pub(crate) fn identity(&self) -> io::Result<u64> {
        Ok(retry_on_intr(|| rustix::fs::fstat(&self.0))?.st_ino)
    }

    /// This end, as the standard input of a process that is about to be started.
    pub(crate) fn into_stdin(self) -> Stdio {
        OwnedFd::from(self.0).into()
    }

    /// Whether standard input is the socket of this identity.
    pub(crate) fn is_stdin(identity: u64) -> bool {
        retry_on_intr(|| rustix::fs::fstat(rustix::stdio::stdin())).is_ok_and(|status| {
            status.st_ino == identity && FileType::from_raw_mode(status.st_mode) == FileType::Socket
        })
    }

    /// Takes the connection out of standard input, which reads as empty from then on. Programs that this process starts
    /// do not get the connection.
    pub(crate) fn take_stdin() -> io::Result<Self> {
        let line = retry_on_intr(|| rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3))?;
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let nothing = retry_on_intr(|| rustix::fs::open("/dev/null", flags, Mode::empty()))?;
        retry_on_intr(|| rustix::stdio::dup2_stdin(&nothing))?;
        Ok(Line(line.into()))
    }

    /// Another handle of the same end.
    pub(crate) fn again(&self) -> io::Result<Self> {
        Ok(Line(self.0.try_clone()?))
    }

    /// Sends some of the bytes, and with the first of them the files, at most four. Returns how many bytes were sent.
    pub(crate) fn send(&self, parts: &[IoSlice<'_>], files: &[File]) -> io::Result<usize> {
        let files: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        if !files.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&files)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let send = || rustix::net::sendmsg(&self.0, parts, &mut control, SendFlags::NOSIGNAL);
        Ok(retry_on_intr(send)?)
    }

    /// Receives as many bytes as are there and fit into the buffer, and the files that come with them. Returns the number
    /// of bytes, which is 0 at the end of the connection.
    pub(crate) fn receive(&self, buffer: &mut [u8], files: &mut Vec<File>) -> io::Result<usize> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let received = retry_on_intr(|| {
            let into = &mut [IoSliceMut::new(&mut *buffer)];
            rustix::net::recvmsg(&self.0, into, &mut control, RecvFlags::CMSG_CLOEXEC)
        })?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(more) = message {
                files.extend(more.map(File::from));
            }
        }
        Ok(received.bytes)
    }

    /// Receives and appends at most `most` bytes, or fewer if an error or the end of the connection comes first.
    pub(crate) fn receive_to(&self, buffer: &mut Vec<u8>, most: u64) -> io::Result<usize> {
        (&self.0).take(most).read_to_end(buffer)
    }

    /// Waits until the other end has gone.
    pub(crate) fn wait_for_end(&self) -> io::Result<()> {
        loop {
            let mut polled = [PollFd::new(&self.0, PollFlags::RDHUP)];
            retry_on_intr(|| rustix::event::poll(&mut polled, None))?;
            if !polled[0].revents().is_empty() {
                return Ok(());
            }
        }
    }
}

/// A process that this process started, so that [`wait_any`] can wait for its end.
pub(crate) struct Watch(OwnedFd);

impl Watch {
    /// `None` if the kernel does not have such handles, or does not allow them.
    pub(crate) fn of(child: &std::process::Child) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(child.id()).ok()?)?;
        rustix::process::pidfd_open(pid, PidfdFlags::empty()).ok().map(Watch)
    }
}

/// Waits until something happens at one of the processes, or the time is over.
pub(crate) fn wait_any(all: &mut [Waiting<'_>], most: Option<Duration>) -> io::Result<()> {
    let mut polled = Vec::with_capacity(2 * all.len());
    for one in &*all {
        if let Some((line, has_more)) = one.line {
            let write = if has_more { PollFlags::OUT } else { PollFlags::empty() };
            polled.push(PollFd::new(&line.0, PollFlags::IN | write));
        }
        if let Some(watch) = one.watch {
            polled.push(PollFd::new(&watch.0, PollFlags::IN));
        }
    }
    let most = most.and_then(|most| Timespec::try_from(most).ok());
    match rustix::event::poll(&mut polled, most.as_ref()) {
        // After an interruption the caller looks at the clock and calls again.
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error.into()),
    }
    let mut found = polled.iter().map(PollFd::revents);
    for one in all {
        if one.line.is_some() {
            let found = found.next().unwrap_or(PollFlags::empty());
            let end = PollFlags::HUP | PollFlags::ERR;
            one.readable = found.intersects(PollFlags::IN | end);
            one.writable = found.intersects(PollFlags::OUT | end);
        }
        if one.watch.is_some() {
            one.ended = found.next().is_some_and(|found| !found.is_empty());
        }
    }
    Ok(())
}

/// Asks the kernel to kill this process when the thread that started it ends, if that thread belongs to the process
/// `parent`. Returns false if the process has already ended.
pub(crate) fn die_with(parent: u32) -> bool {
    let is_parent = || std::os::unix::process::parent_id() == parent;
    if !is_parent() {
        // Another process is in between, or the parent has gone: the end of the connection will tell.
        return true;
    }
    // If a sandbox forbids the call, the end of the connection will tell.
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
    is_parent()
}

/// Ends this process at once, whatever its threads are doing.
pub(crate) fn end_now() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::KILL);
}

/// A command that starts this program, even if its file was replaced or removed meanwhile.
pub(crate) fn this_program() -> io::Result<std::process::Command> {
    use std::os::unix::process::CommandExt;

    let mut command = std::process::Command::new("/proc/self/exe");
    // The name that lists of processes show.
    command.arg0(std::env::current_exe()?);
    Ok(command)
}
