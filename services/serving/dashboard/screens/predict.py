"""Predict: one row from a form made of the model's schema, or a CSV file in batches."""

import base64
from collections import Counter
from dataclasses import dataclass
from html import escape
from typing import Any

import streamlit as st

from services.serving.dashboard import account, charts, flower, table
from services.serving.dashboard.connection import Problem
from services.serving.dashboard.language import Language, escaped
from services.serving.dashboard.model_server import BATCH, Input, ModelServer, Prediction, Schema
from services.serving.dashboard.promotion import CHAMPION
from services.serving.dashboard.settings import settings
from services.serving.dashboard.words import told

_SHOWN = 100


@dataclass(frozen=True)
class Batch:
    """What a session keeps of a predicted file: the answer, and not the rows it was made of."""

    question: tuple[str, ...]
    content: bytes
    counts: Counter[str]
    shown: list[dict[str, str]]
    ignored: list[str]


def show(say: Language) -> None:
    """The page."""
    st.title(say("predict.title"))
    account.required(say)
    with told(say):
        server = model_server()
        schema = _chosen(say, server)
        if not schema.inputs:
            st.warning(say("predict.no_schema", model=schema.name, version=schema.version))
            return
        one, many = st.tabs([say("predict.one"), say("predict.many")])
        with one, told(say):
            _one(say, server, schema)
        with many, told(say):
            _many(say, server, schema)


def model_server() -> ModelServer:
    """The model server with the dashboard's key."""
    key = settings().model_server_api_key
    return ModelServer(settings().model_server_url, key.get_secret_value() if key else None)


def _chosen(say: Language, server: ModelServer) -> Schema:
    """The schema of the model and version the person chose; raises Problem."""
    names = sorted(server.models(), key=lambda name: (name != settings().model, name))
    if not names:
        raise Problem("predict.no_models")
    left, right = st.columns(2)
    name = left.selectbox(say("predict.model"), names)
    reference = right.selectbox(
        say("predict.version"),
        [CHAMPION, *server.versions(name)],
        format_func=lambda version: say("predict.champion") if version == CHAMPION else version,
    )
    schema = server.schema(name, reference)
    st.caption(say("predict.served_by", model=schema.name, version=schema.version))
    return schema


def _one(say: Language, server: ModelServer, schema: Schema) -> None:
    entered, result = st.columns(2, gap="large")
    with entered:
        values = _form(say, schema)
    with result, told(say):
        _result(say, schema, values, server.predict(schema, [values])[0])


def _form(say: Language, schema: Schema) -> dict[str, Any]:
    ways = {"sliders": say("predict.sliders"), "numbers": say("predict.numbers")}
    way = st.segmented_control(
        say("predict.way"),
        list(ways),
        default="sliders",
        format_func=ways.__getitem__,
        required=True,
        label_visibility="collapsed",
    )
    kept = st.session_state.setdefault(f"values {schema.name}", {})
    values = {}
    for item in schema.inputs:
        value = _field(say, item, f"{way} {schema.name} {item.name}", kept.get(item.name), way == "sliders")
        if value is not None and value != "":
            values[item.name] = kept[item.name] = value
    return values


def _field(say: Language, item: Input, key: str, value: Any, slider: bool) -> Any:
    """The entered value. The key names the widget, so that `value` is only what it starts with."""
    name = say.column(item.name)
    if not item.numeric:
        if item.type == "boolean":
            return st.checkbox(escaped(name), value=bool(value), key=key)
        return st.text_input(escaped(name), value=value or "", key=key)
    kind: type[int | float] = int if item.whole else float
    value = kind(table.middle(item) if value is None else value)
    step = kind(1) if item.whole else 0.1
    unit = item.unit or ""
    if item.minimum is None or item.maximum is None or item.minimum >= item.maximum:
        return st.number_input(f"{escaped(name)} {escaped(unit)}", value=value, step=step, key=key)
    low, high = kind(item.minimum), kind(item.maximum)
    label = say("predict.field", name=name, low=say.number(low), high=say.number(high), unit=unit)
    if slider:
        return st.slider(label, low, high, min(max(value, low), high), step, key=key)
    entered = st.number_input(label, value=value, step=step, key=key)
    if not low <= entered <= high:
        st.caption(f":orange[{say('predict.outside')}]")
    return entered


