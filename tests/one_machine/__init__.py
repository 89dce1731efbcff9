"""The whole way, once, as a person goes it: `make up` in a clean copy, then train, predict, break, stop."""
