from dataclasses import dataclass

SECURITY = "tests/unit/security"


@dataclass(frozen=True)
class Mutant:
    """A place in the code, what to write there instead, and the tests that must then fail.

    The text must stand in its file exactly once, so that these tables cannot outlive the code that they speak of.
    """

    number: str  # of the check, in docs/threat-model.md
    what: str  # goes wrong
    path: str
    source: str
    replacement: str
    tests: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.number} {self.what}"


class Listed:
    """Mutants whose tests are in one module of tests/unit/security."""

    def __init__(self, module: str) -> None:
        self._module = module

    def __call__(self, number: str, what: str, path: str, source: str, replacement: str, *tests: str) -> Mutant:
        ids = tuple(f"{SECURITY}/{self._module}.py::test_{number.lower()}_{test}" for test in tests)
        return Mutant(number, what, f"chalicelib/{path}", source, replacement, ids)
