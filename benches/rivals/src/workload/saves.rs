//! Saved games: nested structs of many fields of different types.

use super::{Random, record};

type Place = (f64, f64, f64);

record! {
    /// Players as a server of a world of blocks saves them.
    struct Saves { players: Vec<Player>, }
}
record! {
    #[derive(Copy)]
    enum Mode { Survival, Creative, Adventure, Spectator, }
}
record! {
    struct Item { count: i8, slot: u8, id: String, }
}
record! {
    #[allow(clippy::struct_excessive_bools)]
    struct Abilities {
        walk_speed: f32,
        fly_speed: f32,
        may_fly: bool,
        is_flying: bool,
        is_invulnerable: bool,
        may_build: bool,
        builds_at_once: bool,
    }
}
record! {
    #[allow(clippy::struct_excessive_bools)]
    struct Entity {
        id: String,
        position: Place,
        motion: Place,
        rotation: (f32, f32),
        fall_distance: f32,
        fire: u16,
        air: u16,
        is_on_ground: bool,
        has_no_gravity: bool,
        is_invulnerable: bool,
        portal_cooldown: i32,
        uuid: [u32; 4],
        custom_name: Option<String>,
        is_name_visible: bool,
        is_silent: bool,
        is_glowing: bool,
    }
}
record! {
    #[allow(clippy::struct_excessive_bools)]
    struct RecipeBook {
        recipes: Vec<String>,
        to_be_shown: Vec<String>,
        is_open: bool,
        is_filtering: bool,
        is_furnace_open: bool,
        is_furnace_filtering: bool,
    }
}
record! {
    struct Player {
        mode: Mode,
        previous_mode: Mode,
        score: i64,
        dimension: String,
        selected_slot: u32,
        selected_item: Item,
        spawn_dimension: Option<String>,
        spawn: Option<(i64, i64, i64)>,
        is_spawn_forced: Option<bool>,
        sleep_timer: u16,
        exhaustion: f32,
        saturation: f32,
        food_timer: u32,
        level: u32,
        level_part: f32,
        experience: i32,
        experience_seed: i32,
        inventory: Vec<Item>,
        chest: Vec<Item>,
        abilities: Abilities,
        entered_nether_at: Option<Place>,
        vehicle: Option<([u32; 4], Entity)>,
        left_shoulder: Option<Entity>,
        right_shoulder: Option<Entity>,
        has_seen_credits: bool,
        recipe_book: RecipeBook,
    }
}

impl Saves {
    pub(crate) fn new(count: usize) -> Self {
        let mut random = Random(6);
        Saves { players: (0..count).map(|_| player(&mut random)).collect() }
    }
}

fn player(random: &mut Random) -> Player {
    let modes = [Mode::Survival, Mode::Creative, Mode::Adventure, Mode::Spectator];
    Player {
        mode: random.choice(&modes),
        previous_mode: random.choice(&modes),
        score: random.next(1 << 30).cast_signed(),
        dimension: dimension(random),
        selected_slot: random.next(9) as u32,
        selected_item: item(random),
        spawn_dimension: random.one_in(2).then(|| dimension(random)),
        spawn: random.one_in(2).then(|| (whole(random), whole(random), whole(random))),
        is_spawn_forced: random.one_in(2).then(|| random.one_in(2)),
        sleep_timer: random.next(1 << 16) as u16,
        exhaustion: random.float(),
        saturation: random.float(),
        food_timer: random.next(1 << 31) as u32,
        level: random.next(100) as u32,
        level_part: random.float(),
        experience: whole(random) as i32,
        experience_seed: random.next(1 << 31) as i32,
        inventory: random.list(37, item),
        chest: random.list(28, item),
        abilities: Abilities {
            walk_speed: random.float(),
            fly_speed: random.float(),
            may_fly: random.one_in(2),
            is_flying: random.one_in(2),
            is_invulnerable: random.one_in(2),
            may_build: random.one_in(2),
            builds_at_once: random.one_in(2),
        },
        entered_nether_at: random.one_in(2).then(|| place(random)),
        vehicle: random.one_in(2).then(|| (uuid(random), entity(random))),
        left_shoulder: random.one_in(4).then(|| entity(random)),
        right_shoulder: random.one_in(4).then(|| entity(random)),
        has_seen_credits: random.one_in(2),
        recipe_book: RecipeBook {
            recipes: random.list(30, recipe),
            to_be_shown: random.list(10, recipe),
            is_open: random.one_in(2),
            is_filtering: random.one_in(2),
            is_furnace_open: random.one_in(2),
            is_furnace_filtering: random.one_in(2),
        },
    }
}

fn entity(random: &mut Random) -> Entity {
    Entity {
        id: random.choice(&["block:horse", "block:boat", "block:parrot", "block:pig"]).to_owned(),
        position: place(random),
        motion: place(random),
        rotation: (random.float(), random.float()),
        fall_distance: random.float(),
        fire: random.next(1 << 16) as u16,
        air: random.next(300) as u16,
        is_on_ground: random.one_in(2),
        has_no_gravity: random.one_in(2),
        is_invulnerable: random.one_in(2),
        portal_cooldown: whole(random) as i32,
        uuid: uuid(random),
        custom_name: random.one_in(4).then(|| format!("pet {}", random.next(1000))),
        is_name_visible: random.one_in(2),
        is_silent: random.one_in(2),
        is_glowing: random.one_in(2),
    }
}

fn item(random: &mut Random) -> Item {
    Item {
        count: random.next(65) as i8,
        slot: random.next(36) as u8,
        id: format!("block:item_{}", random.next(500)),
    }
}

fn recipe(random: &mut Random) -> String {
    format!("block:recipe_of_{}", random.next(500))
}

fn dimension(random: &mut Random) -> String {
    random.choice(&["block:overworld", "block:nether", "block:end"]).to_owned()
}

fn place(random: &mut Random) -> Place {
    (random.float().into(), random.float().into(), random.float().into())
}

fn uuid(random: &mut Random) -> [u32; 4] {
    [(); 4].map(|()| random.next(1 << 31) as u32)
}

/// A number of either sign.
fn whole(random: &mut Random) -> i64 {
    random.next(1 << 20).cast_signed() - (1 << 19)
}
