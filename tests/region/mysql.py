"""A real MySQL server, run as a managed service runs it: binary log, TLS only, an admin without SUPER.

The server comes from a small Debian root of its own, made once by debootstrap, because not every machine
has a package of it. It lives in a mount and a PID namespace that end with this process, even if it is killed.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import pymysql
import pytest
from pymysql.cursors import Cursor

from tests.mlflow_server import free_port
from tests.region.certificates import Issued

ADMIN = "admin"
ADMIN_PASSWORD = 'admin\'s p@ss/w%rd #1 "$HOME" \\'

_ROOTS = Path(os.environ.get("MLOPS_TEST_ROOTS", "/var/tmp/mlops-test-roots"))  # noqa: S108
_START_SECONDS = 90
_LONGEST_SOCKET = 107
_SYSTEM_DATABASES = ("information_schema", "mysql", "performance_schema", "sys")
_ALWAYS = (
    "--socket=/data/mysql.sock",
    "--mysqlx=OFF",
    "--log-bin=/data/binlog",
    "--log-bin-trust-function-creators=OFF",
    "--partial-revokes=ON",
)
_GLOBAL = (
    "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, PROCESS, REFERENCES, INDEX, ALTER, SHOW DATABASES, "
    "CREATE TEMPORARY TABLES, LOCK TABLES, EXECUTE, REPLICATION SLAVE, REPLICATION CLIENT, CREATE VIEW, "
    "SHOW VIEW, CREATE ROUTINE, ALTER ROUTINE, CREATE USER, EVENT, TRIGGER, CREATE ROLE, DROP ROLE"
)
_DYNAMIC = "APPLICATION_PASSWORD_ADMIN, CONNECTION_ADMIN, ROLE_ADMIN, XA_RECOVER_ADMIN"
_AS_MANAGED = f"""
INSTALL COMPONENT 'file://component_validate_password';
GRANT {_GLOBAL} ON *.* TO '{ADMIN}'@'%' WITH GRANT OPTION;
GRANT {_DYNAMIC} ON *.* TO '{ADMIN}'@'%' WITH GRANT OPTION;
REVOKE INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES,
    CREATE VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER ON mysql.* FROM '{ADMIN}'@'%';
REVOKE CREATE, DROP, REFERENCES, INDEX, ALTER, CREATE TEMPORARY TABLES, LOCK TABLES,
    CREATE VIEW, CREATE ROUTINE, ALTER ROUTINE, EVENT, TRIGGER ON sys.* FROM '{ADMIN}'@'%';
"""
"""What the administrator of a managed server may do; `mysql` and `sys` are the provider's own."""


