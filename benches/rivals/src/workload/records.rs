//! Records of the same few fields, again and again.

use super::visit::{Visit, Visitor};
use super::{Random, object, record};

record! {
    /// Lines of a web server's log.
    struct Log { lines: Vec<Line>, }
}
record! {
    struct Line { address: [u8; 4], user: String, date: String, request: String, code: u16, size: u64, }
}
record! {
    /// Triangles, each of three corners and a normal.
    struct Mesh { triangles: Vec<Triangle>, }
}
record! {
    struct Triangle { corners: [Point; 3], normal: Point, }
}
object! {
    #[derive(Copy)]
    struct Point { x: f32, y: f32, z: f32, }
}

/// All at once, which takes less than one after the other: a mesh is little but numbers.
macro_rules! visit_points {
    ($($of:ty),*) => {
        $(impl Visit for $of {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                visitor.numbers(&[self.x, self.y, self.z]);
            }
        })*
    };
}

visit_points!(Point, ArchivedPoint);

impl Log {
    pub(crate) fn new(count: usize) -> Self {
        let mut random = Random(4);
        let line = |_| Line {
            address: [(); 4].map(|()| random.next(256) as u8),
            user: format!("user{}", random.next(1000)),
            date: format!("{:02}/Oct/2024:13:{:02}:00", random.next(28), random.next(60)),
            request: format!("GET /{}/page{}.html HTTP/1.1", random.next(99), random.next(9999)),
            code: [200, 301, 404][random.next(3) as usize],
            size: random.next(100_000_000),
        };
        Log { lines: (0..count).map(line).collect() }
    }
}

impl Mesh {
    pub(crate) fn new(count: usize) -> Self {
        let mut random = Random(5);
        let triangle = |_| Triangle {
            corners: [(); 3].map(|()| point(&mut random)),
            normal: point(&mut random),
        };
        Mesh { triangles: (0..count).map(triangle).collect() }
    }
}

fn point(random: &mut Random) -> Point {
    Point { x: random.float(), y: random.float(), z: random.float() }
}
