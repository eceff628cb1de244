//! A segment handed to another process as a descriptor, over a Unix socket (`SCM_RIGHTS`).
//!
//! It needs neither `/proc` nor the same PID namespace nor the same user on both sides: a service in a container can give
//! a segment to a client outside of it. `cargo run --example hand_over`

#[cfg(target_os = "linux")]
mod linux {
    use std::io::{IoSlice, IoSliceMut};
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::net::{UnixListener, UnixStream};
    use std::process::Command;

    use ndarray::Array2;
    use rustix::net::{
        RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
        SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
    };
    use serde_shm::{Deserialize, Segment, Serialize};

    type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

    #[derive(Serialize, Deserialize)]
    struct Job {
        title: String,
        grid: Array2<f64>,
    }

    /// Sends a descriptor; a message has at least one byte.
    fn send(socket: &UnixStream, segment: &Segment) -> Result<()> {
        let descriptors = [segment.as_fd()];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(socket, &[IoSlice::new(b"s")], &mut control, SendFlags::empty())?;
        Ok(())
    }

    fn receive(socket: &UnixStream) -> Result<OwnedFd> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [0];
        let into = &mut [IoSliceMut::new(&mut byte)];
        recvmsg(socket, into, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        for message in control.drain() {
            if let RecvAncillaryMessage::ScmRights(mut descriptors) = message
                && let Some(descriptor) = descriptors.next()
            {
                return Ok(descriptor);
            }
        }
        Err("the message had no descriptor in it".into())
    }

    fn give(path: &std::path::Path) -> Result<()> {
        let listener = UnixListener::bind(path)?;
        let job = Job { title: "ones".into(), grid: Array2::ones((1000, 1000)) };
        let segment = serde_shm::to_shared(&job)?;
        let mut client = Command::new(std::env::current_exe()?).arg(path).spawn()?;
        let (socket, _) = listener.accept()?;
        send(&socket, &segment)?;
        drop(segment); // what is under way, and then the client, keeps the memory
        assert!(client.wait()?.success());
        Ok(())
    }

    fn take(path: &str) -> Result<()> {
        let socket = UnixStream::connect(path)?;
        let segment = Segment::from_fd(receive(&socket)?)?;
        let sum = segment.array::<f64, ndarray::Ix2>("grid")?.sum();
        println!("`{}`, {} bytes: sum {sum}", segment.get::<Job>()?.title, segment.len());
        Ok(())
    }

    pub(super) fn main() -> Result<()> {
        if let Some(path) = std::env::args().nth(1) {
            return take(&path);
        }
        let folder = tempfile::tempdir()?;
        give(&folder.path().join("socket"))
    }
}

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    linux::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("segments exist on Linux alone");
}
