"""What those do who are named to get at data past the service: recovering files, a person's export and erasure.

By the operator's commands themselves, on emulated AWS; tests/support/every_function.py has the calls written down.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest

from bench.calls import Bench
from infra import erase, export, receipt, recover
from infra.local.stack import EmulatedAws

RECOVERY, PRIVACY = "recovery", "privacy"
During = Callable[[str], AbstractContextManager[None]]


def all_they_do(bench: Bench, aws: EmulatedAws, during: During, settle: Callable[[], None]) -> None:
    """`settle` has what is on its way arrive."""
    _recovery(bench, aws, during)
    person = bench.for_another_user("grace@example.com")
    _leave_things(person, bench)
    settle()
    _privacy(person.user.email, aws, during)


def _recovery(bench: Bench, aws: EmulatedAws, during: During) -> None:
    """A sealed file, its newest version and by a version's name: what docs/operations.md says of it, by hand."""
    file, target, s3 = bench.ready(sealing=True), aws.outbox / "recovered", bench.world._client("s3")
    with during(RECOVERY):
        (listed,) = s3.list_object_versions(Bucket=aws.bucket, Prefix=f"files/{file}")["Versions"]
        key = recover._key_of(aws.bucket, s3)
        for version in (None, listed["VersionId"]):
            recover.recover(aws.bucket, file, target, s3=s3, key_arn=key, sealed=True, version=version)
    target.unlink()


def _leave_things(person: Bench, other: Bench) -> None:
    """One of each kind, and something that is not finished."""
    category = person.api.post("/categories", {"name": "Bills", "color": "#1f5fa8"}).data["id"]
    file = person.ready(sealing=True)
    assert person.api.patch(f"/files/{file}", {"category_id": category}).status == 200
    person.upload(sealing=False, size=6 * 2**20, part_size=5 * 2**20)
    assert person.api.post("/downloads", {"files": [file]}).status == 201
    for sender, recipient in ((person, "heidi@example.net"), (other, person.user.email)):
        mail = {"recipients": [{"email": recipient}], "subject": "Yours", "body": "<p>Hi</p>"}
        sent = sender.api.post("/mails", {**mail, "files": [sender.ready(sealing=False)]})
        assert sent.status == 201


def _privacy(email: str, aws: EmulatedAws, during: During) -> None:
    """As docs/operations.md has it: the export, the erasure, and the receipt."""
    folder, erased = aws.outbox / "privacy", str(aws.outbox / "erased.json")
    with pytest.MonkeyPatch.context() as patch, during(PRIVACY):
        patch.setattr("infra.erasure.GRACE", timedelta())  # nobody has to wait
        assert export.main([email, "-o", str(folder), "--stage", "dev", "--with-files"]) == 0
        assert erase.main([email, "--stage", "dev", "--yes", "--with-files", "--receipt", erased]) == 0
        assert receipt.main([erased, "--stage", "dev", "--email", email]) == 0
