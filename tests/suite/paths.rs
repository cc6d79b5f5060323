//! Paths in Rust source: enough of a reader to tell code from comments and strings, to take `use`
//! trees apart, and to know where `super` leads.

use std::path::Path;

/// A path, from the crate's root (`crate`, …) or from another crate.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// From 1.
    pub line: usize,
    /// Its names.
    pub path: Vec<String>,
}

/// The module of a file under `src`.
pub fn module_of(file: &Path) -> Vec<String> {
    let mut names: Vec<String> = file.with_extension("").iter().map(|n| n.to_string_lossy().into_owned()).collect();
    if names.last().is_some_and(|n| n == "mod" || n == "lib" || n == "main") {
        names.pop();
    }
    names
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Name(String),
    /// `::`
    Colons,
    Sign(char),
}

/// All paths of a file with more than one name, or that stand in a `use`.
pub fn find(text: &str, module: &[String]) -> Vec<Found> {
    let tokens = tokens(text);
    let mut reader =
        Reader { tokens: &tokens, at: 0, module: module.to_vec(), depth: 0, inner: Vec::new(), found: Vec::new() };
    reader.all();
    reader.found
}

struct Reader<'a> {
    tokens: &'a [(usize, Token)],
    at: usize,
    module: Vec<String>,
    /// Braces open.
    depth: usize,
    /// At which depth an inline module began.
    inner: Vec<usize>,
    found: Vec<Found>,
}

impl Reader<'_> {
    fn peek(&self, ahead: usize) -> Option<&Token> {
        self.tokens.get(self.at + ahead).map(|(_, t)| t)
    }

    fn all(&mut self) {
        while let Some(token) = self.peek(0).cloned() {
            match token {
                Token::Name(n) if n == "use" => {
                    self.at += 1;
                    self.tree(&[]);
                }
                Token::Name(n) if n == "mod" => self.module_begins(),
                Token::Name(_) => {
                    let after_dot =
                        self.at > 0 && matches!(self.tokens[self.at - 1].1, Token::Sign('.') | Token::Colons);
                    let names = self.names();
                    if names.len() > 1 && !after_dot {
                        self.keep(&names);
                    }
                }
                Token::Sign('{') => {
                    self.depth += 1;
                    self.at += 1;
                }
                Token::Sign('}') => {
                    if self.inner.last() == Some(&self.depth) {
                        self.inner.pop();
                        self.module.pop();
                    }
                    self.depth = self.depth.saturating_sub(1);
                    self.at += 1;
                }
                _ => self.at += 1,
            }
        }
    }

    /// `mod name {` goes one deeper; `mod name;` does not.
    fn module_begins(&mut self) {
        if let (Some(Token::Name(name)), Some(Token::Sign('{'))) = (self.peek(1).cloned(), self.peek(2)) {
            self.module.push(name);
            self.depth += 1;
            self.inner.push(self.depth);
            self.at += 3;
        } else {
            self.at += 1;
        }
    }

    /// `a::b::c`; stops before `::{`, `::*` and `::<`.
    fn names(&mut self) -> Vec<String> {
        let mut names = Vec::new();
        while let Some(Token::Name(name)) = self.peek(0).cloned() {
            names.push(name);
            self.at += 1;
            if let (Some(Token::Colons), Some(Token::Name(_))) = (self.peek(0), self.peek(1)) {
                self.at += 1;
            } else {
                break;
            }
        }
        names
    }

    /// One branch of a `use`, up to its comma, brace or semicolon.
    fn tree(&mut self, before: &[String]) {
        if self.peek(0) == Some(&Token::Colons) {
            self.at += 1;
        }
        let mut path = before.to_vec();
        path.extend(self.names());
        if self.peek(0) == Some(&Token::Colons) {
            self.at += 1;
        }
        if self.peek(0) == Some(&Token::Sign('{')) {
            self.at += 1;
            while self.peek(0).is_some_and(|t| *t != Token::Sign('}')) {
                self.tree(&path);
                while self.peek(0).is_some_and(|t| !matches!(t, Token::Sign(',' | '}'))) {
                    self.at += 1;
                }
                if self.peek(0) == Some(&Token::Sign(',')) {
                    self.at += 1;
                }
            }
            self.at += 1;
            return;
        }
        self.keep(&path);
        // `as other`, `*`
        while self.peek(0).is_some_and(|t| !matches!(t, Token::Sign(',' | '}' | ';'))) {
            self.at += 1;
        }
    }

    /// Resolves `self` and `super` against the module that the path stands in.
    fn keep(&mut self, names: &[String]) {
        let line = self.tokens.get(self.at.saturating_sub(1)).map_or(0, |(line, _)| *line);
        let mut module = self.module.clone();
        let relative = names.iter().take_while(|n| *n == "self" || *n == "super").count();
        for name in &names[..relative] {
            if name == "super" {
                module.pop();
            }
        }
        let path = if relative > 0 {
            [vec!["crate".to_owned()], module, names[relative..].to_vec()].concat()
        } else {
            names.to_vec()
        };
        if !path.is_empty() {
            self.found.push(Found { line, path });
        }
    }
}

