"""The script Streamlit runs for every session: language, account, and the page that was asked for."""

import streamlit as st

from services.serving.dashboard import account, flower
from services.serving.dashboard.language import NAMES, Language, preferred
from services.serving.dashboard.screens import experiments, models, overview, predict

_LOGO = {"sepal_length": 8.2, "sepal_width": 4.6, "petal_length": 6.6, "petal_width": 2.0}


def main() -> None:
    """Show the page."""
    st.set_page_config(page_title="MLOps", page_icon="🌸", layout="wide")
    st.logo(flower.draw(_LOGO, 0) or "", size="large")
    st.session_state.setdefault("language", preferred(st.context.locale))
    say = Language(st.session_state["language"])
    page = st.navigation(
        [
            st.Page(
                lambda: overview.show(say),
                title=say("overview.title"),
                icon=":material/monitor_heart:",
                url_path="overview",
                default=True,
            ),
            st.Page(
                lambda: predict.show(say),
                title=say("predict.title"),
                icon=":material/local_florist:",
                url_path="predict",
            ),
            st.Page(
                lambda: experiments.show(say),
                title=say("experiments.title"),
                icon=":material/science:",
                url_path="experiments",
            ),
            st.Page(
                lambda: models.show(say),
                title=say("models.title"),
                icon=":material/deployed_code:",
                url_path="models",
            ),
        ]
    )
    with st.sidebar:
        _account(say)
        st.radio(
            say("app.language"),
            list(NAMES),
            format_func=NAMES.__getitem__,
            key="language",
            horizontal=True,
        )
    page.run()


def _account(say: Language) -> None:
    signed_in = account.current()
    if signed_in:
        st.caption(say("account.as", username=signed_in.username))
        if st.button(say("account.sign_out"), icon=":material/logout:", width="stretch"):
            account.sign_out()
            st.rerun()


main()
