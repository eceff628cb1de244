//! The frames that go over the connection between a pool and one of its processes. Each has a header and a payload.
//! `docs/WORKERS.md` lists them.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::sync::Arc;

use crate::os::Line;
use crate::{Error, ErrorKind, Result};

use super::message::Message;

/// The protocol's version, which must be the same at both ends. Every change of the frames raises it.
pub(super) const PROTOCOL: u32 = 1;

/// The number in a `Hello`, `serdeshm`.
pub(super) const MAGIC: u64 = u64::from_le_bytes(*b"serdeshm");

/// Stands for a job's number where there is no job, such as in a failure that no job has caused.
pub(super) const NO_JOB: u64 = u64::MAX;

const HEADER: usize = 24;

/// How many bytes are read at once where frames are small.
const BUFFER: usize = 64 << 10;

/// For how many bytes of a payload memory is allocated before any of them has come. A header's length is not believed beyond
/// that.
const BELIEVED: u64 = 16 << 20;

/// How many files may have come before their frame has. One call of the system gives the files of one frame.
const UNCLAIMED: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameKind {
    /// To a process: the object's files come along. `number` is 1 if its live arrays may be changed.
    Open = 1,
    /// To a process: `call` begins, with the task whose name is the payload; `number` is 1 if it is a fold.
    Begin = 2,
    /// To a process: the job `number`.
    Job = 3,
    /// To a process: this fold gets no more jobs.
    End = 4,
    /// From a process: it serves. `call` is its protocol, `number` the magic.
    Hello = 17,
    /// From a process: the result of the job `number`.
    Done = 18,
    /// From a process: the job `number` has been folded in.
    Folded = 19,
    /// From a process: the result of a fold.
    Result = 20,
    /// From a process: the job `number` failed, or the task without a job if that is [`NO_JOB`]. The payload says why.
    Failed = 21,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: FrameKind,
    /// How many files come along.
    files: u16,
    pub(super) call: u32,
    pub(super) number: u64,
    /// How many bytes follow.
    length: u64,
}

impl Header {
    pub(super) fn new(kind: FrameKind, call: u32, number: u64) -> Self {
        Header { kind, files: 0, call, number, length: 0 }
    }

    fn bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..2].copy_from_slice(&(self.kind as u16).to_le_bytes());
        bytes[2..4].copy_from_slice(&self.files.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.call.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.number.to_le_bytes());
        bytes[16..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    fn parse(bytes: &[u8; HEADER]) -> Result<Self> {
        use FrameKind::{Begin, Done, End, Failed, Folded, Hello, Job, Open, Result};

        let two = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let four = |at: usize| u32::from(two(at)) | u32::from(two(at + 2)) << 16;
        let eight = |at: usize| u64::from(four(at)) | u64::from(four(at + 4)) << 32;
        let kinds = [Open, Begin, Job, End, Hello, Done, Folded, Result, Failed];
        let Some(kind) = kinds.into_iter().find(|kind| *kind as u16 == two(0)) else {
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("expected a frame, found kind {:#x}", two(0)),
            ));
        };
        Ok(Header { kind, files: two(2), call: four(4), number: eight(8), length: eight(16) })
    }
}

/// What came over the connection.
pub(super) enum Came {
    Frame(Header, Message),
    /// No whole frame at the moment.
    Nothing,
    End,
}

/// Gathers the bytes that come until they make whole frames.
pub(super) struct Inbox {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// A frame whose header has come.
    begun: Option<(Header, Message)>,
    /// Files that came, and belong to frames that were not given out yet.
    files: Vec<File>,
    /// Whether the last read left room in the buffer, so that it took all that the connection had.
    took_all: bool,
}

impl Inbox {
    pub(super) fn new() -> Self {
        Inbox {
            buffer: vec![0; BUFFER].into(),
            start: 0,
            end: 0,
            begun: None,
            files: Vec::new(),
            took_all: false,
        }
    }

    /// Whether it has bytes of frames that were not given out yet.
    pub(super) fn has_some(&self) -> bool {
        self.start < self.end || self.begun.is_some()
    }

