"""Named API keys."""

import hmac
from collections.abc import Mapping


class ApiKeys:
    """Who may ask: every name has a key of its own; no names at all means anyone may."""

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = [(name, key.encode()) for name, key in keys.items()]

    @property
    def are_required(self) -> bool:
        return bool(self._keys)

    def name_of(self, given: str | None) -> str | None:
        """Whose key was given, or None. Takes as long for a near miss as for a wide one."""
        candidate = (given or "").encode()
        found = None
        for name, key in self._keys:
            if hmac.compare_digest(key, candidate):
                found = name
        return found
