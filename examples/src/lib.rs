//! Stories told with the programs of Tradepost; the end-to-end tests are in `tests/`.
//!
//! Nothing here is part of the product: a story starts the real programs and types what a person
//! would type.
