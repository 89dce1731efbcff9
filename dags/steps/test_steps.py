"""The steps in sequence, without Airflow: a real tracking server, a real model server."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import mlflow
import pytest
from mlflow.tracking import MlflowClient
from sklearn.base import ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from steps import data, evaluation, gate, iris, promotion, registry, smoke, tracking, training, wine_for_tests
from steps.dataset import Dataset
from tests.mlflow_server import MlflowServer, free_port

pytestmark = [
    pytest.mark.usefixtures("as_airflow"),
    pytest.mark.filterwarnings("ignore:Operation with range is deprecated"),  # MLflow, saving an example
]
TAGS = {"promoted_by": "airflow", "promotion": "pipeline run of a test"}


@dataclass(frozen=True)
class Trained:
    """A pipeline run after its gate."""

    dataset: Dataset
    run: str
    model: str
    comparison: evaluation.Comparison

    @property
    def objection(self) -> str | None:
        return gate.objection(self.comparison, self.dataset.floor)

    def promote(self) -> promotion.Promotion:
        return promotion.promote(self.dataset, registry.register(self.dataset, self.run, self.model), TAGS)

    def smoke_test(self, promoted: promotion.Promotion) -> None:
        smoke.smoke_test(self.dataset, tracking.load_table(self.dataset, self.run), self.model, promoted)


def train(dataset: Dataset, pipeline_run: str) -> Trained:
    run = tracking.open_run(dataset, pipeline_run)
    tracking.save_table(dataset, run, dataset.load())
    table = tracking.load_table(dataset, run)
    data.validate(dataset, table)
    model = training.train(dataset, run, table)
    return Trained(dataset, run, model, evaluation.evaluate(dataset, run, table, model))


def quick() -> Mapping[str, ClassifierMixin]:
    return {"logistic regression": LogisticRegression(max_iter=1000, random_state=0)}


def poor() -> Mapping[str, ClassifierMixin]:
    return {"always the same": DummyClassifier()}


@pytest.fixture
def dataset(request: pytest.FixtureRequest) -> Dataset:
    """Iris under a name of the test's own, one quick candidate, no floor."""
    name = request.node.name.replace("[", "-").replace("]", "")
    return replace(iris.DATASET, model=name, experiment=name, candidates=quick, floor=0.0)


@pytest.fixture(scope="session")
def model_server(mlflow_server: MlflowServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    environment = {
        "MODEL_SERVER_PORT": str(port),
        "MLFLOW_TRACKING_URI": mlflow_server.url,
        "MLFLOW_TRACKING_USERNAME": "model-server",
        "MLFLOW_TRACKING_PASSWORD": mlflow_server.model_server_password,
    }
    log = tmp_path_factory.mktemp("model-server") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.serving.model_server"],
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=Path(__file__).parents[2],
        )
    try:
        wait_for(f"http://127.0.0.1:{port}/readyz", process, log)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)


def wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    pytest.fail(f"the model server did not start:\n{log.read_text()}")


