"""`python -m infra.destroy`: the stack goes, its data stays and is named; all goes only for who types its name."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra import destroy
from infra.destroy import Eraser, Left, NotDestroyed, confirmed
from infra.stacks import Stack, StackFailed
from tests.support.fake_stack import FakeCloudFormation, event

BUCKET, KEY, TABLE, IDENTITY = (
    "AWS::S3::Bucket",
    "AWS::KMS::Key",
    "AWS::DynamoDB::Table",
    "AWS::SES::EmailIdentity",
)


def stack_that_keeps(*kinds: str) -> tuple[FakeCloudFormation, Stack]:
    events = [event("Queue", "DELETE_COMPLETE"), *(event(kind[-5:], "DELETE_SKIPPED", kind) for kind in kinds)]
    fake = FakeCloudFormation("UPDATE_COMPLETE", events=events, ends="DELETE_COMPLETE")
    return fake, Stack(fake, "sealdrop-dev", say=[].append, pause=fake.pause)


def test_what_stays_is_named() -> None:
    fake, stack = stack_that_keeps(TABLE, KEY)
    assert destroy.destroy(stack, None) == [
        Left(f"{TABLE} sealdrop-dev-table", "kept"),
        Left(f"{KEY} sealdrop-dev-::key", "kept"),
    ]
    assert len(fake.called("DeleteStack")) == 1


def test_no_stack_is_no_success() -> None:
    with pytest.raises(NotDestroyed, match="there is no stack sealdrop-dev"):
        destroy.destroy(Stack(FakeCloudFormation(), "sealdrop-dev"), None)


def test_what_keeps_it_from_going_is_told() -> None:
    fake, stack = stack_that_keeps()
    fake.coming, fake.ends = [event("Role", "DELETE_FAILED", reason="it is in use")], "DELETE_FAILED"
    with pytest.raises(StackFailed, match=r"(?s)DELETE_FAILED: some of it is still there.*it is in use"):
        destroy.destroy(stack, None)


@pytest.mark.parametrize(("typed", "is_it"), [("sealdrop-dev", True), ("dev", False), ("", False), ("yes", False)])
def test_only_its_name_confirms(typed: str, is_it: bool) -> None:
    assert confirmed("sealdrop-dev", lambda _: typed) == is_it


def test_without_anybody_to_ask_nothing_is_confirmed() -> None:
    def nobody(_: str) -> str:
        raise EOFError

    assert not confirmed("sealdrop-dev", nobody)


def test_without_the_name_nothing_is_touched(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr("builtins.input", lambda _: "sealdrop")
    monkeypatch.setattr(destroy.operating, "session", lambda: pytest.fail("AWS was asked"))
    assert destroy.main(["--stage", "dev", "--with-data"]) == 1
    assert "nothing was changed" in capsys.readouterr().err


class TestTheCommand:
    @pytest.fixture
    def ends(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[object], int]:
        def command(outcome: object) -> int:
            def act(_: str, *, with_data: bool) -> object:
                if isinstance(outcome, BaseException):
                    raise outcome
                return outcome

            monkeypatch.setattr(destroy, "_destroy", act)
            return destroy.main(["--stage", "dev"])

        return command

    def test_what_is_kept_is_no_failure(self, ends: Callable[[object], int], capsys: Any) -> None:
        assert ends([Left("a table", "kept")]) == 0
        assert capsys.readouterr().out == "the stack is gone, and this stays:\n  a table: kept\n"

    def test_what_should_have_gone_is_one(self, ends: Callable[[object], int], capsys: Any) -> None:
        assert ends([Left("a table", "denied", is_meant=False)]) == 1
        assert "a table: denied" in capsys.readouterr().err

    @pytest.mark.parametrize("broken", [KeyboardInterrupt(), NotDestroyed("it is not there")])
    def test_it_says_so_when_it_was_not_destroyed(
        self, broken: BaseException, ends: Callable[[object], int], capsys: Any
    ) -> None:
        assert ends(broken) == 1
        assert capsys.readouterr().err.startswith(("left alone: ", "not destroyed: it is not there"))


class TestErasing:
    @pytest.fixture
    def clients(self) -> Iterator[dict[str, Any]]:
        import boto3
        from moto import mock_aws

        with mock_aws():
            made = {name: boto3.client(name) for name in ("s3", "dynamodb", "kms")}
            yield made
            for client in made.values():
                client.close()

    def test_a_bucket_with_all_its_versions(self, clients: dict[str, Any]) -> None:
        s3 = clients["s3"]
        s3.create_bucket(Bucket="files", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
        for body in (b"1", b"2"):
            s3.put_object(Bucket="files", Key="files/x", Body=body)
        s3.delete_object(Bucket="files", Key="files/x")
        assert Eraser(clients).erase(BUCKET, "files") is None
        assert s3.list_buckets()["Buckets"] == []

    @pytest.mark.parametrize("protected", [True, False])
    def test_a_table_its_protection_notwithstanding(self, clients: dict[str, Any], protected: bool) -> None:
        clients["dynamodb"].create_table(
            TableName="events",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            DeletionProtectionEnabled=protected,
        )
        assert Eraser(clients).erase(TABLE, "events") is None
        assert clients["dynamodb"].list_tables()["TableNames"] == []

    def test_a_key_can_be_had_back_for_a_while(self, clients: dict[str, Any]) -> None:
        key = clients["kms"].create_key()["KeyMetadata"]["KeyId"]
        assert Eraser(clients).erase(KEY, key) is None
        assert clients["kms"].describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "PendingDeletion"

    def test_what_is_no_data_is_left_alone(self, clients: dict[str, Any]) -> None:
        left = Eraser(clients).erase(IDENTITY, "sealdrop@example.com")
        assert left
        assert left.is_meant

    def test_what_cannot_be_erased_is_told_and_keeps_nothing_else(self, clients: dict[str, Any]) -> None:
        clients["s3"].create_bucket(
            Bucket="sealdrop-dev-ucket", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        _, stack = stack_that_keeps(TABLE, BUCKET)
        (left,) = destroy.destroy(stack, Eraser(clients))
        assert (left.what, left.is_meant) == (f"{TABLE} sealdrop-dev-table", False)
        assert "check the names" in left.why
        assert clients["s3"].list_buckets()["Buckets"] == []
