//! Bytes that processes sent and received over TCP, without root: the kernel's own count of each socket.
//!
//! /proc has no network counter of a process. The kernel lists every TCP socket with its inode, what its peer
//! acknowledged and what it received; the inode stands among the open files of the process that owns it. What a
//! process sent is the sum of what its sockets gained between two looks. A socket that lives and dies between
//! two looks is missed, and of each socket what it carried after the last look; so are UDP and Unix sockets.

use std::collections::{HashMap, HashSet};
use std::fs;

use netlink_packet_core::{NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
use netlink_packet_sock_diag::SockDiagMessage;
use netlink_packet_sock_diag::constants::{AF_INET, AF_INET6, IPPROTO_TCP};
use netlink_packet_sock_diag::inet::nlas::Nla;
use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, InetResponse, SocketId, StateFlags};
use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr};

use crate::error::{Error, Result};

/// `tcpi_bytes_acked` and `tcpi_bytes_received` of `struct tcp_info`, which only ever grows at its end
/// (linux/tcp.h; both came with Linux 4.1).
const BYTES_ACKED_AT: usize = 120;
const BYTES_RECEIVED_AT: usize = 128;

/// The kernel fills no message beyond this.
const LONGEST_MESSAGE: usize = 64 << 10;

/// A socket that has no owner among the processes is looked for so often, because it is listed a moment before
/// it stands among the files of its process.
const LOOKS_FOR_OWNER: u32 = 2;

/// Bytes since a process was first looked at, and before that by the sockets it then had.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Traffic {
    pub sent: u64,
    pub received: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TcpSocket {
    pub inode: u32,
    pub traffic: Traffic,
}

/// Who owns which socket, and what all sockets of each process carried.
#[derive(Debug, Default)]
pub struct Ledger {
    known: HashMap<u32, Known>,
    carried: HashMap<u32, Traffic>,
}

#[derive(Clone, Copy, Debug)]
struct Known {
    owner: Owner,
    seen: Traffic,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Owner {
    Process(u32),
    /// Not found so many times.
    Unknown(u32),
}

impl Ledger {
    /// Takes a list of all sockets in; `files` gives the inodes that a process has open.
    pub fn update(&mut self, pids: &[u32], sockets: &[TcpSocket], files: impl Fn(u32) -> HashSet<u32>) {
        self.carried.retain(|pid, _| pids.contains(pid));
        for pid in pids {
            self.carried.entry(*pid).or_default();
        }
        let listed: HashSet<u32> = sockets.iter().map(|socket| socket.inode).collect();
        self.known.retain(|inode, _| listed.contains(inode));
        self.find_owners(pids, sockets, files);
        for TcpSocket { inode, traffic } in sockets {
            let Some(known) = self.known.get_mut(inode) else { continue };
            let Owner::Process(pid) = known.owner else { continue };
            if let Some(carried) = self.carried.get_mut(&pid) {
                carried.sent += traffic.sent.saturating_sub(known.seen.sent);
                carried.received += traffic.received.saturating_sub(known.seen.received);
            }
            known.seen = *traffic;
        }
    }

    /// Reads the open files only where there is a socket whose owner is worth looking for.
    fn find_owners(&mut self, pids: &[u32], sockets: &[TcpSocket], files: impl Fn(u32) -> HashSet<u32>) {
        let looked_for = |known: Option<&Known>| match known.map(|known| known.owner) {
            None => true,
            Some(Owner::Unknown(looks)) => looks < LOOKS_FOR_OWNER,
            Some(Owner::Process(_)) => false,
        };
        let open: Vec<u32> =
            sockets.iter().map(|socket| socket.inode).filter(|inode| looked_for(self.known.get(inode))).collect();
        if open.is_empty() {
            return;
        }
        let files: Vec<(u32, HashSet<u32>)> = pids.iter().map(|pid| (*pid, files(*pid))).collect();
        for inode in open {
            let owner = files.iter().find(|(_, inodes)| inodes.contains(&inode)).map(|(pid, _)| *pid);
            let known = self.known.entry(inode).or_insert(Known { owner: Owner::Unknown(0), seen: Traffic::default() });
            known.owner = match (owner, known.owner) {
                (Some(pid), _) => Owner::Process(pid),
                (None, Owner::Unknown(looks)) => Owner::Unknown(looks + 1),
                (None, owner) => owner,
            };
        }
    }

