//! An HTTP server that answers by itself, or lets a request through to a real registry.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// A request.
#[derive(Clone, Debug)]
pub struct Request {
    /// Method.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Headers, by their names in lower case.
    pub headers: BTreeMap<String, String>,
    /// Body.
    pub body: Vec<u8>,
}

/// What is answered.
pub enum Answer {
    /// What the registry behind answers.
    Through,
    /// A status, headers and a body.
    With(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// A status and headers, and then so many bytes of nothing, without end to be held.
    Flood(Vec<(&'static str, String)>, u64),
    /// The body is cut off after so many of its bytes.
    Cut(Vec<u8>, usize),
    /// Nothing for so long.
    Silence(Duration),
}

type Decide = dyn Fn(&Request) -> Answer + Send + Sync;

/// A running server. It ends when it is dropped.
pub struct Front {
    address: String,
    seen: Arc<Mutex<Vec<Request>>>,
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Front {
    /// Starts one before the registry at an address.
    pub fn start(
        behind: &str,
        decide: impl Fn(&Request) -> Answer + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let is_over = Arc::new(AtomicBool::new(false));
        let (behind, decide): (Arc<str>, Arc<Decide>) = (behind.into(), Arc::new(decide));
        let (noted, over) = (Arc::clone(&seen), Arc::clone(&is_over));
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let (behind, decide) = (Arc::clone(&behind), Arc::clone(&decide));
                let noted = Arc::clone(&noted);
                // A client that goes away is its own affair.
                std::thread::spawn(move || drop(serve(stream, &behind, &*decide, &noted)));
            }
        });
        Ok(Self { address, seen, is_over, thread: Some(thread) })
    }

    /// Where it listens, `127.0.0.1:PORT`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The requests that came so far.
    pub fn seen(&self) -> Vec<Request> {
        self.seen.lock().map(|seen| seen.clone()).unwrap_or_default()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // It waits for a connection.
        drop(TcpStream::connect(&self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn serve(
    stream: TcpStream,
    behind: &str,
    decide: &Decide,
    seen: &Mutex<Vec<Request>>,
) -> anyhow::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut stream = stream;
    let request = read(&mut reader)?;
    if request.method.is_empty() {
        // A client that only looks whether anything listens.
        return Ok(());
    }
    if let Ok(mut seen) = seen.lock() {
        seen.push(request.clone());
    }
    match decide(&request) {
        Answer::Through => through(&mut stream, behind, &request),
        Answer::With(status, headers, body) => {
            head(&mut stream, status, &headers, body.len() as u64)?;
            if request.method != "HEAD" {
                stream.write_all(&body)?;
            }
            Ok(())
        }
        Answer::Flood(headers, bytes) => {
            head(&mut stream, 200, &headers, bytes)?;
            let zeros = [0u8; 1 << 16];
            let mut left = bytes;
            while left > 0 {
                let now = left.min(zeros.len() as u64) as usize;
                stream.write_all(&zeros[..now])?;
                left -= now as u64;
            }
            Ok(())
        }
        Answer::Cut(body, after) => {
            head(&mut stream, 200, &[], body.len() as u64)?;
            Ok(stream.write_all(&body[..after])?)
        }
        Answer::Silence(time) => {
            std::thread::sleep(time);
            Ok(())
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> anyhow::Result<Request> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut parts = line.split_whitespace().map(str::to_owned);
    let method = parts.next().unwrap_or_default();
    let path = parts.next().unwrap_or_default();
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        match line.trim_end().split_once(':') {
            Some((name, value)) => {
                headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
            }
            None => break,
        }
    }
    let length = headers.get("content-length").and_then(|text| text.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    Ok(Request { method, path, headers, body })
}

fn head(
    stream: &mut TcpStream,
    status: u16,
    headers: &[(&str, String)],
    length: u64,
) -> anyhow::Result<()> {
    let mut text =
        format!("HTTP/1.1 {status} .\r\nconnection: close\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    Ok(stream.write_all(text.as_bytes())?)
}

fn through(stream: &mut TcpStream, behind: &str, request: &Request) -> anyhow::Result<()> {
    let mut registry = TcpStream::connect(behind)?;
    let mut text = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
    let own = ["host", "connection", "authorization"];
    for (name, value) in request.headers.iter().filter(|(name, _)| !own.contains(&name.as_str())) {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str(&format!("host: {behind}\r\nconnection: close\r\n\r\n"));
    registry.write_all(text.as_bytes())?;
    registry.write_all(&request.body)?;
    std::io::copy(&mut registry, stream)?;
    Ok(())
}
