"""Secrets, read from Vault as the instance that this is (instance principal)."""

import base64
import logging
import os

import oci
from oci.auth.signers import InstancePrincipalsSecurityTokenSigner
from oci.exceptions import ClientError, RequestException, ServiceError
from oci.retry import NoneRetryStrategy
from oci.secrets import SecretsClient

from services.boot.failure import Failure
from services.boot.patience import NotYet, patiently

log = logging.getLogger(__name__)

_WAIT_SECONDS = 900
"""Policies and dynamic groups are heard of after seconds to minutes."""
_TIMEOUTS = (5, 20)
_BAD_REQUEST = 400


class Vault:
    """Reads current values. The endpoints are the region's own, unless others are given."""

    def __init__(
        self,
        service_endpoint: str | None = None,
        federation_endpoint: str | None = None,
        wait_seconds: float = _WAIT_SECONDS,
    ) -> None:
        self._service_endpoint = service_endpoint
        self._federation_endpoint = federation_endpoint
        self._wait_seconds = wait_seconds
        self._client: SecretsClient | None = None

    def read(self, key: str, secret_id: str) -> str:
        """The value of the secret whose OCID the metadata key holds.

        Raises:
            Failure: when it cannot be read for `wait_seconds`, or is no text of printable characters.
        """
        content = patiently(
            f"the secret that {key} names, {secret_id}",
            lambda: self._bundle(secret_id),
            seconds=self._wait_seconds,
            remedy="see that the secret exists, that the instance is in the dynamic group, and that a policy "
            "lets the group read secret-bundles where target.secret.id is this one",
        )
        try:
            value = base64.b64decode(content).decode()
        except ValueError:
            value = ""
        if not value or not value.isprintable():
            raise Failure(
                f"{key} names {secret_id}, whose value (not shown) is unusable: "
                "one line of printable characters is expected. "
                "Remedy: put a new version of the secret in Vault."
            )
        return value

    def _bundle(self, secret_id: str) -> str:
        try:
            self._client = self._client or self._connect()
            bundle = self._client.get_secret_bundle(secret_id).data
        except ServiceError as error:
            said = f"{error.target_service or 'Vault'} answers {error.status} {error.code}"
            if error.status == _BAD_REQUEST:
                raise Failure(
                    f"{secret_id}: {said}, an OCID of a secret is expected. Remedy: correct the metadata."
                ) from None
            raise NotYet(said) from None
        except (RequestException, ClientError, OSError) as error:
            raise NotYet(f"{type(error).__name__}: {error}") from None
        return str(bundle.secret_bundle_content.content)

    def _connect(self) -> SecretsClient:
        if "OCI_REGION_METADATA" not in os.environ:
            # Lets the metadata service name the realm of a region that this SDK does not know yet.
            oci.regions.enable_instance_metadata_service()
        signer = InstancePrincipalsSecurityTokenSigner(
            federation_endpoint=self._federation_endpoint,
            federation_client_retry_strategy=NoneRetryStrategy(),
        )
        return SecretsClient(
            {},
            signer=signer,
            service_endpoint=self._service_endpoint,
            retry_strategy=NoneRetryStrategy(),
            timeout=_TIMEOUTS,
            # Its own patience is not needed beside ours.
            circuit_breaker_strategy=oci.circuit_breaker.NoCircuitBreakerStrategy(),
        )
