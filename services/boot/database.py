"""The role's database and its own user, made by the administrator where they are not yet there."""

import logging
import secrets
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import quote, unquote, urlsplit

import pymysql
from pymysql.constants import ER
from pymysql.cursors import Cursor

from services.boot.failure import Failure
from services.boot.patience import NotYet, patiently

log = logging.getLogger(__name__)

ADMIN = "admin"
_PORT = 3306
_WAIT_SECONDS = 3600
"""Instances are launched while the database is still being made."""
_ADMIN_WAIT_SECONDS = 120
_TIMEOUT_SECONDS = 10
_KEY = "mlops_database_host"
_DENIED = (ER.ACCESS_DENIED_ERROR, ER.DBACCESS_DENIED_ERROR, ER.BAD_DB_ERROR)


class Denied(Exception):
    """The server is there and does not let this user in, or not into this database."""


@dataclass(frozen=True)
class Server:
    """Where MySQL is, and whose certificate it must show; without an authority any is taken."""

    host: str
    port: int = _PORT
    authority: Path | None = None

    @classmethod
    def at(cls, address: str, authority: Path | None) -> Self:
        host, _, port = address.partition(":")
        return cls(host, int(port or _PORT), authority)

    def uri(self, user: str, password: str, database: str) -> str:
        """For SQLAlchemy's pymysql dialect: TLS always, verified where there is an authority."""
        trust = f"ssl_ca={quote(str(self.authority))}" if self.authority else "ssl_check_hostname=false"
        credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
        return f"mysql+pymysql://{credentials}@{self.host}:{self.port}/{database}?charset=utf8mb4&{trust}"

    def wait(self, seconds: float = _WAIT_SECONDS) -> None:
        """Return when the server speaks MySQL.

        Raises:
            Failure: when it does not for `seconds`, or shows a certificate that the authority did not issue.
        """
        patiently(
            f"MySQL at {self.host}:{self.port}",
            self._probe,
            seconds=seconds,
            remedy=f"see that the DB system is active, that {_KEY} names its endpoint, "
            f"and that the network's rules let this instance reach port {self.port}",
        )

    def connect(self, user: str, password: str, database: str | None = None) -> "pymysql.Connection[Cursor]":
        """Raises: Denied; NotYet: when the server is away; Failure: for a wrong certificate."""
        try:
            return pymysql.connect(
                host=self.host,
                port=self.port,
                user=user,
                password=password.encode(),  # pymysql would take a text for Latin-1, MySQL does not
                database=database,
                ssl=self._tls(),
                connect_timeout=_TIMEOUT_SECONDS,
                autocommit=True,
            )
        except pymysql.MySQLError as error:
            cause = getattr(error, "original_exception", None)
            if isinstance(cause, ssl.SSLCertVerificationError):
                raise Failure(
                    f"{_KEY} is {self.host}, whose certificate does not hold ({cause.verify_message}): "
                    f"one by the authority in {self.authority} is expected. "
                    "Remedy: give that authority to the image, or name the host as the certificate does."
                ) from None
            if error.args and error.args[0] in _DENIED:
                raise Denied(error.args[1]) from None
            raise NotYet(str(error.args[-1] if error.args else error)) from None

    def _probe(self) -> None:
        try:
            self.connect("", "").close()
        except Denied:
            return

    def _tls(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.authority)
        # Python 3.13 is stricter about certificates than MySQL, which makes them.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if self.authority is None:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def password_in(uri: str) -> str | None:
    """The password of a URI that `Server.uri` made."""
    password = urlsplit(uri).password
    return unquote(password) if password else None


def ensure_user(
    server: Server,
    user: str,
    databases: Sequence[str],
    privileges: Sequence[str],
    password: str | None,
    admin_password: Callable[[], str],
) -> str:
    """The password with which the user can use its databases: the given one, or a new one.

    The administrator is asked for, and made use of, only when the given password does not do.

    Raises:
        Failure: when the administrator cannot do it.
    """
    if password and all(_works(server, user, password, name) for name in databases):
        return password
    secret = admin_password()
    password = new_password()
    patiently(
        f"MySQL's user {ADMIN} at {server.host}",
        lambda: _provide(server, secret, user, databases, privileges, password),
        seconds=_ADMIN_WAIT_SECONDS,
        remedy=f"see that mlops_database_admin_secret names the secret with the password of {ADMIN}, "
        "and that this user has the rights of a DB system's administrator",
    )
    log.info("MySQL has the databases %s and their user %s, with a new password", ", ".join(databases), user)
    return password


def new_password() -> str:
    """Random, and with a character of each kind, which a server's password policy may ask for."""
    return f"{secrets.token_urlsafe(32)}-aZ9"


def _works(server: Server, user: str, password: str, database: str) -> bool:
    def attempt() -> bool:
        try:
            server.connect(user, password, database).close()
        except Denied:
            return False
        return True

    return patiently(
        f"MySQL at {server.host}",
        attempt,
        seconds=_ADMIN_WAIT_SECONDS,
        remedy="see why it went away, and reboot",
    )


def _provide(
    server: Server, secret: str, user: str, databases: Sequence[str], privileges: Sequence[str], password: str
) -> None:
    """Raises: NotYet: while the administrator is not let in, or lacks a right: both may still come."""
    try:
        with server.connect(ADMIN, secret) as connection, connection.cursor() as cursor:
            _make(cursor, user, databases, privileges, password)
    except Denied as reason:
        raise NotYet(str(reason)) from None
    except pymysql.MySQLError as error:
        raise NotYet(f"it cannot make the user {user}: {error.args[-1]}") from None


def _make(
    cursor: Cursor, user: str, databases: Sequence[str], privileges: Sequence[str], password: str
) -> None:
    # Each may be repeated, so whatever a crash between two of them leaves undone the next boot does.
    for name in databases:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS `{name}` CHARACTER SET utf8mb4")
    cursor.execute(f"CREATE USER IF NOT EXISTS '{user}'@'%%' IDENTIFIED BY %s REQUIRE SSL", (password,))
    cursor.execute(f"ALTER USER '{user}'@'%%' IDENTIFIED BY %s REQUIRE SSL", (password,))
    cursor.execute("SELECT @@partial_revokes")
    taken_literally = bool((cursor.fetchone() or [0])[0])
    for name in databases:
        # An underscore is a wildcard in a grant unless it is escaped; with partial revokes neither is so.
        pattern = name if taken_literally else name.replace("_", r"\_")
        cursor.execute(f"GRANT {', '.join(privileges)} ON `{pattern}`.* TO '{user}'@'%'")
