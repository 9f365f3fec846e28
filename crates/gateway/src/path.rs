//! Paths: which request path an offer covers.
//!
//! Invariant: gateway and upstream must agree on what a path means, or a free path could open a
//! priced resource. So a path with dot segments, encoded separators or broken escapes is refused
//! before routing, and patterns are compared with decoded segments, repeated and trailing slashes
//! and parameters (`;v=2`, which some upstreams cut off) aside.

/// Longest request path that is routed.
pub(crate) const PATH_BYTES_MAX: usize = 8 * 1024;

/// Why a request path is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// Longer than the limit.
    #[error("the path is longer than {PATH_BYTES_MAX} bytes")]
    TooLong,
    /// A `.` or `..` segment, plain or encoded.
    #[error("the path has a `.` or `..` segment; send the path that it resolves to")]
    DotSegment,
    /// An encoded `/`, `\` or NUL, or a plain backslash.
    #[error("the path has an encoded slash, backslash or NUL")]
    EncodedSeparator,
    /// Two slashes at the start.
    #[error("the path starts with two slashes, which some services take for a host")]
    LeadingSlashes,
    /// A `%` without two hex digits, or escapes that are not UTF-8.
    #[error("the path has a broken percent-escape")]
    BrokenEscape,
}

/// Decodes a path into its segments; empty segments are left out.
pub(crate) fn segments(path: &str) -> Result<Vec<String>, PathError> {
    if path.len() > PATH_BYTES_MAX {
        return Err(PathError::TooLong);
    }
    // Resolved as a URL reference, `//x/a` is the path `/a` at the host `x`.
    if path.starts_with("//") {
        return Err(PathError::LeadingSlashes);
    }
    let mut decoded = Vec::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let mut segment = decode(segment)?;
        if let Some(parameters) = segment.find(';') {
            segment.truncate(parameters);
        }
        // Parameters alone: whoever cuts them off sees a repeated slash.
        if segment.is_empty() {
            continue;
        }
        if segment == "." || segment == ".." {
            return Err(PathError::DotSegment);
        }
        if segment.contains(['/', '\\', '\0']) {
            return Err(PathError::EncodedSeparator);
        }
        // `%252e` decodes once to `%2e`; an upstream that decodes twice would see a dot segment.
        if segment.contains('%') {
            return Err(PathError::BrokenEscape);
        }
        decoded.push(segment);
    }
    Ok(decoded)
}

fn decode(segment: &str) -> Result<String, PathError> {
    if !segment.contains('%') {
        return Ok(segment.to_owned());
    }
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let high = digit(rest.next()).ok_or(PathError::BrokenEscape)?;
        let low = digit(rest.next()).ok_or(PathError::BrokenEscape)?;
        bytes.push(u8::try_from(high * 16 + low).unwrap_or(b'?'));
    }
    String::from_utf8(bytes).map_err(|_| PathError::BrokenEscape)
}

/// A pattern such as `/articles/{id}` or `/files/{*rest}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PathPattern {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Exact(String),
    Any,
    Rest,
}

/// Why a pattern is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Patterns start with a slash.
    #[error("a path pattern starts with `/`")]
    NoSlash,
    /// A segment is neither text nor `{name}`.
    #[error("the segment `{0}` must be text, `{{name}}`, or `{{*name}}` at the end")]
    Segment(String),
}

impl PathPattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if !text.starts_with('/') {
            return Err(PatternError::NoSlash);
        }
        let segments: Vec<&str> = text.split('/').filter(|segment| !segment.is_empty()).collect();
        let mut parts = Vec::new();
        for (index, segment) in segments.iter().enumerate() {
            let wrong = || PatternError::Segment((*segment).to_owned());
            let part = match segment.strip_prefix('{').map(|inner| inner.strip_suffix('}')) {
                None if segment.contains(['{', '}', '%', '\\', '?', '#', ';', '\0']) => {
                    return Err(wrong());
                }
                None if *segment == "." || *segment == ".." => return Err(wrong()),
                None => Part::Exact((*segment).to_owned()),
                Some(None) => return Err(wrong()),
                Some(Some(name)) => match name.strip_prefix('*') {
                    Some(rest) if !rest.is_empty() && index + 1 == segments.len() => Part::Rest,
                    None if !name.is_empty() && !name.contains(['{', '}']) => Part::Any,
                    _ => return Err(wrong()),
                },
            };
            parts.push(part);
        }
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn matches(&self, segments: &[String]) -> bool {
        let mut segments = segments.iter();
        for part in &self.parts {
            match (part, segments.next()) {
                (Part::Rest, Some(_)) => return true,
                (Part::Any, Some(_)) => {}
                (Part::Exact(text), Some(segment)) if text == segment => {}
                _ => return false,
            }
        }
        segments.next().is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ambiguous_paths_are_refused() {
        for (path, expected) in [
            ("/a/../b", PathError::DotSegment),
            ("/a/%2e%2e/b", PathError::DotSegment),
            ("/a/.", PathError::DotSegment),
            ("/a/..;/b", PathError::DotSegment),
            ("/a/%2e.%3bx/b", PathError::DotSegment),
            ("//x/a", PathError::LeadingSlashes),
            ("/a%2fb", PathError::EncodedSeparator),
            ("/a%5Cb", PathError::EncodedSeparator),
            ("/a\\b", PathError::EncodedSeparator),
            ("/a%00", PathError::EncodedSeparator),
            ("/a%2", PathError::BrokenEscape),
            ("/a%zz", PathError::BrokenEscape),
            ("/a%ff", PathError::BrokenEscape),
            ("/a%252e", PathError::BrokenEscape),
        ] {
            assert_eq!(segments(path), Err(expected), "{path}");
        }
        assert_eq!(segments(&"/a".repeat(5000)), Err(PathError::TooLong));
    }

    #[test]
    fn patterns_cover_every_spelling_of_a_path() {
        let pattern = PathPattern::parse("/articles/{id}").unwrap();
        for path in [
            "/articles/1",
            "/articles/1/",
            "/articles//1",
            "/%61rticles/%31",
            "/articles;v=2/1;",
            "/articles/;/1",
        ] {
            assert!(pattern.matches(&segments(path).unwrap()), "{path}");
        }
        for path in ["/articles", "/articles/1/2", "/Articles/1"] {
            assert!(!pattern.matches(&segments(path).unwrap()), "{path}");
        }
        let rest = PathPattern::parse("/files/{*rest}").unwrap();
        assert!(rest.matches(&segments("/files/a/b").unwrap()));
        assert!(!rest.matches(&segments("/files").unwrap()));
        assert!(PathPattern::parse("/").unwrap().matches(&segments("/").unwrap()));
    }

    #[test]
    fn wrong_patterns_are_named() {
        assert_eq!(PathPattern::parse("articles"), Err(PatternError::NoSlash));
        for pattern in ["/{}", "/{*}", "/{*a}/b", "/a{b}", "/{a", "/..", "/a%20b", "/a;b", "/a\0"] {
            assert!(
                matches!(PathPattern::parse(pattern), Err(PatternError::Segment(_))),
                "{pattern}"
            );
        }
    }
}
