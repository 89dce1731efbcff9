"""What the model registry knows, asked with blocking calls: never from the event loop."""

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from services.serving.model_server.errors import AwayError, UnknownError, first_line
from services.serving.model_server.settings import ModelServerSettings
from services.serving.model_server.versions import Version

logger = logging.getLogger(__name__)

_NUMBER = re.compile(r"[0-9]{1,10}")
_LARGEST_VERSION = 2**31 - 1
_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,255}")
_LONGEST_NAME = 256
_REFUSALS = {
    "UNAUTHENTICATED": "refuses the user of MLFLOW_TRACKING_USERNAME: name or password is wrong",
    "PERMISSION_DENIED": "does not let the user of MLFLOW_TRACKING_USERNAME read this",
}


class Registry:
    """The registry of one tracking server, as the user of the settings sees it."""

    def __init__(self, settings: ModelServerSettings) -> None:
        self._client = MlflowClient(settings.tracking_uri, settings.tracking_uri)

    def check(self) -> None:
        """Raise AwayError unless the registry can be read."""
        with _sentences("the registry is not there"):
            self._client.search_registered_models(max_results=1)

    def models(self) -> list[dict[str, Any]]:
        """Every registered model that may be read, by name."""
        with _sentences("the registry has no models"):
            return [
                {
                    "name": model.name,
                    "description": model.description or "",
                    "aliases": {alias: str(number) for alias, number in model.aliases.items()},
                    "latest_version": _newest(model.latest_versions),
                }
                for model in _pages(self._client.search_registered_models)
            ]

    def versions(self, name: str) -> list[dict[str, Any]]:
        """The versions of a model, newest first; UnknownError without such a model."""
        any_quote = name.replace("'", "_")  # the filter language cannot escape one; `_` is any character
        with _sentences(f"model '{name}' is not in the registry"):
            _check_name(name)
            client = self._client
            aliases = client.get_registered_model(name).aliases
            found = [
                version
                for version in _pages(client.search_model_versions, f"name LIKE '{any_quote}'")
                if version.name == name
            ]
        return [
            {
                "version": str(version.version),
                "aliases": sorted(alias for alias in aliases if str(aliases[alias]) == str(version.version)),
                "stage": version.current_stage,
                "run_id": version.run_id or None,
                "created_at": datetime.fromtimestamp(version.creation_timestamp / 1000, UTC),
                "tags": version.tags,
            }
            for version in sorted(found, key=_number, reverse=True)
        ]

    def resolve(self, name: str, reference: str) -> Version:
        """The version that a number, an alias or a stage (in any case) means now; else UnknownError.

        An alias goes before a stage of the same name; `latest` is the newest version, as in MLflow.
        """
        with _sentences(f"model '{name}' with version, alias or stage '{reference}' is not in the registry"):
            _check_name(name)
            try:
                found = _find(self._client, name, reference)
            except MlflowException as error:
                if error.error_code == "PERMISSION_DENIED":
                    # So it is told of a model that is not there, too; this question tells them apart.
                    self._client.get_registered_model(name)
                raise
            return Version(name, str(found.version), str(found.source))

    def download(self, version: Version, folder: Path) -> Path:
        """Where in the folder a version's files are, once fetched; OSError when the registry lacks them."""
        with _sentences(f"{version} is not in the registry"):
            uri = self._client.get_model_version_download_uri(version.name, version.number)
        try:
            # Not by the model's name: a name may hold what means something in a URI.
            return Path(download_artifacts(artifact_uri=uri, dst_path=str(folder)))
        except (MlflowException, OSError) as error:
            self.check()
            raise OSError(f"its files cannot be fetched: {error}") from error


def _find(client: MlflowClient, name: str, reference: str) -> ModelVersion:
    if _NUMBER.fullmatch(reference) and int(reference) <= _LARGEST_VERSION:
        return client.get_model_version(name, str(int(reference)))
    if not _ALIAS.fullmatch(reference):
        raise UnknownError(reference)
    try:
        return client.get_model_version_by_alias(name, reference)
    except MlflowException as error:
        if error.error_code != "INVALID_PARAMETER_VALUE":
            raise
    candidates: list[ModelVersion] = [
        version
        for version in client.get_registered_model(name).latest_versions
        if reference.lower() in ("latest", version.current_stage.lower())
    ]
    if not candidates:
        raise UnknownError(reference)
    return max(candidates, key=_number)


def _check_name(name: str) -> None:
    if not (name.isprintable() and len(name) <= _LONGEST_NAME and not set(name) & {"/", ":"}):
        raise UnknownError(name)


def _newest(versions: list[ModelVersion]) -> str | None:
    return str(max(versions, key=_number).version) if versions else None


def _number(version: ModelVersion) -> int:
    return int(str(version.version))


def _pages(search: Callable[..., Any], filter_string: str | None = None) -> Iterator[Any]:
    token = None
    while True:
        page = search(filter_string=filter_string, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


@contextmanager
def _sentences(unknown: str) -> Iterator[None]:
    """Turn what the client raises into UnknownError with the given sentence, or AwayError."""
    try:
        yield
    except UnknownError:
        raise UnknownError(unknown) from None
    except Exception as error:  # the client raises whatever it makes of an answer that is not MLflow's
        code = getattr(error, "error_code", "")
        if code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise UnknownError(unknown) from error
        logger.warning("the registry does not answer: %s", first_line(error))
        raise AwayError(f"the model registry {_REFUSALS.get(code, 'does not answer')}") from error