    /// The next frame. On a line that does not wait, it may say [`Came::Nothing`] without a system call, if the last read took all
    /// that the line had. With `ask`, it reads the line in any case.
    ///
    /// # Errors
    ///
    /// `Corrupt` if what came is no frame, `Io` if the connection fails or memory runs out. A connection that ends within a frame
    /// is no error: it gives [`Came::End`].
    pub(super) fn next(&mut self, line: &Line, ask: bool) -> Result<Came> {
        loop {
            if let Some((header, message)) = &mut self.begun {
                let payload = &mut message.bytes;
                let missing = header.length - payload.len() as u64;
                let here = &self.buffer[self.start..self.end];
                let part = &here[..here.len().min(usize::try_from(missing).unwrap_or(usize::MAX))];
                let room = missing.min(BELIEVED.max(payload.len() as u64));
                let lacks = |e| Error::io("no memory for a message of a worker process", e);
                payload
                    .try_reserve(part.len().max(room as usize))
                    .and_then(|()| payload.write_all(part))
                    .map_err(lacks)?;
                self.start += part.len();
                let missing = missing - part.len() as u64;
                if missing == 0 {
                    let files = usize::from(header.files);
                    if files > self.files.len() {
                        return Err(super::message::missing());
                    }
                    if let Some((header, mut message)) = self.begun.take() {
                        message.files = self.files.drain(..files).collect();
                        return Ok(Came::Frame(header, message));
                    }
                } else if missing >= BUFFER as u64 {
                    // The rest goes straight to the payload and not to the buffer, which is empty by now.
                    let rest = Rest { line, most: missing.min(room) };
                    match payload.extend_from_reader(rest) {
                        Ok(0) => return Ok(Came::End),
                        Ok(_) => {}
                        Err(error) => return stop(error),
                    }
                } else {
                    match self.fill(line) {
                        Ok(0) => return Ok(Came::End),
                        Ok(_) => {}
                        Err(error) => return stop(error),
                    }
                }
            } else if let Some(bytes) = self.buffer[self.start..self.end].first_chunk() {
                let header = Header::parse(bytes)?;
                self.start += HEADER;
                self.begun = Some((header, Message::default()));
            } else {
                if std::mem::take(&mut self.took_all) && !ask {
                    return Ok(Came::Nothing);
                }
                match self.fill(line) {
                    Ok(0) => return Ok(Came::End),
                    Ok(_) => {}
                    Err(error) => return stop(error),
                }
            }
        }
    }

    /// Receives into the buffer, and says how many bytes came: 0 at the end of the connection.
    fn fill(&mut self, line: &Line) -> io::Result<usize> {
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        let came = line.receive(&mut self.buffer[self.end..], &mut self.files)?;
        self.end += came;
        self.took_all = self.end < self.buffer.len();
        if self.files.len() > UNCLAIMED {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "too many files came"));
        }
        Ok(came)
    }
}

/// Reads at most `most` bytes of a line, straight to the memory where they stay.
struct Rest<'a> {
    line: &'a Line,
    most: u64,
}

impl Read for Rest<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = buffer.len().min(usize::try_from(self.most).unwrap_or(usize::MAX));
        // Files come with a frame's first bytes.
        let came = self.line.receive(&mut buffer[..most], &mut Vec::new())?;
        self.most -= came as u64;
        Ok(came)
    }

    /// Receives into uninitialized room, so that the room need not be filled with zeros first.
    fn read_to_end(&mut self, bytes: &mut Vec<u8>) -> io::Result<usize> {
        self.line.receive_to(bytes, self.most)
    }
}

fn stop(error: io::Error) -> Result<Came> {
    match error.kind() {
        io::ErrorKind::WouldBlock => Ok(Came::Nothing),
        // The other end has gone before it had read everything.
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Ok(Came::End),
        _ => Err(Error::io("cannot receive from a worker process", error)),
    }
}

/// A frame on its way out. The call shares its payload, because it may have to send the job again.
struct Parcel {
    header: [u8; HEADER],
    message: Arc<Message>,
}

/// Frames on their way out.
#[derive(Default)]
pub(super) struct Outbox {
    parcels: VecDeque<Parcel>,
    /// How many bytes of the first parcel were sent.
    sent: usize,
}

/// How many frames are sent with one system call at most.
const TOGETHER: usize = 16;

impl Outbox {
    pub(super) fn put(&mut self, mut header: Header, message: Arc<Message>) {
        header.length = message.bytes.len() as u64;
        header.files = message.files.len() as u16;
        self.parcels.push_back(Parcel { header: header.bytes(), message });
    }

    pub(super) fn is_empty(&self) -> bool {
        self.parcels.is_empty()
    }

