from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from oci.certificates import CertificatesClient
from oci.certificates_management import CertificatesManagementClient
from oci.certificates_management.models import (
    CertificateSubject,
    CertificateSubjectAlternativeName,
    CreateCertificateAuthorityDetails,
    CreateCertificateDetails,
    CreateCertificateIssuedByInternalCaConfigDetails,
    CreateRootCaByGeneratingInternallyConfigDetails,
    ScheduleCertificateAuthorityDeletionDetails,
    ScheduleCertificateDeletionDetails,
    UpdateCertificateDetails,
    Validity,
)
from oci.identity import IdentityClient
from oci.identity.models import CreateDynamicGroupDetails, CreatePolicyDetails
from oci.key_management import KmsManagementClient, KmsVaultClient
from oci.key_management.models import CreateVaultDetails

from tests.region.policies import Verb
from tests.region.region import Region
from tests.region.test_vault import Connect, a_key, refusal


@pytest.fixture(scope="module")
def management(connect: Connect) -> Any:
    return connect(CertificatesManagementClient)


@pytest.fixture(scope="module")
def key(connect: Connect, region: Region) -> Any:
    connect(KmsVaultClient).create_vault(
        CreateVaultDetails(compartment_id=region.compartment, display_name="vault", vault_type="DEFAULT")
    )
    made = a_key(connect(KmsManagementClient), region, "RSA", 256, protection_mode="HSM")
    region.policies.allow("*", Verb.USE, "keys", made.id)
    return made


def authority(management: Any, region: Region, key: Any, name: str) -> Any:
    config = CreateRootCaByGeneratingInternallyConfigDetails(
        subject=CertificateSubject(common_name="A root"), signing_algorithm="SHA256_WITH_RSA"
    )
    asked = CreateCertificateAuthorityDetails(
        name=name, compartment_id=region.compartment, kms_key_id=key.id, certificate_authority_config=config
    )
    made = management.create_certificate_authority(asked).data
    return management.get_certificate_authority(made.id).data


def certificate(management: Any, region: Region, issuer: Any, name: str, **details: Any) -> Any:
    names = [
        CertificateSubjectAlternativeName(type="DNS", value="mlops.example.org"),
        CertificateSubjectAlternativeName(type="IP", value="192.0.2.7"),
    ]
    config = CreateCertificateIssuedByInternalCaConfigDetails(
        certificate_profile_type="TLS_SERVER",
        issuer_certificate_authority_id=issuer.id,
        subject=CertificateSubject(common_name="mlops.example.org"),
        subject_alternative_names=names,
        **details,
    )
    asked = CreateCertificateDetails(name=name, compartment_id=region.compartment, certificate_config=config)
    return management.get_certificate(management.create_certificate(asked).data.id).data


@pytest.fixture(scope="module")
def issuer(management: Any, region: Region, key: Any) -> Any:
    return authority(management, region, key, "root")


def test_a_certificate_is_really_issued(
    connect: Connect, management: Any, region: Region, issuer: Any
) -> None:
    made = certificate(management, region, issuer, "server")
    assert (made.lifecycle_state, made.key_algorithm) == ("ACTIVE", "RSA2048")
    kind = "CERTIFICATE_CONTENT_WITH_PRIVATE_KEY"
    bundle = connect(CertificatesClient).get_certificate_bundle(made.id, certificate_bundle_type=kind).data
    leaf = x509.load_pem_x509_certificate(bundle.certificate_pem.encode())
    root = x509.load_pem_x509_certificate(bundle.cert_chain_pem.encode())
    leaf.verify_directly_issued_by(root)
    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["mlops.example.org"]
    private = load_pem_private_key(bundle.private_key_pem.encode(), None)
    assert private.public_key() == leaf.public_key()
    assert leaf.not_valid_after_utc - datetime.now(UTC) > timedelta(days=89)
    issued, by = region.data.certificates.chain(made.id, "certificateId")
    assert (issued.certificate, by.certificate) == (leaf, root)