    pub fn traffic(&self, pid: u32) -> Option<Traffic> {
        self.carried.get(&pid).copied()
    }
}

/// All TCP sockets of this machine's network namespace that carry or carried data.
pub fn list() -> Result<Vec<TcpSocket>> {
    let cannot = |error| Error::io("ask the kernel for its TCP sockets", error);
    let mut socket = Socket::new(NETLINK_SOCK_DIAG).map_err(cannot)?;
    socket.bind_auto().and_then(|_| socket.connect(&SocketAddr::new(0, 0))).map_err(cannot)?;
    let mut sockets = Vec::new();
    for (family, socket_id) in [(AF_INET, SocketId::new_v4()), (AF_INET6, SocketId::new_v6())] {
        let mut states = StateFlags::all();
        states.remove(StateFlags::LISTEN | StateFlags::TIME_WAIT);
        let request =
            InetRequest { family, protocol: IPPROTO_TCP, extensions: ExtensionFlags::INFO, states, socket_id };
        dump(&socket, request, &mut sockets)?;
    }
    Ok(sockets)
}

fn dump(socket: &Socket, request: InetRequest, sockets: &mut Vec<TcpSocket>) -> Result<()> {
    let cannot = |error| Error::io("ask the kernel for its TCP sockets", error);
    let mut header = NetlinkHeader::default();
    header.flags = NLM_F_REQUEST | NLM_F_DUMP;
    let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
    message.finalize();
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    socket.send(&bytes, 0).map_err(cannot)?;
    let mut buffer = vec![0; LONGEST_MESSAGE];
    loop {
        let length = socket.recv(&mut &mut buffer[..], 0).map_err(cannot)?;
        if take(&buffer[..length.min(buffer.len())], sockets)? {
            return Ok(());
        }
    }
}

/// Takes the messages of one datagram; true at the last one.
fn take(mut bytes: &[u8], sockets: &mut Vec<TcpSocket>) -> Result<bool> {
    let strange = |what: String| Error::target(format!("the kernel's list of TCP sockets cannot be read: {what}"));
    while !bytes.is_empty() {
        let message =
            NetlinkMessage::<SockDiagMessage>::deserialize(bytes).map_err(|error| strange(error.to_string()))?;
        match message.payload {
            NetlinkPayload::Done(_) => return Ok(true),
            NetlinkPayload::Error(error) => return Err(strange(error.to_string())),
            NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(response)) => sockets.extend(read(&response)),
            _ => {}
        }
        // Messages are padded to four bytes.
        let length = (message.header.length as usize).next_multiple_of(4);
        if length == 0 {
            return Err(strange("an empty message".into()));
        }
        bytes = bytes.get(length..).unwrap_or_default();
    }
    Ok(false)
}

/// None of a socket that no process has (its inode is 0), or that tells no counters.
fn read(response: &InetResponse) -> Option<TcpSocket> {
    let info = response.nlas.iter().find_map(|nla| match nla {
        Nla::TcpInfo(bytes) => Some(bytes.as_slice()),
        _ => None,
    })?;
    let counter = |at: usize| Some(u64::from_ne_bytes(info.get(at..at + 8)?.try_into().ok()?));
    let traffic = Traffic { sent: counter(BYTES_ACKED_AT)?, received: counter(BYTES_RECEIVED_AT)? };
    let inode = response.header.inode;
    (inode != 0).then_some(TcpSocket { inode, traffic })
}

/// The inodes of the sockets that a process has open; none where it has ended.
pub fn open_sockets(pid: u32) -> HashSet<u32> {
    let Ok(files) = fs::read_dir(format!("/proc/{pid}/fd")) else { return HashSet::new() };
    let inode = |link: std::path::PathBuf| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
    files.flatten().filter_map(|file| inode(fs::read_link(file.path()).ok()?)).collect()
}
