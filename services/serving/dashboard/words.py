"""Problems and moments in the reader's words."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from zoneinfo import ZoneInfo

import streamlit as st

from services.serving.dashboard import account
from services.serving.dashboard.connection import Problem, Unauthorized
from services.serving.dashboard.language import Language


@contextmanager
def told(say: Language) -> Iterator[None]:
    """Show a Problem raised inside in its place; a user whom MLflow no longer knows is signed out."""
    try:
        yield
    except Unauthorized as problem:
        if problem.values["service"] != "mlflow":
            st.error(say("problem.key_refused"), icon=":material/key_off:")
        else:
            account.sign_out()
            st.warning(say("account.ended"), icon=":material/lock:")
            st.button(say("account.sign_in"), type="primary")
    except Problem as problem:
        st.error(say.problem(problem), icon=":material/error:")


def moment(say: Language, written: str) -> str:
    """A moment written in ISO 8601, in the reader's words; as it is where it is none."""
    try:
        return say.moment(datetime.fromisoformat(written), zone())
    except ValueError:
        return written


def zone() -> ZoneInfo:
    """The reader's time zone."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (KeyError, ValueError):
        return ZoneInfo("UTC")
