"""MLflow's experiments, runs and registered models over its REST API, with one user's rights.

MLflow's own client takes its credentials from the environment of the whole process; here many
people act at once, each with their own.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx

from services.serving.dashboard.connection import Connection

_API = "/api/2.0/mlflow"


@dataclass(frozen=True)
class Model:
    """A registered model; `aliases` maps an alias to a version."""

    name: str
    description: str
    aliases: dict[str, str]


@dataclass(frozen=True)
class Version:
    """A version of a registered model."""

    number: str
    stage: str
    created: datetime
    run_id: str
    description: str
    tags: dict[str, str]


@dataclass(frozen=True)
class Experiment:
    """An experiment that is not deleted."""

    id: str
    name: str


@dataclass(frozen=True)
class Run:
    """A run: metrics are the last values, parameters and tags text."""

    id: str
    name: str
    status: str
    started: datetime
    ended: datetime | None
    metrics: dict[str, float] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class Registry:
    """MLflow as one user. Every method raises `Problem`."""

    def __init__(self, url: str, username: str, password: str) -> None:
        self._mlflow = Connection("mlflow", url, httpx.BasicAuth(username, password))

    def user(self) -> str:
        """The name of the signed-in user as MLflow writes it; raises Unauthorized."""
        return str(self._mlflow.get(f"{_API}/users/current")["user"]["username"])

    def models(self) -> list[Model]:
        """Every registered model the user may read."""
        return [_model(item) for item in self._pages("GET", "registered-models/search", "registered_models")]

    def model(self, name: str) -> Model:
        """The registered model; raises Missing."""
        return _model(self._mlflow.get(f"{_API}/registered-models/get", name=name)["registered_model"])

    def versions(self, name: str) -> list[Version]:
        """The model's versions, newest first."""
        quoted = name.replace("'", "''")
        found = self._pages("GET", "model-versions/search", "model_versions", filter=f"name='{quoted}'")
        return sorted(map(_version, found), key=lambda version: int(version.number), reverse=True)

    def version(self, name: str, number: str) -> Version:
        """One version; raises Missing."""
        answer = self._mlflow.get(f"{_API}/model-versions/get", name=name, version=number)
        return _version(answer["model_version"])

    def experiments(self) -> list[Experiment]:
        """Every experiment the user may read."""
        found = self._pages("POST", "experiments/search", "experiments")
        return [Experiment(item["experiment_id"], item["name"]) for item in found]

    def runs(self, experiment: str, limit: int) -> list[Run]:
        """The experiment's newest runs."""
        wanted = {"experiment_ids": [experiment], "max_results": limit, "order_by": ["start_time DESC"]}
        return [_run(item) for item in self._mlflow.post(f"{_API}/runs/search", wanted).get("runs", [])]

    def run(self, run_id: str) -> Run:
        """One run; raises Missing."""
        return _run(self._mlflow.get(f"{_API}/runs/get", run_id=run_id)["run"])

    def history(self, run_id: str, metric: str) -> list[tuple[int, float]]:
        """Step and value of a metric, in the order they were logged."""
        answer = self._mlflow.get(f"{_API}/metrics/get-history", run_id=run_id, metric_key=metric)
        return [(int(point.get("step", 0)), float(point["value"])) for point in answer.get("metrics", [])]

    def set_alias(self, name: str, alias: str, version: str) -> None:
        """Point the alias at the version; raises Forbidden."""
        self._mlflow.post(
            f"{_API}/registered-models/alias", {"name": name, "alias": alias, "version": version}
        )

    def delete_alias(self, name: str, alias: str) -> None:
        """Take the alias away; raises Forbidden."""
        self._mlflow.call("DELETE", f"{_API}/registered-models/alias", json={"name": name, "alias": alias})

    def set_tag(self, name: str, version: str, key: str, value: str) -> None:
        """Write a tag on a version; raises Forbidden."""
        tag = {"name": name, "version": version, "key": key, "value": value}
        self._mlflow.post(f"{_API}/model-versions/set-tag", tag)

    def delete_tag(self, name: str, version: str, key: str) -> None:
        """Take a tag off a version; raises Forbidden."""
        tag = {"name": name, "version": version, "key": key}
        self._mlflow.call("DELETE", f"{_API}/model-versions/delete-tag", json=tag)

    def _pages(self, method: str, path: str, key: str, **wanted: str | int) -> Iterator[dict[str, Any]]:
        wanted = {"max_results": 200, **wanted}
        where = "params" if method == "GET" else "json"
        while True:
            answer = self._mlflow.call(method, f"{_API}/{path}", **{where: wanted})
            yield from answer.get(key, [])
            if not answer.get("next_page_token"):
                return
            wanted["page_token"] = answer["next_page_token"]


def _model(item: dict[str, Any]) -> Model:
    aliases = {alias["alias"]: str(alias["version"]) for alias in item.get("aliases", [])}
    return Model(item["name"], item.get("description", ""), aliases)


def _version(item: dict[str, Any]) -> Version:
    return Version(
        number=str(item["version"]),
        stage=item.get("current_stage", "None"),
        created=_moment(item["creation_timestamp"]),
        run_id=item.get("run_id", ""),
        description=item.get("description", ""),
        tags=_pairs(item.get("tags", [])),
    )


def _run(item: dict[str, Any]) -> Run:
    info, data = item["info"], item.get("data", {})
    return Run(
        id=info["run_id"],
        name=info.get("run_name", ""),
        status=info["status"],
        started=_moment(info["start_time"]),
        ended=_moment(info["end_time"]) if info.get("end_time") else None,
        metrics={metric["key"]: float(metric["value"]) for metric in data.get("metrics", [])},
        parameters=_pairs(data.get("params", [])),
        tags=_pairs(data.get("tags", [])),
    )


def _pairs(items: list[dict[str, str]]) -> dict[str, str]:
    return {item["key"]: item.get("value", "") for item in items}


def _moment(milliseconds: int | str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)
