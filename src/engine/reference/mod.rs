//! The definition of every operation of the network, in plain loops.
//!
//! One file for each operation, named like the CPU's and the GPU's kernel for it. A definition runs
//! on one thread, without vectors or tiling, and calls only the scalar functions of
//! `src/numerics/`; its formulas are those of docs/NUMERICS.md. The tests compare the CPU engine
//! with these functions, which take the same arguments, and so can the self-test of a GPU.
//!
//! Shapes are given as `[outer][inner]`, fixed-point formats as `Qn`: n fraction bits. All work on
//! the CPU engine's records: a [`Stream`](super::cpu::stream::Stream) holds the values of one
//! stream, in which slot `step + 1` of activations and cells belongs to a step and slot 0 to the
//! end of the segment before.

pub mod backward_sums;
pub mod embed;
pub mod embedding_backward;
pub mod embedding_update;
pub mod forward_sums;
pub mod gradients;
pub mod lstm_backward;
pub mod lstm_forward;
pub mod output_error;
pub mod output_forward;
#[cfg(test)]
mod tests;
pub mod weight_update;
