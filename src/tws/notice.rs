//! What a gateway notice means.