def root() -> Path:
    """The folder that holds a machine with MySQL's server; made when there is none, which takes a minute."""
    made = _ROOTS / "mysql"
    if not (made / "usr/sbin/mysqld").exists():
        _ROOTS.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=_ROOTS) as folder:
            packages = "--include=mysql-server-core,mysql-client-core"
            command = ["debootstrap", "--variant=minbase", packages, "sid", f"{folder}/mysql"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            shutil.move(f"{folder}/mysql", made)
    return made


@dataclass
class MySQL:
    """A server with an empty data folder.

    `prefix` is a command that runs another one elsewhere, such as `Namespace.command()`: there the server
    listens on `host`; `names` are further ones that its certificate is for.
    `strict` is `sql_require_primary_key`, `password` the administrator's.
    """

    folder: Path
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    prefix: Sequence[str] = ()
    strict: bool = True
    names: Sequence[str] = ("db.sim.oraclevcn.com",)
    password: str = ADMIN_PASSWORD
    _process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        if len(os.fsencode(self.socket)) > _LONGEST_SOCKET:
            raise ValueError(
                f"folder is {self.folder}: its socket's path is to have {_LONGEST_SOCKET} bytes at most. "
                "Remedy: name a folder nearer to the root."
            )
        self.folder.mkdir(parents=True, exist_ok=True)
        authority = Issued.root("MySQL's authority")
        issued = authority.issue(self.host, hosts=[self.host, *self.names])
        self._data.mkdir(mode=0o700)
        self.authority = self._data / "authority.pem"
        self.authority.write_bytes(authority.pem)
        for name, content in (("cert.pem", issued.pem), ("key.pem", issued.key_pem)):
            (self._data / name).write_bytes(content)

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    @property
    def socket(self) -> Path:
        return self._data / "mysql.sock"

    def start(self) -> Self:
        """Start, on the first time with an initialised folder and the admin, and wait until it answers.

        It ends with the thread that calls this.

        Raises:
            RuntimeError: with the server's own words when it does not come up.
        """
        if not (self._data / "server").exists():
            self._initialise()
        self._process = self._mysqld(
            f"--bind-address={self.host}",
            f"--port={self.port}",
            "--skip-name-resolve",
            "--require-secure-transport=ON",
            f"--sql-require-primary-key={'ON' if self.strict else 'OFF'}",
            "--ssl-ca=/data/authority.pem",
            "--ssl-cert=/data/cert.pem",
            "--ssl-key=/data/key.pem",
            *_ALWAYS,
        )
        self._wait()
        return self

    def stop(self) -> None:
        """Stop it as a power cut would."""
        if self._process and self._process.poll() is None:
            parent = self._process.pid
            for child in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
                os.kill(int(child), signal.SIGKILL)
            self._process.wait()
        self._process = None

    def execute(self, statement: str, *arguments: object) -> list[tuple[Any, ...]]:
        """Run a statement as the provider's own superuser, past TLS and every restriction."""
        with self._superuser() as cursor:
            cursor.execute(statement, arguments or None)
            return list(cursor.fetchall())

    def clear(self) -> None:
        """Drop every database and user but the provider's own."""
        for (name,) in self.execute("SHOW DATABASES"):
            if name not in _SYSTEM_DATABASES:
                self.execute(f"DROP DATABASE `{name}`")
        for (user,) in self.execute("SELECT user FROM mysql.user WHERE host = '%%' AND user <> %s", ADMIN):
            self.execute(f"DROP USER `{user}`@'%'")

    def uri(self, database: str) -> str:
        """For SQLAlchemy, as the superuser too."""
        return f"mysql+pymysql://root@localhost/{database}?unix_socket={self.socket}"

    @property
    def log(self) -> str:
        return (self.folder / "mysqld.log").read_text(errors="replace")

    @contextmanager
    def _superuser(self) -> Iterator[Cursor]:
        connection = pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True)
        try:
            with connection.cursor() as cursor:
                yield cursor
        finally:
            connection.close()

    def _initialise(self) -> None:
        """Make the data folder and the admin; nobody is let in before, as by a managed service."""
        if self._mysqld("--initialize-insecure").wait():
            raise RuntimeError(self.log)
        self._process = self._mysqld("--skip-networking", *_ALWAYS)
        self._wait()
        self.execute(f"CREATE USER '{ADMIN}'@'%%' IDENTIFIED BY %s REQUIRE SSL", self.password)
        for statement in filter(str.strip, _AS_MANAGED.split(";\n")):
            self.execute(statement)
        self.execute("SHUTDOWN")
        self._process.wait()

    def _mysqld(self, *options: str) -> subprocess.Popen[bytes]:
        machine = root()
        enter = (
            'mount --bind /dev "$1/dev" && mount -t tmpfs tmpfs "$1/mnt" && mkdir "$1/mnt/data" && '
            'mount --bind "$2" "$1/mnt/data" && shift 2 && exec "$@"'
        )
        command = [
            *self.prefix,
            *("setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child"),
            *("sh", "-c", enter, "sh", str(machine), str(self._data)),
            *("chroot", str(machine), "mysqld", "--no-defaults", "--user=root", "--datadir=/mnt/data/server"),
            *("--secure-file-priv=NULL", "--tmpdir=/mnt"),
            *(option.replace("=/data/", "=/mnt/data/") for option in options),
        ]
        with (self.folder / "mysqld.log").open("ab") as output:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def _wait(self) -> None:
        assert self._process
        deadline = time.monotonic() + _START_SECONDS
        while True:
            # pymysql leaves a socket open that it could not connect.
            with suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(self.socket))
                return
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(self.log)
            time.sleep(0.05)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()


@pytest.fixture(scope="session")
def mysql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MySQL]:
    """A strict server on loopback, shared by all tests: clear() it."""
    with MySQL(tmp_path_factory.mktemp("mysql")) as server:
        yield server
