//! What the derives take, and the serializer and deserializer inside of others.
#![allow(missing_docs)]

mod codec;
mod derive;
mod support;
