//! http402
