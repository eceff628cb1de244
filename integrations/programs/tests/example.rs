//! The examples, run as a user runs them.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

#[path = "../../support/example.rs"]
mod example;

#[test]
fn threads_of_rayon_share_a_genome() {
    let out = example::run("serde_shm_programs", "rayon", &[]);
    assert!(out.starts_with("48502 bases, 24182 of them G or C"), "{out}");
    assert!(out.contains("48497 words of 6 bases, counted by all threads as by one"), "{out}");
}

#[test]
fn tasks_of_tokio_share_a_table() {
    let out = example::run("serde_shm_programs", "tokio", &[]);
    let last = "[(2, 58.433), (2, 58.433), (2, 58.433), (2, 58.433)]";
    assert_eq!(out, format!("100 answers from version 1, then {last} from version 2\n"));
}

#[test]
fn a_model_of_linfas_is_saved_and_shared() {
    let out = example::run("serde_shm_programs", "linfa", &[]);
    assert!(out.starts_with("150 flowers, seen by two processes\nclusters of ["), "{out}");
}

#[test]
fn nalgebra_computes_where_the_matrix_lies() {
    let out = example::run("serde_shm_programs", "nalgebra", &[]);
    assert!(out.starts_with("150 flowers, shares of their axes [0.92"), "{out}");
}