def test_without_the_private_key_there_is_only_what_is_public(
    connect: Connect, management: Any, region: Region, issuer: Any
) -> None:
    made = certificate(management, region, issuer, "public")
    client = connect(CertificatesClient)
    assert not hasattr(client.get_certificate_bundle(made.id).data, "private_key_pem")
    root = client.get_certificate_authority_bundle(issuer.id).data
    assert root.certificate_pem.startswith("-----BEGIN CERTIFICATE")


def test_a_validity_is_kept_and_never_longer_than_its_authority(
    management: Any, region: Region, issuer: Any
) -> None:
    end = datetime.now(UTC) + timedelta(days=30)
    made = certificate(management, region, issuer, "short", validity=Validity(time_of_validity_not_after=end))
    shown = made.current_version.validity.time_of_validity_not_after
    assert abs(shown - end) < timedelta(minutes=1)
    for days in (-1, 5000):
        wrong = Validity(time_of_validity_not_after=datetime.now(UTC) + timedelta(days=days))
        assert refusal(lambda: certificate(management, region, issuer, "wrong", validity=wrong))[0] == 400  # noqa: B023


def test_an_authority_needs_an_asymmetric_key_of_an_hsm(
    connect: Connect, management: Any, region: Region, key: Any
) -> None:
    keys = connect(KmsManagementClient)
    for wrong in (a_key(keys, region), a_key(keys, region, "RSA", 256, protection_mode="SOFTWARE")):
        status, message = refusal(lambda: authority(management, region, wrong, "wrong"))  # noqa: B023
        assert (status, "HSM" in message) == (400, True)


def test_an_authority_signs_only_where_a_policy_lets_it_use_its_key(
    connect: Connect, management: Any, region: Region
) -> None:
    keys, identity = connect(KmsManagementClient), connect(IdentityClient)
    key = a_key(keys, region, "RSA", 256, protection_mode="HSM")
    failed = authority(management, region, key, "unheard")
    assert (failed.lifecycle_state, key.id in failed.lifecycle_details) == ("FAILED", True)
    assert refusal(lambda: certificate(management, region, failed, "unsigned"))[0] == 409
    rule = f"ALL {{resource.type = 'certificateauthority', resource.compartment.id = '{region.compartment}'}}"
    group = CreateDynamicGroupDetails(
        compartment_id=region.tenancy, name="authorities", description="authorities", matching_rule=rule
    )
    identity.create_dynamic_group(group)
    statement = f"allow dynamic-group authorities to use keys in compartment id {region.compartment}"
    policy = CreatePolicyDetails(
        compartment_id=region.compartment, name="sign", description="sign", statements=[statement]
    )
    identity.create_policy(policy)
    assert authority(management, region, key, "heard").lifecycle_state == "ACTIVE"


def test_what_is_to_be_deleted_keeps_its_name(management: Any, region: Region, key: Any) -> None:
    root = authority(management, region, key, "goes")
    leaf = certificate(management, region, root, "goes too")
    go = ScheduleCertificateAuthorityDeletionDetails()
    assert refusal(lambda: management.schedule_certificate_authority_deletion(root.id, go))[0] == 409
    management.update_certificate(leaf.id, UpdateCertificateDetails(description="soon gone"))
    management.schedule_certificate_deletion(leaf.id, ScheduleCertificateDeletionDetails())
    management.schedule_certificate_authority_deletion(root.id, go)
    assert management.get_certificate(leaf.id).data.lifecycle_state == "PENDING_DELETION"
    assert management.get_certificate_authority(root.id).data.lifecycle_state == "PENDING_DELETION"
    assert refusal(lambda: authority(management, region, key, "goes"))[0] == 409
    listed = management.list_certificates(compartment_id=region.compartment).data.items
    assert leaf.id not in [each.id for each in listed]


def test_what_the_service_does_not_do_here_is_said(management: Any, region: Region, issuer: Any) -> None:
    asked: Callable[[], Any] = lambda: certificate(  # noqa: E731
        management, region, issuer, "curve", key_algorithm="ECDSA_P256"
    )
    status, message = refusal(asked)
    assert (status, "ECDSA_P256" in message) == (501, True)
