import string
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pymysql
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text

from services.boot import database, patience
from services.boot.database import Denied, Server, ensure_user, password_in
from services.boot.failure import Failure
from services.mlflow.first_boot import FirstBoot
from tests.mlflow_server import free_port
from tests.region.certificates import Issued
from tests.region.mysql import ADMIN, ADMIN_PASSWORD, MySQL

EVERY = "".join(character for character in string.printable if character.isprintable())
PRINTABLE = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]) | st.just(" "), min_size=1)


def never() -> str:
    raise AssertionError("the administrator was asked for")


def ensure(
    server: Server,
    user: str = "mlflow",
    password: str | None = None,
    admin: Callable[[], str] = lambda: ADMIN_PASSWORD,
) -> str:
    return ensure_user(server, user, (user, f"{user}_users"), FirstBoot.privileges, password, admin)


@given(password=PRINTABLE)
def test_a_uri_holds_any_password(password: str) -> None:
    assert password_in(Server("db").uri("mlflow", password, "mlflow")) == password


def test_an_address_may_name_a_port() -> None:
    assert Server.at("db.example:3307", None) == Server("db.example", 3307)
    assert Server.at("db.example", None).port == 3306


@pytest.mark.parametrize("value", ["", "another"])
def test_a_new_password_satisfies_a_policy(value: str) -> None:
    password = database.new_password()
    for kind in (string.ascii_lowercase, string.ascii_uppercase, string.digits, "-"):
        assert set(kind) & set(password)
    assert len(password) > 32
    assert password not in (value, database.new_password())


