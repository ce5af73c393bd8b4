//! JSON (RFC 8259) as slices of its document, and changes that keep all other bytes.
//!
//! ```text
//! document ── text::Scanner ──► slices ── value::Object, Array ──► edits::Edits ──► document
//! ```

mod edits;
mod error;
mod keys;
mod parts;
mod text;
mod value;

pub use edits::Edits;
pub use error::Error;
pub use keys::{folded, is_field};
pub use parts::{each_member, member, members};
pub use text::{quoted, string, unescaped};
pub use value::{Array, Found, Listed, Member, Object, elements};
