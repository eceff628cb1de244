//! What a thread has learned of types: which of their visitors refused what they were handed.

use std::any::TypeId;

use super::{CONTEXT, FLAGS, Flags};

/// What visitors have refused, so that the next visitor of the type is not given it again. A visitor is used up when it refuses, so
/// the object is then read again from the start.
pub(super) struct Learned {
    /// Structs whose fields must be handed over by name. Each is known by the address of the list of `fields` that was asked for.
    by_name: Vec<&'static [&'static str]>,
    /// Visitors that asked for anything and do not take bytes.
    no_bytes: Vec<TypeId>,
    /// Visitors that asked for any key and take only text.
    text_keys: Vec<TypeId>,
}

impl Learned {
    pub(super) const NOTHING: Self =
        Learned { by_name: Vec::new(), no_bytes: Vec::new(), text_keys: Vec::new() };
}

/// How much was learned.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lessons([usize; 3]);

/// How many lessons are kept. A program hardly has more types.
const MAX_LESSONS: usize = 4096;

fn learn<T>(list: impl FnOnce(&mut Learned) -> &mut Vec<T>, is: impl Fn(&T) -> bool, new: T) {
    CONTEXT.with(|context| {
        let mut learned = context.learned.borrow_mut();
        let list = list(&mut learned);
        if list.len() < MAX_LESSONS && !list.iter().any(is) {
            list.push(new);
        }
    });
}

/// Notes that a visitor has refused these fields by position.
#[cold]
pub(crate) fn learn_by_name(fields: &'static [&'static str]) {
    learn(|learned| &mut learned.by_name, |known| std::ptr::eq(*known, fields), fields);
}

/// Has all fields handed over by name, until the current read ends.
pub(crate) fn hand_over_by_name() {
    FLAGS.set(Flags { by_name: true, ..FLAGS.get() });
}

/// Whether these fields are handed over by name: because all fields are, or because a visitor has refused these by position.
pub(crate) fn is_by_name(fields: &'static [&'static str]) -> bool {
    FLAGS.get().by_name
        || CONTEXT.with(|context| {
            context.learned.borrow().by_name.iter().any(|known| std::ptr::eq(*known, fields))
        })
}

/// Notes that a visitor of this type has asked for anything and refused bytes.
#[cold]
pub(crate) fn learn_no_bytes(id: TypeId) {
    learn(|learned| &mut learned.no_bytes, |known| *known == id, id);
}

/// Whether a visitor of this type has refused bytes.
pub(crate) fn is_without_bytes(id: TypeId) -> bool {
    CONTEXT.with(|context| context.learned.borrow().no_bytes.contains(&id))
}

/// Notes that a visitor of this type has asked for any key and refused a key that was not text.
#[cold]
pub(crate) fn learn_text_key(id: TypeId) {
    learn(|learned| &mut learned.text_keys, |known| *known == id, id);
}

/// Whether a visitor of this type takes only keys that are text.
pub(crate) fn is_text_key(id: TypeId) -> bool {
    CONTEXT.with(|context| context.learned.borrow().text_keys.contains(&id))
}

/// How much was learned so far.
pub(crate) fn lessons() -> Lessons {
    CONTEXT.with(|context| {
        let Learned { by_name, no_bytes, text_keys } = &*context.learned.borrow();
        Lessons([by_name.len(), no_bytes.len(), text_keys.len()])
    })
}

/// Forgets what was learned since then, because it did not help.
#[cold]
pub(crate) fn forget_since(Lessons([by_name, no_bytes, text_keys]): Lessons) {
    CONTEXT.with(|context| {
        let mut learned = context.learned.borrow_mut();
        learned.by_name.truncate(by_name);
        learned.no_bytes.truncate(no_bytes);
        learned.text_keys.truncate(text_keys);
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lessons_are_kept_once_and_forgotten_from_the_end() {
        std::thread::spawn(|| {
            let before = lessons();
            learn_no_bytes(typeid::of::<&str>());
            learn_no_bytes(typeid::of::<&str>());
            let known = lessons();
            learn_text_key(typeid::of::<u8>());
            learn_by_name(&["a"]);
            assert!(
                is_without_bytes(typeid::of::<&str>())
                    && is_text_key(typeid::of::<u8>())
                    && before != known
            );
            forget_since(known);
            assert!(is_without_bytes(typeid::of::<&str>()) && !is_text_key(typeid::of::<u8>()));
            assert!(lessons() == known);
        })
        .join()
        .unwrap();
    }
}
