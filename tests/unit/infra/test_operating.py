"""What the operator's commands say when AWS cannot be asked, or refuses: what to do, and no traceback."""

from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from infra import (
    create_user,
    deploy,
    destroy,
    erase,
    export,
    operating,
    quota,
    recover,
    redrive,
    reindex,
    replay_changes,
    verify_events,
)
from infra.personal_data import address

ID = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
COMMANDS: dict[str, tuple[Callable[[list[str]], int], list[str]]] = {
    "create_user": (create_user.main, ["--email", "alice@example.com", "--name", "Alice"]),
    "recover": (recover.main, [ID, "-o", "copy.txt", "--bucket", "files"]),
    "quota": (quota.main, [ID, "--table", "metadata"]),
    "verify_events": (verify_events.main, [ID, "--table", "events", "--key", "k"]),
    "reindex": (reindex.main, ["--metadata-table", "metadata", "--search-table", "search"]),
    "replay_changes": (replay_changes.main, []),
    "redrive": (redrive.main, ["mail"]),
    "deploy": (deploy.main, ["--stage", "dev"]),
    "destroy": (destroy.main, ["--stage", "dev"]),
}
NAMES = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
)


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.setenv(name, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def said(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    command, words = COMMANDS[name]
    assert command(words) != 0
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "Traceback" not in captured.err
    return captured.err


@pytest.mark.parametrize("name", COMMANDS)
def test_without_credentials(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """By AWS_REGION, which boto3 alone would not find."""
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert "there are no AWS credentials: set AWS_PROFILE" in said(name, capsys)


@pytest.mark.parametrize("name", [name for name in COMMANDS if name != "recover"])  # S3 has a region by default
def test_without_a_region(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no region is named: set AWS_REGION" in said(name, capsys)


@pytest.mark.parametrize("name", COMMANDS)
def test_with_an_unknown_profile(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "(nobody) could not be found" in said(name, capsys)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_says_how_aws_is_found(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        COMMANDS[name][0](["--help"])
    told = capsys.readouterr().out
    assert f"\n  python -m infra.{name}" in told
    assert "AWS_PROFILE" in told
    assert max(map(len, told.splitlines())) <= 120


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("AccessDeniedException", "these credentials may not do GetItem: Words."),
        ("AccessDenied", "these credentials may not do GetItem: Words."),
        ("ResourceNotFoundException", "check the names, the stage and the region"),
        ("NoSuchBucket", "check the names, the stage and the region"),
        ("NotFoundException", "check the names, the stage and the region"),
        ("AWS.SimpleQueueService.NonExistentQueue", "check the names, the stage and the region"),
        ("ExpiredTokenException", "log in again"),
        ("UnrecognizedClientException", "log in again"),
        ("Strange", "Words."),
    ],
)
def test_a_refusal_says_what_to_do(code: str, words: str) -> None:
    error = ClientError({"Error": {"Code": code, "Message": "Words."}}, "GetItem")
    assert words in operating.explained(error)


def test_other_errors_say_it_themselves() -> None:
    assert operating.explained(OSError("disk full")) == "disk full"


def test_aws_region_comes_before_aws_default_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    assert operating.session().region_name == "us-east-1"
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    assert operating.session().region_name == "eu-west-1"


SLIPS = ["", "alice", "alice@", "@example.com", "alice@example", "al ice@example.com", "a@b@c.de"]


@pytest.mark.parametrize("text", SLIPS)
@pytest.mark.parametrize(("main", "more"), [(export.main, ["-o", "folder"]), (erase.main, [])], ids=["export", "erase"])
def test_what_is_no_address(
    main: Callable[[list[str]], int], more: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An erasure of it would find nothing, and leave a receipt that says it is complete."""
    with pytest.raises(SystemExit) as ended:
        main([text, *more])
    assert ended.value.code == 2
    assert f"not an e-mail address: {text!r}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["Älice.o'Neil+x@mail.example.co.uk", " alice@example.com "])
def test_what_is_one(text: str) -> None:
    """As the service takes it."""
    assert address(text) == text.strip()
