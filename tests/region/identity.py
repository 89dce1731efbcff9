"""Identity: users with API keys, instances, and the tokens that stand for either (x509 federation)."""

import base64
import datetime
import hashlib
import json
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import jwt
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from starlette.requests import Request

from tests.region import signatures
from tests.region.certificates import Issued, private_key
from tests.region.errors import invalid, not_authenticated

TOKEN_LIFETIME = 1200.0
"""Seconds that a token lives, as on OCI; clients renew it a little earlier."""


@dataclass(frozen=True)
class Principal:
    """Whoever makes a request: a user or an instance, by OCID."""

    id: str
    tenancy: str
    kind: str


class Identity:
    """The users, instances and tokens of one tenancy."""

    def __init__(self, tenancy: str, compartment: str) -> None:
        self.tenancy = tenancy
        self.compartment = compartment
        self.token_lifetime = TOKEN_LIFETIME
        self._instances_root = Issued.root("opc-identity-root")
        self.intermediate = self._instances_root.issue("opc-identity-intermediate", authority=True)
        self._token_key = private_key()
        self._api_keys: dict[str, tuple[Principal, rsa.RSAPublicKey]] = {}

    def add_api_key(self, user: str, key: rsa.RSAPublicKey) -> str:
        """Upload a user's public key; its fingerprint is returned."""
        der = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        fingerprint = hashlib.md5(der, usedforsecurity=False).hexdigest()
        fingerprint = ":".join(fingerprint[i : i + 2] for i in range(0, len(fingerprint), 2))
        self._api_keys[f"{self.tenancy}/{user}/{fingerprint}"] = (Principal(user, self.tenancy, "user"), key)
        return fingerprint

    def remove_api_keys(self, user: str) -> None:
        self._api_keys = {key_id: entry for key_id, entry in self._api_keys.items() if entry[0].id != user}

    def remove_api_key(self, fingerprint: str) -> None:
        """Delete one key, whosever it is."""
        self._api_keys = {
            key_id: entry
            for key_id, entry in self._api_keys.items()
            if key_id.rpartition("/")[2] != fingerprint
        }

    def instance_certificate(self, instance: str, compartment: str) -> Issued:
        """What an instance's metadata service hands out as its identity."""
        units = (
            "opc-certtype:instance",
            f"opc-compartment:{compartment}",
            f"opc-instance:{instance}",
            f"opc-tenant:{self.tenancy}",
        )
        return self.intermediate.issue(instance, units=units)

    def token(self, principal: Principal, session_key: rsa.RSAPublicKey) -> str:
        """A token that lets the holder of the session key act as the principal."""
        now = time.time()
        claims = {
            "sub": principal.id,
            "tenant": principal.tenancy,
            "ptype": principal.kind,
            "iss": "auth.oracle.com",
            "iat": int(now),
            "exp": int(now + self.token_lifetime),
            "jwk": RSAAlgorithm.to_jwk(session_key),
        }
        return jwt.encode(claims, self._token_key, algorithm="RS256", headers={"kid": "asw"})

    def authenticate(self, request: Request, *, signs_body: bool) -> Principal:
        """Who signed this request.

        Raises:
            ServiceError: 401 for anything but a good signature by a known API key or a live token.
        """
        signature = signatures.read(request)
        if signature.key_id.startswith("ST$"):
            principal, key = self._token_holder(signature.key_id.removeprefix("ST$"))
        elif known := self._api_keys.get(signature.key_id):
            principal, key = known
        else:
            raise not_authenticated(f"no such API key: {signature.key_id}")
        signatures.verify(request, signature, key, signs_body=signs_body)
        return principal

    async def federate(self, request: Request) -> dict[str, str]:
        """`POST /v1/x509`: an instance's certificates and a session key in, a token out.

        Raises:
            ServiceError: 400 for a malformed request, 401 for certificates or a signature that do not hold.
        """
        body = await request.body()
        details = _json(body)
        leaf = _certificate(details, "certificate")
        chain = [_parse(each) for each in details.get("intermediateCertificates", [])]
        session_key = _public_key(details)
        self._check_chain(leaf, chain)
        signature = signatures.read(request)
        if signature.key_id not in _federation_key_ids(leaf, self.tenancy):
            raise not_authenticated("the key id is not the tenancy and the certificate's fingerprint")
        leaf_key = leaf.public_key()
        assert isinstance(leaf_key, rsa.RSAPublicKey)
        signatures.verify(request, signature, leaf_key, required=("(request-target)",), signs_body=True)
        signatures.check_body(request, body)
        instance = _unit(leaf, "opc-instance:")
        return {"token": self.token(Principal(instance, self.tenancy, "instance"), session_key)}

    def _token_holder(self, token: str) -> tuple[Principal, rsa.RSAPublicKey]:
        try:
            claims = jwt.decode(token, self._token_key.public_key(), algorithms=["RS256"])
        except jwt.InvalidTokenError as error:
            raise not_authenticated(f"the token does not hold: {error}") from None
        key = RSAAlgorithm.from_jwk(claims["jwk"])
        assert isinstance(key, rsa.RSAPublicKey)
        return Principal(claims["sub"], claims["tenant"], claims["ptype"]), key

    def _check_chain(self, leaf: x509.Certificate, chain: list[x509.Certificate]) -> None:
        if _unit(leaf, "opc-tenant:") != self.tenancy:
            raise not_authenticated("the certificate is of another tenancy")
        now = datetime.datetime.now(datetime.UTC)
        path = [leaf, *chain, self._instances_root.certificate]
        for certificate, issuer in pairwise(path):
            if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
                raise not_authenticated("a certificate has expired")
            try:
                certificate.verify_directly_issued_by(issuer)
            except (InvalidSignature, ValueError, TypeError):
                raise not_authenticated("the certificates are not issued by this region") from None


def _json(body: bytes) -> dict[str, Any]:
    try:
        details = json.loads(body)
    except ValueError:
        raise invalid("The body is not JSON.", "CannotParseRequest") from None
    if not isinstance(details, dict):
        raise invalid("The body must be an object.", "CannotParseRequest")
    return details


def _certificate(details: dict[str, Any], field: str) -> x509.Certificate:
    if not details.get(field):
        raise invalid(f"body.{field} is required.", "MissingParameter")
    return _parse(details[field])


def _parse(text: str) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(base64.b64decode(text))
    except ValueError:
        raise not_authenticated("a certificate cannot be parsed") from None


def _public_key(details: dict[str, Any]) -> rsa.RSAPublicKey:
    if not details.get("publicKey"):
        raise invalid("body.publicKey is required.", "MissingParameter")
    try:
        key = serialization.load_der_public_key(base64.b64decode(details["publicKey"]))
    except ValueError:
        raise invalid("body.publicKey is no public key.") from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise invalid("body.publicKey must be an RSA key.")
    return key


def _unit(certificate: x509.Certificate, prefix: str) -> str:
    values = [str(attribute.value) for attribute in certificate.subject]
    found = [value.removeprefix(prefix) for value in values if value.startswith(prefix)]
    if not found:
        raise not_authenticated(f"the certificate's subject has no {prefix}")
    return found[0]


def _federation_key_ids(leaf: x509.Certificate, tenancy: str) -> set[str]:
    return {
        f"{tenancy}/{scheme}/{leaf.fingerprint(algorithm).hex(':').upper()}"
        for scheme, algorithm in (("fed-x509", hashes.SHA1()), ("fed-x509-sha256", hashes.SHA256()))  # noqa: S303
    }
