"""Claims: what the ports promise of them, of the fakes and of the DynamoDB adapters."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.bootstrap import World
from chalicelib.domain.claim import CLAIM_LIFETIME, Claim, Kept
from chalicelib.domain.errors import QuotaExceeded
from chalicelib.domain.quota import Quota, Usage
from chalicelib.ports import Claimed
from infra.local.stack import EmulatedAws
from tests.integration.quotas import with_quota
from tests.support.builders import ALICES, BOBS, NOW, a_claim, a_download, a_file, a_ready_file

CLAIM = a_claim()
LAST = NOW + CLAIM_LIFETIME - timedelta(microseconds=1)


def later(claim: Claim, made_at: Any = LAST) -> Claim:
    return replace(claim, made_at=made_at)


def test_a_claim_is_kept_with_the_record(ports: World) -> None:
    assert ports.claims.find(CLAIM) is None
    file = ports.files.add(a_file(), CLAIM)
    assert ports.claims.find(CLAIM) == Kept(CLAIM.body_digest, (file.id,))
    assert ports.files.find(file.id) == file


def test_without_a_claim_none_is_kept(ports: World) -> None:
    ports.files.add(a_file())
    ports.downloads.add(a_download())
    assert ports.claims.find(CLAIM) is None


def test_a_claim_is_found_by_its_name_whatever_the_body(ports: World) -> None:
    file = ports.files.add(a_file(), CLAIM)
    other = a_claim(body="another")
    assert ports.claims.find(other) == Kept(CLAIM.body_digest, (file.id,))


@pytest.mark.parametrize("other", [a_claim("Key"), a_claim(account_id=BOBS)], ids=["another key", "another account"])
def test_another_claim_is_another(ports: World, other: Claim) -> None:
    first = ports.files.add(a_file(), CLAIM)
    assert ports.claims.find(other) is None
    second = ports.files.add(a_file(), other)
    assert ports.claims.find(CLAIM) == Kept(CLAIM.body_digest, (first.id,))
    assert ports.claims.find(other) == Kept(other.body_digest, (second.id,))


def test_who_comes_second_learns_of_the_first_and_writes_nothing(ports: World) -> None:
    file = ports.files.add(a_file(), CLAIM)
    twin = a_file()

    with pytest.raises(Claimed) as claimed:
        ports.files.add(twin, later(a_claim(body="another")))

    assert claimed.value.kept == Kept(CLAIM.body_digest, (file.id,))
    assert ports.files.find(twin.id) is None
    assert ports.quotas.find(ALICES, NOW)[1] == Usage(stored_bytes=file.stored_bytes, files=1)
    assert ports.claims.find(CLAIM) == Kept(CLAIM.body_digest, (file.id,))


def test_a_download_takes_a_claim_too(ports: World) -> None:
    download, twin = a_download(a_ready_file()), a_download(a_ready_file())
    ports.downloads.add(download, CLAIM)
    with pytest.raises(Claimed) as claimed:
        ports.downloads.add(twin, CLAIM)
    assert claimed.value.kept == Kept(CLAIM.body_digest, (download.id,))
    assert ports.downloads.find(download.id) == download
    assert ports.downloads.find(twin.id) is None


def test_a_claim_lasts_a_day_to_the_microsecond(ports: World) -> None:
    ports.files.add(a_file(), CLAIM)
    with pytest.raises(Claimed):
        ports.files.add(a_file(), later(CLAIM))
    assert ports.claims.find(later(CLAIM)) is not None

    over = later(CLAIM, NOW + CLAIM_LIFETIME)
    assert ports.claims.find(over) is None
    second = ports.files.add(a_file(), over)
    assert ports.claims.find(later(over, over.expires_at - timedelta(seconds=1))) == Kept(
        CLAIM.body_digest, (second.id,)
    )


def test_a_claim_outlives_its_record(ports: World) -> None:
    file = ports.files.add(a_file(), CLAIM)
    ports.files.remove(file)
    with pytest.raises(Claimed):
        ports.files.add(a_file(), CLAIM)


def test_a_record_over_the_quota_keeps_no_claim(ports: World) -> None:
    with_quota(ports, Quota(stored_bytes=4, files=9, mails_a_day=0))
    with pytest.raises(QuotaExceeded):
        ports.files.add(a_file(), CLAIM)
    assert ports.claims.find(CLAIM) is None


def test_a_claim_that_stands_comes_before_the_quota(ports: World) -> None:
    """The one file there is room for is the one that was made: its maker may ask again."""
    with_quota(ports, Quota(stored_bytes=5, files=1, mails_a_day=0))
    ports.files.add(a_file(), CLAIM)
    with pytest.raises(Claimed):
        ports.files.add(a_file(), CLAIM)
    with pytest.raises(QuotaExceeded):
        ports.files.add(a_file(), a_claim("another"))


# -- DynamoDB alone ----------------------------------------------------------------------------------------------------


def items(aws: EmulatedAws, prefix: str) -> list[dict[str, Any]]:
    found = aws.clients("dynamodb").scan(TableName=aws.metadata_table)["Items"]
    return [item for item in found if item["pk"]["S"].startswith(prefix)]


def test_the_item_holds_neither_key_nor_body(world: World, aws: EmulatedAws) -> None:
    claim = a_claim("the-key", '{"pin": "1234"}')
    world.files.add(a_file(), claim)
    [item] = items(aws, "CLAIM#")
    assert item["pk"]["S"].startswith(f"CLAIM#{ALICES}#")
    assert "the-key" not in str(item)
    assert "1234" not in str(item)
    assert item["ttl"]["N"] == str(int((NOW + timedelta(hours=24)).timestamp()))


def test_a_claimed_download_is_kept_as_long_as_its_claim(world: World, aws: EmulatedAws) -> None:
    world.downloads.add(a_download(), CLAIM)
    [claim], [download] = items(aws, "CLAIM#"), items(aws, "DOWNLOAD#")
    assert download["ttl"] == claim["ttl"]


def test_many_records_can_be_made_under_one_claim(world: World) -> None:
    """Fifty mails, say: the ids come back in their order."""
    names = [f"{number:x}" * 8 for number in range(16)] * 3
    made = [{"pk": f"THING#{at}", "sk": name} for at, name in enumerate(names)]
    claim, charge = a_claim(), Usage(mails=len(made))
    world._creations.add(ALICES, made, names, NOW, claim=claim, charge=charge)
    assert world.claims.find(claim) == Kept(claim.body_digest, tuple(names))
    assert world.quotas.find(ALICES, NOW)[1] == Usage(mails=48)
    with pytest.raises(Claimed):
        world._creations.add(ALICES, [{"pk": "OTHER", "sk": "x"}], ["a"], NOW, claim=claim, charge=charge)
    assert world._table.get(("OTHER", "x")) is None
    assert world.quotas.find(ALICES, NOW)[1] == Usage(mails=48)