@pytest.mark.root
class TestOnMySQL:
    """With a server as a managed service runs it."""

    @pytest.fixture
    def server(self, mysql: MySQL) -> Server:
        mysql.clear()
        return Server(mysql.host, mysql.port, mysql.authority)

    def test_databases_and_user_are_made_once(self, mysql: MySQL, server: Server) -> None:
        password = ensure(server)
        assert ensure(server, password=password, admin=never) == password
        made = {name for (name,) in mysql.execute("SHOW DATABASES")}
        assert {"mlflow", "mlflow_users"} <= made

    def test_the_user_may_do_what_it_needs_and_no_more(self, mysql: MySQL, server: Server) -> None:
        ensure(server)
        grants = {grant for (grant,) in mysql.execute("SHOW GRANTS FOR 'mlflow'@'%'")}
        rights = "SELECT, INSERT, UPDATE, DELETE, CREATE, DROP, REFERENCES, INDEX, ALTER, TRIGGER"
        assert grants == {
            "GRANT USAGE ON *.* TO `mlflow`@`%`",
            f"GRANT {rights} ON `mlflow`.* TO `mlflow`@`%`",
            f"GRANT {rights} ON `mlflow_users`.* TO `mlflow`@`%`",
        }
        ((tls,),) = mysql.execute("SELECT ssl_type FROM mysql.user WHERE user = 'mlflow'")
        assert tls in ("ANY", b"ANY")

    def test_a_role_reads_no_other_roles_database(self, mysql: MySQL, server: Server) -> None:
        mlflow = ensure(server)
        ensure(server, user="airflow")
        mysql.execute("CREATE DATABASE mlflowXusers")
        connection = server.connect("mlflow", mlflow)
        with connection, connection.cursor() as cursor:
            cursor.execute("SHOW DATABASES")
            names = {name for (name,) in cursor.fetchall()}
            assert names == {"mlflow", "mlflow_users", "information_schema", "performance_schema"}
            for statement in (
                "SELECT * FROM airflow.users",
                "USE airflow",
                "CREATE DATABASE mine",
                "CREATE USER mine",
                "SELECT user FROM mysql.user",
                "GRANT SELECT ON mlflow.* TO airflow",
                "SET GLOBAL sql_require_primary_key = OFF",
            ):
                with pytest.raises(pymysql.MySQLError, match=r"denied|You are not allowed|Access"):
                    cursor.execute(statement)

    def test_where_an_underscore_is_a_wildcard_it_is_escaped(self, mysql: MySQL, server: Server) -> None:
        mysql.clear()
        restrictions = mysql.execute("SELECT user_attributes FROM mysql.user WHERE user = %s", ADMIN)
        try:
            mysql.execute("UPDATE mysql.user SET user_attributes = NULL WHERE user = %s", ADMIN)
            mysql.execute("FLUSH PRIVILEGES")
            mysql.execute("SET GLOBAL partial_revokes = OFF")
            mysql.execute("CREATE DATABASE mlflowXusers")
            password = ensure(server)
            server.connect("mlflow", password, "mlflow_users").close()
            with pytest.raises(Denied):
                server.connect("mlflow", password, "mlflowXusers")
        finally:
            mysql.execute("SET GLOBAL partial_revokes = ON")
            mysql.execute(
                "UPDATE mysql.user SET user_attributes = %s WHERE user = %s", restrictions[0][0], ADMIN
            )
            mysql.execute("FLUSH PRIVILEGES")

    def test_a_lost_password_is_replaced(self, server: Server) -> None:
        old = ensure(server)
        new = ensure(server, password=None)
        assert old != new
        with pytest.raises(Denied):
            server.connect("mlflow", old)
        assert ensure(server, password=old) not in (old, new)

    def test_no_connection_without_tls(self, mysql: MySQL, server: Server) -> None:
        password = ensure(server)
        with pytest.raises(pymysql.MySQLError):
            pymysql.connect(
                host=server.host, port=server.port, user="mlflow", password=password, ssl_disabled=True
            )

    def test_a_certificate_of_another_authority_is_refused_at_once(
        self, mysql: MySQL, tmp_path: Path
    ) -> None:
        other = tmp_path / "other.pem"
        other.write_bytes(Issued.root("Another").pem)
        with pytest.raises(Failure, match="certificate does not hold"):
            Server(mysql.host, mysql.port, other).wait(60)
        with pytest.raises(Failure, match="certificate does not hold"):
            Server("127.0.0.2", mysql.port, mysql.authority).wait(0) if mysql.host != "127.0.0.1" else Server(
                "localhost", mysql.port, mysql.authority
            ).wait(0)

    def test_an_image_without_an_authority_takes_any_certificate_and_tls_still(
        self, mysql: MySQL, server: Server
    ) -> None:
        unchecked = Server(mysql.host, mysql.port)
        password = ensure(unchecked)
        engine = create_engine(unchecked.uri("mlflow", password, "mlflow"))
        with engine.connect() as connection:
            (_, cipher) = connection.execute(text("SHOW STATUS LIKE 'Ssl_cipher'")).one()
            assert cipher
        engine.dispose()

    @pytest.fixture
    def any_password(self, mysql: MySQL) -> Iterator[None]:
        mysql.execute("UNINSTALL COMPONENT 'file://component_validate_password'")
        yield
        mysql.execute("INSTALL COMPONENT 'file://component_validate_password'")

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(password=st.text(EVERY, min_size=1) | st.permutations(EVERY).map("".join))
    def test_any_printable_password_works_in_a_uri(
        self, mysql: MySQL, server: Server, any_password: None, password: str
    ) -> None:
        mysql.execute("CREATE USER IF NOT EXISTS awkward@'%%' IDENTIFIED BY %s REQUIRE SSL", password)
        mysql.execute("ALTER USER awkward@'%%' IDENTIFIED BY %s", password)
        engine = create_engine(server.uri("awkward", password, ""))
        with engine.connect() as connection:
            assert connection.execute(text("SELECT 1")).scalar() == 1
        engine.dispose()

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(password=PRINTABLE)
    def test_the_administrator_may_have_any_password(
        self, mysql: MySQL, server: Server, any_password: None, password: str
    ) -> None:
        mysql.execute("ALTER USER admin@'%%' IDENTIFIED BY %s", password)
        try:
            ensure(server, admin=lambda: password)
        finally:
            mysql.execute("ALTER USER admin@'%%' IDENTIFIED BY %s", ADMIN_PASSWORD)

    def test_a_wrong_password_of_the_administrator_is_told_and_not_shown(
        self, server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(database, "_ADMIN_WAIT_SECONDS", 0.2)
        with caplog.at_level("INFO"), pytest.raises(Failure, match="mlops_database_admin_secret") as failure:
            ensure(server, admin=lambda: "wrong-and-secret")
        assert "wrong-and-secret" not in str(failure.value) + caplog.text

    @pytest.fixture
    def powerless(self, mysql: MySQL) -> Iterator[Callable[[], None]]:
        """The administrator may not make users until this is called."""

        def empower() -> None:
            mysql.execute(f"GRANT CREATE USER ON *.* TO '{ADMIN}'@'%' WITH GRANT OPTION")

        mysql.execute(f"REVOKE CREATE USER ON *.* FROM '{ADMIN}'@'%'")
        yield empower
        empower()

    def test_an_administrator_without_the_right_is_told(
        self, server: Server, powerless: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(database, "_ADMIN_WAIT_SECONDS", 0.2)
        with pytest.raises(Failure, match=r"cannot make the user mlflow: Access denied.* Remedy: see that"):
            ensure(server)

    def test_rights_that_the_administrator_gets_late_are_waited_for(
        self, server: Server, powerless: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("services.boot.patience.time.sleep", lambda _: powerless())
        password = ensure(server)
        server.connect("mlflow", password, "mlflow").close()

    def test_a_server_that_comes_late_is_waited_for(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(patience, "LONGEST_PAUSE", 1)
        late = MySQL(tmp_path / "late", port=free_port())
        server = Server(late.host, late.port, late.authority)
        with caplog.at_level("INFO"), ThreadPoolExecutor() as pool:
            waiting = pool.submit(server.wait, 120)
            with late:
                waiting.result()
        assert f"Waiting for MySQL at {late.host}:{late.port}" in caplog.text


def test_a_server_that_never_comes_is_given_up() -> None:
    port = free_port()
    with pytest.raises(Failure, match=rf"MySQL at 127.0.0.1:{port}: not there after 0 s .*Remedy: see that"):
        Server("127.0.0.1", port).wait(0.2)
