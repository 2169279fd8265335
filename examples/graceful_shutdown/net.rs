//! What the server asks of a network, and the two that there are here: smol's and tokio's.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Any port that is free.
const ANY: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// Connections over TCP, in five functions.
pub(crate) trait Net: Send + 'static {
    type Listener: Send + Sync + 'static;
    type Stream: Send + 'static;

    fn listen() -> impl Future<Output = io::Result<(Self::Listener, SocketAddr)>> + Send;
    fn accept(listener: &Self::Listener) -> impl Future<Output = io::Result<Self::Stream>> + Send;
    fn connect(to: SocketAddr) -> impl Future<Output = io::Result<Self::Stream>> + Send;

    /// Reads what there is, once there is something; 0 bytes at the end.
    fn read(
        stream: &mut Self::Stream,
        buffer: &mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + Send;

    fn write(
        stream: &mut Self::Stream,
        bytes: &[u8],
    ) -> impl Future<Output = io::Result<()>> + Send;
}

pub(crate) struct SmolNet;

impl Net for SmolNet {
    type Listener = smol::net::TcpListener;
    type Stream = smol::net::TcpStream;

    async fn listen() -> io::Result<(Self::Listener, SocketAddr)> {
        let listener = Self::Listener::bind(ANY).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn accept(listener: &Self::Listener) -> io::Result<Self::Stream> {
        Ok(listener.accept().await?.0)
    }

    async fn connect(to: SocketAddr) -> io::Result<Self::Stream> {
        Self::Stream::connect(to).await
    }

    async fn read(stream: &mut Self::Stream, buffer: &mut [u8]) -> io::Result<usize> {
        stream.read(buffer).await
    }

    async fn write(stream: &mut Self::Stream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(bytes).await
    }
}

pub(crate) struct TokioNet;

impl Net for TokioNet {
    type Listener = tokio::net::TcpListener;
    type Stream = tokio::net::TcpStream;

    async fn listen() -> io::Result<(Self::Listener, SocketAddr)> {
        let listener = Self::Listener::bind(ANY).await?;
        let address = listener.local_addr()?;
        Ok((listener, address))
    }

    async fn accept(listener: &Self::Listener) -> io::Result<Self::Stream> {
        Ok(listener.accept().await?.0)
    }

    async fn connect(to: SocketAddr) -> io::Result<Self::Stream> {
        Self::Stream::connect(to).await
    }

    async fn read(stream: &mut Self::Stream, buffer: &mut [u8]) -> io::Result<usize> {
        stream.read(buffer).await
    }

    async fn write(stream: &mut Self::Stream, bytes: &[u8]) -> io::Result<()> {
        stream.write_all(bytes).await
    }
}
