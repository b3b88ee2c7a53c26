//! Ports for the services of a local cluster.
//!
//! A free port is found by binding to port 0 and letting go; another process can take it before the service
//! binds it. That race is rare and cannot be closed from outside, so a service that fails to start is
//! started once more on other ports (see `local`).

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use crate::error::{Error, Result};

/// `count` different free ports of the loopback interface.
pub fn free(count: usize) -> Result<Vec<u16>> {
    let held = (0..count)
        .map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(|error| Error::target(format!("no free port on 127.0.0.1: {error}")))?;
    held.iter()
        .map(|listener| listener.local_addr().map(|address| address.port()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(|error| Error::io("read the number of a port", error))
}

/// Fails if the port that the script asked for cannot be bound.
pub fn require_free(port: u16, option: &str) -> Result<()> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map(drop).map_err(|error| {
        Error::target(format!("port {port}, asked for by `{option}`, is not free on 127.0.0.1: {error}"))
            .hint(format!("end what listens there (`ss -ltnp 'sport = :{port}'` names it), or leave out `{option}`: a free port is taken then"))
    })
}

#[must_use]
pub fn answers(port: u16) -> bool {
    TcpStream::connect_timeout(&(Ipv4Addr::LOCALHOST, port).into(), Duration::from_millis(200)).is_ok()
}
