"""The operator's way back to a search table that holds what it should."""

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.adapters.dynamo_files import DynamoFiles
from chalicelib.adapters.dynamo_postings import SearchTable, postings
from chalicelib.adapters.dynamo_table import MetadataTable
from infra import reindex
from infra.local.stack import EmulatedAws
from tests.support.builders import BOBS, NOW, a_file, a_ready_file
from tests.unit.test_postings import item


@pytest.fixture
def files(aws: EmulatedAws) -> Iterator[DynamoFiles]:
    client = aws.clients("dynamodb")
    yield DynamoFiles(MetadataTable(client, aws.metadata_table), SearchTable(client, aws.search_table))
    for table in (aws.metadata_table, aws.search_table):
        for found in client.scan(TableName=table)["Items"]:
            client.delete_item(TableName=table, Key={"pk": found["pk"], "sk": found["sk"]})


def held(aws: EmulatedAws) -> dict[tuple[str, str], dict[str, Any]]:
    found = aws.clients("dynamodb").scan(TableName=aws.search_table)["Items"]
    return {(one["pk"]["S"], one["sk"]["S"]): {name: value["S"] for name, value in one.items()} for one in found}


def test_every_record_that_is_searched_is_there_again(
    aws: EmulatedAws, files: DynamoFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [a_ready_file(filename="ab"), a_file(filename="cd"), a_ready_file(filename="e", account_id=BOBS)]
    for file in made:
        files.add(file)
    files.add(a_ready_file(filename="gone").purging(NOW))
    monkeypatch.setattr(reindex, "PAGE", 2)
    client = aws.clients("dynamodb")
    for _ in range(2):
        assert reindex.reindex(client, aws.metadata_table, aws.search_table) == 3
        assert held(aws) == {key: posting for file in made for key, posting in postings(item(file)).items()}
        assert len(held(aws)) == 5


def test_the_command(
    aws: EmulatedAws, files: DynamoFiles, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in aws.env.items():
        monkeypatch.setenv(name, value)
    files.add(a_ready_file(filename="ab"))
    assert reindex.main([]) == reindex.SUCCESS
    assert capsys.readouterr().out == "1 records in the search table\n"
    assert len(held(aws)) == 2
    assert reindex.main(["--search-table", "sealdrop-no-such"]) == reindex.FAILED
    assert "run it again" in capsys.readouterr().err


def test_the_tables_must_be_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("METADATA_TABLE", "SEARCH_TABLE"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(SystemExit):
        reindex.main([])
    assert "--metadata-table" in capsys.readouterr().err
