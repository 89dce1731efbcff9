"""The tasks of a training DAG, for any dataset.

Tasks import what they need when they run: the DAG processor reads this file every few seconds.
Between tasks go names alone (run id, model URI, version, metrics), so they may run on different machines.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import task
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from steps import Final
from steps.dataset import Dataset

if TYPE_CHECKING:
    from steps.evaluation import Comparison
    from steps.promotion import Promotion


def training_pipeline(dataset: Dataset) -> None:
    """Add the eight steps to the DAG that is being defined."""

    @_step()
    def load_data(pipeline_run: str) -> str:
        from steps import tracking

        run = tracking.open_run(dataset, pipeline_run)
        tracking.save_table(dataset, run, dataset.load())
        return run

    @_step()
    def validate(run: str) -> None:
        from steps import data, tracking

        with _not_tried_again():
            data.validate(dataset, tracking.load_table(dataset, run))

    @_step()
    def train(run: str) -> str:
        from steps import tracking, training

        return training.train(dataset, run, tracking.load_table(dataset, run))

    @_step()
    def evaluate(run: str, model_uri: str) -> "Comparison":
        from steps import evaluation, tracking

        return evaluation.evaluate(dataset, run, tracking.load_table(dataset, run), model_uri)

    @_step(task.short_circuit)
    def gate(run: str, comparison: "Comparison") -> bool:
        from steps.gate import objection

        return _may_go_on(run, objection(comparison, dataset.floor))

    @_step()
    def register(run: str, model_uri: str) -> str:
        from steps import registry

        return registry.register(dataset, run, model_uri)

    # One at a time: between the look at the champion and the move of the alias no other run may move it.
    @_step(max_active_tis_per_dag=1)
    def promote(
        pipeline_run: str, run: str, model_uri: str, version: str, comparison: "Comparison"
    ) -> "Promotion":
        from steps import promotion

        if not _may_go_on(run, promotion.late_objection(dataset, run, model_uri, comparison)):
            raise AirflowSkipException("a better model became champion since the gate")
        user = os.environ.get("MLFLOW_TRACKING_USERNAME", "airflow")
        tags = {"promoted_by": user, "promotion": f"pipeline run {pipeline_run}"}
        return promotion.promote(dataset, version, tags)

    @_step()
    def smoke_test(run: str, model_uri: str, promotion: "Promotion") -> None:
        from steps import smoke, tracking

        with _not_tried_again():
            smoke.smoke_test(dataset, tracking.load_table(dataset, run), model_uri, promotion)
        tracking.close_run(run)

    pipeline_run = "{{ run_id }}"
    run = load_data(pipeline_run)
    model_uri = train(run)
    comparison = evaluate(run, model_uri)
    version = register(run, model_uri)
    promotion = promote(pipeline_run, run, model_uri, version, comparison)
    run >> validate(run) >> model_uri
    comparison >> gate(run, comparison) >> version
    smoke_test(run, model_uri, promotion)


def _step(
    kind: Callable[..., Any] = task, **options: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    decorator: Callable[[Callable[..., Any]], Callable[..., Any]] = kind(
        retries=2,
        retry_delay=timedelta(seconds=10),
        multiple_outputs=False,
        on_failure_callback=_close_failed_run,
        **options,
    )
    return decorator


def _may_go_on(run: str, objection: str | None) -> bool:
    from steps import tracking

    if objection:
        print(f"Stopped: {objection}")
        tracking.stop_run(run, objection)
    return objection is None


def _close_failed_run(context: Mapping[str, Any]) -> None:
    from steps import tracking

    instance = context["ti"]
    run = instance.xcom_pull(task_ids="load_data")
    if run:
        tracking.close_run(run, failed_step=instance.task_id)


@contextmanager
def _not_tried_again() -> Iterator[None]:
    try:
        yield
    except Final as error:
        raise AirflowFailException(str(error)) from error
