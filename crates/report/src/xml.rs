//! Writing XML: elements that close in order, texts that are escaped and cut to the length that a
//! schema allows.
//!
//! Invariant: whatever the texts are, what comes out is well-formed XML 1.0.

/// A document under construction.
#[derive(Debug)]
pub(crate) struct Xml {
    out: String,
    open: Vec<&'static str>,
}

impl Xml {
    /// Begins with the declaration and a root element of this namespace.
    pub(crate) fn document(root: &'static str, namespace: &str) -> Self {
        let out =
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{namespace}\">");
        Self { out, open: vec![root] }
    }

    /// An element with what `inside` writes.
    pub(crate) fn element(&mut self, name: &'static str, inside: impl FnOnce(&mut Self)) {
        self.indent();
        self.put(["<", name, ">"]);
        self.open.push(name);
        inside(self);
        self.open.pop();
        self.indent();
        self.put(["</", name, ">"]);
    }

    /// An element with a text.
    pub(crate) fn leaf(&mut self, name: &'static str, text: &str) {
        self.indent();
        self.put(["<", name, ">", &escaped(text), "</", name, ">"]);
    }

    /// An amount with its currency.
    pub(crate) fn amount(&mut self, name: &'static str, currency: &str, text: &str) {
        self.indent();
        let (currency, text) = (escaped(currency), escaped(text));
        self.put(["<", name, " Ccy=\"", &currency, "\">", &text, "</", name, ">"]);
    }

    /// The whole document.
    pub(crate) fn finish(mut self) -> String {
        while let Some(name) = self.open.pop() {
            self.indent();
            self.put(["</", name, ">"]);
        }
        self.out.push('\n');
        self.out
    }

    fn put<const COUNT: usize>(&mut self, pieces: [&str; COUNT]) {
        self.out.extend(pieces);
    }

    fn indent(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("  ", self.open.len()));
    }
}

/// At most `chars_max` characters, and a text that is not blank: schemas refuse empty ones.
pub(crate) fn cut(text: &str, chars_max: usize) -> String {
    let cut: String = text.trim().chars().filter(|c| is_allowed(*c)).take(chars_max).collect();
    if cut.trim().is_empty() { "-".to_owned() } else { cut }
}

fn is_allowed(character: char) -> bool {
    !character.is_control() && character != '\u{fffe}' && character != '\u{ffff}'
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars().filter(|character| is_allowed(*character)) {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_close_and_texts_are_escaped() {
        let mut xml = Xml::document("Document", "urn:x");
        xml.element("A", |xml| {
            xml.leaf("B", "<&>\"'\u{0}\u{ffff}é");
            xml.amount("C", "USD", "1.00");
        });
        let text = xml.finish();
        assert_eq!(
            text,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Document xmlns=\"urn:x\">\n  <A>\n    \
             <B>&lt;&amp;&gt;&quot;&apos;é</B>\n    <C Ccy=\"USD\">1.00</C>\n  </A>\n</Document>\n"
        );
        assert_eq!(cut("  äbc\u{7}d ", 3), "äbc");
        assert_eq!(cut(" \n", 3), "-");
    }
}
