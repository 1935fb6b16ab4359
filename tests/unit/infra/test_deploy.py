"""`python -m infra.deploy`: what is packaged is uploaded once, the stack is changed, the pages are put in place."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import NoCredentialsError

from infra import deploy, operating, pages
from infra.artefacts import ArtefactBucket, sync_pages
from infra.deploy import STAGES, main
from infra.stacks import Stack
from tests.support.fake_stack import FakeCloudFormation, event, resource

ACCOUNT, REGION = "123456789012", "eu-west-1"
BUCKET = f"sealdrop-artefacts-{ACCOUNT}-{REGION}"
TEMPLATE = {
    "Parameters": {
        "ServiceName": {"Default": "sealdrop"},
        "Stage": {"Default": "dev"},
        "MailFrom": {"Description": "Address that notifications come from"},
    },
    "Resources": {
        "Sweep": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "./deployment.zip"}},
        "Queue": {"Type": "AWS::SQS::Queue"},
    },
}


class Sts:
    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/operator"}


class CloudFront:
    def __init__(self) -> None:
        self.forgot: list[str] = []

    def create_invalidation(self, *, DistributionId: str, InvalidationBatch: Any) -> None:  # noqa: N803 - boto3's names
        assert InvalidationBatch["Paths"] == {"Quantity": 1, "Items": ["/*"]}
        self.forgot.append(DistributionId)


class Lambda:
    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer

    def invoke(self, *, FunctionName: str, Payload: str) -> Any:  # noqa: N803 - boto3's names
        assert FunctionName == "sealdrop-dev-create-user"
        return {"Payload": io.BytesIO(json.dumps(json.loads(Payload) | self.answer).encode())}


class Session:
    def __init__(self, clients: dict[str, Any]) -> None:
        self.clients = clients

    def client(self, name: str) -> Any:
        client = self.clients[name]
        client.close = lambda: None
        return client


@pytest.fixture
def s3() -> Iterator[Any]:
    import boto3
    from moto import mock_aws

    with mock_aws():
        client = boto3.client("s3")
        close = client.close
        policies: dict[str, str] = {}  # moto would not look at a policy's condition, and refuse everything

        def put_policy(*, Bucket: str, ExpectedBucketOwner: str, Policy: str) -> None:  # noqa: N803 - boto3's names
            assert ExpectedBucketOwner == ACCOUNT
            policies[Bucket] = Policy

        client.put_bucket_policy, client.policies = put_policy, policies
        client.create_bucket(Bucket="pages", CreateBucketConfiguration={"LocationConstraint": REGION})
        yield client
        close()


@pytest.fixture
def clients(s3: Any) -> dict[str, Any]:
    made = {"user_id": "u", "account_id": "a", "token_id": "t", "timezone": "UTC", "token": "sdt_once"}
    return {
        "sts": Sts(),
        "s3": s3,
        "cloudformation": FakeCloudFormation(changes=[resource("Queue")]),
        "cloudfront": CloudFront(),
        "lambda": Lambda(made),
    }


@pytest.fixture
def packaged(tmp_path: Path) -> Path:
    (tmp_path / "packaged.yaml").write_text(yaml.safe_dump(TEMPLATE))
    (tmp_path / "deployment.zip").write_bytes(b"PK")
    return tmp_path


@pytest.fixture
def run(clients: dict[str, Any], packaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    site = tmp_path / "web"
    (site / "docs").mkdir(parents=True)
    (site / "docs" / "index.html").write_text("<p>")
    (site / "docs" / "page.js").write_text("1")
    (site / ".ready").write_text("")
    monkeypatch.setattr(pages, "BUILD", site)
    monkeypatch.setattr(operating, "session", lambda: Session(clients))
    fake = clients["cloudformation"]
    monkeypatch.setattr(deploy, "Stack", lambda client, name: Stack(client, name, pause=fake.pause))

    def command(*words: str) -> int:
        return main(["--stage", "dev", "--packaged", str(packaged), *words])

    return command


def keys(s3: Any, bucket: str) -> set[str]:
    return {each["Key"] for each in s3.list_objects_v2(Bucket=bucket).get("Contents", [])}


class TestDeploying:
    def test_all_of_it(self, run: Any, clients: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--set", "MailFrom=a@example.com") == 0
        told = capsys.readouterr()
        assert "API    https://d1.cloudfront.net/api\n" in told.out
        assert told.err == ""
        (made,) = clients["cloudformation"].called("CreateChangeSet")
        assert {"ParameterKey": "MailFrom", "ParameterValue": "a@example.com"} in made["Parameters"]
        assert {"ParameterKey": "Stage", "ParameterValue": "dev"} in made["Parameters"]
        assert keys(clients["s3"], "pages") == {"docs/index.html", "docs/page.js"}
        assert clients["cloudfront"].forgot == ["E1"]

    def test_the_template_names_the_uploaded_code(self, run: Any, clients: dict[str, Any]) -> None:
        run("--set", "MailFrom=a@example.com")
        (made,) = clients["cloudformation"].called("CreateChangeSet")
        start, _, key = made["TemplateURL"].rpartition("/")
        assert start == f"https://{BUCKET}.s3.{REGION}.amazonaws.com"
        sent = json.loads(clients["s3"].get_object(Bucket=BUCKET, Key=key)["Body"].read())
        code = sent["Resources"]["Sweep"]["Properties"]["CodeUri"].removeprefix(f"s3://{BUCKET}/")
        assert clients["s3"].get_object(Bucket=BUCKET, Key=code)["Body"].read() == b"PK"
        assert sent["Resources"]["Queue"] == TEMPLATE["Resources"]["Queue"]

    def test_the_first_user(self, run: Any, capsys: pytest.CaptureFixture[str]) -> None:
        assert run("--set", "MailFrom=a@example.com", "--first-user", "alice@example.com", "Alice") == 0
        assert "sdt_once" in capsys.readouterr().out

    def test_a_first_user_who_cannot_be_made_is_told_apart_from_the_deployment(
        self, run: Any, clients: dict[str, Any], capsys: pytest.CaptureFixture[str]
    ) -> None:
        clients["lambda"] = Lambda({"error": {"message": "The given data was invalid.", "errors": {"email": ["No."]}}})
        assert run("--set", "MailFrom=a@example.com", "--first-user", "alice", "Alice") == 1
        assert "deployed; the user was not created" in capsys.readouterr().err

    def test_without_pages(self, run: Any, clients: dict[str, Any]) -> None:
        assert run("--set", "MailFrom=a@example.com", "--no-pages") == 0
        assert keys(clients["s3"], "pages") == set()
        assert clients["cloudfront"].forgot == []


class TestRefusals:
    def test_a_parameter_that_is_missing_is_named_before_anything_is_done(
        self, run: Any, clients: dict[str, Any], capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert run() == 1
        assert "MailFrom: Address that notifications come from" in capsys.readouterr().err
        assert [bucket["Name"] for bucket in clients["s3"].list_buckets()["Buckets"]] == ["pages"]

    def test_pages_that_are_not_built(self, run: Any, clients: dict[str, Any], capsys: Any) -> None:
        (pages.BUILD / "docs" / "index.html").unlink()
        assert run("--set", "MailFrom=a@example.com") == 1
        assert "run `make web`" in capsys.readouterr().err
        assert clients["cloudformation"].calls == []

    def test_a_package_of_another_stage(self, packaged: Path, run: Any, capsys: Any) -> None:
        (packaged / "packaged.yaml").write_text(yaml.safe_dump({"Parameters": {"Stage": {"Default": "prod"}}}))
        assert run() == 1
        assert "was packaged for the stage prod, not for dev" in capsys.readouterr().err

    def test_no_package(self, packaged: Path, run: Any, capsys: Any) -> None:
        (packaged / "deployment.zip").unlink()
        assert run() == 1
        assert "deployment.zip is not there" in capsys.readouterr().err

    @pytest.mark.parametrize("words", [["--stage", "staging"], [], ["--stage", "dev", "--set", "MailFrom"]])
    def test_unusable_words(self, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 2
        assert "error: " in capsys.readouterr().err

    def test_the_stages_are_those_of_the_configuration(self) -> None:
        assert STAGES == ("dev", "prod")

    def test_no_credentials(self, run: Any, clients: dict[str, Any], capsys: Any, monkeypatch: Any) -> None:
        def refuse() -> None:
            raise NoCredentialsError

        monkeypatch.setattr(clients["sts"], "get_caller_identity", refuse)
        assert run("--set", "MailFrom=a@example.com") == 1
        assert "there are no AWS credentials" in capsys.readouterr().err


class TestWhatIsHalfDone:
    def test_a_failed_change_leaves_the_pages_as_they_were(
        self, run: Any, clients: dict[str, Any], capsys: Any
    ) -> None:
        fake = clients["cloudformation"]
        fake.coming, fake.ends = [event("Role", "CREATE_FAILED", reason="no rights")], "ROLLBACK_COMPLETE"
        assert run("--set", "MailFrom=a@example.com") == 1
        said = capsys.readouterr().err
        assert "ROLLBACK_COMPLETE" in said
        assert "no rights" in said
        assert keys(clients["s3"], "pages") == set()

    def test_pages_that_cannot_be_sent(self, run: Any, clients: dict[str, Any], capsys: Any) -> None:
        clients["s3"].delete_bucket(Bucket="pages")
        assert run("--set", "MailFrom=a@example.com") == 1
        assert "the stack is deployed, its pages are not: " in capsys.readouterr().err

    def test_breaking_off(self, run: Any, clients: dict[str, Any], capsys: Any, monkeypatch: Any) -> None:
        def break_off() -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(clients["sts"], "get_caller_identity", break_off)
        assert run("--set", "MailFrom=a@example.com") == 1
        assert "goes on there" in capsys.readouterr().err


class TestArtefactBucket:
    def test_it_is_private_versioned_and_by_tls_alone_however_often_it_is_made(self, s3: Any) -> None:
        bucket = ArtefactBucket(s3, BUCKET, account=ACCOUNT)
        bucket.make()
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
        bucket.make()
        blocked = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
        assert blocked == dict.fromkeys(blocked, True)
        assert len(blocked) == 4
        assert s3.get_bucket_versioning(Bucket=BUCKET)["Status"] == "Enabled"
        (statement,) = json.loads(s3.policies[BUCKET])["Statement"]
        assert (statement["Effect"], statement["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})

    def test_what_is_there_is_not_sent_again(self, s3: Any) -> None:
        bucket = ArtefactBucket(s3, BUCKET, account=ACCOUNT)
        bucket.make()
        assert bucket.put(b"code", ".zip") == bucket.put(b"code", ".zip") != bucket.put(b"other", ".zip")
        assert len(s3.list_object_versions(Bucket=BUCKET)["Versions"]) == 2


class TestPages:
    def test_what_is_gone_is_removed_and_the_rest_has_its_type(self, s3: Any, tmp_path: Path) -> None:
        s3.put_object(Bucket="pages", Key="old.js", Body=b"")
        (tmp_path / "d").mkdir()
        (tmp_path / "d" / "index.html").write_text("<p>")
        (tmp_path / "d" / "page.js").write_text("1")
        assert sync_pages(s3, "pages", tmp_path) == (2, 1)
        assert keys(s3, "pages") == {"d/index.html", "d/page.js"}
        head = s3.head_object(Bucket="pages", Key="d/index.html")
        assert (head["ContentType"], head["CacheControl"]) == ("text/html; charset=utf-8", "no-cache")
