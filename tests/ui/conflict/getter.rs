use serde_shm::Serialize;

mod other {
    pub struct Signal(Vec<f32>);

    impl Signal {
        pub fn samples(&self) -> &Vec<f32> {
            &self.0
        }
    }
}

#[derive(Serialize)]
#[serde(remote = "other::Signal")]
struct SignalDef {
    #[shm_array]
    #[serde(getter = "other::Signal::samples")]
    samples: Vec<f32>,
}

fn main() {}
