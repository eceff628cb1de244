//! A stream of events, as of telemetry: an enum whose variants hold different things.

use std::collections::BTreeMap;

use super::{Random, record};

record! {
    struct Events { events: Vec<Stamped>, }
}
record! {
    struct Stamped { nanoseconds: u64, event: Event, }
}
record! {
    enum Event {
        Started,
        Stopped,
        Message(text: String),
        Gauge(metric: u32, value: f64),
        Counters(counts: [u32; 4]),
        Request { path: String, code: u16, microseconds: u32 },
        Failed { code: i32, reason: Option<String>, attempts: u8 },
        Tagged(tags: BTreeMap<String, String>),
    }
}

impl Events {
    pub(crate) fn new(count: usize) -> Self {
        let mut random = Random(8);
        let mut nanoseconds = 1_700_000_000_000_000_000;
        let event = |_| {
            nanoseconds += random.next(1_000_000);
            Stamped { nanoseconds, event: event(&mut random) }
        };
        Events { events: (0..count).map(event).collect() }
    }
}

fn event(random: &mut Random) -> Event {
    match random.next(8) {
        0 => Event::Started,
        1 => Event::Stopped,
        2 => Event::Message(format!("worker {} is ready", random.next(100))),
        3 => Event::Gauge(random.next(200) as u32, random.float().into()),
        4 => Event::Counters([(); 4].map(|()| random.next(100_000) as u32)),
        5 => Event::Request {
            path: format!("/{}/item{}", random.next(99), random.next(9999)),
            code: random.choice(&[200, 301, 404]),
            microseconds: random.next(1_000_000) as u32,
        },
        6 => Event::Failed {
            code: -(random.next(100) as i32),
            reason: random.one_in(2).then(|| format!("no route to {}", random.next(1000))),
            attempts: random.next(5) as u8,
        },
        _ => Event::Tagged(random.list(5, tag)),
    }
}

fn tag(random: &mut Random) -> (String, String) {
    let key = random.choice(&["host", "region", "service", "version", "zone"]);
    (key.to_owned(), format!("{key}-{}", random.next(50)))
}
