//! Accepts connections, in bounded number, and serves each with deadlines for all it does.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use log::{debug, warn};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpListener;
use tokio::time::Sleep;

use super::limits::{Answering, Limits, Ticket};
use super::publish::Publisher;
use super::server::Peer;
use super::tls::Tls;

/// Longest time for a request's headers, and between two requests of a connection.
const HEADERS: Duration = Duration::from_secs(10);
/// Longest time that a client may take nothing of an answer.
const STALLS: Duration = Duration::from_secs(30);
/// Largest headers, in bytes, and most of them.
const LARGEST: usize = 16 << 10;
const MOST_HEADERS: usize = 64;
/// Pause when no connection can be accepted.
const PAUSE: Duration = Duration::from_millis(200);

/// Serves until the runtime ends.
pub async fn serve(
    listener: TcpListener,
    mut tls: Option<Tls>,
    routes: Router,
    limits: Arc<Limits>,
    publisher: Arc<Publisher>,
) {
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(why) => {
                if !is_of_connection(&why) {
                    warn!("no connection can be accepted: {why}");
                    tokio::time::sleep(PAUSE).await;
                }
                continue;
            }
        };
        let Some(ticket) = limits.admit(from.ip()) else {
            publisher.refuse();
            continue;
        };
        let acceptor = tls.as_mut().map(Tls::acceptor);
        let routes = routes.clone();
        tokio::spawn(async move {
            let ticket = Arc::new(ticket);
            let served = async {
                match acceptor {
                    None => converse(stream, from, false, routes, Arc::clone(&ticket)).await,
                    Some(acceptor) => match acceptor.accept(Patient::new(stream)).await {
                        Ok(stream) => {
                            converse(stream, from, true, routes, Arc::clone(&ticket)).await
                        }
                        Err(why) => debug!("{from}: {why}"),
                    },
                }
            };
            tokio::select! {
                () = served => {}
                () = ticket.evicted() => debug!("{from}: another needs the room"),
            }
        });
        // Those that are evicted close before more are accepted, however many come.
        tokio::task::yield_now().await;
    }
}

fn is_of_connection(why: &io::Error) -> bool {
    matches!(
        why.kind(),
        io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}

/// Answers the requests of a connection.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    address: SocketAddr,
    is_tls: bool,
    routes: Router,
    ticket: Arc<Ticket>,
) {
    let routes = TowerToHyperService::new(routes);
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        let answering = ticket.answer();
        request.extensions_mut().insert(Peer { address, is_tls });
        let answer = routes.call(request);
        async move {
            let answer = answer.await?;
            Ok::<_, std::convert::Infallible>(
                answer.map(|body| Whole { body, _answering: answering }),
            )
        }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS)
        .max_buf_size(LARGEST)
        .max_headers(MOST_HEADERS)
        .serve_connection(TokioIo::new(Patient::new(stream)), service);
    if let Err(why) = served.await {
        debug!("{address}: {why}");
    }
}

/// An answer that counts as being given until it is whole.
struct Whole {
    body: Body,
    _answering: Answering,
}

impl http_body::Body for Whole {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream whose writes fail when the other side takes nothing for too long.
struct Patient<S> {
    stream: S,
    stalls: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    fn new(stream: S) -> Self {
        Self { stream, stalls: None }
    }

    /// Result of a write, or a timeout.
    fn within<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalls = None;
            return written;
        }
        let stalls = self.stalls.get_or_insert_with(|| Box::pin(tokio::time::sleep(STALLS)));
        ready!(stalls.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.within(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.within(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(context);
        self.within(context, ended)
    }
}
