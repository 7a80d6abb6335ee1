//! Signatures of Release files, seen as a few operations; which program makes them is left to whoever implements it.

pub mod gpg;
mod key;
mod message;
mod said;

use crate::failure::Result;

/// Signs, and checks what was signed, with one key. No private key is ever read by us.
pub trait Signer: Send + Sync {
    /// Whether it could sign now: to be asked before anything is written. It may ask the user for a passphrase.
    ///
    /// # Errors
    /// As [`Signer::clearsign`].
    fn ready(&self) -> Result<()> {
        Ok(())
    }

    /// The text as a clear-signed message (RFC 9580, section 7): `InRelease`.
    ///
    /// # Errors
    /// When the key cannot sign: absent, expired, locked, or its agent is gone. When a line of the text ends in white space, which the
    /// signature would not cover.
    fn clearsign(&self, text: &str) -> Result<Vec<u8>>;

    /// An armoured detached signature of the text: `Release.gpg`.
    ///
    /// # Errors
    /// As [`Signer::clearsign`].
    fn detach(&self, text: &str) -> Result<Vec<u8>>;

    /// The text inside a clear-signed message, when this key signed it, all of it, and nothing stands beside it.
    ///
    /// # Errors
    /// [`Kind::Source`](crate::failure::Kind::Source) when it did not; other kinds when that cannot be found out.
    fn verified(&self, message: &[u8]) -> Result<String>;

    /// As [`Signer::verified`], when this key or one that signed the repository before it did.
    ///
    /// # Errors
    /// As [`Signer::verified`].
    fn believed(&self, message: &[u8]) -> Result<String> {
        self.verified(message)
    }

    /// That this is a detached signature of the text by this key, or by one that signed the repository before it.
    ///
    /// # Errors
    /// As [`Signer::verified`].
    fn believed_detached(&self, text: &str, signature: &[u8]) -> Result<()>;
}
