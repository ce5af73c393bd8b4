//! JSON (RFC 8259) as slices of the document that it stands in, and changes to it that leave all
//! other bytes alone.
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
    Array, Found, Listed, Member, Object, each_member, elements, is_field, member, quoted,
};
