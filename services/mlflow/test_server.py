"""The process itself: addresses it answers to, and its bad days."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from mlflow import MlflowClient

from tests.mlflow_server import is_healthy, mlflow_environment, run_prepare, start_mlflow


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of a prepared server that is not running."""
    environment = mlflow_environment(tmp_path_factory.mktemp("mlflow")) | {
        "MLFLOW_ALLOWED_HOSTS": "mlflow.example.org,mlflow.example.org:5000,[2001:db8::1]:*",
        "MLFLOW_ALLOWED_ORIGINS": "https://mlflow.example.org",
    }
    run_prepare(environment)
    with pytest.MonkeyPatch.context() as client:
        client.setenv("MLFLOW_TRACKING_USERNAME", "airflow")
        client.setenv("MLFLOW_TRACKING_PASSWORD", environment["MLFLOW_AIRFLOW_PASSWORD"])
        # A client that retries for minutes would hide that the server is away.
        client.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        yield environment


def run_briefly(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the entry, which is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "services.mlflow", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def half_an_upload(port: int, path: str, credentials: httpx.BasicAuth) -> socket.socket:
    """A connection on which half of an artifact has been sent."""
    request = next(credentials.auth_flow(httpx.Request("PUT", f"http://127.0.0.1:{port}{path}")))
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(
        f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        f"Authorization: {request.headers['Authorization']}\r\nContent-Length: 2000000\r\n\r\n".encode()
        + b"x" * 1_000_000
    )
    return connection


def wait_for(path: Path, pattern: str) -> None:
    """Wait until a file that matches the pattern is in the folder."""
    deadline = time.monotonic() + 60
    while not any(path.glob(pattern)):
        assert time.monotonic() < deadline, f"no {pattern} appeared in {path}"
        time.sleep(0.05)


def answers_to_its_names_alone(http: httpx.Client) -> None:
    """Fail unless the server checks Host and Origin as the settings say."""
    experiment = "/api/2.0/mlflow/experiments/get?experiment_id=0"
    for host in (
        "mlflow.example.org",
        "mlflow.example.org:5000",
        "localhost",
        "127.0.0.1:9",
        "[::1]:9",
        "[2001:db8::1]:9",
    ):
        assert http.get(experiment, headers={"Host": host}).status_code == 200, host
    for host in ("evil.example.org", "mlflow.example.org:81", "10.0.0.7", "localhost.evil.org"):
        assert http.get(experiment, headers={"Host": host}).status_code == 403, host
    for origin, status in (("https://mlflow.example.org", 200), ("https://evil.example.org", 403)):
        search = http.post(
            "/api/2.0/mlflow/experiments/search", json={"max_results": 1}, headers={"Origin": origin}
        )
        assert search.status_code == status, origin


def test_it_answers_to_its_names_and_loses_no_run_by_sigkill(
    environment: dict[str, str], tmp_path: Path
) -> None:
    port = int(environment["MLFLOW_PORT"])
    url = f"http://127.0.0.1:{port}"
    credentials = httpx.BasicAuth("airflow", environment["MLFLOW_AIRFLOW_PASSWORD"])
    process = start_mlflow(environment, tmp_path / "server.log")
    try:
        with httpx.Client(base_url=url, auth=credentials) as http:
            answers_to_its_names_alone(http)
        client = MlflowClient(url, url)
        experiment = client.create_experiment("bad-day")
        finished, running = (client.create_run(experiment).info.run_id for _ in range(2))
        client.log_metric(finished, "accuracy", 0.97)
        client.log_text(finished, "weights", "model.txt")
        client.set_terminated(finished)
        client.log_metric(running, "accuracy", 0.5)
        folder = Path(environment["MLFLOW_ARTIFACTS_DESTINATION"]) / experiment / running / "artifacts"
        artifact = f"/api/2.0/mlflow-artifacts/artifacts/{experiment}/{running}/artifacts/half.bin"
        with half_an_upload(port, artifact, credentials):
            wait_for(folder, ".artifact.uploading.*")
            process.kill()
            process.wait()
        assert not is_healthy(url)

        process = start_mlflow(environment, tmp_path / "server.log")
        run = client.get_run(finished)
        assert (run.info.status, run.data.metrics) == ("FINISHED", {"accuracy": 0.97})
        downloaded = client.download_artifacts(finished, "model.txt", str(tmp_path))
        assert Path(downloaded).read_text() == "weights"
        assert httpx.get(url + artifact, auth=credentials).status_code == 404
        client.log_text(running, "whole", "half.bin")
        client.set_terminated(running)
        assert client.get_run(running).data.metrics == {"accuracy": 0.5}

        taken = run_briefly(environment)
        assert taken.returncode == 1
        assert f"MLFLOW_PORT is {port}" in taken.stderr
        assert "Remedy: " in taken.stderr
        assert "Traceback" not in taken.stderr
    finally:
        process.terminate()
        process.wait(20)
    log = (tmp_path / "server.log").read_text()
    secrets = [
        name for name in environment if name.startswith("MLFLOW_") and name.endswith(("PASSWORD", "KEY"))
    ]
    assert [name for name in secrets if environment[name] in log] == []


def test_workers_end_with_their_supervisor(environment: dict[str, str], tmp_path: Path) -> None:
    process = start_mlflow(environment | {"MLFLOW_WORKERS": "2"}, tmp_path / "server.log")
    workers = psutil.Process(process.pid).children(recursive=True)
    try:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        _, alive = psutil.wait_procs(workers, timeout=10)
        assert alive == []
    finally:
        for worker in workers:
            if worker.is_running():
                worker.kill()


def test_a_server_that_was_not_prepared_says_so(environment: dict[str, str], tmp_path: Path) -> None:
    done = run_briefly(environment | {"MLFLOW_BACKEND_STORE_URI": f"sqlite:///{tmp_path}/mlflow.db"})
    assert done.returncode == 1
    assert "MLFLOW_BACKEND_STORE_URI" in done.stderr
    assert "python -m services.mlflow prepare" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("prepare",)])
def test_a_database_that_is_damaged_is_named(
    environment: dict[str, str], tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "users.db").write_bytes(b"not a database" * 1000)
    done = run_briefly(
        environment | {"MLFLOW_AUTH_DATABASE_URI": f"sqlite:///{tmp_path}/users.db"}, *arguments
    )
    assert done.returncode == 1
    assert "MLFLOW_AUTH_DATABASE_URI names a database that cannot be used" in done.stderr
    assert "file is not a database" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_unknown_argument_is_refused(environment: dict[str, str]) -> None:
    done = run_briefly(environment, "launch")
    assert done.returncode == 78
    assert "launch" in done.stderr


def test_prepare_that_is_killed_is_completed_by_the_next(tmp_path: Path) -> None:
    environment = mlflow_environment(tmp_path)
    for left_behind in ("mlflow.db", "users.db"):
        command = [sys.executable, "-m", "services.mlflow", "prepare"]
        with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                wait_for(tmp_path, left_behind)
            finally:
                process.kill()
    run_prepare(environment)
    server = start_mlflow(environment, tmp_path / "server.log")
    try:
        for name in ("admin", "airflow", "model-server", "dashboard"):
            password = environment[f"MLFLOW_{name.replace('-', '_').upper()}_PASSWORD"]
            answer = httpx.get(f"http://127.0.0.1:{environment['MLFLOW_PORT']}/", auth=(name, password))
            assert answer.status_code == 200, name
    finally:
        server.terminate()
        server.wait(20)
