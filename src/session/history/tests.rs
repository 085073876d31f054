//! Ranges in virtual time, against a scripted gateway.
