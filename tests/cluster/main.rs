//! Tests beside a real API server: the command line and the agent.

mod audit;
mod tutorial;
