//! Single members of an object, for a reader that wants no others.

use super::text::Scanner;

/// Calls `visit` with the key as written and the value of each member of the object `text`. Returns
/// `None` if `text` is not an object.
#[must_use]
pub fn each_member<'d>(text: &'d str, mut visit: impl FnMut(&'d str, &'d str)) -> Option<()> {
    let mut scan = Scanner::of(text.trim_matches([' ', '\t', '\r', '\n']));
    scan.each(b'{', b'}', |scan| {
        let (key, _) = scan.key()?;
        visit(key, scan.value()?);
        Some(())
    })?;
    scan.is_at_end().then_some(())
}

/// Returns the value of the member whose key is written as `name`, without keeping other members.
/// The value is empty if there is no such member. Returns `None` if `text` is not an object.
#[must_use]
pub fn member<'d>(text: &'d str, name: &str) -> Option<&'d str> {
    members(text, [name]).map(|[value]| value)
}

/// Does the same as [`member`] for several names, in one pass.
#[must_use]
pub fn members<'d, const N: usize>(text: &'d str, names: [&str; N]) -> Option<[&'d str; N]> {
    let mut found = [""; N];
    each_member(text, |key, value| {
        for (found, _) in found.iter_mut().zip(names).filter(|(_, name)| *name == key) {
            *found = value;
        }
    })?;
    Some(found)
}