fn tokens(text: &str) -> Vec<(usize, Token)> {
    let chars: Vec<char> = text.chars().collect();
    let (mut at, mut line, mut out) = (0, 1, Vec::new());
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    while let Some(&c) = chars.get(at) {
        let next = chars.get(at + 1).copied().unwrap_or(' ');
        let begin = at;
        match c {
            '/' if next == '/' => at = until(&chars, at, |i| chars[i] == '\n'),
            '/' if next == '*' => at = comment(&chars, at),
            '"' => at = string(&chars, at),
            'r' | 'b' | 'c' if raw(&chars, at).is_some() => at = raw(&chars, at).unwrap_or(at + 1),
            '\'' => at = quote(&chars, at),
            _ if is_name(c) => {
                at = until(&chars, at, |i| !is_name(chars[i]));
                out.push((line, Token::Name(chars[begin..at].iter().collect())));
            }
            ':' if next == ':' => {
                out.push((line, Token::Colons));
                at += 2;
            }
            _ => {
                if !c.is_whitespace() {
                    out.push((line, Token::Sign(c)));
                }
                at += 1;
            }
        }
        line += chars[begin..at.min(chars.len())].iter().filter(|c| **c == '\n').count();
    }
    out
}

fn until(chars: &[char], from: usize, stop: impl Fn(usize) -> bool) -> usize {
    (from..chars.len()).find(|i| stop(*i)).unwrap_or(chars.len())
}

/// Comments nest.
fn comment(chars: &[char], from: usize) -> usize {
    let (mut depth, mut at) = (0_usize, from);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

fn string(chars: &[char], from: usize) -> usize {
    let mut at = from + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    at
}

/// The end of `r"…"`, `br#"…"#`, `b"…"`, if one begins here.
fn raw(chars: &[char], from: usize) -> Option<usize> {
    if from > 0 && (chars[from - 1].is_alphanumeric() || chars[from - 1] == '_') {
        return None;
    }
    let prefix = until(chars, from, |i| !matches!(chars[i], 'r' | 'b' | 'c'));
    let hashes = until(chars, prefix, |i| chars[i] != '#') - prefix;
    if prefix - from > 2 || chars.get(prefix + hashes) != Some(&'"') {
        return None;
    }
    if !chars[from..prefix].contains(&'r') {
        return (hashes == 0).then(|| string(chars, prefix));
    }
    let ends = |i: usize| chars[i] == '"' && (1..=hashes).all(|h| chars.get(i + h) == Some(&'#'));
    Some((until(chars, prefix + hashes + 1, ends) + 1 + hashes).min(chars.len()))
}

/// A character or a lifetime.
fn quote(chars: &[char], from: usize) -> usize {
    match (chars.get(from + 1), chars.get(from + 2)) {
        (Some('\\'), _) => until(chars, from + 3, |i| chars[i] == '\'') + 1,
        (Some(_), Some('\'')) => from + 3,
        _ => from + 1,
    }
}
