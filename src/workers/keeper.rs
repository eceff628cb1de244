//! The thread that starts a pool's processes.
//!
//! The kernel can be asked to kill a process when the *thread* that started it ends. So one thread starts all processes of a
//! pool. It lives as long as the pool does, even if the threads that call the pool end.

use std::io;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

use crate::os::Line;

use super::serve::VARIABLE;

pub(super) struct Keeper {
    orders: Option<Sender<(Line, String)>>,
    started: Receiver<io::Result<Child>>,
    thread: Option<JoinHandle<()>>,
}

impl Keeper {
    pub(super) fn new(mut command: Command) -> io::Result<Self> {
        let (orders, ordered) = channel::<(Line, String)>();
        let (start, started) = channel();
        let keep = move || {
            for (line, variable) in ordered {
                let child = command.stdin(line.into_stdin()).env(VARIABLE, variable).spawn();
                // The command still holds the connection's far end. If it stayed open here, the connection would never end.
                command.stdin(std::process::Stdio::null());
                if start.send(child).is_err() {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("serde_shm-keeper".to_owned()).spawn(keep)?;
        Ok(Keeper { orders: Some(orders), started, thread: Some(thread) })
    }

    /// Starts a process with this end of a connection as its standard input.
    pub(super) fn spawn(&self, far: Line, variable: String) -> io::Result<Child> {
        let gone = || io::Error::other("the thread that starts processes has ended");
        let orders = self.orders.as_ref().ok_or_else(gone)?;
        orders.send((far, variable)).map_err(|_| gone())?;
        self.started.recv().map_err(|_| gone())?
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // The thread does not panic. Even if it did, that would be no reason to panic here.
            let _ = thread.join();
        }
    }
}
