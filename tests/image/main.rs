//! Tests of images: real registries, and the rock run by runc.

mod air_gap;
mod check_rocks;
mod no_contact;
mod plain_http;
mod rock;
mod rocks;
