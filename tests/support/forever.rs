//! Values that live as long as the program, as the names in derived code do.

use std::sync::Mutex;

/// Leaks a value, and keeps its address where a leak checker finds it.
pub(crate) fn forever<T: ?Sized>(value: Box<T>) -> &'static mut T {
    static KEPT: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let value = Box::leak(value);
    KEPT.lock().unwrap().push(std::ptr::from_ref(value).addr());
    value
}
