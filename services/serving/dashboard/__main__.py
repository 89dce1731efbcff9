"""`python -m services.serving.dashboard`: Streamlit's server in this process."""

import logging
import socket
from pathlib import Path

from streamlit import net_util
from streamlit.web import bootstrap

from services.serving.dashboard.settings import DashboardSettings, settings
from services.serving.dashboard.theme import THEME
from services.settings import exit_with

APP = Path(__file__).with_name("app.py")
UPLOAD_MEGABYTES = 20


def options(chosen: DashboardSettings) -> dict[str, object]:
    """Streamlit's configuration; it outranks every config.toml."""
    return {
        "server.address": chosen.host,
        "server.port": chosen.port,
        "server.headless": True,
        "server.fileWatcherType": "none",
        "server.enableXsrfProtection": True,
        "server.enableCORS": True,
        "server.xsrfCookieSameSite": "strict",
        "server.maxUploadSize": UPLOAD_MEGABYTES,
        "browser.gatherUsageStats": False,
        "client.showErrorDetails": "none",
        "client.showErrorLinks": False,
        "client.toolbarMode": "minimal",
        "logger.hideWelcomeMessage": True,
        **THEME,
    }


def main() -> None:
    """Serve until SIGTERM; exit with EX_CONFIG on unusable settings, 1 when the port is taken."""
    chosen = settings()
    _check_address(chosen)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # A page of another origin would make Streamlit ask the internet for its own address, and wait.
    net_util.get_external_ip = lambda: None
    configuration = options(chosen)
    bootstrap.load_config_options(configuration)
    bootstrap.run(str(APP), False, [], configuration)


def _check_address(chosen: DashboardSettings) -> None:
    """Streamlit would name the port and not the setting."""
    try:
        family, *_, address = socket.getaddrinfo(chosen.host, chosen.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        exit_with(
            f"DASHBOARD_HOST and DASHBOARD_PORT are '{chosen.host}' and '{chosen.port}': {error.strerror}. "
            "Remedy: end what listens there, or set an address of this machine and a free port."
        )


if __name__ == "__main__":
    main()
