//! A request that is written down instead of sent.

use sockeye_data::http1::{BodyEncoder, Framing, Headers};
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::client::Client;
use super::mask::Masking;
use super::request::Request;
use super::send::Preview;
use crate::error::{Error, Kind, Operation, Result};

/// How much of a body is read at once.
const PIECE: usize = 128 << 10;

/// What [`Client::dry_run`] wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DryRun {
    /// Bytes of the head, the empty line at its end included.
    pub head_bytes: u64,
    /// Bytes of the body, in its coding and without framing.
    pub body_bytes: u64,
    /// Headers whose values are secrets, in clear text as they would be sent.
    pub secrets: Vec<String>,
}

impl Client {
    /// Write the bytes with which this request would begin, and connect to nobody: the head, then the body in its framing.
    ///
    /// Cookies and credentials that would be sent unasked are in it, **in clear text**. A body that would wait for
    /// `100 Continue` follows at once. What is written is HTTP/1, also where HTTP/2 would be spoken. Answers, and so redirects
    /// and challenges, are not played.
    ///
    /// # Errors
    ///
    /// [`Kind::Usage`] if the request cannot be written, [`Kind::Denied`] if the policy forbids it, and those of reading the
    /// body and of the writer.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves a part written.
    ///
    /// # Examples
    ///
    /// ```
    /// use sockeye::client::http::{Client, Decoding};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> sockeye::Result<()> {
    /// let client = Client::builder().user_agent(None).decoding(Decoding::off()).build();
    /// let request = client.post("http://example.org/a?b").header("Accept", "text/plain").body("hi").build()?;
    /// let mut bytes = Vec::new();
    /// client.dry_run(request, &mut bytes).await?;
    /// assert_eq!(bytes, b"POST /a?b HTTP/1.1\r\nHost: example.org\r\nAccept: text/plain\r\nContent-Length: 2\r\n\r\nhi");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn dry_run(
        &self,
        request: Request,
        to: &mut (impl AsyncWrite + Unpin),
    ) -> Result<DryRun> {
        let Preview {
            head,
            framing,
            mut request,
        } = self.preview(request)?;
        let failed = |error| Error::from_io(Operation::Write, error);
        let mut bytes = Vec::new();
        head.write(&mut bytes).map_err(unusable)?;
        to.write_all(&bytes).await.map_err(failed)?;
        let masking = Masking::default();
        let secrets = head.headers.iter().map(|field| field.name);
        let mut done = DryRun {
            head_bytes: bytes.len() as u64,
            body_bytes: 0,
            secrets: secrets
                .filter(|name| masking.masks(name))
                .map(str::to_owned)
                .collect(),
        };
        if framing != Framing::None {
            let mut encoder = BodyEncoder::new(framing);
            let mut body = request.body.open().await?;
            let mut piece = vec![0; PIECE];
            loop {
                let read = body.read(&mut piece).await;
                let read = read.map_err(|error| Error::from_io(Operation::Read, error))?;
                if read == 0 {
                    break;
                }
                bytes.clear();
                encoder
                    .write(&piece[..read], &mut bytes)
                    .map_err(unusable)?;
                to.write_all(&bytes).await.map_err(failed)?;
                done.body_bytes += read as u64;
            }
            bytes.clear();
            encoder
                .finish(&Headers::new(), &mut bytes)
                .map_err(unusable)?;
            to.write_all(&bytes).await.map_err(failed)?;
        }
        to.flush().await.map_err(failed)?;
        Ok(done)
    }
}

fn unusable(error: sockeye_data::http1::Error) -> Error {
    Error::new(Kind::Usage, Operation::Fetch, error.to_string())
}
