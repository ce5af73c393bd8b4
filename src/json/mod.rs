//! JSON (RFC 8259) as slices of its document, and changes that keep all other bytes.
//!
//! ```text
//! document ── text::Scanner ──► slices ── value::Object, Array ──► edits::Edits ──► document
//! ```

mod edits;
mod error;
mod text;
mod value;

pub use edits::Edits;
pub use error::Error;
pub use text::{string, unescaped};
pub use value::{
    Array, Found, Listed, Member, Object, each_member, elements, is_field, member, members, quoted,
};
