//! Leaders and followers: tables of cases, and whole lives at random.

mod leader;
mod random;
