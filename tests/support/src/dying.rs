//! A way to the API server that breaks at a chosen change: from then on nothing goes
//! through, as if the program had died there.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kube_sandbox::Sandbox;

/// Where at the change it breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaks {
    /// Before the API server has it.
    Before,
    /// After it was made, and before the answer came.
    After,
}

/// The way, with the changes that went through it.
pub struct Way {
    proxy: Child,
    to: SocketAddr,
}

impl Way {
    /// Opens a way without TLS and logins, by `kubectl proxy`.
    pub fn open(sandbox: &Sandbox) -> Self {
        let mut proxy = sandbox
            .kubectl_command()
            .unwrap()
            .args(["proxy", "--port=0", "--reject-methods=^$"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = proxy.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        // Starting to serve on 127.0.0.1:43210
        let to = line.rsplit(' ').next().unwrap().trim().parse().unwrap();
        Self { proxy, to }
    }

    /// A kubeconfig that leads over it, and how many changes were asked for. It breaks at
    /// the change of this number, counted from one.
    pub fn breaking(&self, at: usize, how: Breaks) -> (tempfile::NamedTempFile, Arc<AtomicUsize>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (count, to) = (Arc::new(AtomicUsize::new(0)), self.to);
        let counted = Arc::clone(&count);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let counted = Arc::clone(&counted);
                // A connection that breaks is what it is here for.
                std::thread::spawn(move || drop(pass(stream, to, &counted, at, how)));
            }
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: way\n\
             clusters: [{{name: way, cluster: {{server: 'http://127.0.0.1:{port}'}}}}]\n\
             contexts: [{{name: way, context: {{cluster: way, user: way}}}}]\n\
             users: [{{name: way, user: {{}}}}]\n"
        );
        std::fs::write(file.path(), text).unwrap();
        (file, count)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

fn pass(
    stream: TcpStream,
    to: SocketAddr,
    count: &AtomicUsize,
    at: usize,
    how: Breaks,
) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    {
        let mut head = String::new();
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap_or(0);
            }
            if !lower.starts_with("connection:") {
                head.push_str(&line);
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let path = head.split(' ').nth(1).unwrap_or_default();
        // Questions about rights are posted, and change nothing.
        let asks = head.starts_with("GET ") || path.contains("accessreviews");
        let number = match asks {
            true => count.load(Ordering::SeqCst),
            false => count.fetch_add(1, Ordering::SeqCst) + 1,
        };
        let is_over = number > at || (number == at && (asks || how == Breaks::Before));
        if is_over {
            return Ok(());
        }
        let mut server = TcpStream::connect(to)?;
        server.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes())?;
        server.write_all(&body)?;
        let mut answer = Vec::new();
        server.read_to_end(&mut answer)?;
        if number == at && !asks {
            return Ok(());
        }
        // The answer says that the connection ends.
        writer.write_all(&answer)
    }
}
