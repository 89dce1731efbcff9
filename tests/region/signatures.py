"""OCI's request signatures: draft-cavage HTTP signatures with RSA and SHA-256, version 1."""

import base64
import binascii
import email.utils
import hashlib
import hmac
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from starlette.requests import Request

from tests.region.errors import not_authenticated

CLOCK_SKEW = 300.0
"""Seconds that a request's date may be off."""

_PARAMETER = re.compile(r'(\w+)="([^"]*)"')
_BODY_HEADERS = ("content-length", "content-type", "x-content-sha256")


@dataclass(frozen=True)
class Signature:
    """The Authorization header of a request."""

    key_id: str
    headers: tuple[str, ...]
    value: bytes


def read(request: Request) -> Signature:
    """Parse the header.

    Raises:
        ServiceError: 401 when it is missing or is no signature of version 1.
    """
    scheme, _, rest = request.headers.get("authorization", "").partition(" ")
    given = dict(_PARAMETER.findall(rest))
    if scheme.lower() != "signature":
        raise not_authenticated("no signature in the Authorization header")
    if missing := [name for name in ("keyId", "algorithm", "headers", "signature") if name not in given]:
        raise not_authenticated(f"the signature lacks {', '.join(missing)}")
    if given["algorithm"] != "rsa-sha256" or given.get("version", "1") != "1":
        raise not_authenticated("the signature is not rsa-sha256, version 1")
    try:
        value = base64.b64decode(given["signature"], validate=True)
    except binascii.Error:
        raise not_authenticated("the signature is not base64") from None
    return Signature(given["keyId"], tuple(given["headers"].lower().split()), value)


def verify(
    request: Request,
    signature: Signature,
    key: rsa.RSAPublicKey,
    *,
    required: Sequence[str] = ("(request-target)", "host"),
    signs_body: bool,
) -> None:
    """Check that the key signed this request, that it is recent and signs all it must.

    `signs_body` is false for the operations whose body is a stream.

    Raises:
        ServiceError: 401.
    """
    must = {*required, *(_BODY_HEADERS if signs_body else ())}
    if unsigned := must - set(signature.headers):
        raise not_authenticated(f"not signed: {', '.join(sorted(unsigned))}")
    if not {"date", "x-date"} & set(signature.headers):
        raise not_authenticated("not signed: date")
    _check_date(request.headers.get("x-date") or request.headers.get("date", ""))
    lines = [f"{name}: {_signed_value(request, name)}" for name in signature.headers]
    try:
        key.verify(signature.value, "\n".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        raise not_authenticated("the signature does not match the request") from None


def check_body(request: Request, body: bytes) -> None:
    """Hold the body to the hash that was signed.

    Raises:
        ServiceError: 401.
    """
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    if not hmac.compare_digest(digest, request.headers.get("x-content-sha256", "")):
        raise not_authenticated("x-content-sha256 does not match the body")


def _signed_value(request: Request, name: str) -> str:
    if name == "(request-target)":
        query = request.scope["query_string"]
        path = request.scope["raw_path"] + (b"?" + query if query else b"")
        return f"{request.method.lower()} {path.decode('ascii')}"
    if name not in request.headers:
        raise not_authenticated(f"the signed header {name} was not sent")
    return request.headers[name]


def _check_date(value: str) -> None:
    try:
        sent = email.utils.parsedate_to_datetime(value).timestamp()
    except ValueError:
        raise not_authenticated(f"the date {value!r} is not an HTTP date") from None
    if abs(time.time() - sent) > CLOCK_SKEW:
        raise not_authenticated(f"the date {value} is off by more than {CLOCK_SKEW:.0f} seconds")
