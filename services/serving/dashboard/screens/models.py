"""Models: versions with their aliases and audit; promotion and roll back with the signed-in user's rights."""

import streamlit as st

from services.serving.dashboard import account, facts, promotion
from services.serving.dashboard.account import Account
from services.serving.dashboard.connection import Forbidden, Missing, Problem
from services.serving.dashboard.language import Language, escaped
from services.serving.dashboard.promotion import CHAMPION, PREVIOUS, Change
from services.serving.dashboard.registry import Model, Version
from services.serving.dashboard.screens.predict import model_server
from services.serving.dashboard.settings import settings
from services.serving.dashboard.words import moment, told, zone

_PAGE = 10


def show(say: Language) -> None:
    """The page."""
    st.title(say("models.title"))
    signed_in = account.required(say)
    notice = st.session_state.pop("notice", None)
    if notice:
        st.success(notice, icon=":material/emoji_events:")
    with told(say):
        found = sorted(
            signed_in.registry.models(), key=lambda model: (model.name != settings().model, model.name)
        )
        if not found:
            st.info(say("models.none"), icon=":material/deployed_code:")
            return
        names = [model.name for model in found]
        model = found[names.index(st.selectbox(say("models.pick"), names))]
        if model.description:
            st.write(escaped(model.description))
        _state(say, signed_in, model)
        _versions(say, signed_in, model, signed_in.registry.versions(model.name))


def _state(say: Language, signed_in: Account, model: Model) -> None:
    champion, previous, action = st.columns([1, 1, 2], vertical_alignment="center")
    champion.metric(say("models.champion"), model.aliases.get(CHAMPION, "–"))
    previous.metric(say("models.previous"), model.aliases.get(PREVIOUS, "–"))
    change = promotion.rollback(model)
    label = say("models.roll_back_to", version=change.version) if change else say("models.roll_back")
    hint = None if change else say("models.nothing_to_roll_back")
    if action.button(label, icon=":material/undo:", disabled=change is None, help=hint) and change:
        _confirm(say, signed_in, change, say("models.roll_back_title"))


def _versions(say: Language, signed_in: Account, model: Model, versions: list[Version]) -> None:
    st.subheader(say("models.versions"), divider="violet")
    if not versions:
        st.info(say("models.no_versions"))
    key = f"shown {model.name}"
    shown = st.session_state.get(key, _PAGE)
    for version in versions[:shown]:
        _version(say, signed_in, model, version)
    if len(versions) > shown and st.button(say("models.more", rest=len(versions) - shown)):
        st.session_state[key] = shown + _PAGE
        st.rerun()


def _version(say: Language, signed_in: Account, model: Model, version: Version) -> None:
    aliases = [alias for alias, number in model.aliases.items() if number == version.number]
    with st.container(border=True):
        words, action = st.columns([4, 1], vertical_alignment="center")
        with words:
            badges = " ".join(f":{_color(alias)}-badge[{escaped(alias)}]" for alias in sorted(aliases))
            stage = f" :gray-badge[{version.stage}]" if version.stage != "None" else ""
            st.markdown(f"**{say('overview.version', version=version.number)}** {badges}{stage}")
            st.caption(_history(say, version))
        if CHAMPION not in aliases and action.button(
            say("models.promote"),
            key=f"promote {model.name} {version.number}",
            icon=":material/emoji_events:",
            width="stretch",
            help=say("models.promote_help", version=version.number),
        ):
            _confirm(say, signed_in, promotion.promotion(model, version.number), say("models.promote_title"))
        with st.expander(say("models.details")):
            _details(say, version)


def _color(alias: str) -> str:
    return {CHAMPION: "violet", PREVIOUS: "blue"}.get(alias, "gray")


def _history(say: Language, version: Version) -> str:
    created = say("models.created", moment=say.moment(version.created, zone()))
    by, at = version.tags.get("promoted_by"), version.tags.get("promoted_at")
    if not by or not at:
        return created
    how = version.tags.get("promotion", "–")
    return f"{created} · {say('models.promoted', by=by, moment=moment(say, at), how=how)}"


def _details(say: Language, version: Version) -> None:
    if version.description:
        st.write(escaped(version.description))
    lines = {say("models.stage"): version.stage, say("models.run"): version.run_id or "–", **version.tags}
    facts.show(lines)


def _confirm(say: Language, signed_in: Account, change: Change, title: str) -> None:
    @st.dialog(title)
    def dialog() -> None:
        _dialog(say, signed_in, change)

    dialog()


def _dialog(say: Language, signed_in: Account, change: Change) -> None:
    none = say("models.none_yet")
    st.write(say("models.will_change", model=change.model))
    st.markdown(
        f"| {say('models.alias')} | {say('models.now')} | {say('models.then')} |\n|---|---|---|\n"
        f"| `{CHAMPION}` | {change.champion or none} | **{change.version}** |\n"
        f"| `{PREVIOUS}` | {change.previous or none} | {change.champion or change.previous or none} |"
    )
    st.write(say("models.consequence", version=change.version))
    st.caption(say("models.audit", username=signed_in.username))
    cancel, go = st.columns(2)
    if cancel.button(say("models.cancel"), width="stretch"):
        st.rerun()
    if not go.button(say("models.confirm"), type="primary", width="stretch"):
        return
    with told(say):
        try:
            promotion.carry_out(signed_in.registry, change, signed_in.username)
        except Forbidden as refusal:
            raise Problem(
                "models.forbidden",
                username=signed_in.username,
                model=change.model,
                champion=change.champion or none,
            ) from refusal
        except Missing as gone:
            raise Problem("promotion.overtaken", model=change.model) from gone
        st.session_state["notice"] = _notice(say, change)
        st.rerun()


def _notice(say: Language, change: Change) -> str:
    """What is served from now on; the model server is told at once to look the alias up again."""
    text = say("models.done", model=change.model, version=change.version)
    try:
        model_server().schema(change.model, CHAMPION, fresh=True)
    except Problem as problem:
        return f"{text} {say('models.not_served')} {say.problem(problem)}"
    return text
