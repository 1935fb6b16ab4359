"""Attributes that are made when they are first asked for. A leaf: imports nothing of ours."""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")


class Once(Generic[T]):
    """A lazily made attribute, made once even when threads race for it."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self._make, self._lock = make, threading.RLock()

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    def __get__(self, instance: Any, owner: type) -> T:
        with self._lock:
            if self._name not in instance.__dict__:
                instance.__dict__[self._name] = self._make(instance)
        return cast(T, instance.__dict__[self._name])