def _result(say: Language, schema: Schema, values: dict[str, Any], prediction: Prediction) -> None:
    with st.container(border=True):
        words, picture = st.columns([3, 2], vertical_alignment="center")
        with words:
            st.caption(say("predict.result"))
            st.markdown(f"## {escaped(prediction.label)}")
            if prediction.confidence is not None:
                share = say.percent(prediction.confidence)
                st.progress(prediction.confidence, say("predict.confidence", share=share))
        classes = schema.classes or ()
        drawing = flower.draw(values, classes.index(prediction.label) if prediction.label in classes else 0)
        if drawing and schema.classes:
            picture.html(_image(drawing, say.plain("predict.drawing", label=prediction.label)))
        if prediction.probabilities:
            st.vega_lite_chart(
                spec=charts.bars(say, prediction.probabilities, prediction.label, share=True),
                alt=say.plain("predict.probabilities"),
            )


def _image(drawing: str, words: str) -> str:
    source = f"data:image/svg+xml;base64,{base64.b64encode(drawing.encode()).decode()}"
    return f'<img src="{source}" alt="{escape(words)}" style="max-width:100%">'


def _many(say: Language, server: ModelServer, schema: Schema) -> None:
    st.write(say("predict.csv_needs", columns=", ".join(item.name for item in schema.inputs)))
    st.download_button(
        say("predict.example"),
        table.example(schema),
        file_name=f"{schema.name}-example.csv",
        mime="text/csv",
        icon=":material/description:",
        on_click="ignore",
    )
    sent = st.file_uploader(say("predict.file"), type="csv")
    if sent is None:
        st.session_state.pop("batch", None)
        return
    question = (sent.file_id, schema.name, schema.version)
    done: Batch | None = st.session_state.get("batch")
    if done is None or done.question != question:
        st.session_state.pop("batch", None)
        done = st.session_state["batch"] = _predicted(say, server, schema, question, sent.getvalue())
    _download(say, schema, sent.name, done)


def _predicted(
    say: Language, server: ModelServer, schema: Schema, question: tuple[str, ...], content: bytes
) -> Batch:
    rows = table.read(content)
    lacking = table.missing(rows, schema)
    if lacking:
        raise Problem("table.missing", columns=", ".join(lacking), found=", ".join(rows.columns))
    predictions = _batches(say, server, schema, table.values(rows, schema))
    shown = [
        dict(zip(rows.columns, row, strict=True)) | {"prediction": prediction.label}
        for row, prediction in zip(rows.rows[:_SHOWN], predictions, strict=False)
    ]
    counts = Counter(prediction.label for prediction in predictions)
    return Batch(question, table.write(rows, predictions), counts, shown, table.unused(rows, schema))


def _batches(
    say: Language, server: ModelServer, schema: Schema, rows: list[dict[str, Any]]
) -> list[Prediction]:
    predictions: list[Prediction] = []
    progress = st.progress(0.0, say("predict.progress", done=0, rows=say.number(len(rows))))
    for start in range(0, len(rows), BATCH):
        predictions += server.predict(schema, rows[start : start + BATCH])
        words = say("predict.progress", done=say.number(len(predictions)), rows=say.number(len(rows)))
        progress.progress(len(predictions) / len(rows), words)
    progress.empty()
    return predictions


def _download(say: Language, schema: Schema, name: str, done: Batch) -> None:
    rows = done.counts.total()
    st.success(
        say("predict.done", rows=say.number(rows), model=schema.name, version=schema.version),
        icon=":material/check_circle:",
    )
    if done.ignored:
        st.caption(say("table.unused", columns=", ".join(done.ignored)))
    st.download_button(
        say("predict.download"),
        done.content,
        file_name=f"{name.removesuffix('.csv')}-predictions.csv",
        mime="text/csv",
        type="primary",
        icon=":material/download:",
        on_click="ignore",
    )
    counts = {label: float(count) for label, count in done.counts.items()}
    st.vega_lite_chart(spec=charts.bars(say, counts), alt=say.plain("predict.counts"))
    st.dataframe(done.shown, hide_index=True)
    if rows > _SHOWN:
        st.caption(say("predict.first_rows", rows=_SHOWN))
