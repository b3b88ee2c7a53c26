//! A REST server for tests: one function answers every request, on a loopback port of its own.
//!
//! Plain threads and hand-written HTTP/1.1, one request a connection: it shares nothing with the client's
//! runtime, so a test with paused or blocked tasks cannot stop it.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::Flink;

pub(crate) struct Request {
    pub method: String,
    /// With its query.
    pub path: String,
    pub body: String,
}

pub(crate) struct Reply {
    status: u16,
    body: String,
    delay: Duration,
}

impl Reply {
    pub(crate) fn ok(body: impl Into<String>) -> Self {
        Self::status(200, body)
    }

    pub(crate) fn status(status: u16, body: impl Into<String>) -> Self {
        Self { status, body: body.into(), delay: Duration::ZERO }
    }

    pub(crate) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    pub(crate) fn not_found() -> Self {
        Self::status(404, r#"{"errors":["Unable to load requested file."]}"#)
    }
}

type Answer = dyn Fn(&Request) -> Reply + Send + Sync;

pub(crate) struct FakeRest {
    url: String,
    address: std::net::SocketAddr,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FakeRest {
    pub(crate) fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a loopback port is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let stopped = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let stopped = Arc::clone(&stopped);
            move || accept(&listener, &Arc::new(answer), &stopped)
        });
        Self { url: format!("http://{address}"), address, stopped, thread: Some(thread) }
    }

    /// Its timeout is long enough for a machine that runs all tests at once.
    pub(crate) fn client(&self) -> Flink {
        Flink::new(&self.url, Duration::from_secs(5)).expect("the address is one")
    }
}

impl Drop for FakeRest {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread out of `accept`.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

fn accept(
    listener: &TcpListener,
    answer: &Arc<impl Fn(&Request) -> Reply + Send + Sync + 'static>,
    stopped: &AtomicBool,
) {
    for stream in listener.incoming() {
        if stopped.load(Ordering::SeqCst) {
            return;
        }
        let answer: Arc<Answer> = Arc::clone(answer) as Arc<Answer>;
        if let Ok(stream) = stream {
            // A client that has given up meanwhile is no failure of the fake.
            std::thread::spawn(move || drop(serve(stream, &*answer)));
        }
    }
}

fn serve(mut stream: TcpStream, answer: &Answer) -> std::io::Result<()> {
    let request = read(&mut BufReader::new(&stream))?;
    let reply = answer(&request);
    std::thread::sleep(reply.delay);
    let Reply { status, body, .. } = reply;
    write!(stream, "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

fn read(reader: &mut impl BufRead) -> std::io::Result<Request> {
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut length = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header)?;
        let header = header.trim().to_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or_default();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(Request { method, path, body: String::from_utf8_lossy(&body).into_owned() })
}
