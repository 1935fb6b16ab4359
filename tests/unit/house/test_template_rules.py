"""Rules of infra/template.yaml that no emulator holds: what would go wrong on AWS alone."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chalicelib.routes.triggers import SWEEP_SECONDS
from infra import template

INFRA = Path(__file__).parents[3] / "infra"
RESOURCES = template.load(INFRA / "template.yaml")["Resources"]
POLICIES = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::IAM::ManagedPolicy"]
TABLES = [name for name, resource in RESOURCES.items() if resource["Type"] == "AWS::DynamoDB::Table"]

Statement = dict[str, Any]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(policy: str) -> list[Statement]:
    made: list[Statement] = RESOURCES[policy]["Properties"]["PolicyDocument"]["Statement"]
    return made


def named(value: Any) -> set[str]:
    """Logical ids that an expression refers to."""
    return set(template._references(value)) & set(RESOURCES)


def keys_of_tables(policy: str) -> Iterator[str]:
    """The keys of the tables that a policy lets one read or write."""
    for statement in statements(policy):
        if any(action.startswith("dynamodb:") for action in as_list(statement["Action"])):
            for table in named(statement["Resource"]) & set(TABLES):
                encryption = RESOURCES[table]["Properties"].get("SSESpecification", {})
                yield from named(encryption.get("KMSMasterKeyId"))


def lets_decrypt(statement: Statement, key: str) -> bool:
    """On DynamoDB's behalf at least."""
    via = statement.get("Condition", {}).get("StringEquals", {}).get("kms:ViaService")
    return (
        "kms:Decrypt" in as_list(statement["Action"])
        and key in named(statement["Resource"])
        and (via is None or str(via).count("dynamodb."))
    )


@pytest.mark.parametrize("policy", POLICIES)
def test_who_may_use_an_encrypted_table_may_use_its_key(policy: str) -> None:
    """DynamoDB decrypts the table's key in the caller's name: without this right every call is refused."""
    for key in keys_of_tables(policy):
        assert any(lets_decrypt(statement, key) for statement in statements(policy)), f"{policy} lacks {key}"


def test_the_walk_sees_the_table_and_its_key() -> None:
    assert {policy: set(keys_of_tables(policy)) for policy in POLICIES if set(keys_of_tables(policy))}.keys() >= {
        "ApiPolicy",
        "OperatorPolicy",
        "SweepPolicy",
        "UploadPolicy",
    }


def test_the_sweep_ends_before_its_function_is_ended() -> None:
    """With time for the file that it is at: three calls of S3 that each wait for their answer in vain."""
    functions = template.load(INFRA / "overrides.yaml")["Resources"]
    assert functions["Sweep"]["Properties"]["Timeout"] >= SWEEP_SECONDS + 3 * 25
