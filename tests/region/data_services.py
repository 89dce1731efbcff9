"""The services that keep things and watch over them: databases, vaults, certificates, alarms and topics."""

from tests.region.certificate_service import Certificates, CertificatesManagement
from tests.region.monitoring import Monitoring
from tests.region.mysql_choices import Choices
from tests.region.mysql_service import Backups, DbSystems, MysqlWorkRequests
from tests.region.notifications import Subscriptions, Topics
from tests.region.resources import Resources
from tests.region.secrets import Secrets
from tests.region.server import Service
from tests.region.vault import Keys, Vaults
from tests.region.vault_secrets import VaultSecrets


class DataServices:
    """All of them, on one table; `below` is what the names of the region's hosts end in."""

    def __init__(self, table: Resources, secrets: Secrets, below: str) -> None:
        self.db_systems = DbSystems(table)
        self.certificates = CertificatesManagement(table)
        self.subscriptions = Subscriptions(table)
        self.all: tuple[Service, ...] = (
            self.db_systems,
            Backups(table),
            Choices(table),
            MysqlWorkRequests(table),
            Vaults(table, f"kms.{below}"),
            Keys(table),
            VaultSecrets(table, secrets),
            self.certificates,
            Certificates(table, self.certificates),
            Monitoring(table),
            Topics(table, f"https://notification.{below}"),
            self.subscriptions,
        )

    def close(self) -> None:
        """End what the services have started."""
        self.db_systems.close()
