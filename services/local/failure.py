"""How every command of the local platform fails."""


class Failure(Exception):
    """A sentence for the person at the terminal (key, value, expected, remedy); the status is 1."""
