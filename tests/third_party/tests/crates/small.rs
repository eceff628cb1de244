//! Graphs, ordered maps, small vectors, identifiers, dates and JSON.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use indexmap::{IndexMap, IndexSet};
use petgraph::graph::{DiGraph, UnGraph};
use petgraph::stable_graph::StableGraph;
use serde::{Deserialize, Serialize};
use serde_shm::ShmArray1;
use smallvec::{SmallVec, smallvec};
use uuid::Uuid;

use crate::support::{check, through_all};

#[test]
fn graphs() {
    let mut graph = DiGraph::<String, ShmArray1<f32>>::new();
    let nodes: Vec<_> = (0..10).map(|n| graph.add_node(format!("node {n}"))).collect();
    for pair in nodes.windows(2) {
        graph.add_edge(pair[0], pair[1], vec![0.5; 3].into());
    }
    for back in through_all(&graph) {
        assert_eq!(
            back.node_weights().collect::<Vec<_>>(),
            graph.node_weights().collect::<Vec<_>>()
        );
        let edges = |graph: &DiGraph<String, ShmArray1<f32>>| {
            graph
                .raw_edges()
                .iter()
                .map(|e| (e.source(), e.target(), e.weight.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(edges(&back), edges(&graph));
    }
    let mut stable = StableGraph::<u8, ()>::new();
    let (a, b, c) = (stable.add_node(1), stable.add_node(2), stable.add_node(3));
    stable.add_edge(a, c, ());
    stable.remove_node(b);
    for back in through_all(&stable) {
        assert_eq!(back.node_indices().collect::<Vec<_>>(), [a, c]);
        assert_eq!(back.edge_count(), 1);
    }
    let undirected = UnGraph::<(), f64>::from_edges([(0, 1, 0.5), (1, 2, 1.5)]);
    for back in through_all(&undirected) {
        assert_eq!(back.edge_weights().sum::<f64>(), 2.0);
    }
}

#[test]
fn ordered_maps_and_small_vectors() {
    let map: IndexMap<String, ShmArray1<u8>> =
        [("z".to_owned(), vec![1].into()), ("a".to_owned(), vec![2].into())].into();
    check(&map, &[("z", &[1]), ("a", &[1])]);
    for back in through_all(&map) {
        assert_eq!(back.keys().collect::<Vec<_>>(), ["z", "a"]);
    }
    check(&IndexSet::from([3, 1, 2]), &[]);
    let small: SmallVec<[u16; 4]> = smallvec![1, 2, 3];
    check(
        &(small.clone(), small.into_iter().cycle().take(100).collect::<SmallVec<[u16; 4]>>()),
        &[],
    );
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "kind")]
enum Event {
    Created {
        id: Uuid,
        at: DateTime<Utc>,
        #[serde(flatten)]
        extra: serde_json::Map<String, serde_json::Value>,
    },
    Moved {
        id: Uuid,
        day: NaiveDate,
        took: TimeDelta,
        samples: ShmArray1<f32>,
    },
}

#[test]
fn identifiers_dates_and_json() {
    let id = Uuid::from_u128(0x1234_5678_9abc_def0_1122_3344_5566_7788);
    let at = DateTime::from_timestamp(1_700_000_000, 123_456_789).unwrap();
    let day = NaiveDate::from_ymd_opt(2024, 2, 29).unwrap();
    let extra = serde_json::json!({"a": [1, {"b": null}], "c": 1.5}).as_object().unwrap().clone();
    let moved =
        |n| Event::Moved { id, day, took: TimeDelta::milliseconds(n), samples: vec![1.0].into() };
    check(
        &vec![Event::Created { id, at, extra }, moved(-5), moved(1 << 40)],
        &[("1.samples", &[1]), ("2.samples", &[1])],
    );
    check(&vec![Uuid::nil(), id, Uuid::max()], &[]);
    check(&indexmap::IndexMap::from([(id, at), (Uuid::nil(), at)]), &[]);
    check(&(day, Some(day.and_hms_nano_opt(23, 59, 59, 1).unwrap()), TimeDelta::MAX), &[]);
}
