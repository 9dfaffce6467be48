//! What the developer commands read of this tree, for the tests that compare it with the documents too.

pub mod tree_tests;
