//! Finds the name that was probably meant.

/// Returns the name that was probably meant, of names that all begin with `before`: the first one that
/// starts with the given text, else the most similar one if at most a third of it differs.
#[must_use]
pub fn nearest<'n>(
    typed: &str,
    before: &str,
    names: impl Iterator<Item = &'n str> + Clone,
) -> Option<&'n str> {
    let letters = typed.strip_prefix(before).unwrap_or(typed).len();
    // Two letters are too few to guess.
    let begun = names.clone().find(|name| letters > 2 && name.starts_with(typed));
    begun.or_else(|| {
        let (wrong, name) = names.map(|name| (distance(typed, name), name)).min()?;
        (wrong <= (letters + 1) / 3).then_some(name)
    })
}

/// Counts the letters to insert, remove or change to turn one text into the other (Levenshtein distance,
/// computed row by row).
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (1..=other.len()).collect();
    for (taken, letter) in one.bytes().enumerate() {
        let (mut diagonal, mut left) = (taken, taken + 1);
        for (cell, wanted) in row.iter_mut().zip(other.bytes()) {
            let changed = diagonal + usize::from(letter != wanted);
            left = changed.min(left + 1).min(*cell + 1);
            diagonal = std::mem::replace(cell, left);
        }
    }
    row.last().copied().unwrap_or(one.len())
}

#[cfg(test)]
mod tests;
