"""How first boot fails."""


class Failure(Exception):
    """Sentences for the console and the journal (key, value, expected, remedy); services then stay down."""
