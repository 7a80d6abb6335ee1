//! Compression of image segments: the formats that the kernel unpacks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How a segment is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// The smallest; slowest to unpack.
    #[default]
    Xz,
    /// Quick to unpack.
    Zstd,
    /// Quickest to unpack.
    Lz4,
}
