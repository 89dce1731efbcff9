"""`make up`: prepare, start, wait until healthy, train once, predict once."""

import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from http.client import BAD_GATEWAY, NOT_FOUND, OK
from pathlib import Path
from typing import TypeVar

import httpx

from services.local import report
from services.local.environment import client, environments, urls
from services.local.failure import Failure
from services.local.pipeline import DAG, Airflow, follow
from services.local.ports import chosen_ports
from services.local.state import State
from services.local.supervision import Supervisor, inherited
from services.role import Role, Service
from services.roles import ROLES

T = TypeVar("T")

PREPARED = ("mlflow", "airflow")
"""The roles with a database: `python -m services.ROLE prepare` runs before their services."""

ARRIVED = object()
PATIENCE = 300
"""Seconds until all services must be healthy; the slowest takes some 30 on two idle cores."""

MODEL = "iris-classifier"
FLOWER = [5.1, 3.5, 1.4, 0.2]
"""The first row of the iris data: its prediction is printed at the end."""


def start(state: State) -> None:
    """Bring up whatever is not up; raises Failure with the sentence that says why it could not."""
    began = time.monotonic()
    supervisor = Supervisor(state)
    running = supervisor.running()
    if not running:
        supervisor.shutdown()  # the services of a killed supervisord would hold ports and databases
    ports = chosen_ports(state, running)
    state.keep_ports(ports)
    secrets = state.generate_secrets()
    (state.folder / "data").mkdir(mode=0o700, exist_ok=True)
    if not running:
        supervisor.start(ports, secrets)

    def said(text: str) -> None:
        print(f"{time.monotonic() - began:6.1f} s  {text}", flush=True)

    on_the_way = {role.name: _bring_up(supervisor, role, ports, secrets) for role in ROLES}
    _until(lambda: _advance(on_the_way, said), "Not every service is healthy")
    link, person = urls(ports), client(ports, secrets)
    url = f"{link['MODEL_SERVER_URL']}/models/{MODEL}/versions/champion/schema"
    champion = _until(lambda: _known(url), "The model server cannot read the registry")
    if champion.status_code == BAD_GATEWAY:
        raise Failure(
            f"The champion of {MODEL} cannot be served: {champion.json()['detail']}. "
            f"Remedy: roll back on the dashboard ({link['DASHBOARD_URL']}/models), or see "
            "`make logs SERVICE=fastapi`."
        )
    if champion.status_code == NOT_FOUND:
        said(f"DAG {DAG} runs for the first time")
        airflow = Airflow(person["AIRFLOW_URL"], person["AIRFLOW_USERNAME"], person["AIRFLOW_PASSWORD"])
        _until(lambda: airflow.parsed(DAG), f"DAG {DAG} was not read")
        for line in follow(airflow, DAG, airflow.trigger(DAG)):
            said(f"  {line}")
    said("ready\n")
    print(farewell(state, ports))


def farewell(state: State, ports: Mapping[str, int]) -> str:
    """Where everything is, and one live prediction; raises Failure when the platform cannot predict."""
    link = urls(ports)
    try:
        answer = httpx.post(f"{link['PREDICTION_API_URL']}/predict", json={"data": FLOWER}, timeout=30)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise Failure(
            f"The prediction API gave no prediction ({error}). "
            "Remedy: `make logs SERVICE=flask`, `make logs SERVICE=fastapi`."
        ) from None
    return f"""\
Web page         {link["PREDICTION_API_URL"]}
Dashboard        {link["DASHBOARD_URL"]}
MLflow           {link["MLFLOW_TRACKING_URI"]}   user admin
Airflow          {link["AIRFLOW_URL"]}   user admin
Model server     {link["MODEL_SERVER_URL"]}/docs
Passwords        {state.secrets_file.relative_to(state.root)} (MLFLOW_ADMIN_PASSWORD, AIRFLOW_ADMIN_PASSWORD)
In your shell    eval "$(make env)"

A flower of {FLOWER} cm: {answer.text.strip()}"""


def _advance(on_the_way: dict[str, Iterator[None]], said: Callable[[str], None]) -> bool:
    """Let every role take its next step; whether all have arrived."""
    for name, steps in list(on_the_way.items()):
        if next(steps, ARRIVED) is ARRIVED:
            del on_the_way[name]
            said(f"{name} is healthy")
    return not on_the_way


def _bring_up(
    supervisor: Supervisor, role: Role, ports: Mapping[str, int], secrets: Mapping[str, str]
) -> Iterator[None]:
    """Prepare a role, start its services and wait for their health; yields whenever it has to wait."""
    if role.name in PREPARED and not all(supervisor.runs(service) for service in role.services):
        environment = environments(supervisor.state.root, ports, secrets)[role.services[0].name]
        yield from _prepare(supervisor.state, role, environment)
    for service in role.services:
        supervisor.start_service(service)
    for service in role.services:
        while not _healthy(supervisor, service, ports):
            yield


def _prepare(state: State, role: Role, environment: Mapping[str, str]) -> Iterator[None]:
    log = state.logs / f"{role.name}-prepare.log"
    with log.open("w") as output:
        preparation = subprocess.Popen(
            [state.python(role.name), "-m", f"services.{role.name}", "prepare"],
            cwd=state.root,
            env={**inherited(state), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        while preparation.poll() is None:
            yield
    finally:  # also when another role's failure, or the person, ends the start
        if preparation.poll() is None:
            preparation.terminate()
            preparation.wait()
    if preparation.returncode:
        raise Failure(
            f"Role {role.name} could not be prepared (status {preparation.returncode}): {_last_line(log)}. "
            f"Remedy: read {log}."
        )


def _healthy(supervisor: Supervisor, service: Service, ports: Mapping[str, int]) -> bool:
    told = supervisor.service(service)["statename"]
    if told in ("FATAL", "EXITED"):
        log = supervisor.state.logs / f"{service.name}.log"
        raise Failure(
            f"Service {service.name} stopped: {_last_line(log)}. Remedy: `make logs SERVICE={service.name}`."
        )
    return bool(told == "RUNNING") and report.healthy(service, ports)


def _last_line(log: Path) -> str:
    return (log.read_text(errors="replace").strip().splitlines() or ["it said nothing"])[-1]


def _known(url: str) -> httpx.Response | None:
    """What the model server says of a model, once it can say something."""
    try:
        answer = httpx.get(url, timeout=30)
    except httpx.HTTPError:  # it was healthy a moment ago, and is restarted
        return None
    return answer if answer.status_code in (OK, NOT_FOUND, BAD_GATEWAY) else None


def _until(ready: Callable[[], T | None], sentence: str) -> T:
    """The first result that is neither None nor false."""
    deadline = time.monotonic() + PATIENCE
    while not (result := ready()):
        if time.monotonic() > deadline:
            raise Failure(f"{sentence} after {PATIENCE} s. Remedy: `make status`, `make logs`.")
        time.sleep(0.25)
    return result
