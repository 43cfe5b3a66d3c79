//! Tests of the tables and of what is made of them.
