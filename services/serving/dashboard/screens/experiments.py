"""Experiments: the runs the signed-in user may read, and their metrics in charts."""

from typing import Any

import streamlit as st

from services.serving.dashboard import account, charts, facts
from services.serving.dashboard.connection import Missing
from services.serving.dashboard.language import Language
from services.serving.dashboard.promotion import CHAMPION
from services.serving.dashboard.registry import Registry, Run
from services.serving.dashboard.settings import settings
from services.serving.dashboard.words import told, zone

_FIRST = "iris-training"
_CHARTED = 15


def show(say: Language) -> None:
    """The page."""
    st.title(say("experiments.title"))
    registry = account.required(say).registry
    with told(say):
        found = registry.experiments()
        found.sort(key=lambda experiment: (experiment.name != _FIRST, experiment.name))
        if not found:
            st.info(say("experiments.none"))
            return
        left, right = st.columns([3, 1])
        chosen = left.selectbox(say("experiments.pick"), found, format_func=lambda each: each.name)
        limit = right.selectbox(say("experiments.limit"), [25, 100, 500])
        runs = registry.runs(chosen.id, limit)
        if not runs:
            st.info(say("experiments.no_runs"), icon=":material/science:")
            return
        champion = _champion_run(registry)
        _table(say, runs, champion)
        _compare(say, runs, champion)
        _one(say, registry, runs)


def _champion_run(registry: Registry) -> str | None:
    name = settings().model
    try:
        number = registry.model(name).aliases.get(CHAMPION)
        return registry.version(name, number).run_id if number else None
    except Missing:
        return None


def _table(say: Language, runs: list[Run], champion: str | None) -> None:
    metrics = sorted({name for run in runs for name in run.metrics})
    name, state, started, lasted = (
        say("experiments.run"),
        say("experiments.state"),
        say("experiments.started"),
        say("experiments.lasted"),
    )
    rows: list[dict[str, Any]] = [
        {
            name: _marked(run, champion),
            state: _state(say, run.status),
            started: run.started,
            lasted: say.duration((run.ended - run.started).total_seconds()) if run.ended else "–",
            **{metric: run.metrics.get(metric) for metric in metrics},
        }
        for run in runs
    ]
    configuration: dict[str, Any] = {
        started: st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm", timezone=str(zone())),
    }
    configuration |= {metric: st.column_config.NumberColumn(format="localized") for metric in metrics}
    st.dataframe(rows, hide_index=True, column_config=configuration)
    if champion in {run.id for run in runs}:
        st.caption(say("experiments.champion_mark"))


def _marked(run: Run, champion: str | None) -> str:
    """The run's name, with a sign on the champion's run and on the candidates inside another run."""
    sign = "🏆 " if run.id == champion else "↳ " if "mlflow.parentRunId" in run.tags else ""
    return sign + run.name


def _state(say: Language, status: str) -> str:
    known = {
        "FINISHED": say("experiments.finished"),
        "RUNNING": say("experiments.running"),
        "FAILED": say("experiments.failed"),
        "KILLED": say("experiments.killed"),
        "SCHEDULED": say("experiments.scheduled"),
    }
    return known.get(status, status)


def _label(say: Language, run: Run) -> str:
    return f"{run.name} · {say.moment(run.started, zone())}"


def _compare(say: Language, runs: list[Run], champion: str | None) -> None:
    metrics = sorted({name for run in runs for name in run.metrics})
    if not metrics:
        st.caption(say("experiments.no_metrics"))
        return
    st.subheader(say("experiments.compare"))
    first = metrics.index("accuracy") if "accuracy" in metrics else 0
    metric = st.selectbox(say("experiments.metric"), metrics, index=first)
    measured = [run for run in runs if metric in run.metrics][:_CHARTED]
    values: dict[str, float] = {}
    strong = None
    names = [run.name for run in measured]
    for run in measured:
        label = run.name if names.count(run.name) == 1 else _label(say, run)
        while label in values:
            label += "\u200b"  # two of a name in one minute are two bars
        values[label] = run.metrics[metric]
        strong = label if run.id == champion else strong
    st.vega_lite_chart(
        spec=charts.bars(say, values, strong),
        alt=say.plain("experiments.chart", metric=metric),
    )


def _one(say: Language, registry: Registry, runs: list[Run]) -> None:
    st.subheader(say("experiments.one"))
    run = st.selectbox(say("experiments.run"), runs, format_func=lambda run: _label(say, run))
    parameters, curves = st.columns(2, gap="large")
    with parameters:
        st.markdown(f"**{say('experiments.parameters')}**")
        if run.parameters:
            facts.show(dict(sorted(run.parameters.items())))
        else:
            st.caption(say("experiments.no_parameters"))
    with curves:
        st.markdown(f"**{say('experiments.metrics')}**")
        if not run.metrics:
            st.caption(say("experiments.no_metrics"))
            return
        metric = st.selectbox(say("experiments.metric"), sorted(run.metrics), key="curve")
        history = registry.history(run.id, metric)
        if len(history) > 1:
            st.vega_lite_chart(
                spec=charts.line(say, history, say("experiments.step")),
                alt=say.plain("experiments.curve", metric=metric),
            )
        else:
            st.metric(metric.replace("_", " "), say.number(run.metrics[metric], 6))
