"""Attributes that are made when they are first asked for. A leaf: imports nothing of ours."""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")


class Once(Generic[T]):
    """A lazily made attribute of the `whole` of its object, made once even when threads race for it."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make, self._lock = make, threading.RLock()

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> T:
        holder = self._holder(instance)
        with self._lock:
            if self._name not in holder.__dict__:
                holder.__dict__[self._name] = self._make(holder)
        return cast(T, holder.__dict__[self._name])

    def _holder(self, instance: Any) -> Any:
        return instance.whole


class OncePerAct(Once[T]):
    """For all that writes to the metadata table: each act has its own, whose writes say who made them."""

    def _holder(self, instance: Any) -> Any:
        return instance
