"""Airflow on MySQL with wheels alone: mysqlclient, which it asks for, has none for Linux."""

import ssl
import sys
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

ASYNC_CONNECT_ARGS: dict[str, Any] = {}
"""What the asynchronous engine connects with: aiomysql takes TLS as a context, and nothing of it in a URI."""


def is_mysql(uri: str) -> bool:
    return uri.startswith("mysql")


def use(uri: str) -> None:
    """Make Airflow work with pymysql and aiomysql; to be called before Airflow is imported."""
    from pymysql import converters

    stand_in, stand_in_converters = ModuleType("MySQLdb"), ModuleType("MySQLdb.converters")
    vars(stand_in_converters).update(
        conversions=converters.conversions, DateTime2literal=converters.escape_datetime
    )
    vars(stand_in).update(converters=stand_in_converters)
    sys.modules.update({"MySQLdb": stand_in, "MySQLdb.converters": stand_in_converters})
    ASYNC_CONNECT_ARGS["ssl"] = tls(uri)


def variables(uri: str) -> dict[str, str]:
    """Airflow's own variables for the asynchronous engine."""
    scheme, _, rest = uri.partition("://")
    return {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"{scheme.partition('+')[0]}+aiomysql://{rest.partition('?')[0]}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS_ASYNC": f"{__name__}.ASYNC_CONNECT_ARGS",
    }


def tls(uri: str) -> ssl.SSLContext | None:
    """The context that the URI's `ssl_ca` or `ssl_check_hostname=false` stands for; None without either."""
    query = parse_qs(urlsplit(uri).query)
    authority, unchecked = query.get("ssl_ca"), query.get("ssl_check_hostname") == ["false"]
    if not authority and not unchecked:
        return None
    context = ssl.create_default_context(cafile=authority[0] if authority else None)
    # Python 3.13 is stricter about certificates than MySQL, which makes them.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.check_hostname = not unchecked
    if not authority:
        context.verify_mode = ssl.CERT_NONE
    return context
