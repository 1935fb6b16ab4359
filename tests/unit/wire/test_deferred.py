"""Models that are built when they are first used, however many threads use them first."""

import threading
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler
from pydantic_core.core_schema import CoreSchema, int_schema

from chalicelib.wire.base import Deferred, In, Out, Query
from chalicelib.wire.downloads import Perform

A_MOMENT = 0.2


class Unsafe(BaseModel):
    """pydantic's own."""

    model_config = ConfigDict(defer_build=True)


def builds_of_a_model(base: type[BaseModel]) -> tuple[int, list[Any]]:
    """While one thread builds it, another uses it. How often it was built, and what the two have read."""
    built: list[str] = []
    read: list[Any] = []

    class Number:
        @classmethod
        def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
            built.append("once")
            if len(built) == 1:
                rival.start()
                rival.join(A_MOMENT)
            return int_schema()

    class Model(base):  # type: ignore[valid-type, misc] # mypy knows no base that is an argument
        number: Number

    def use() -> None:
        read.append(Model.model_validate_json('{"number": 7}').number)

    rival = threading.Thread(target=use)
    assert built == [], "it is not built before it is used"
    use()
    rival.join()
    return len(built), read


def test_it_is_built_once() -> None:
    assert builds_of_a_model(Deferred) == (1, [7, 7])


def test_pydantics_own_is_built_by_whoever_comes() -> None:
    """With 2.14 this may fail: then Deferred needs no lock."""
    assert builds_of_a_model(Unsafe)[0] == 2


@pytest.mark.parametrize("base", [In, Query, Out])
def test_every_model_of_ours_is_one(base: type[BaseModel]) -> None:
    assert issubclass(base, Deferred)
    assert base.model_config["defer_build"]


def test_what_is_not_used_is_not_built() -> None:
    class Late(Perform):
        """A model like any other, new in this test."""

    assert not Late.__pydantic_complete__
    Late()
    assert Late.__pydantic_complete__
