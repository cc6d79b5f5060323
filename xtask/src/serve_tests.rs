//! The server, with a folder of its own and over a real connection.

use super::*;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let top = std::env::temp_dir().join(format!("loopscope-serve-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&top);
        std::fs::create_dir_all(top.join("site/web")).unwrap();
        std::fs::write(top.join("secret.txt"), "secret").unwrap();
        std::fs::write(top.join("site/index.html"), "<p>page").unwrap();
        std::fs::write(top.join("site/web/page-1a2b3c4d.wasm"), [0, 97, 115, 109]).unwrap();
        std::fs::write(top.join("site/web/a b.js"), "1").unwrap();
        Self(top)
    }

    fn site(&self) -> PathBuf {
        self.0.join("site")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Sends exactly this and returns the head and the body.
fn ask(server: &Server, request: &str) -> (String, Vec<u8>) {
    let mut connection = TcpStream::connect(server.address).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut all = Vec::new();
    connection.read_to_end(&mut all).unwrap();
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap_or(all.len());
    let body = all.get(end + 4..).unwrap_or_default().to_vec();
    (String::from_utf8_lossy(&all[..end]).into_owned(), body)
}

fn get(server: &Server, path: &str) -> (String, Vec<u8>) {
    ask(server, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
}

#[test]
fn files_have_their_kinds_and_their_time_to_live() {
    let folder = Folder::new("kinds");
    let server = Server::start(&folder.site(), 0, "/").unwrap();
    let (head, body) = get(&server, "/?renderer=webgl#puzzle");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n") && head.contains("Content-Type: text/html"), "{head}");
    assert!(head.contains("Cache-Control: no-cache\r\n"), "{head}");
    assert_eq!(body, b"<p>page");
    let (head, body) = get(&server, "/web/page-1a2b3c4d.wasm");
    assert!(head.contains("Content-Type: application/wasm\r\n") && head.contains("immutable"), "{head}");
    assert_eq!(body.len(), 4);
    let (head, _) = get(&server, "/web/a%20b.js");
    assert!(head.contains("Content-Type: text/javascript"), "{head}");
    let (head, _) = get(&server, "/nothing");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
}

#[test]
fn head_has_no_body_and_other_methods_are_refused() {
    let folder = Folder::new("methods");
    let server = Server::start(&folder.site(), 0, "/").unwrap();
    let (head, body) = ask(&server, "HEAD / HTTP/1.1\r\n\r\n");
    assert!(head.contains("Content-Length: 7") && body.is_empty(), "{head}");
    let (head, _) = ask(&server, "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 405") && head.contains("Allow: GET, HEAD"), "{head}");
    assert!(ask(&server, "nonsense\r\n\r\n").0.starts_with("HTTP/1.1 400"));
    assert!(ask(&server, "GET / HTTP/2\r\n\r\n").0.starts_with("HTTP/1.1 505"));
}

#[test]
fn no_path_leads_out() {
    let folder = Folder::new("out");
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.0.join("secret.txt"), folder.site().join("link.txt")).unwrap();
    let server = Server::start(&folder.site(), 0, "/").unwrap();
    for path in [
        "/../secret.txt",
        "/web/../../secret.txt",
        "/%2e%2e/secret.txt",
        "/..%2fsecret.txt",
        "/%2E%2E%5Csecret.txt",
        "//../secret.txt",
        "/link.txt",
        "/%zz",
        "/%",
        "/%ff",
        "/index.html%00",
        "secret.txt",
    ] {
        let (head, body) = get(&server, path);
        assert!(head.starts_with("HTTP/1.1 40"), "{path}: {head}");
        assert!(!String::from_utf8_lossy(&body).contains("secret"), "{path}");
    }
}

#[test]
fn a_page_can_be_under_any_path() {
    let folder = Folder::new("under");
    let server = Server::start(&folder.site(), 0, "/some/where/").unwrap();
    assert!(server.url().ends_with("/some/where/"));
    assert_eq!(get(&server, "/some/where/").1, b"<p>page");
    for path in ["/", "/some/where"] {
        let (head, _) = get(&server, path);
        assert!(head.contains("Location: /some/where/\r\n"), "{head}");
    }
    // Without the last slash the page's relative addresses would lead elsewhere.
    assert!(get(&server, "/some/where/web").0.contains("Location: /some/where/web/\r\n"));
    assert!(get(&server, "/web/page-1a2b3c4d.wasm").0.starts_with("HTTP/1.1 404"));
}

#[test]
fn many_ask_at_once_and_the_end_is_an_end() {
    let folder = Folder::new("many");
    let server = Server::start(&folder.site(), 0, "/").unwrap();
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert_eq!(get(&server, "/").1, b"<p>page"));
        }
    });
    let address = server.address;
    drop(server);
    assert!(TcpStream::connect(address).is_err());
}
