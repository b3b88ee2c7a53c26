//! Brings what a local cluster is made of into the user's cache, once.
//!
//! Maven does the downloading: it verifies checksums, keeps its own cache, and honours the mirror and proxy
//! settings that the user's site already needs. Everything enters the cache under a lock and by a rename,
//! so neither two cprun at once nor a killed one leave half a part behind.

mod entry;
mod java;
mod jobs;
mod maven;
mod minio;
mod parts;
mod tool;

pub use java::Java;
pub use jobs::{JobSources, build_job, find_job};
pub use maven::Maven;
pub use minio::Minio;
pub use parts::{Part, ensure, is_cached};
