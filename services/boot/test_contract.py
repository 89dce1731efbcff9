import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.boot.configuration import contract_of
from services.boot.contract import PREFIX, Addresses, Contract
from services.boot.failure import Failure
from services.roles import ROLES

CONTRACTS = {role.name: contract_of(role.name) for role in ROLES}
GOOD = {
    "database_host": "db.sim.oraclevcn.com",
    "bucket": "things@simspace",
    "addresses": "mlflow=10.0.1.10,airflow=10.0.1.11,serving=10.0.1.12,public=https://mlops.example.org",
}
OCID = "ocid1.vaultsecret.oc1.sa-saopaulo-1.amaaaaaa3kp6e4qa"
KEYS = [(role, key) for role, contract in CONTRACTS.items() for key in contract.known_keys()]
NOT_OURS = {"ssh_authorized_keys": "ssh-ed25519 AAAA", "user_data": "IyE="}


def metadata(contract: type[Contract]) -> dict[str, object]:
    ours = {key: GOOD.get(key.removeprefix(PREFIX), OCID) for key in contract.known_keys()}
    return {**NOT_OURS, **ours}


def refused(contract: type[Contract], given_metadata: dict[str, object]) -> list[str]:
    with pytest.raises(Failure) as failure:
        contract.read(given_metadata)
    return str(failure.value).split("\n")


@pytest.mark.parametrize("role", CONTRACTS)
def test_a_role_has_at_most_eight_keys_and_takes_good_ones(role: str) -> None:
    contract = CONTRACTS[role]
    assert len(contract.known_keys()) <= 8
    read = contract.read(metadata(contract))
    assert read.addresses == Addresses(
        {"mlflow": "10.0.1.10", "airflow": "10.0.1.11", "serving": "10.0.1.12"}, ("mlops.example.org",)
    )


@pytest.mark.parametrize(("role", "key"), KEYS)
def test_a_missing_key_is_named_with_its_remedy(role: str, key: str) -> None:
    contract = CONTRACTS[role]
    (sentence,) = refused(contract, {k: v for k, v in metadata(contract).items() if k != key})
    assert sentence.startswith(f"{key} is not set: ")
    assert "expected" in sentence
    assert "Remedy: " in sentence


@pytest.mark.parametrize(("role", "key"), KEYS)
@pytest.mark.parametrize("value", ["", " ", "no such thing!", 7, None, True, ["a"], {"a": "b"}])
def test_a_wrong_value_is_named_with_what_is_expected(role: str, key: str, value: object) -> None:
    contract = CONTRACTS[role]
    (sentence,) = refused(contract, metadata(contract) | {key: value})
    assert sentence.startswith(f"{key} ")
    assert "expected" in sentence
    assert sentence.index("Remedy: ") > sentence.index("expected")
    if not key.endswith("_secret"):
        assert repr(value) in sentence


@pytest.mark.parametrize("role", CONTRACTS)
def test_an_unknown_key_of_ours_is_an_error_and_others_are_not(role: str) -> None:
    contract = CONTRACTS[role]
    (sentence,) = refused(contract, metadata(contract) | {"mlops_databse_host": "db"})
    assert sentence.startswith("mlops_databse_host is unknown: one of ")
    assert all(key in sentence for key in contract.known_keys())


def test_every_mistake_is_told_at_once() -> None:
    contract = CONTRACTS["mlflow"]
    wrong = metadata(contract) | {"mlops_bucket": "things", "mlops_colour": "blue"}
    del wrong["mlops_admin_secret"]
    assert sorted(sentence.split(" ")[0] for sentence in refused(contract, wrong)) == [
        "mlops_admin_secret",
        "mlops_bucket",
        "mlops_colour",
    ]


def test_a_role_that_must_be_known_and_has_no_address_is_named() -> None:
    contract = CONTRACTS["serving"]
    (sentence,) = refused(
        contract, metadata(contract) | {"mlops_addresses": "mlflow=10.0.1.10,airfow=10.0.1.11"}
    )
    assert "an entry airflow=host is expected" in sentence


@given(value=st.text())
@pytest.mark.parametrize(
    "key", ["mlops_database_host", "mlops_bucket", "mlops_addresses", "mlops_admin_secret"]
)
def test_any_text_is_taken_or_refused_in_one_line(key: str, value: str) -> None:
    contract = CONTRACTS["mlflow"]
    told = ""
    try:
        contract.read(metadata(contract) | {key: value})
    except Failure as failure:
        told = str(failure)
    assert len(told.splitlines()) <= 1
    assert told == "" or told.startswith(key)


@given(
    password=st.text(st.characters(exclude_characters="\0"), min_size=9).filter(
        lambda s: not s.startswith("ocid1.")
    )
)
def test_a_secret_given_in_place_of_its_ocid_is_not_shown(password: str) -> None:
    contract = CONTRACTS["mlflow"]
    (sentence,) = refused(contract, metadata(contract) | {"mlops_admin_secret": f"<{password}>"})
    assert f"<{password}>" not in sentence


HOST = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,40}[a-z0-9])?", fullmatch=True)


@given(
    hosts=st.dictionaries(st.sampled_from(["mlflow", "airflow", "serving", "another-role"]), HOST),
    public=st.lists(HOST),
    space=st.sampled_from(["", " "]),
)
def test_addresses_are_read_as_they_are_written(hosts: dict[str, str], public: list[str], space: str) -> None:
    entries = [f"{role}={host}" for role, host in hosts.items()] + [f"public={host}" for host in public]
    assert Addresses.parse(f",{space}".join(entries)) == Addresses(hosts, tuple(public))


@pytest.mark.parametrize(
    "text",
    ["mlflow", "mlflow=", "=10.0.0.1", "mlflow=a,mlflow=b", "mlflow=a b", "Mlflow=a", "mlflow=http://a"],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=re.escape("is")):
        Addresses.parse(text)


@pytest.mark.parametrize(
    ("host", "good"),
    [("db", True), ("10.0.0.9:3307", True), ("db:0", False), ("db:65536", False), ("db:", False)],
)
def test_the_database_may_have_a_port(host: str, good: bool) -> None:
    contract = CONTRACTS["airflow"]
    given_metadata: dict[str, Any] = metadata(contract) | {"mlops_database_host": host}
    if good:
        contract.read(given_metadata)
    else:
        assert "mlops_database_host" in refused(contract, given_metadata)[0]
