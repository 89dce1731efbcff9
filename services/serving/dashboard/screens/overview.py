"""Overview: what runs, and what is champion. Open to whoever reaches the dashboard."""

import streamlit as st

from services.serving.dashboard import facts, health
from services.serving.dashboard.connection import Missing, Problem, Unauthorized
from services.serving.dashboard.language import Language
from services.serving.dashboard.promotion import CHAMPION
from services.serving.dashboard.registry import Registry, Run, Version
from services.serving.dashboard.settings import settings
from services.serving.dashboard.words import moment, zone

FIRST_METRICS = ("accuracy", "f1", "precision", "recall")
_KINDS = ("estimator", "estimator_class", "model_class")
_BADGES = {
    "ready": ":green-badge[:material/check_circle: {}]",
    "unready": ":orange-badge[:material/warning: {}]",
    "away": ":red-badge[:material/cancel: {}]",
}


def show(say: Language) -> None:
    """The page."""
    st.title(say("overview.title"))
    st.caption(say("overview.lead"))
    _fresh(say)


@st.fragment(run_every=20)
def _fresh(say: Language) -> None:
    found = _health()
    for column, service in zip(st.columns(len(found)), found, strict=True):
        with column:
            _card(say, service)
    for service in found:
        if service.state != "ready":
            _consequences(say, service)
    st.subheader(say("overview.champion", model=settings().model), divider="violet")
    _champion(say)


# Many visitors, one question to the services in five seconds. Nothing in it belongs to a user.
@st.cache_data(ttl=5, show_spinner=False)
def _health() -> list[health.Health]:
    return health.check(health.watched(settings()))


@st.cache_data(ttl=5, show_spinner=False)
def _found() -> tuple[Version, Run | None] | None:
    """The champion and its run, read as the dashboard's own user."""
    registry = _registry()
    try:
        number = registry.model(settings().model).aliases.get(CHAMPION)
    except Missing:
        return None
    if number is None:
        return None
    version = registry.version(settings().model, number)
    try:
        return version, registry.run(version.run_id) if version.run_id else None
    except Missing:
        return version, None


@st.cache_resource(show_spinner=False)
def _registry() -> Registry:
    chosen = settings()
    return Registry(chosen.mlflow_url, chosen.mlflow_username, chosen.mlflow_password.get_secret_value())


def _card(say: Language, found: health.Health) -> None:
    service = found.service
    with st.container(border=True, height="stretch", gap="xxsmall"):
        badge = _BADGES[found.state].format(say(f"health.{found.state}"))
        st.markdown(f"**[{say(f'service.{service.key}')}](<{service.link}>)** {badge}")
        st.caption(say(f"health.{service.key}_what"))


def _consequences(say: Language, found: health.Health) -> None:
    service = found.service
    what = say(
        f"health.{found.state}_words", service=say.plain(f"service.{service.key}"), detail=found.detail
    )
    st.warning(
        f"**{what}** {say(f'health.{service.key}_away')}\n\n{say(f'health.{service.key}_remedy')}",
        icon=":material/warning:",
    )


def _champion(say: Language) -> None:
    try:
        found = _found()
    except Unauthorized:
        st.error(say("overview.own_user", user=settings().mlflow_username), icon=":material/key_off:")
        return
    except Problem as problem:
        st.error(say.problem(problem), icon=":material/error:")
        return
    if found is None:
        st.info(say("overview.no_champion", model=settings().model), icon=":material/emoji_events:")
        return
    version, run = found
    about, measured = st.columns([2, 3], gap="large")
    with about:
        _about(say, version, run)
    with measured:
        metrics(say, run.metrics if run else {})


def _about(say: Language, version: Version, run: Run | None) -> None:
    st.markdown(f"#### {say('overview.version', version=version.number)}")
    unknown = say("overview.unknown")
    promoted_at = version.tags.get("promoted_at")
    lines = {
        say("overview.class"): kind(version, run) or unknown,
        say("overview.promoted_by"): version.tags.get("promoted_by", unknown),
        say("overview.promoted_at"): moment(say, promoted_at) if promoted_at else unknown,
        say("overview.promotion"): version.tags.get("promotion", unknown),
        say("overview.created"): say.moment(version.created, zone()),
    }
    facts.show(lines)


def metrics(say: Language, values: dict[str, float]) -> None:
    """The metrics of a run that people ask for first, in large figures."""
    if not values:
        st.caption(say("overview.no_metrics"))
        return
    chosen = [name for name in FIRST_METRICS if name in values] or sorted(values)[:4]
    for column, name in zip(st.columns(4), chosen, strict=False):
        column.metric(name.replace("_", " "), say.number(values[name], 4))


def kind(version: Version, run: Run | None) -> str | None:
    """The class of the estimator, from the tags of the version or from its run."""
    for source in (version.tags, run.tags if run else {}, run.parameters if run else {}):
        for key in _KINDS:
            if source.get(key):
                return source[key]
    return None
