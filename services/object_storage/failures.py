"""What it looks like when Object Storage is away or refuses: all errors by which the SDK says so."""

import urllib3.exceptions
from circuitbreaker import CircuitBreakerError  # type: ignore[import-untyped]
from oci._vendor.requests.exceptions import (
    RequestException,
)  # base of the SDK's own, raised bare by its signers
from oci.exceptions import ServiceError

AWAY = (ServiceError, RequestException, CircuitBreakerError, urllib3.exceptions.HTTPError)


def reason(error: BaseException) -> str:
    """One line for a log or a person, without the SDK's page of request details."""
    if isinstance(error, ServiceError):
        return f"{error.status} {error.code or 'without a code'}: {error.message or 'no message'}"
    return str(error).splitlines()[0][:300]
