"""What is left out of the archive is not needed there."""

import ast
import shutil
from pathlib import Path

import botocore
import botocore.session
import pytest
from botocore.loaders import Loader

import chalicelib
from infra.package import SERVICES, drop_other_services

DATA = Path(botocore.__file__).parent / "data"


def called_services() -> set[str]:
    """By the code that ships: whatever it makes clients of."""
    calls = [
        node
        for path in Path(chalicelib.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_client"
    ]
    return {argument.value for call in calls for argument in call.args if isinstance(argument, ast.Constant)}


def test_the_services_are_those_that_are_called() -> None:
    assert called_services() == SERVICES


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("botocore") / "data"
    wanted = {*SERVICES, "ec2"}

    def leave(folder: str, names: list[str]) -> list[str]:
        return [name for name in names if Path(folder) == DATA and (DATA / name).is_dir() and name not in wanted]

    shutil.copytree(DATA, data, ignore=leave)
    drop_other_services(data)
    return data


def test_clients_are_made_of_what_is_left(kept: Path) -> None:
    session = botocore.session.Session()
    session.register_component("data_loader", Loader([str(kept)], include_default_search_paths=False))
    for service in SERVICES:
        assert session.create_client(service, region_name="eu-west-1").meta.service_model.operation_names
    assert not (kept / "ec2").exists()
