//! `ls`, `rm`, `gc`, `free`.

use serde_shm::{AtomicArray, SegmentOptions, segments, to_bytes};

use crate::support::{Removed, Running, json, model, name, ok, publish, run, trouble};

#[test]
fn segments_are_listed_with_what_they_are() {
    let (frozen, _kept) = publish("frozen", &model());
    let (live, _kept) = publish("live", &(AtomicArray::from(vec![1_u32, 2]), "text"));
    let stored = Removed(name("stored"));
    SegmentOptions::new().name(&stored.0).persist(true).create(&1).unwrap();
    let list = json(&ok(["ls", "--json"]));
    let row = |name: &str| {
        let rows = list.as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name}")).clone()
    };
    assert_eq!(row(&frozen)["arrays"], 5);
    assert_eq!((&row(&frozen)["alive"], &row(&frozen)["live_arrays"]), (&true.into(), &0.into()));
    assert_eq!(row(&frozen)["pid"], std::process::id());
    assert_eq!((&row(&live)["arrays"], &row(&live)["live_arrays"]), (&1.into(), &1.into()));
    assert_eq!(
        (&row(&stored.0)["persistent"], &row(&stored.0)["pid"]),
        (&true.into(), &serde_json::Value::Null)
    );

    let text = ok(["ls", "--width", "200"]);
    let row = |name: &str| text.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(row(&frozen).contains("lives") && row(&frozen).ends_with("frozen"), "{text}");
    assert!(row(&live).ends_with("1 live"), "{text}");
    assert!(row(&stored.0).contains("persistent"), "{text}");
    assert!(!text.contains('\x1b'), "colours in a pipe");
}

/// On a terminal the columns stand as they do in a file.
#[test]
fn colours_take_no_room_in_the_table() {
    let (_name, _kept) = publish("coloured", &model());
    let strip = |text: &str| -> String {
        let parts = text.split('\x1b');
        parts
            .enumerate()
            .map(|(place, part)| if place == 0 { part } else { part.split_once('m').unwrap().1 })
            .collect()
    };
    let coloured = ok(["ls", "--color", "always"]);
    assert!(coloured.contains('\x1b'));
    let lines: Vec<String> = coloured.lines().map(strip).collect();
    let header = lines[0].find("STATE").unwrap();
    assert!(
        lines[1..].iter().all(|line| line[header..].starts_with("frozen") || line.contains("live")),
        "{lines:?}"
    );
}

#[test]
fn names_are_removed_and_those_that_are_not_there_are_said() {
    let (kept, segment) = publish("rm", &1_u8);
    let other = format!("{kept}x");
    let said = run(["rm", kept.as_str(), other.as_str()]);
    assert_eq!(said.code, Some(2));
    assert_eq!(said.out, format!("removed {kept}\n"));
    assert!(said.err.contains(&other) && said.err.lines().count() == 1, "{}", said.err);
    assert!(!segments::list().unwrap().iter().any(|info| info.name() == kept));
    assert_eq!(segment.get::<u8>().unwrap(), 1);
    assert!(trouble(["rm", "no/name"]).contains("no/name"));
}

#[test]
fn the_nearest_name_is_said() {
    let (kept, _segment) = publish("nearest", &1_u8);
    let near = format!("{kept}z");
    let said = trouble(["inspect", near.as_str()]);
    assert!(
        said.contains("no segment or file of this name") && said.contains(&format!("`{kept}`")),
        "{said}"
    );
}

/// A process that holds a segment and is killed.
#[test]
fn names_of_the_dead_are_collected() {
    let dead = Removed(name("dead"));
    let folder = tempfile::tempdir().unwrap();
    let block = folder.path().join("numbers.block");
    std::fs::write(&block, &*to_bytes(&vec![1_u64; 100]).unwrap()).unwrap();
    let mut holder = Running::new(["cp", block.to_str().unwrap(), &dead.0, "--hold"]);
    assert!(holder.line().contains(&dead.0));
    drop(holder); // kills it
    let is_there = || segments::list().unwrap().iter().any(|info| info.name() == dead.0);

    let text = ok(["ls", "--width=200"]);
    assert!(text.lines().any(|line| line.contains(&dead.0) && line.contains("died")), "{text}");
    let said = trouble(["inspect", dead.0.as_str()]);
    assert!(said.contains("has died") && said.contains("serde-shm gc"), "{said}");
    let said = ok(["gc", "--dry-run"]);
    assert!(said.contains(&format!("would remove {}", dead.0)), "{said}");
    assert!(is_there());
    assert!(ok(["gc"]).ends_with("removed\n"));
    assert!(!is_there());
}

#[test]
fn free_counts_what_is_used_and_left() {
    let (_name, segment) = publish("free", &vec![1_u8; 100_000]);
    let free = json(&ok(["free", "--json"]));
    assert!(free["segment_bytes"].as_u64().unwrap() >= segment.len() as u64);
    assert!(free["available_bytes"].as_u64().unwrap() > 0);
    assert!(ok(["free"]).contains("memory left"));
}

/// The list is written again until somebody stops the tool, which is no trouble.
#[test]
fn ls_goes_on_until_it_is_stopped() {
    let mut tool = Running::new(["ls", "--watch", "--interval=0.05"]);
    let mut headers = || tool.lines.by_ref().any(|line| line.unwrap().contains("NAME"));
    assert!(headers() && headers());
    tool.interrupt();
    assert_eq!(tool.end().1, Some(0));
}
