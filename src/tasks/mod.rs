//! The problems that models are trained on. Nothing here touches a tensor.

pub mod sudoku;
