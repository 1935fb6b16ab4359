"""moto without its detours: what it finds out anew on every request is found out once, and a query reads its partition.

Each replacement answers what moto's own does, in a fraction of its time once tables hold thousands of items.
The pinned version of moto is what this was written for.
"""

import copy
import functools
import time
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from moto import backends
from moto.core import responses, utils
from moto.core.model import StructureShape
from moto.core.serialize import AttributePickerContext, BaseJSONSerializer, XFormedAttributePicker
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DDBType, DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.kms import models as kms
from moto.kms.utils import AbstractPrivateKey

_MOST_BYTES = 405_000  # moto's own bound on an item
_ATTRIBUTE = {"S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL"}
_INDEX_NAME = 6  # its place behind a query's hash key

_list_of_moto_modules = backends.list_of_moto_modules
_unix_time = utils.unix_time
_method_names_from_class = utils.method_names_from_class
_serialize_structure = BaseJSONSerializer._serialize_type_structure  # noqa: SLF001 - moto has no other place for it
_get_possible_keys = XFormedAttributePicker.get_possible_keys
_query = Table.query
_cast_value: Any = DynamoType.cast_value.fget  # type: ignore[attr-defined] # a property
_generate_private_key = kms.generate_private_key  # type: ignore[attr-defined] # which has it from utils
_keys: dict[tuple[Any, ...], tuple[str, ...]] = {}


def install() -> None:
    """Idempotent."""
    backends.list_of_moto_modules = _modules
    utils.unix_time = _seconds
    responses.method_names_from_class = _methods  # type: ignore[attr-defined] # which has it from utils
    BaseJSONSerializer._serialize_type_structure = _serialized  # type: ignore[method-assign] # noqa: SLF001
    XFormedAttributePicker.get_possible_keys = _possible_keys  # type: ignore[method-assign,assignment]
    LimitedSizeDict.__deepcopy__ = _copied  # type: ignore[attr-defined]
    Item.__init__ = _make  # type: ignore[method-assign]
    Table.query = _query_its_own  # type: ignore[method-assign]
    DynamoType.cast_value = property(_cast)  # type: ignore[assignment]
    DynamoType.__eq__ = _equals  # type: ignore[method-assign]
    DynamoType.__ne__ = _differs  # type: ignore[method-assign]
    kms.generate_private_key = _private_key  # type: ignore[attr-defined,assignment]


@functools.cache
def _modules() -> Iterable[str]:
    """moto lists its own folder on every request, to see which service it may be about."""
    return frozenset(_list_of_moto_modules())


@functools.cache
def _methods(cls: type) -> list[str]:
    return _method_names_from_class(cls)


def _seconds(dt: datetime | None = None) -> float:
    """A queue asks for the time twice for each of its messages, whenever it is asked for anything."""
    return time.time() if dt is None else _unix_time(dt)


def _serialized(self: BaseJSONSerializer, serialized: Any, value: Any, shape: StructureShape, key: str) -> None:
    """An attribute's value has one of ten members: moto looks for each, under three spellings."""
    if shape.name != "AttributeValue" or not key or type(value) is not dict or not value.keys() <= _ATTRIBUTE:
        _serialize_structure(self, serialized, value, shape, key)
        return
    there: Any = self.MAP_TYPE()
    for member, held in value.items():
        if held is not None:
            self._serialize(there, held, shape.members[member], member)
    self._default_serialize(serialized, there, shape, key)


def _possible_keys(self: XFormedAttributePicker, context: AttributePickerContext) -> Iterable[str]:
    """Under which names an answer's member may be found in what moto holds: for dicts it depends on the model alone."""
    if type(context.obj) is not dict:
        return _get_possible_keys(self, context)
    shape: Any = context.shape
    service: Any = context.service_model
    of = (service.service_name, getattr(getattr(shape, "parent", None), "name", None), shape.name)
    known = (*of, shape.serialization.get("name"), context.key, *self.alias_providers)
    if known not in _keys:
        _keys[known] = tuple(dict.fromkeys(_get_possible_keys(self, context)))
    return _keys[known]


def _copied(self: LimitedSizeDict, memo: dict[int, Any]) -> LimitedSizeDict:
    """It fits, so nothing is measured again: moto does so at every attribute, and measures all before it."""
    twin = LimitedSizeDict()
    dict.update(twin, {name: copy.deepcopy(value, memo) for name, value in self.items()})
    return twin


def _make(self: Item, hash_key: DynamoType, range_key: DynamoType | None, attrs: dict[str, Any]) -> None:
    """Measured once. Raises ItemSizeTooLarge."""
    self.hash_key, self.range_key = hash_key, range_key
    values = {name: DynamoType(value) for name, value in attrs.items()}
    if sum(len(name.encode()) + value.size() for name, value in values.items()) > _MOST_BYTES:
        raise ItemSizeTooLarge
    self.attrs = LimitedSizeDict()
    dict.update(self.attrs, values)


def _query_its_own(self: Table, hash_key: DynamoType | None, *others: Any, **more: Any) -> Any:
    """moto sorts the whole table first, looks through it for the partition, and sorts what it found."""
    if others[_INDEX_NAME]:
        items = [item for partition in self.items.values() for item in _items_of(self, partition)]
    else:
        items = _items_of(self, self.items[hash_key]) if hash_key in self.items else []
    table: Any = self
    table.all_items = lambda: items  # for now only: callers take turns (other_services.py)
    try:
        return _query(self, hash_key, *others, **more)
    finally:
        del table.all_items


def _items_of(table: Table, partition: Any) -> list[Item]:
    return list(partition.values()) if table.range_key_attr else [partition]


def _private_key(key_spec: str) -> AbstractPrivateKey | None:
    """moto takes a tenth of a second for an RSA key within each symmetric one, where AWS has none."""
    return _generate_private_key(key_spec) if key_spec.startswith(("RSA_", "ECC_")) else None


def _cast(self: DynamoType) -> Any:
    return self.value if self.type == DDBType.STRING else _cast_value(self)


def _equals(self: DynamoType, other: DynamoType) -> bool:
    return self.type == other.type and _cast(self) == _cast(other)


def _differs(self: DynamoType, other: DynamoType) -> bool:
    return not _equals(self, other)
