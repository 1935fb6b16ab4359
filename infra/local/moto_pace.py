"""What moto finds out anew on every request though it is always the same, found out once: a third of its time.

The pinned version of moto is what this was written for. Each replacement answers what moto's own does.
"""

import copy
import functools
from collections.abc import Iterable
from typing import Any

from moto import backends
from moto.core import responses
from moto.core.serialize import AttributePickerContext, XFormedAttributePicker
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict

_MOST_BYTES = 405_000  # moto's own bound on an item

_list_of_moto_modules = backends.list_of_moto_modules
_method_names_from_class = responses.method_names_from_class
_get_possible_keys = XFormedAttributePicker.get_possible_keys
_keys: dict[tuple[Any, ...], tuple[str, ...]] = {}


def install() -> None:
    """Idempotent."""
    backends.list_of_moto_modules = _modules
    responses.method_names_from_class = _methods
    XFormedAttributePicker.get_possible_keys = _possible_keys  # type: ignore[method-assign,assignment]
    LimitedSizeDict.__deepcopy__ = _copied  # type: ignore[attr-defined]
    Item.__init__ = _make  # type: ignore[method-assign]


@functools.cache
def _modules() -> Iterable[str]:
    """moto lists its own folder on every request, to see which service it may be about."""
    return frozenset(_list_of_moto_modules())


@functools.cache
def _methods(cls: type) -> list[str]:
    return _method_names_from_class(cls)


def _possible_keys(self: XFormedAttributePicker, context: AttributePickerContext) -> Iterable[str]:
    """Under which names an answer's member may be found in what moto holds: for dicts it depends on the model alone."""
    if type(context.obj) is not dict:
        return _get_possible_keys(self, context)
    shape: Any = context.shape
    of = (context.service_model.service_name, getattr(getattr(shape, "parent", None), "name", None), shape.name)
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
