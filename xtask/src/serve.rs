//! A small server of files, for looking at the page and for its tests: HTTP/1.1, GET and HEAD, on
//! this machine only.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::options::Options;
use crate::{Done, names, web};

/// More than any browser sends before the body.
const LONGEST_HEAD: usize = 32 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);

/// `cargo xtask serve`.
pub fn run(options: &Options) -> Done<bool> {
    options.only(&["port", "out"])?;
    let port = options.number("port", 8080_u16)?;
    let out = web::folder(options);
    web::build(&out)?;
    let server = Server::start(&out, port, "/")?;
    println!("{} (Ctrl-C ends it)", server.url());
    server.wait();
    Ok(true)
}

/// A running server; ends with this value.
pub struct Server {
    address: SocketAddr,
    under: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `folder` under the path `under` (`/` or `/some/where/`). Port 0 takes a free one.
    pub fn start(folder: &Path, port: u16, under: &str) -> Done<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .map_err(|e| format!("port {port} cannot be used: {e}; choose another with --port"))?;
        let address = listener.local_addr().map_err(|e| format!("the server has no address: {e}"))?;
        let folder = folder.canonicalize().map_err(|e| format!("{} cannot be served: {e}", folder.display()))?;
        let stop = Arc::new(AtomicBool::new(false));
        let site = Arc::new(Site { folder, under: under.to_owned() });
        let ended = Arc::clone(&stop);
        let thread = thread::spawn(move || {
            for connection in listener.incoming() {
                if ended.load(Ordering::Relaxed) {
                    break;
                }
                let site = Arc::clone(&site);
                if let Ok(connection) = connection {
                    // A browser that goes away in the middle is nobody's fault.
                    thread::spawn(move || site.talk(connection).ok());
                }
            }
        });
        Ok(Self { address, under: under.to_owned(), stop, thread: Some(thread) })
    }

    /// The address of the page.
    pub fn url(&self) -> String {
        format!("http://{}{}", self.address, self.under)
    }

    /// Serves until the program is ended.
    fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        // The thread waits for a connection: this is one.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Site {
    folder: PathBuf,
    under: String,
}

struct Answer {
    status: &'static str,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Answer {
    fn words(status: &'static str) -> Self {
        let headers = vec![("Content-Type", "text/plain; charset=utf-8".into()), ("Cache-Control", "no-store".into())];
        Self { status, headers, body: format!("{status}\n").into_bytes() }
    }

    fn moved(to: String) -> Self {
        let mut answer = Self::words("307 Temporary Redirect");
        answer.headers.push(("Location", to));
        answer
    }
}

impl Site {
    /// One request, one answer, the end: a page has a dozen files.
    fn talk(&self, mut connection: TcpStream) -> std::io::Result<()> {
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_write_timeout(Some(PATIENCE))?;
        let Some(head) = read_head(&mut connection)? else { return Ok(()) };
        let (answer, with_body) = self.answer(&head);
        let mut out = format!("HTTP/1.1 {}\r\n", answer.status);
        for (name, value) in &answer.headers {
            out += &format!("{name}: {value}\r\n");
        }
        out += &format!("Content-Length: {}\r\n", answer.body.len());
        out += "X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";
        connection.write_all(out.as_bytes())?;
        if with_body {
            connection.write_all(&answer.body)?;
        }
        connection.flush()
    }

    /// The answer, and whether its body is sent.
    fn answer(&self, head: &str) -> (Answer, bool) {
        let mut words = head.lines().next().unwrap_or_default().split(' ');
        let (Some(method), Some(target), Some(version)) = (words.next(), words.next(), words.next()) else {
            return (Answer::words("400 Bad Request"), true);
        };
        if !version.starts_with("HTTP/1.") {
            return (Answer::words("505 HTTP Version Not Supported"), true);
        }
        match method {
            "GET" => (self.file(target), true),
            "HEAD" => (self.file(target), false),
            _ => {
                let mut answer = Answer::words("405 Method Not Allowed");
                answer.headers.push(("Allow", "GET, HEAD".into()));
                (answer, true)
            }
        }
    }

    fn file(&self, target: &str) -> Answer {
        let path = target.split(['?', '#']).next().unwrap_or_default();
        let Some(inside) = path.strip_prefix(self.under.as_str()) else {
            // Relative addresses need the last slash.
            return if path == "/" || format!("{path}/") == self.under {
                Answer::moved(self.under.clone())
            } else {
                Answer::words("404 Not Found")
            };
        };
        let Some(relative) = relative(inside) else { return Answer::words("400 Bad Request") };
        let mut file = self.folder.join(relative);
        if file.is_dir() {
            if !path.ends_with('/') {
                return Answer::moved(format!("{path}/"));
            }
            file = file.join("index.html");
        }
        // A link in the folder may lead out of it.
        let inside = file.canonicalize().is_ok_and(|real| real.starts_with(&self.folder));
        match std::fs::read(&file) {
            Ok(body) if inside => {
                let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
                let kept = if names::is_hashed(&name) { "public, max-age=31536000, immutable" } else { "no-cache" };
                let headers = vec![("Content-Type", kind(&name).to_owned()), ("Cache-Control", kept.to_owned())];
                Answer { status: "200 OK", headers, body }
            }
            _ => Answer::words("404 Not Found"),
        }
    }
}

/// Everything before the empty line; none where a connection brings nothing.
fn read_head(connection: &mut impl Read) -> std::io::Result<Option<String>> {
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|w| w == b"\r\n\r\n") {
        let read = connection.read(&mut buffer)?;
        if read == 0 || head.len() > LONGEST_HEAD {
            return Ok(None);
        }
        head.extend_from_slice(&buffer[..read]);
    }
    Ok(Some(String::from_utf8_lossy(&head).into_owned()))
}

/// The path below the folder, or none where it would lead anywhere else.
fn relative(path: &str) -> Option<PathBuf> {
    let decoded = decode(path)?;
    let mut out = PathBuf::new();
    for part in decoded.split('/').filter(|part| !part.is_empty() && *part != ".") {
        // A drive, a stream of a file or another separator where the system has such things.
        if part == ".." || part.contains(['\\', ':', '\0']) {
            return None;
        }
        out.push(part);
    }
    Some(out)
}

fn decode(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'%' {
            let mut digit = || char::from(bytes.next()?).to_digit(16);
            out.push((digit()? * 16 + digit()?) as u8);
        } else {
            out.push(byte);
        }
    }
    String::from_utf8(out).ok()
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" => "application/json",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
