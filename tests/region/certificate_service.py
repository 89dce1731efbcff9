"""Certificates: authorities with a key in a vault, what they really issue, and its retrieval."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import oci.certificates
import oci.certificates_management
from cryptography.x509 import Certificate
from oci.certificates_management import models
from starlette.responses import JSONResponse, Response

from tests.region.certificates import Issued
from tests.region.errors import invalid, not_found, not_implemented
from tests.region.listing import stamp
from tests.region.policies import Verb
from tests.region.resources import Kind, Resource, Resources, conflict
from tests.region.scheduled import schedule
from tests.region.server import Call, Handler
from tests.region.vault import KEY

_STATES: Any = {
    "creating": "CREATING",
    "ready": "ACTIVE",
    "updating": "UPDATING",
    "deleting": "SCHEDULING_DELETION",
    "deleted": "PENDING_DELETION",
    "lingers": True,
}
AUTHORITY = Kind(
    "certificateauthority",
    models.CertificateAuthority,
    "certificate-authorities",
    models.CertificateAuthoritySummary,
    **_STATES,
)
CERTIFICATE = Kind(
    "certificate",
    models.Certificate,
    "leaf-certificates",
    models.CertificateSummary,
    **_STATES,
)

_LIFETIME_OF_AUTHORITY = timedelta(days=3650)
_LIFETIME = timedelta(days=90)
_KEY_SIZES = {"RSA2048": 2048, "RSA4096": 4096}
_SIGNATURE = "SHA256_WITH_RSA"
_CHANGES = ("description", "freeformTags", "definedTags")


class CertificatesManagement:
    """The authorities and certificates of a region, with their private keys."""

    client = oci.certificates_management.CertificatesManagementClient

    def __init__(self, table: Resources) -> None:
        self._table = table
        self._issued: dict[str, Issued] = {}
        self._taken: set[tuple[Kind, str]] = set()

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {
            "CreateCertificateAuthority": self.create_certificate_authority,
            "GetCertificateAuthority": self.get_certificate_authority,
            "UpdateCertificateAuthority": self.update_certificate_authority,
            "ListCertificateAuthorities": self.list_certificate_authorities,
            "ScheduleCertificateAuthorityDeletion": self.schedule_certificate_authority_deletion,
            "CreateCertificate": self.create_certificate,
            "GetCertificate": self.get_certificate,
            "UpdateCertificate": self.update_certificate,
            "ListCertificates": self.list_certificates,
            "ListCertificateVersions": self.list_certificate_versions,
            "ScheduleCertificateDeletion": self.schedule_certificate_deletion,
        }

    def chain(self, certificate_id: object, where: str) -> tuple[Issued, Issued]:
        """A living certificate with its key, and the authority that issued it: what a load balancer serves.

        Raises:
            ServiceError: when there is no such certificate.
        """
        certificate = self._table.refer(CERTIFICATE, certificate_id, where)
        return self._issued[certificate.id], self._issued[certificate["issuerCertificateAuthorityId"]]

    def authority(self, authority_id: str) -> Issued:
        return self._issued[authority_id]

    async def create_certificate_authority(self, call: Call) -> Response:
        if repeated := self._table.repeated(call, AUTHORITY):
            return self._table.answer(repeated)
        config = call.body.pop("certificateAuthorityConfig")
        if config["configType"] != "ROOT_CA_GENERATED_INTERNALLY":
            raise not_implemented(f"CreateCertificateAuthority with the configType {config['configType']}")
        if (algorithm := config.get("signingAlgorithm") or _SIGNATURE) != _SIGNATURE:
            raise not_implemented(f"CreateCertificateAuthority with the signingAlgorithm {algorithm}")
        key = self._table.refer(KEY, call.body.get("kmsKeyId"), "body.kmsKeyId")
        if key["keyShape"]["algorithm"] != "RSA" or key["protectionMode"] != "HSM":
            raise invalid(f"body.kmsKeyId: the key {key.id} must be an RSA key that an HSM protects.")
        self._take(AUTHORITY, call)
        lifetime = _lifetime(config, _LIFETIME_OF_AUTHORITY)
        issued = Issued.root(config["subject"]["commonName"], lifetime)
        authority = self._table.create(
            call,
            AUTHORITY,
            configType=config["configType"],
            subject=config["subject"],
            signingAlgorithm=algorithm,
        )
        authority.fields["currentVersion"] = {
            "certificateAuthorityId": authority.id,
            **_version(issued.certificate, config),
        }
        self._issued[authority.id] = issued
        if not call.policies.permit(authority.id, Verb.USE, KEY.family, key.id):
            authority.move("FAILED", None, 0.0)
            authority.fields["lifecycleDetails"] = f"The authority is not allowed to use the key {key.id}."
        return self._table.answer(authority)

    async def get_certificate_authority(self, call: Call) -> Response:
        return self._table.answer(self._authority(call, Verb.READ))

    async def update_certificate_authority(self, call: Call) -> Response:
        changes = (*_CHANGES, "certificateAuthorityRules")
        authority = self._authority(call, Verb.MANAGE)
        return self._table.answer(self._table.update(call, authority, *changes))

    async def list_certificate_authorities(self, call: Call) -> Response:
        return _collection(self._table.listed(call, AUTHORITY))

    async def schedule_certificate_authority_deletion(self, call: Call) -> Response:
        authority = self._authority(call, Verb.MANAGE)
        self._table.check_unused(authority)
        schedule(self._table, call, authority, least=7)
        return Response(status_code=204)

    async def create_certificate(self, call: Call) -> Response:
        if repeated := self._table.repeated(call, CERTIFICATE):
            return self._table.answer(repeated)
        config = call.body.pop("certificateConfig")
        if config["configType"] != "ISSUED_BY_INTERNAL_CA":
            raise not_implemented(f"CreateCertificate with the configType {config['configType']}")
        issuer_id = config["issuerCertificateAuthorityId"]
        where = "body.certificateConfig.issuerCertificateAuthorityId"
        by = self._table.refer(AUTHORITY, issuer_id, where)
        if by.state != "ACTIVE":
            raise conflict(f"{where}: {issuer_id} is {by.state}.", "IncorrectState")
        issuer = self._issued[by.id]
        algorithm = config.get("keyAlgorithm") or "RSA2048"
        signature = config.get("signatureAlgorithm") or _SIGNATURE
        if algorithm not in _KEY_SIZES or signature != _SIGNATURE:
            raise not_implemented(f"CreateCertificate with {algorithm} and {signature}")
        lifetime = _lifetime(config, _LIFETIME)
        if datetime.now(UTC) + lifetime > issuer.certificate.not_valid_after_utc:
            raise invalid("The certificate would be valid longer than its authority.")
        self._take(CERTIFICATE, call)
        names = [each["value"] for each in config.get("subjectAlternativeNames") or []]
        subject = config["subject"]["commonName"]
        issued = issuer.issue(subject, hosts=names, lifetime=lifetime, key_size=_KEY_SIZES[algorithm])
        certificate = self._table.create(
            call,
            CERTIFICATE,
            configType=config["configType"],
            issuerCertificateAuthorityId=issuer_id,
            subject=config["subject"],
            keyAlgorithm=algorithm,
            signatureAlgorithm=signature,
            certificateProfileType=config["certificateProfileType"],
        )
        certificate.fields["currentVersion"] = {
            "certificateId": certificate.id,
            "issuerCaVersionNumber": 1,
            "subjectAlternativeNames": config.get("subjectAlternativeNames"),
            **_version(issued.certificate, config),
        }
        self._issued[certificate.id] = issued
        return self._table.answer(certificate)

    async def get_certificate(self, call: Call) -> Response:
        return self._table.answer(self._certificate(call, Verb.READ))

    async def update_certificate(self, call: Call) -> Response:
        changes = (*_CHANGES, "certificateRules")
        certificate = self._certificate(call, Verb.MANAGE)
        return self._table.answer(self._table.update(call, certificate, *changes))

    async def list_certificates(self, call: Call) -> Response:
        return _collection(self._table.listed(call, CERTIFICATE))

    async def list_certificate_versions(self, call: Call) -> Response:
        return JSONResponse({"items": [self._certificate(call, Verb.READ)["currentVersion"]]})

    async def schedule_certificate_deletion(self, call: Call) -> Response:
        """One that a load balancer serves stays."""
        certificate = self._certificate(call, Verb.MANAGE)
        self._table.check_unused(certificate)
        schedule(self._table, call, certificate, least=1)
        return Response(status_code=204)

    def _authority(self, call: Call, verb: Verb) -> Resource:
        return self._table.find(call, AUTHORITY, call.path["certificateAuthorityId"], verb)

    def _certificate(self, call: Call, verb: Verb) -> Resource:
        return self._table.find(call, CERTIFICATE, call.path["certificateId"], verb)

    def _take(self, kind: Kind, call: Call) -> None:
        """A name stays taken while what has it is to be deleted."""
        call.authorize(Verb.MANAGE, kind.family, call.body["compartmentId"])
        name = (kind, call.body["name"])
        if name in self._taken:
            raise conflict(f"The name {name[1]} is in use, or what has it is to be deleted.")
        self._taken.add(name)


class Certificates:
    """Retrieval, for whoever may read the bundle of a certificate."""

    client = oci.certificates.CertificatesClient

    def __init__(self, table: Resources, management: CertificatesManagement) -> None:
        self._table = table
        self._management = management

    @property
    def operations(self) -> Mapping[str, Handler]:
        return {
            "GetCertificateBundle": self.get_certificate_bundle,
            "GetCertificateAuthorityBundle": self.get_certificate_authority_bundle,
        }

    async def get_certificate_bundle(self, call: Call) -> Response:
        certificate = self._table.find(call, CERTIFICATE, call.path["certificateId"])
        if not certificate.alive:
            raise not_found()
        issued, authority = self._management.chain(certificate.id, "certificateId")
        kind = call.query.get("certificateBundleType", "CERTIFICATE_CONTENT_PUBLIC_ONLY")
        private = {"privateKeyPem": issued.key_pem.decode()} if kind.endswith("WITH_PRIVATE_KEY") else {}
        return JSONResponse(
            {
                "certificateBundleType": kind,
                "certificateName": certificate["name"],
                "certificatePem": issued.pem.decode(),
                "certChainPem": authority.pem.decode(),
                **certificate["currentVersion"],
                **private,
            }
        )

    async def get_certificate_authority_bundle(self, call: Call) -> Response:
        authority = self._table.find(call, AUTHORITY, call.path["certificateAuthorityId"])
        pem = self._management.authority(authority.id).pem.decode()
        shown = {
            "certificateAuthorityName": authority["name"],
            "certificatePem": pem,
            **authority["currentVersion"],
        }
        return JSONResponse(shown)


def _version(certificate: Certificate, config: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "serialNumber": f"{certificate.serial_number:X}",
        "timeCreated": stamp(datetime.now(UTC)),
        "versionNumber": 1,
        "versionName": config.get("versionName"),
        "validity": {
            "timeOfValidityNotBefore": stamp(certificate.not_valid_before_utc),
            "timeOfValidityNotAfter": stamp(certificate.not_valid_after_utc),
        },
        "stages": ["CURRENT", "LATEST"],
    }


def _lifetime(config: Mapping[str, Any], default: timedelta) -> timedelta:
    """Raises: ServiceError: 400 for a certificate that would already have expired."""
    validity = config.get("validity")
    if not validity:
        return default
    lifetime = datetime.fromisoformat(validity["timeOfValidityNotAfter"]) - datetime.now(UTC)
    if lifetime <= timedelta():
        raise invalid(f"timeOfValidityNotAfter is {validity['timeOfValidityNotAfter']}: that is over.")
    return lifetime


def _collection(listed: Response) -> Response:
    """A list as the services have it that wrap the items."""
    following = {name: value for name, value in listed.headers.items() if name == "opc-next-page"}
    return JSONResponse({"items": json.loads(bytes(listed.body))}, headers=following)
