"""The instance metadata service, version 2: what this instance was given at its launch."""

import http.client
import json
import os
import urllib.error
import urllib.request

from services.boot.failure import Failure
from services.boot.patience import NotYet, patiently

_ADDRESS = "http://169.254.169.254/opc/v2"
_WAIT_SECONDS = 300
_TIMEOUT_SECONDS = 5
# A proxy of the environment must not come between a machine and its own metadata.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def metadata(wait_seconds: float = _WAIT_SECONDS) -> dict[str, object]:
    """The map `metadata` of the instance; empty when its launch gave none.

    Raises:
        Failure: when the service is away for `wait_seconds`, or answers something else.
    """
    address = os.environ.get("OCI_METADATA_BASE_URL", "").strip() or _ADDRESS
    return patiently(
        f"the metadata service at {address}",
        lambda: _ask(f"{address}/instance/"),
        seconds=wait_seconds,
        remedy="see that the instance has a network and its metadata endpoint (version 2) is enabled",
    )


def _ask(url: str) -> dict[str, object]:
    request = urllib.request.Request(url, headers={"Authorization": "Bearer Oracle"})  # noqa: S310
    try:
        with _opener.open(request, timeout=_TIMEOUT_SECONDS) as response:
            instance = json.load(response)
    except urllib.error.HTTPError as error:
        raise NotYet(f"it answers {error.code} {error.reason}") from None
    except (OSError, http.client.HTTPException) as error:
        raise NotYet(str(error) or type(error).__name__) from None
    except ValueError:
        raise NotYet("its answer is not JSON") from None
    found = instance.get("metadata", {}) if isinstance(instance, dict) else None
    if not isinstance(found, dict):
        raise Failure(
            f"{url} has no map `metadata`: the document of an instance is expected. "
            "Remedy: see what OCI_METADATA_BASE_URL names, if it is set."
        )
    return found
