"""Who takes part in the demo, and what they do is checked at every step."""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import urllib3

from infra.local.process import clean_environment


class NotTrue(Exception):
    """The service did not do what the demo says it does."""


def check(claim: object, otherwise: str) -> None:
    if not claim:
        raise NotTrue(otherwise)


@dataclass(frozen=True)
class Person:
    """Somebody with a token, the command line and a home of their own."""

    name: str
    email: str
    token: str | None
    pin: str | None
    api_url: str
    home: Path
    directory: Path  # where commands are run

    def sealdrop(self, *arguments: str, expect: int = 0) -> str:
        environment = clean_environment() | {"SEALDROP_URL": self.api_url, "HOME": str(self.home)}
        if self.token:
            environment["SEALDROP_TOKEN"] = self.token
        if self.pin:
            environment["SEALDROP_PIN"] = self.pin
        shown = " ".join(f"'{it}'" if " " in it else it for it in arguments)
        print(f"     $ sealdrop {shown}")
        command = [sys.executable, "-m", "sealdrop", *arguments]
        done = subprocess.run(
            command, cwd=self.directory, env=environment, capture_output=True, text=True, check=False, timeout=120
        )
        for line in [*done.stdout.splitlines(), *done.stderr.splitlines()]:
            print(f"       {line}")
        check(
            done.returncode == expect,
            f"sealdrop {arguments[0]} ended with {done.returncode}, not {expect}: {done.stderr.strip()}",
        )
        return done.stdout.strip()

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """The API by plain HTTP."""
        headers = {"Content-Type": "application/json"} | (
            {"Authorization": f"Bearer {self.token}"} if self.token else {}
        )
        payload = None if body is None else json.dumps(body).encode()
        answer = urllib3.request(method, self.api_url + path, body=payload, headers=headers, retries=False)
        return answer.status, json.loads(answer.data)