    /// Sends all frames. On a line that does not wait, sends as much as the line takes. Says whether the other end is still there.
    pub(super) fn send(&mut self, line: &Line) -> io::Result<bool> {
        while !self.parcels.is_empty() {
            let mut skip = self.sent;
            let mut parts = Vec::with_capacity(2 * TOGETHER);
            // Files go with the first byte of a system call.
            let files = match self.parcels.front() {
                Some(first) if self.sent == 0 => &first.message.files[..],
                _ => &[],
            };
            let plain = |at: usize| at == 0 || self.parcels[at].message.files.is_empty();
            let together = (0..self.parcels.len().min(TOGETHER)).take_while(|at| plain(*at));
            for parcel in together.map(|at| &self.parcels[at]) {
                for part in [&parcel.header[..], &parcel.message.bytes[..]] {
                    let skipped = skip.min(part.len());
                    skip -= skipped;
                    if skipped < part.len() {
                        parts.push(IoSlice::new(&part[skipped..]));
                    }
                }
            }
            match line.send(&parts, files) {
                Ok(sent) => self.sent += sent,
                Err(error) => {
                    return match error.kind() {
                        io::ErrorKind::WouldBlock => Ok(true),
                        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Ok(false),
                        _ => Err(error),
                    };
                }
            }
            while let Some(first) = self.parcels.front() {
                let length = HEADER + first.message.bytes.len();
                if self.sent < length {
                    break;
                }
                self.sent -= length;
                self.parcels.pop_front();
            }
        }
        Ok(true)
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;
    use crate::AlignedBytes;

    fn message(bytes: &[u8]) -> Message {
        Message { bytes: AlignedBytes::copy_from(bytes), files: Vec::new() }
    }

    fn frame(inbox: &mut Inbox, line: &Line) -> Option<(Header, Message)> {
        match inbox.next(line, true).unwrap() {
            Came::Frame(header, message) => Some((header, message)),
            Came::Nothing => None,
            Came::End => panic!("the line has ended"),
        }
    }

    #[test]
    fn frames_come_whole_however_they_were_cut() {
        let mut all = Vec::new();
        for (number, length) in [0, 1, 23, 24, 25, 70_000, 3, 300_000].into_iter().enumerate() {
            let header = Header { length, ..Header::new(FrameKind::Done, 7, number as u64) };
            all.extend_from_slice(&header.bytes());
            all.extend((0..length).map(|at| (at % 251) as u8 ^ number as u8));
        }
        for cut in [1, 7, 24, 1000, 65_536, 1 << 20] {
            let (near, far) = Line::pair().unwrap();
            let mut inbox = Inbox::new();
            let mut count = 0;
            for piece in all.chunks(cut) {
                let mut sent = 0;
                while sent < piece.len() {
                    // No more than the socket has room for, because nothing reads from it meanwhile.
                    let end = piece.len().min(sent + 50_000);
                    sent += far.send(&[IoSlice::new(&piece[sent..end])], &[]).unwrap();
                    while let Some((header, message)) = frame(&mut inbox, &near) {
                        assert_eq!(
                            (header.kind, header.call, header.number),
                            (FrameKind::Done, 7, count)
                        );
                        let right = |at: usize| (at % 251) as u8 ^ count as u8;
                        assert!(
                            message.bytes.iter().enumerate().all(|(at, byte)| *byte == right(at))
                        );
                        count += 1;
                    }
                }
            }
            assert_eq!((count, inbox.has_some()), (8, false), "in pieces of {cut}");
        }
    }

    #[test]
    fn files_come_with_their_frames() {
        let (near, far) = Line::pair().unwrap();
        let file = |path: &str| File::open(path).unwrap();
        let files = |paths: &[&str]| Message {
            files: paths.iter().map(|path| file(path)).collect(),
            ..message(paths.concat().as_bytes())
        };
        let mut outbox = Outbox::default();
        let sent = [&["/dev/null"][..], &[], &["/dev/zero", "/dev/null"], &[], &["/dev/full"]];
        for (number, paths) in sent.iter().enumerate() {
            outbox.put(Header::new(FrameKind::Job, 0, number as u64), Arc::new(files(paths)));
        }
        assert!(outbox.send(&far).unwrap());
        let mut inbox = Inbox::new();
        for paths in sent {
            let (_, message) = frame(&mut inbox, &near).unwrap();
            assert_eq!(&message.bytes[..], paths.concat().as_bytes());
            let identity = |file: &File| {
                let status = file.metadata().unwrap();
                (status.dev(), status.ino())
            };
            let here: Vec<_> = message.files.iter().map(identity).collect();
            let there: Vec<_> = paths.iter().map(|path| identity(&file(path))).collect();
            assert_eq!(here, there);
        }
    }

    #[test]
    fn what_is_no_frame_or_lies_is_refused() {
        let try_one = |bytes: &[u8]| {
            let (near, far) = Line::pair().unwrap();
            far.send(&[IoSlice::new(bytes)], &[]).unwrap();
            drop(far);
            let mut inbox = Inbox::new();
            let came = inbox.next(&near, true);
            let room = inbox.begun.map_or(0, |(_, message)| message.bytes.len());
            (came, room)
        };
        assert!(try_one(&[0; 64]).0.is_err());
        assert!(try_one(b"HTTP/1.1 200 OK, and more of it").0.is_err());
        // A length that no payload can have, and no byte of the payload.
        let header = Header { length: u64::MAX, ..Header::new(FrameKind::Done, 0, 0) };
        assert!(matches!(try_one(&header.bytes()), (Ok(Came::End), 0)));
        // A file that does not come.
        let header = Header { files: 1, ..Header::new(FrameKind::Done, 0, 0) };
        assert!(try_one(&header.bytes()).0.is_err());
        assert!(matches!(try_one(&header.bytes()[..23]), (Ok(Came::End), 0)));
    }
}
