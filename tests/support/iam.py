"""IAM's reading of policies, as far as ours use it. What is not understood here is an error, not a pass.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import product
from typing import Any, NamedTuple

Values = tuple[str, ...]
PATTERNED = frozenset({"StringEquals", "StringLike", "ForAllValues:StringLike"})  # of several values any will do


@dataclass(frozen=True)
class Ask:
    """What one call asks IAM for."""

    action: str
    resource: str
    context: frozenset[tuple[str, str | Values]] = frozenset()

    @classmethod
    def of(cls, action: str, resource: str, context: Mapping[str, str | Values] | None = None) -> "Ask":
        return cls(action, resource, frozenset((context or {}).items()))

    def by(self, principal: str) -> "Ask":
        return replace(self, context=self.context | {("aws:PrincipalArn", principal)})


@dataclass(frozen=True)
class Condition:
    operator: str
    key: str
    values: Values

    def holds(self, context: Mapping[str, str | Values]) -> bool:
        actual = context.get(self.key)
        match self.operator:
            case "StringEquals":
                return actual in self.values
            case "StringLike":
                return isinstance(actual, str) and any(fnmatchcase(actual, value) for value in self.values)
            case "Null":
                return str(actual is None).lower() in self.values
            case "ForAllValues:StringEquals":  # of what is there: true where there is nothing
                return set(actual or ()) <= set(self.values)
            case "ForAllValues:StringLike":
                if not actual:
                    raise ValueError(
                        f"it holds where there is no {self.key}, and would stop nothing: none of ours asks so"
                    )
                return all(any(fnmatchcase(each, value) for value in self.values) for each in actual)
        raise ValueError(f"a policy uses {self.operator}: teach it to tests/support/iam.py")


@dataclass(frozen=True)
class Right:
    """A statement that allows."""

    actions: Values
    resources: Values
    conditions: tuple[Condition, ...]

    @classmethod
    def of(cls, statement: Mapping[str, Any]) -> "Right":
        if extra := set(statement) - {"Sid", "Effect", "Principal", "Action", "Resource", "Condition"}:
            raise ValueError(f"a statement has {extra}")
        if statement["Effect"] != "Allow":
            raise ValueError(f"a role's statement says {statement['Effect']}")
        conditions = (
            Condition(operator, key, _listed(values))
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
        return cls(_listed(statement["Action"]), _listed(statement["Resource"]), tuple(conditions))

    def allows(self, ask: Ask) -> bool:
        """Actions are compared as they stand: a pattern among them allows nothing here."""
        context = dict(ask.context)
        return (
            ask.action in self.actions
            and any(fnmatchcase(ask.resource, pattern) for pattern in self.resources)
            and all(condition.holds(context) for condition in self.conditions)
        )

    def atoms(self) -> Iterator["Right"]:
        """The same right, one action, resource and value at a time."""
        choices = [
            [replace(it, values=(value,)) for value in it.values] if it.operator in PATTERNED else [it]
            for it in self.conditions
        ]
        for action, resource, *conditions in product(self.actions, self.resources, *choices):
            yield Right((action,), (resource,), tuple(conditions))


class Findings(NamedTuple):
    missing: Sequence[Ask]
    unused: Sequence[Right]


def compare(rights: Iterable[Right], asks: Iterable[Ask]) -> Findings:
    rights, asks = list(rights), set(asks)
    missing = [ask for ask in asks if not any(right.allows(ask) for right in rights)]
    unused = [atom for right in rights for atom in right.atoms() if not any(map(atom.allows, asks))]
    return Findings(sorted(missing, key=str), unused)


def allowed_by_key(policy: Mapping[str, Any], principal: str, ask: Ask) -> bool:
    """Whether a key's policy leaves it to IAM to allow this to the principal.

    https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
    """
    return any(Right.of(it).allows(Ask(ask.action, "*", ask.by(principal).context)) for it in policy["Statement"])


def _listed(value: Any) -> Values:
    return (value,) if isinstance(value, str) else tuple(value)
