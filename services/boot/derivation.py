"""Keys derived from one secret, so that a replaced machine still reads what the old one encrypted."""

import base64

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

BYTES = 32


def key(secret: str, purpose: str) -> str:
    """32 bytes in URL-safe base64 (44 characters, as Fernet takes them); another purpose, another key."""
    derived = HKDF(SHA256(), BYTES, salt=None, info=purpose.encode()).derive(secret.encode())
    return base64.urlsafe_b64encode(derived).decode()
