"""Which service, and as whom: from the environment, else from the file that `sealdrop login` writes."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sealdrop import fields
from sealdrop.errors import BadAnswer, LocalFileError, UsageError
from sealdrop.http import api_base

MOST_CONFIG_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class Settings:
    """`token` is None where none is set for this address."""

    url: str
    token: str | None = field(repr=False)


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """SEALDROP_URL and SEALDROP_TOKEN, each else from the file. The file's token goes to the file's address only: a
    changed SEALDROP_URL must not send it elsewhere.

    Raises UsageError where no address is set, LocalFileError where the file cannot be used.
    """
    url, token = environment.get("SEALDROP_URL"), environment.get("SEALDROP_TOKEN")
    stored = None if url and token else read_file()
    if not url and stored is None:
        raise UsageError(
            "no service is configured",
            hint="Run: sealdrop login   (or set SEALDROP_URL and SEALDROP_TOKEN)",
        )
    base = api_base(url or (stored.url if stored else ""))
    if not token and stored is not None and api_base(stored.url) == base:
        token = stored.token
    return Settings(base, token or None)


def read_file() -> Settings | None:
    """What `sealdrop login` stored, None where it has not been run."""
    path = config_path()
    try:
        with path.open("rb") as file:
            if os.name == "posix" and os.fstat(file.fileno()).st_mode & 0o077:
                raise LocalFileError(
                    f"{path} holds a token, and others on this machine can read it",
                    hint=f"Run: chmod 600 {path}   and replace the token if somebody may have seen it.",
                )
            record = fields.parse_object(file.read(MOST_CONFIG_BYTES))
        return Settings(fields.take(record, "url", str), fields.take(record, "token", str))
    except FileNotFoundError:
        return None
    except (OSError, BadAnswer) as error:
        raise LocalFileError(f"{path} cannot be read as settings", hint="Run: sealdrop login") from error


def store(settings: Settings) -> Path:
    """Write the file, readable by its owner only, in one step."""
    path = config_path()
    temporary = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"url": settings.url, "token": settings.token}, file)
        temporary.replace(path)
    except OSError as error:
        raise LocalFileError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        temporary.unlink(missing_ok=True)
    return path


def config_path() -> Path:
    home = os.environ.get("XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "sealdrop" / "config.json"
