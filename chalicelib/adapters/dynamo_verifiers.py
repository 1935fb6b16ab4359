"""A PIN's verifier as an attribute of its holder's record."""

from collections.abc import Mapping
from typing import Any

from chalicelib.domain.pin import PinVerifier, ScryptCost


def verifier_item(verifier: PinVerifier | None) -> dict[str, Any] | None:
    if verifier is None:
        return None
    cost = verifier.cost
    return {
        "version": verifier.version,
        "salt": verifier.salt,
        "n": cost.n,
        "r": cost.r,
        "p": cost.p,
        "mac": verifier.mac,
    }


def verifier_from(item: Mapping[str, Any] | None) -> PinVerifier | None:
    if item is None:
        return None
    cost = ScryptCost(n=item["n"], r=item["r"], p=item["p"])
    return PinVerifier(version=item["version"], salt=item["salt"], cost=cost, mac=item["mac"])
