//! What a server of a game of ships tells its players: small numbers, options, short lists and enums.

use super::{Random, record};

record! {
    /// Updates, each of what one player sees.
    struct Game { updates: Vec<Update>, }
}
record! {
    struct Update {
        score: u32,
        world_radius: f32,
        contacts: Vec<Contact>,
        terrain: Vec<Chunk>,
        news: Vec<News>,
    }
}
record! {
    struct Contact {
        id: u32,
        kind: Option<Kind>,
        transform: Transform,
        guidance: Guidance,
        player: Option<u16>,
        reloads: Vec<bool>,
        turrets: Vec<u16>,
    }
}
record! {
    #[derive(Copy)]
    enum Kind { Barrel, Boat, Crate, Depot, Mine, Shell, Submarine, Torpedo, }
}
record! {
    struct Transform { altitude: i8, angle: u16, position: (f32, f32), velocity: i16, }
}
record! {
    struct Guidance { direction: u16, velocity: i16, }
}
record! {
    enum Chunk {
        Unchanged,
        Even(height: u8),
        Changed { at: (i8, i8), heights: Vec<u8> },
    }
}
record! {
    enum News {
        Joined { player: u16, name: String },
        Left(player: u16),
        Sunk(player: u16, by: Option<Kind>),
        Full,
    }
}

impl Game {
    pub(crate) fn new(count: usize) -> Self {
        let mut random = Random(7);
        Game { updates: (0..count).map(|_| update(&mut random)).collect() }
    }
}

fn update(random: &mut Random) -> Update {
    Update {
        score: random.next(1 << 20) as u32,
        world_radius: random.float(),
        contacts: random.list(40, contact),
        terrain: random.list(8, chunk),
        news: random.list(4, news),
    }
}

fn contact(random: &mut Random) -> Contact {
    Contact {
        id: random.next(1 << 31) as u32,
        kind: (!random.one_in(5)).then(|| kind(random)),
        transform: Transform {
            altitude: small(random) as i8,
            angle: random.next(1 << 16) as u16,
            position: (random.float(), random.float()),
            velocity: small(random) as i16,
        },
        guidance: Guidance {
            direction: random.next(1 << 16) as u16,
            velocity: small(random) as i16,
        },
        player: random.one_in(2).then(|| random.next(1000) as u16),
        reloads: random.list(16, |random| random.one_in(2)),
        turrets: random.list(8, |random| random.next(1 << 16) as u16),
    }
}

fn chunk(random: &mut Random) -> Chunk {
    match random.next(4) {
        0 => Chunk::Unchanged,
        1 => Chunk::Even(random.next(256) as u8),
        _ => Chunk::Changed {
            at: (small(random) as i8, small(random) as i8),
            heights: random.list(128, |random| random.next(256) as u8),
        },
    }
}

fn news(random: &mut Random) -> News {
    let player = random.next(1000) as u16;
    match random.next(4) {
        0 => News::Joined { player, name: format!("captain {}", random.next(1000)) },
        1 => News::Left(player),
        2 => News::Sunk(player, random.one_in(2).then(|| kind(random))),
        _ => News::Full,
    }
}

fn kind(random: &mut Random) -> Kind {
    use Kind::{Barrel, Boat, Crate, Depot, Mine, Shell, Submarine, Torpedo};
    random.choice(&[Barrel, Boat, Crate, Depot, Mine, Shell, Submarine, Torpedo])
}

/// A number of either sign that fits into a byte.
fn small(random: &mut Random) -> i64 {
    random.next(256).cast_signed() - 128
}
