//! Names with a content hash: a file that may be kept for ever, since another content has another
//! name. Only `index.html` keeps its name, and it names the others.

use std::path::Path;

use crate::Done;

/// FNV-1a, folded to 32 bits. It tells builds apart; it keeps nobody out.
fn hash(bytes: impl IntoIterator<Item = u8>) -> u32 {
    let hash = bytes
        .into_iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |h, byte| (h ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    (hash >> 32) as u32 ^ hash as u32
}

/// `name-1a2b3c4d.extension`.
pub fn hashed(name: &str, extension: &str, bytes: &[u8]) -> String {
    format!("{name}-{:08x}.{extension}", hash(bytes.iter().copied()))
}

/// Whether a file's name has a hash in it.
pub fn is_hashed(name: &str) -> bool {
    name.rsplit_once('.').and_then(|(stem, _)| stem.rsplit_once('-')).is_some_and(|(_, hash)| {
        hash.len() == 8 && hash.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    })
}

/// The hand-written files of the page. They import each other, so they share one hash: a page can
/// never meet half of an older one.
pub struct Scripts {
    files: Vec<(String, String)>,
    hash: u32,
}

impl Scripts {
    /// Reads all files of the folder.
    pub fn read(folder: &Path) -> Done<Self> {
        let fail = |e| format!("{} cannot be read: {e}", folder.display());
        let mut files = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(fail)?.flatten() {
            let text = std::fs::read_to_string(entry.path()).map_err(fail)?;
            files.push((entry.file_name().to_string_lossy().into_owned(), text));
        }
        files.sort();
        Ok(Self::new(files))
    }

    fn new(files: Vec<(String, String)>) -> Self {
        let hash = hash(files.iter().flat_map(|(name, text)| name.bytes().chain([0]).chain(text.bytes()).chain([0])));
        Self { files, hash }
    }

    /// The name that this file gets.
    pub fn name(&self, file: &str) -> String {
        let (stem, extension) = file.rsplit_once('.').unwrap_or((file, "txt"));
        format!("{stem}-{:08x}.{extension}", self.hash)
    }

    /// Names and texts as the page uses them.
    pub fn named(&self) -> Vec<(String, String)> {
        let rename = |text: &str| {
            self.files.iter().fold(text.to_owned(), |text, (file, _)| {
                text.replace(&format!("\"./{file}\""), &format!("\"./{}\"", self.name(file)))
            })
        };
        self.files.iter().map(|(file, text)| (self.name(file), rename(text))).collect()
    }

    /// The names of what a file imports, and of what that imports.
    pub fn imported_by(&self, file: &str) -> Vec<String> {
        let mut found: Vec<&str> = vec![file];
        let mut at = 0;
        while let Some(&file) = found.get(at) {
            let text = self.files.iter().find(|(name, _)| name == file).map_or("", |(_, text)| text);
            for (name, _) in &self.files {
                if text.contains(&format!("from \"./{name}\"")) && !found.contains(&name.as_str()) {
                    found.push(name);
                }
            }
            at += 1;
        }
        found[1..].iter().map(|file| self.name(file)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_fnv() {
        // Published values of the 64-bit FNV-1a: "" and "a".
        assert_eq!(hash(*b""), 0xcbf2_9ce4 ^ 0x8422_2325);
        assert_eq!(hash(*b"a"), 0xaf63_dc4c ^ 0x8601_ec8c);
        assert_eq!(hashed("page", "js", b"a"), "page-296230c0.js");
    }

    #[test]
    fn names_with_a_hash_are_known() {
        assert!(is_hashed("page-1a2b3c4d.wasm"));
        for name in ["index.html", "page.js", "two-words.js", "page-1A2B3C4D.js", "1a2b3c4d.js"] {
            assert!(!is_hashed(name), "{name}");
        }
    }

    #[test]
    fn scripts_import_each_other_by_their_new_names() {
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        let scripts = Scripts::new(vec![
            file("a.js", "import { b } from \"./b.js\";"),
            file("b.js", "import { c } from \"./c.js\";"),
            file("c.js", ""),
            file("worker.js", ""),
        ]);
        let named = scripts.named();
        assert!(is_hashed(&named[0].0));
        assert_eq!(named[0].1, format!("import {{ b }} from \"./{}\";", named[1].0));
        assert_eq!(scripts.imported_by("a.js"), [scripts.name("b.js"), scripts.name("c.js")]);
    }
}
