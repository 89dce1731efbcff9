"""Who is signed in: an MLflow user, known to this browser session alone and kept in memory only."""

import time
from dataclasses import dataclass

import streamlit as st

from services.serving.dashboard.connection import Problem, Unauthorized
from services.serving.dashboard.language import Language
from services.serving.dashboard.registry import Registry
from services.serving.dashboard.settings import settings

IDLE_SECONDS = 3600
"""A screen that is left alone for longer asks to sign in again."""


@dataclass
class Account:
    """A signed-in user; `registry` acts with the user's rights."""

    username: str
    registry: Registry
    seen: float


def current() -> Account | None:
    """The account of this session, None when nobody is signed in."""
    account: Account | None = st.session_state.get("account")
    if account is None:
        return None
    if time.monotonic() - account.seen > IDLE_SECONDS:
        sign_out()
        return None
    account.seen = time.monotonic()
    return account


def sign_in(username: str, password: str) -> Account:
    """Check the user with MLflow; raises Unauthorized or Away."""
    registry = Registry(settings().mlflow_url, username, password)
    return Account(registry.user(), registry, time.monotonic())


def sign_out() -> None:
    """Forget the account and whatever the session has made with it; the language stays."""
    for key in list(st.session_state):
        if key != "language":
            del st.session_state[key]


def required(say: Language) -> Account:
    """The account of this session; asks to sign in where there is none, and ends the page there."""
    account = current()
    if account is None:
        _form(say)
        st.stop()
    return account


def _form(say: Language) -> None:
    with st.container(horizontal_alignment="center"), st.container(width=420):
        st.subheader(say("account.title"))
        st.write(say("account.why"))
        # Cleared on submit: the password stays in no widget's state.
        with st.form("sign-in", clear_on_submit=True):
            username = st.text_input(say("account.username"), autocomplete="username")
            password = st.text_input(
                say("account.password"), type="password", autocomplete="current-password"
            )
            sent = st.form_submit_button(say("account.sign_in"), type="primary", width="stretch")
        if not sent:
            return
        if not username or not password:
            st.warning(say("account.both"))
            return
        try:
            st.session_state["account"] = sign_in(username, password)
        except Unauthorized:
            st.error(say("account.wrong"))
        except Problem as problem:
            st.error(say.problem(problem), icon=":material/error:")
        else:
            st.rerun()
