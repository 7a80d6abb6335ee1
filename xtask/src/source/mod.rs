//! Where bytes come from: Debian's archive, the network, a folder; pinned by digest in
//! `recipes/sources.lock`, verified whatever the way they came. Unpacking archives is `image`'s.

pub mod apt;
pub mod debian_source;
pub mod fetch;
pub mod lists;
pub mod lock;
pub mod mirror;
pub mod refresh;
pub mod resolve;
pub mod spec;
pub mod sysroot;
