//! Lists in pages: `limit` and an opaque `cursor` in, `data` and `next_cursor` out.
//!
//! Invariant: a cursor says where to go on, not what there is, so rows that come in meanwhile neither
//! hide nor repeat others; a cursor of one list is refused by another.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::refused::Refused;

/// Rows of one page, at most.
pub(crate) const PAGE_ROWS_COUNT_MAX: usize = 100;
const PAGE_ROWS_COUNT: usize = 20;

/// Rows of a list, in its order.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Page<T> {
    pub(crate) data: Vec<T>,
    /// Where the next page begins, for the parameter `cursor`; null on the last one.
    pub(crate) next_cursor: Option<String>,
}

/// The part of a list that is asked for. Flattened members of a query lose their types, so each
/// list's query has these two of its own and makes this from them.
#[derive(Debug, Clone, Default, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct PageQuery {
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20)]
    pub(crate) limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[param(max_length = 200)]
    pub(crate) cursor: Option<String>,
}

impl PageQuery {
    /// How many rows.
    pub(crate) fn limit(&self) -> Result<usize, Refused> {
        let limit = self.limit.unwrap_or(PAGE_ROWS_COUNT);
        if (1..=PAGE_ROWS_COUNT_MAX).contains(&limit) {
            return Ok(limit);
        }
        let detail = format!("a page has 1 to {PAGE_ROWS_COUNT_MAX} rows");
        Err(Refused::bad_request("invalid_query", detail).with_param("limit"))
    }

    /// Where the page begins, in the words of the list named; `None` is the beginning.
    pub(crate) fn after(&self, list: &'static str) -> Result<Option<String>, Refused> {
        let Some(cursor) = &self.cursor else { return Ok(None) };
        let bytes = URL_SAFE_NO_PAD.decode(cursor).unwrap_or_default();
        let place = str::from_utf8(&bytes).ok().and_then(|text| text.split_once(':'));
        match place {
            Some((of, place)) if of == list => Ok(Some(place.to_owned())),
            _ => Err(wrong_cursor()),
        }
    }

    /// The same, read as a type of its own.
    pub(crate) fn after_as<P: std::str::FromStr>(
        &self,
        list: &'static str,
    ) -> Result<Option<P>, Refused> {
        let place = self.after(list)?;
        place.map(|text| text.parse().map_err(|_| wrong_cursor())).transpose()
    }
}

fn wrong_cursor() -> Refused {
    let detail = "the cursor is not one that this list gave; leave it out for the first page";
    Refused::bad_request("invalid_query", detail).with_param("cursor")
}

impl<T> Page<T> {
    /// A page whose rows are all of those asked for, and perhaps one more, which says that there is
    /// a next page. `place` is where a page goes on after a row.
    pub(crate) fn of(
        mut rows: Vec<T>,
        limit: usize,
        list: &'static str,
        place: impl Fn(&T) -> String,
    ) -> Self {
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| has_more);
        let next_cursor = last.map(|row| cursor(list, &place(row)));
        Self { data: rows, next_cursor }
    }
}

/// The cursor of a place in a list.
pub(crate) fn cursor(list: &'static str, place: &str) -> String {
    URL_SAFE_NO_PAD.encode(format!("{list}:{place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(limit: usize, cursor: Option<String>) -> PageQuery {
        PageQuery { limit: Some(limit), cursor }
    }

    #[test]
    fn pages_hang_together() {
        let (mut cursor, mut seen) = (None, Vec::new());
        loop {
            let asked = query(3, cursor);
            let after: u32 = asked.after_as("numbers").unwrap().unwrap_or(0);
            let limit = asked.limit().unwrap();
            let rows: Vec<u32> = (after + 1..=7).take(limit + 1).collect();
            let page = Page::of(rows, limit, "numbers", ToString::to_string);
            assert!(page.data.len() <= 3);
            seen.extend(page.data);
            cursor = page.next_cursor;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn limits_and_cursors_are_checked() {
        assert!(query(0, None).limit().is_err());
        assert!(query(101, None).limit().is_err());
        assert_eq!(query(100, None).limit().unwrap(), 100);
        let other = cursor("other", "5");
        for wrong in [other, String::new(), "%%".to_owned(), cursor("numbers", "x")] {
            assert!(query(1, Some(wrong)).after_as::<u32>("numbers").is_err());
        }
    }
}