@pytest.fixture
def responder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int, bytes], None]]:
    """A server that answers every prediction with what the test sets."""

    class Answers(BaseHTTPRequestHandler):
        status, body = 200, b""

        def do_POST(self) -> None:
            self.send_response(type(self).status)
            self.end_headers()
            self.wfile.write(type(self).body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    def answer(status: int, body: bytes) -> None:
        Answers.status, Answers.body = status, body

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("MODEL_SERVER_URL", f"http://127.0.0.1:{server.server_port}")
    try:
        yield answer
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.parametrize("seed", [iris.DATASET, wine_for_tests.DATASET], ids=["iris", "wine"])
def test_any_dataset_goes_the_whole_way_to_a_served_champion(
    seed: Dataset, model_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_SERVER_URL", model_server)
    dataset = replace(seed, model=f"whole-way-{seed.name}", experiment=f"whole-way-{seed.name}")

    first = train(dataset, "first")
    assert first.objection is None
    promoted = first.promote()
    first.smoke_test(promoted)
    tracking.close_run(first.run)
    assert registry.aliases(dataset.model) == {"champion": "1"}

    run = MlflowClient().get_run(first.run)
    assert run.info.status == "FINISHED"
    assert run.data.metrics.keys() >= {"accuracy", "precision", "recall", "f1", "cv_f1"}
    assert run.data.params["candidate"] in dataset.candidates()
    info = mlflow.models.get_model_info(first.model)
    assert info.metadata
    assert info.metadata["classes"] == list(dataset.classes)
    assert info.metadata["inputs"].keys() == set(dataset.features)
    assert info.signature.inputs.input_names() == dataset.features
    tags = MlflowClient().get_model_version(dataset.model, "1").tags
    assert tags.keys() == {"promoted_by", "promoted_at", "promotion"}

    second = train(dataset, "second")
    assert second.objection is None  # as good is not worse
    second.smoke_test(second.promote())
    assert registry.aliases(dataset.model) == {"champion": "2", "previous": "1"}


def test_the_metadata_of_iris_is_what_clients_expect() -> None:
    assert training.metadata(iris.DATASET, iris.load())["inputs"] == {
        "sepal_length": {"minimum": 4.3, "maximum": 7.9, "unit": "cm"},
        "sepal_width": {"minimum": 2.0, "maximum": 4.4, "unit": "cm"},
        "petal_length": {"minimum": 1.0, "maximum": 6.9, "unit": "cm"},
        "petal_width": {"minimum": 0.1, "maximum": 2.5, "unit": "cm"},
    }


def test_a_table_comes_back_from_the_run_to_the_last_bit(dataset: Dataset) -> None:
    run = tracking.open_run(dataset, "table")
    table = dataset.load() / 3
    tracking.save_table(dataset, run, table)
    assert tracking.load_table(dataset, run).equals(table)


def test_many_runs_at_once_save_the_same_table(dataset: Dataset) -> None:
    table = dataset.load()
    runs = [tracking.open_run(dataset, f"run {number}") for number in range(8)]
    with ThreadPoolExecutor(len(runs)) as threads:
        list(threads.map(lambda run: tracking.save_table(dataset, run, table), runs))
    digests = set()
    for run in runs:
        inputs = MlflowClient().get_run(run).inputs
        assert inputs
        digests |= {each.dataset.digest for each in inputs.dataset_inputs}
    assert len(digests) == 1


def test_the_gate_stops_a_model_worse_than_the_champion_and_tells_why_on_the_run(dataset: Dataset) -> None:
    train(dataset, "good").promote()
    worse = train(replace(dataset, candidates=poor), "worse")
    reason = worse.objection
    assert reason
    assert "is worse than the champion's" in reason
    tracking.stop_run(worse.run, reason)
    run = MlflowClient().get_run(worse.run)
    assert (run.info.status, run.data.tags["gate"]) == ("FINISHED", f"stopped: {reason}")
    assert registry.aliases(dataset.model) == {"champion": "1"}


def test_a_champion_of_other_data_is_told_as_one_that_cannot_be_measured(dataset: Dataset) -> None:
    train(
        replace(wine_for_tests.DATASET, model=dataset.model, experiment=dataset.experiment), "wine"
    ).promote()
    reason = train(dataset, "iris").objection
    assert reason
    assert "champion (version 1) cannot be measured" in reason


def test_a_failed_smoke_test_puts_the_aliases_back(
    dataset: Dataset, responder: Callable[[int, bytes], None]
) -> None:
    train(dataset, "first").promote()
    newer = train(dataset, "second")
    for status, body, expected in (
        (500, b"broken", "answered 500: broken"),
        (200, b"<html>", "has no version and predictions"),
        (200, b"[]", "has no version and predictions"),
        (200, json.dumps({"version": "1", "predictions": []}).encode(), "serves version 1"),
        (200, json.dumps({"version": "2", "predictions": [0]}).encode(), "it predicts [0] where"),
    ):
        responder(status, body)
        with pytest.raises(smoke.SmokeTestFailed) as caught:
            newer.smoke_test(newer.promote())
        assert expected in str(caught.value)
        assert "champion is version 1 again" in str(caught.value)
        assert registry.aliases(dataset.model) == {"champion": "1"}


def test_a_first_champion_that_fails_its_smoke_test_is_no_champion(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MODEL_SERVER_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setattr(smoke, "PATIENCE_SECONDS", 0.0)
    first = train(dataset, "first")
    with pytest.raises(smoke.SmokeTestFailed, match=r"does not answer .* there is no champion, as before"):
        first.smoke_test(first.promote())
    assert registry.aliases(dataset.model) == {}


def test_two_runs_at_once_share_nothing_and_the_worse_one_never_replaces_the_better(dataset: Dataset) -> None:
    with ThreadPoolExecutor(2) as threads:
        good, bad = threads.map(train, (dataset, replace(dataset, candidates=poor)), ("good", "bad"))
    assert good.run != bad.run
    assert good.objection is None
    assert bad.objection is None  # both were judged while there was no champion

    def late(trained: Trained) -> str | None:
        return promotion.late_objection(trained.dataset, trained.run, trained.model, trained.comparison)

    assert late(good) is None
    champion = good.promote()["version"]
    reason = late(bad)
    assert reason
    assert f"(version {champion})" in reason
    assert registry.aliases(dataset.model) == {"champion": champion}


def test_a_promotion_is_not_undone_over_a_later_one(dataset: Dataset) -> None:
    first, second, third = (train(dataset, name) for name in ("first", "second", "third"))
    first.promote()
    failing = second.promote()
    third.promote()
    assert promotion.restore(dataset, failing) == "another version has become champion since and stays so"
    assert registry.aliases(dataset.model) == {"champion": "3", "previous": "1"}


def test_steps_that_are_tried_again_find_what_they_made(dataset: Dataset) -> None:
    assert tracking.open_run(dataset, "again") == tracking.open_run(dataset, "again")
    train(dataset, "first").promote()
    trained = train(dataset, "again")
    version = registry.register(dataset, trained.run, trained.model)
    assert registry.register(dataset, trained.run, trained.model) == version
    once = promotion.promote(dataset, version, TAGS)
    assert promotion.promote(dataset, version, TAGS) == once
    assert registry.aliases(dataset.model) == {"champion": "2", "previous": "1"}
