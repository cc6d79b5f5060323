//! As much JSON as the report needs.

/// A string with its quotes.
pub fn text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// An array of strings.
pub fn texts<T: AsRef<str>>(all: &[T]) -> String {
    format!("[{}]", all.iter().map(|t| text(t.as_ref())).collect::<Vec<_>>().join(", "))
}

/// An array of values that are JSON already, one a line.
pub fn lines(all: &[String]) -> String {
    if all.is_empty() { "[]".into() } else { format!("[\n    {}\n  ]", all.join(",\n    ")) }
}
