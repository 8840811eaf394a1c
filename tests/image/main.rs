//! Tests of images: real registries, and the rock run by runc.

mod check_rocks;
mod rock;
mod rocks;
