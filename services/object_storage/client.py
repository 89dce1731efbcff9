"""The SDK's client, made once a process: as an instance, with an API key, or with a security token."""

import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import oci
from oci.base_client import OCIHTTPAdapter
from oci.object_storage import ObjectStorageClient
from pydantic import Field

from services.settings import Settings

_CONNECTIONS = 32
"""Connections kept open by one client; parts of several files may be under way at once."""

_PATIENT = {"retry_strategy": oci.retry.DEFAULT_RETRY_STRATEGY}
_BRIEF = {
    "retry_strategy": oci.retry.RetryStrategyBuilder()
    .add_max_attempts(3)
    .add_total_elapsed_time(20)
    .add_service_error_check(service_error_retry_on_any_5xx=True)
    .get_retry_strategy(),
    "timeout": (5, 10),
    "circuit_breaker_strategy": oci.circuit_breaker.NoCircuitBreakerStrategy(),
}


class ObjectStorageSettings(Settings):
    """Who asks Object Storage, and where it is.

    - `instance_principal`: the machine itself, by the policies of its dynamic group (what images use).
    - `api_key`: the user of an OCI configuration file.
    - `security_token`: the session in an OCI configuration file, as `oci session authenticate` leaves it.
    """

    auth: Literal["instance_principal", "api_key", "security_token"] = Field(
        "instance_principal",
        alias="OBJECT_STORAGE_AUTH",
        description="instance_principal on OCI, api_key or security_token elsewhere",
    )
    config_file: Path = Field(
        Path("~/.oci/config"), alias="OCI_CONFIG_FILE", description="the path of an OCI configuration file"
    )
    config_profile: str = Field(
        "DEFAULT", alias="OCI_CONFIG_PROFILE", description="the name of a profile in that file"
    )
    endpoint: str | None = Field(
        None,
        alias="OBJECT_STORAGE_ENDPOINT",
        description="the address of a private endpoint, or unset for the region's own",
    )


def client(*, patient: bool = True) -> ObjectStorageClient:
    """A client that may be shared between threads.

    A patient one has the SDK's default retries (up to ten minutes); the other gives up within half a
    minute, for work that something else does again later.

    Raises:
        pydantic.ValidationError: for bad settings.
        oci.exceptions.ClientError: when the configuration file or the metadata service is no help.
    """
    # A forked process must not write to its parent's connections: Airflow forks one for every task.
    return _client_of_process(os.getpid(), patient)


@lru_cache(maxsize=2)
def _client_of_process(_pid: int, patient: bool) -> ObjectStorageClient:
    settings = ObjectStorageSettings()
    config, signer = _identity(settings)
    made = ObjectStorageClient(
        config,
        signer=signer,
        service_endpoint=settings.endpoint,
        **(_PATIENT if patient else _BRIEF),
    )
    made.base_client.session.mount("https://", OCIHTTPAdapter(pool_maxsize=_CONNECTIONS))
    return made


def _identity(settings: ObjectStorageSettings) -> tuple[dict[str, Any], Any]:
    if settings.auth == "instance_principal":
        # Lets the metadata service name the realm of a region that this SDK does not know yet.
        oci.regions.enable_instance_metadata_service()
        return {}, oci.auth.signers.InstancePrincipalsSecurityTokenSigner()
    config = oci.config.from_file(str(settings.config_file), settings.config_profile)
    if settings.auth == "api_key":
        return config, oci.signer.Signer.from_config(config)
    token = Path(config["security_token_file"]).expanduser().read_text()
    key = oci.signer.load_private_key_from_file(config["key_file"], config.get("pass_phrase"))
    return config, oci.auth.signers.SecurityTokenSigner(token.strip(), key)
