"""A small Sealdrop service and object store in this process, on 127.0.0.1, with faults to order.

It implements what the client relies on, from the public contract alone. It is stricter than it need be: a presigned
request must carry exactly the signed length, headers and digest; tokens must not reach public or storage addresses.
"""

import base64
import hashlib
import json
import re
import secrets
import socket
import struct
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

MIB = 1 << 20
SINGLE = 6 * MIB  # the real service: 100 MiB
PART = MIB  # the real service: 8 MiB
KEY_ARN = "arn:aws:kms:eu-west-1:123456789012:key/5f1c3c1e-98b0-4b7e-b47a-5d5a4c1c8f10"
CREATE_FIELDS = {
    "filename",
    "size",
    "type",
    "encryption",
    "checksum_sha256",
    "part_checksums",
    "part_size",
    "expires_at",
}


@dataclass
class Fault:
    """What goes wrong with the next `times` requests whose "METHOD path" matches."""

    pattern: str
    times: int = 1
    status: int | None = None  # answer this instead of doing anything
    headers: dict[str, str] = field(default_factory=dict)
    s3_code: str = "InternalError"
    code: str = "busy"  # of the API
    drop_after: int | None = None  # close the connection after so many bytes of the body, either way
    lose_answer: bool = False  # do it, and close the connection without answering
    before: Callable[[], None] | None = None  # called first


@dataclass
class Refusal(Exception):
    status: int
    code: str
    message: str = "no"
    errors: dict[str, list[str]] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class S3Refusal(Exception):
    status: int
    code: str


@dataclass
class Record:
    """A file as the service keeps it."""

    id: str
    name: str
    size: int
    mode: str
    type: str
    checksum: str | None
    data_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    blob: bytes = field(default_factory=lambda: secrets.token_bytes(184))
    part_size: int | None = None
    part_checksums: bool = False
    parts: dict[int, tuple[bytes, str | None]] = field(default_factory=dict)
    body: bytes | None = None
    status: str = "pending"
    rejected_reason: str | None = None
    trashed: bool = False
    expires_at: str | None = None
    category_id: str | None = None
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class FakeService:
    """Start it with `with`. `files`, `signed` and `log` are open to the tests."""

    def __init__(self) -> None:
        self.account, self.name = str(uuid.uuid4()), "Alice Archer"
        self.token = "sdt_" + secrets.token_hex(24)
        self.files: dict[str, Record] = {}
        self.downloads: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.tokens: dict[str, dict[str, Any]] = {}
        self.claims: dict[str, tuple[Any, Any]] = {}  # by Idempotency-Key: the body, and what it was answered
        self.pin: str | None = None  # of the user whose token it is
        self.tries: dict[str, int] = {}  # wrong ones: of the user under "", of downloads under their keys
        self.temporary_keys: set[str] = set()
        self.signed: dict[str, dict[str, Any]] = {}
        self.events: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.log: list[str] = []
        self.stored: list[int] = []  # numbers of the parts that arrived, in their order
        self.page_size = 50
        self.tamper: Callable[[dict[str, Any]], object] = id  # may change the answer of a perform
        self.lock = threading.RLock()
        handler = type("Handler", (_Handler,), {"service": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.url = f"{self.origin}/api"

    def __enter__(self) -> "FakeService":
        threading.Thread(target=lambda: self.server.serve_forever(poll_interval=0.01), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()

    def fail(self, pattern: str, **fault: Any) -> Fault:
        made = Fault(pattern, **fault)
        self.faults.append(made)
        return made

    def fault_for(self, request: str) -> Fault | None:
        with self.lock:
            for fault in self.faults:
                if fault.times and re.search(fault.pattern, request):
                    fault.times -= 1
                    return fault
        return None

    def count(self, pattern: str) -> int:
        return sum(1 for line in self.log if re.search(pattern, line))

    def add(self, name: str, content: bytes, mode: str = "server", **fields: Any) -> Record:
        """A ready file, sealed already where the mode says so."""
        checksum = _digest(content) if mode == "server" else None
        made = Record(str(uuid.uuid4()), name, len(content), mode, "text/plain", checksum, status="ready", **fields)
        made.body = content if mode == "server" else self.sealed(made, content)
        self.files[made.id] = made
        return made

    def sealed(self, record: Record, content: bytes) -> bytes:
        import io

        from sealdrop.sealing import seal
        from sealdrop.transfers import Encryption

        terms = Encryption.parse(self.encryption(record), record.id)
        return b"".join(seal(io.BytesIO(content), len(content), terms))

    def share(self, *records: Record, uses: int = 1, pin: str | None = None) -> str:
        """A download key for some files."""
        download = {"files": [record.id for record in records], "uses": uses, "sessions": set(), "pin": pin}
        key = secrets.token_hex(22)[:43]
        self.downloads[key] = download
        self.keys[key] = key
        return key

    def happens(self, event_type: str, kept_until: str = "2099-01-01", **subject: str) -> dict[str, Any]:
        """The next event of the audit log, chained as the documentation says."""
        before = self.events[-1] if self.events else {"sequence": 0, "hash": "0" * 64, "kept_until": None}
        event = {
            "id": str(uuid.uuid4()),
            "sequence": before["sequence"] + 1,
            "type": event_type,
            "at": "2026-03-01T12:00:07.000000Z",
            "account_id": self.account,
            "actor": "user",
            "user_id": str(uuid.uuid4()),
            "token_id": None,
            "ip": "192.0.2.1",
            "request_id": None,
            "outcome": "ok",
            "subject": subject,
            "detail": {"note": "ü", "count": 1},
            "kept_until": kept_until,
            "previous": before["hash"],
            "previous_kept_until": before["kept_until"],
        }
        text = json.dumps(event, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        event["hash"] = hashlib.sha256(text.encode()).hexdigest()
        self.events.append(event)
        return event

    # views
    def stored_size(self, record: Record) -> int:
        if record.mode == "server":
            return record.size
        context = {"file": record.id, "account": self.account}
        pairs = sum(4 + len(k) + len(v) for k, v in context.items())
        header = 94 + pairs + 6 + len("aws-kms") + len(KEY_ARN) + len(record.blob)
        return header + record.size + 32 * (record.size // 262_144) + 40

    def view(self, record: Record) -> dict[str, Any]:
        stem, dot, extension = record.name.rpartition(".")
        return {
            "id": record.id,
            "filename": stem if dot and stem else record.name,
            "extension": extension if dot and stem else "",
            "full_filename": record.name,
            "type": record.type,
            "size": record.size,
            "formatted_size": f"{record.size} B",
            "encrypted_size": self.stored_size(record),
            "formatted_encrypted_size": "",
            "encryption_mode": record.mode,
            "checksum_sha256": record.checksum,
            "status": record.status,
            "rejected_reason": record.rejected_reason,
            "trashed": record.trashed,
            "created_by": {
                "name": "Alice Archer",
                "initials": "AA",
                "email": "alice@example.com",
                "photo_url": None,
                "timezone": "UTC",
            },
            "created_at": _text(record.created_at),
            "ready_at": _text(record.created_at) if record.status == "ready" else None,
            "expires_at": record.expires_at,
            "category_id": record.category_id,
            "disk": "s3",
        }

    def encryption(self, record: Record) -> dict[str, Any]:
        return {
            "algorithm": "AES_256_GCM_HKDF_SHA512_COMMIT_KEY",
            "frame_length": 262_144,
            "encryption_context": {"file": record.id, "account": self.account},
            "data_key": base64.b64encode(record.data_key).decode(),
            "encrypted_data_key": base64.b64encode(record.blob).decode(),
            "key_provider": "aws-kms",
            "key_arn": KEY_ARN,
        }

    def sign(self, method: str, record: Record, **terms: Any) -> str:
        nonce = secrets.token_urlsafe(24)
        self.signed[nonce] = {"method": method, "file": record.id, "expired": False, **terms}
        return f"{self.origin}/storage/files/{record.id}?X-Amz-Signature={nonce}"

    def expire_addresses(self) -> None:
        with self.lock:
            for terms in self.signed.values():
                terms["expired"] = True

    def ticket(self, record: Record, wanted: dict[int, str | None]) -> dict[str, Any]:
        answer = self.view(record)
        stored, expires = self.stored_size(record), _text(datetime.now(UTC) + timedelta(hours=1))
        if record.part_size is None:
            headers = {"Content-Length": str(stored), "If-None-Match": "*"}
            if record.checksum:
                headers["x-amz-checksum-sha256"] = record.checksum
            url = self.sign("PUT", record, headers=headers, number=None)
            answer["upload"] = {"method": "PUT", "url": url, "headers": headers, "expires_at": expires}
        else:
            answer["upload"] = {
                "part_size": record.part_size,
                "part_count": -(-stored // record.part_size),
                "parts": [self.part(record, number, digest) for number, digest in wanted.items()],
                "expires_at": expires,
            }
        if record.mode == "client":
            answer["encryption"] = self.encryption(record)
        return answer

    def part(self, record: Record, number: int, digest: str | None) -> dict[str, Any]:
        assert record.part_size
        size = min(record.part_size, self.stored_size(record) - (number - 1) * record.part_size)
        headers = {"Content-Length": str(size)}
        if digest:
            headers["x-amz-checksum-sha256"] = digest
        url = self.sign("PUT", record, headers=headers, number=number)
        return {"number": number, "size": size, "url": url, "headers": headers}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    service: FakeService

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it
        """Quiet."""

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):
            self.close_connection = True

    def serve(self) -> None:
        request = f"{self.command} {self.path}"
        with self.service.lock:
            self.service.log.append(request)
        fault = self.service.fault_for(request)
        if fault and fault.before:
            fault.before()
        if fault and fault.status:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            return self.refuse(fault)
        if self.path.startswith("/storage/"):
            return self.serve_storage(fault)
        return self.serve_api(fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = serve  # noqa: N815 - the base class names them

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, fault: Fault) -> None:
        assert fault.status
        if self.path.startswith("/storage/"):
            body = f"<Error><Code>{fault.s3_code}</Code></Error>".encode()
        else:
            body = json.dumps({"message": "Busy.", "code": fault.code, "request_id": "r-1"}).encode()
        self.answer(fault.status, body, fault.headers)

    def hang_up(self) -> None:
        """Close with a reset, as a dying network does."""
        self.close_connection = True
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    # the API
    def serve_api(self, fault: Fault | None) -> None:
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        if fault and fault.drop_after is not None:
            self.hang_up()
            return
        headers = {"content-type": "application/json"}
        try:
            with self.service.lock:
                status, answer = self.route(raw)
        except Refusal as refusal:
            status = refusal.status
            headers |= refusal.headers
            answer = {"message": refusal.message, "code": refusal.code, "request_id": "r-2"}
            if refusal.errors:
                answer["errors"] = refusal.errors
        if fault and fault.lose_answer:
            self.hang_up()
            return
        body = b"" if status == 204 else json.dumps(answer).encode()
        self.answer(status, body, headers)

    def route(self, raw: bytes) -> tuple[int, dict[str, Any]]:
        path = urlsplit(self.path).path.removeprefix("/api")
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        body = json.loads(raw) if raw else {}
        if path.startswith("/public/"):
            if "authorization" in self.headers:
                raise Refusal(500, "internal", "a token was sent to a public address")
        elif self.headers.get("authorization") != f"Bearer {self.service.token}":
            raise Refusal(401, "unauthenticated", "A valid API token is required.")
        for pattern, handler in ROUTES:
            if found := re.fullmatch(pattern, f"{self.command} {path}"):
                make = partial(handler, self.service, *found.groups(), body=body, query=query)
                return self.once(pattern, body, make)
        raise Refusal(404, "not_found")

    def once(self, route: str, body: Any, make: Callable[[], Any]) -> Any:
        """What was made under an Idempotency-Key is answered again; where secrets are made there is no such key."""
        key = self.headers.get("idempotency-key")
        if key is None:
            return make()
        if route not in TAKES_KEY:
            raise Refusal(422, "invalid", errors={"Idempotency-Key": ["Not here."]})
        known_body, answer = self.service.claims.get(key) or (body, None)
        if known_body != body:
            raise Refusal(409, "idempotency_mismatch")
        if answer is None:
            answer = make()
            self.service.claims[key] = body, answer
        return answer

    # the storage
    def serve_storage(self, fault: Fault | None) -> None:
        try:
            record, terms = self.verified()
            if self.command == "PUT":
                self.store(record, terms, fault)
            else:
                self.hand_out(record, fault)
        except S3Refusal as refusal:
            self.close_connection = True
            self.answer(refusal.status, f"<Error><Code>{refusal.code}</Code></Error>".encode())

    def verified(self) -> tuple[Record, dict[str, Any]]:
        if "authorization" in self.headers:
            raise S3Refusal(400, "TokenSentToStorage")
        parts = urlsplit(self.path)
        terms = self.service.signed.get(parse_qs(parts.query).get("X-Amz-Signature", [""])[0])
        if terms is None or terms["method"] != self.command or not parts.path.endswith(terms["file"]):
            raise S3Refusal(403, "SignatureDoesNotMatch")
        if terms["expired"]:
            raise S3Refusal(403, "AccessDenied")
        for name, value in terms.get("headers", {}).items():
            if self.headers.get(name) != value:
                raise S3Refusal(403, "SignatureDoesNotMatch")
        record = self.service.files.get(terms["file"])
        if record is None:
            raise S3Refusal(404, "NoSuchUpload")
        return record, terms

    def store(self, record: Record, terms: dict[str, Any], fault: Fault | None) -> None:
        length = int(self.headers["content-length"])
        if fault and fault.drop_after is not None:
            self.rfile.read(min(length, fault.drop_after))
            return self.hang_up()
        body = self.rfile.read(length)
        digest = self.headers.get("x-amz-checksum-sha256")
        if digest and digest != _digest(body):
            raise S3Refusal(400, "BadDigest")
        with self.service.lock:
            if terms["number"] is not None:
                record.parts[terms["number"]] = (body, digest)
                self.service.stored.append(terms["number"])
            elif record.body is not None:
                raise S3Refusal(412, "PreconditionFailed")
            else:
                record.body = body
        if fault and fault.lose_answer:
            return self.hang_up()
        return self.answer(200, headers={"ETag": '"x"'})

    def hand_out(self, record: Record, fault: Fault | None) -> None:
        body, status, headers = record.body or b"", 200, {}
        if found := re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", "")):
            start = int(found.group(1))
            if start >= len(body):
                raise S3Refusal(416, "InvalidRange")
            status, headers = 206, {"Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
            body = body[start:]
        if fault is None or fault.drop_after is None:
            return self.answer(status, body, headers)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: fault.drop_after])
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)  # what was sent arrives, and then nothing
        self.close_connection = True
        return None


def _digest(body: bytes) -> str:
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def _text(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _own(service: FakeService, file_id: str) -> Record:
    if file_id not in service.files:
        raise Refusal(404, "not_found", "There is nothing here by that id.")
    return service.files[file_id]


def create_file(service: FakeService, *, body: Any, query: Any) -> Any:
    if unknown := body.keys() - CREATE_FIELDS:
        raise Refusal(422, "invalid", errors={sorted(unknown)[0]: ["There is no such field here."]})
    name, mode = body["filename"], body.get("encryption", "server")
    if not name or "/" in name or len(name.encode()) > 255 or any(c < " " for c in name):
        raise Refusal(422, "invalid", "The given data was invalid.", {"filename": ["It cannot be used."]})
    record = Record(
        str(uuid.uuid4()), name, body["size"], mode, body.get("type", "text/plain"), body.get("checksum_sha256")
    )
    record.expires_at = body.get("expires_at")
    wished = body.get("part_size")
    if service.stored_size(record) > (wished or SINGLE):
        if record.checksum:
            raise Refusal(422, "invalid", errors={"checksum_sha256": ["Not for a multipart upload."]})
        record.part_size = wished or PART
        record.part_checksums = body.get("part_checksums", False)
    service.files[record.id] = record
    count = -(-service.stored_size(record) // record.part_size) if record.part_size else 1
    numbers = [] if record.part_checksums else range(1, min(count, 100) + 1)
    return 201, {"data": service.ticket(record, dict.fromkeys(numbers))}


def sign_parts(service: FakeService, file_id: str, *, body: Any, query: Any) -> Any:
    record = _own(service, file_id)
    if record.status != "pending":
        raise Refusal(409, "upload_over", "This upload is over.")
    wanted = {part["number"]: part.get("checksum_sha256") for part in body["parts"]}
    if len(wanted) > 100 or (record.part_checksums and not all(wanted.values())):
        raise Refusal(422, "invalid")
    if record.part_size is None and wanted[1]:
        record.checksum = wanted[1]
    return 200, {"data": service.ticket(record, wanted)}


def complete(service: FakeService, file_id: str, *, body: Any, query: Any) -> Any:
    record = _own(service, file_id)
    if record.status == "pending":
        if record.part_size and record.body is None:
            record.body = b"".join(content for _, (content, _) in sorted(record.parts.items()))
        if record.body is None or len(record.body) != service.stored_size(record):
            raise Refusal(422, "invalid", "The given data was invalid.", {"file": ["Bytes are missing."]})
        record.status = "ready"
    if record.status == "rejected":
        raise Refusal(422, "invalid", "The given data was invalid.", {"file": [record.rejected_reason or ""]})
    return 200, {"data": service.view(record)}


def show_file(service: FakeService, file_id: str, *, body: Any, query: Any) -> Any:
    record = _own(service, file_id)
    answer = service.view(record)
    if record.status == "pending":
        received = [
            {"number": number, "size": len(content), "checksum_sha256": digest}
            for number, (content, digest) in sorted(record.parts.items())
        ]
        answer["upload"] = {"received": received}
    return 200, {"data": answer}


_SORTS: dict[str, Callable[[Any], Any]] = {
    "created_at": lambda file: file.created_at,
    "filename_original": lambda file: file.name.lower(),
    "size": lambda file: file.size,
}


def list_files(service: FakeService, *, body: Any, query: Any) -> Any:
    trashed, status = query.get("trashed") == "true", query.get("status", "ready")
    matching = [file for file in service.files.values() if file.trashed == trashed and file.status == status]
    matching = [file for file in matching if query.get("keyword", "").casefold() in file.name.casefold()]
    sort = query.get("sort", "-created_at")
    matching.sort(key=lambda file: (_SORTS[sort.removeprefix("-")](file), file.id), reverse=sort.startswith("-"))
    return 200, _page([service.view(file) for file in matching], query, service.page_size)


def update_file(service: FakeService, file_id: str, *, body: Any, query: Any) -> Any:
    record = _own(service, file_id)
    if body.get("trashed") and record.status != "ready":
        raise Refusal(409, "conflict", "Only a ready file can be put in the trash.")
    if "/" in body.get("filename", ""):
        raise Refusal(422, "invalid", "The given data was invalid.", {"filename": ["It cannot be used."]})
    record.name = body.get("filename", record.name)
    record.trashed = body.get("trashed", record.trashed)
    record.expires_at = body.get("expires_at", record.expires_at)
    record.category_id = body.get("category_id", record.category_id)
    return 200, {"data": service.view(record)}


def delete_file(service: FakeService, file_id: str, *, body: Any, query: Any) -> Any:
    record = _own(service, file_id)
    if query.get("permanent") == "true" or record.trashed or record.status != "ready":
        del service.files[file_id]
    else:
        record.trashed = True
    return 204, {}


def create_download(service: FakeService, *, body: Any, query: Any) -> Any:
    for number, file_id in enumerate(body["files"]):
        if file_id not in service.files:
            raise Refusal(422, "invalid", errors={f"files.{number}": ["There is no file with this id."]})
    download_id = str(uuid.uuid4())
    uses = body.get("max_downloads", 1)
    service.downloads[download_id] = {"files": body["files"], "uses": uses, "sessions": set(), "pin": body.get("pin")}
    times = _times() | ({"expires_at": body["expires_at"]} if "expires_at" in body else {})
    return 201, {"data": {"id": download_id, **times, "uses_left": uses}}


def revoke_download(service: FakeService, download_id: str, *, body: Any, query: Any) -> Any:
    if download_id not in service.downloads:
        raise Refusal(404, "not_found")
    service.downloads[download_id]["uses"] = 0
    return 204, {}


def create_key(service: FakeService, download_id: str, *, body: Any, query: Any) -> Any:
    if service.pin and "pinKey" not in body:
        raise Refusal(422, "invalid", errors={"pinKey": ["You have a PIN."]})
    if "pinKey" in body and body["pinKey"] not in service.temporary_keys:
        raise Refusal(422, "invalid", errors={"pinKey": ["Pin key does not exists"]})
    key = secrets.token_hex(22)[:43]
    service.keys[key] = download_id
    return 201, {"data": {"key": key, "expires_at": _times()["expires_at"]}}


def show_download(service: FakeService, key: str, *, body: Any, query: Any) -> Any:
    download = _usable(service, key, None)
    sender = {"name": "Alice Archer", "email": "alice@example.com"}
    expires = _times()["expires_at"]
    shown = {"sender": sender, "uses_left": download["uses"], "expires_at": expires}
    if download["pin"]:
        return 200, {"data": {**shown, "pin_required": True}}
    files = [_shared(service, service.files[file_id]) for file_id in download["files"] if file_id in service.files]
    return 200, {"data": {**shown, "pin_required": False, "files": files}}


def perform(service: FakeService, key: str, *, body: Any, query: Any) -> Any:
    session = body.get("session")
    download = _usable(service, key, session)
    if session is None:
        if download["pin"]:
            _check_pin(service, key, download["pin"], body.get("pin"), "pin")
        download["uses"] -= 1
        session = secrets.token_hex(20)
        download["sessions"].add(session)
    files = []
    for file_id in download["files"]:
        if record := service.files.get(file_id):
            shared = _shared(service, record)
            shared |= {"url": service.sign("GET", record), "url_expires_at": _times()["expires_at"]}
            if record.mode == "client" and "session" not in body:
                shared["encryption"] = service.encryption(record)
            files.append(shared)
    until = _times()["expires_at"]
    answer = {"files": files, "uses_left": download["uses"], "session": session, "session_expires_at": until}
    service.tamper(answer)
    return 200, {"data": answer}


def _check_pin(service: FakeService, whose: str, pin: str, guess: str | None, field_name: str) -> None:
    if guess is None:
        raise Refusal(422, "invalid", errors={field_name: ["A PIN is asked for."]})
    if service.tries.get(whose, 0) >= 5:
        raise Refusal(429, "pin_locked", "Too many wrong PINs.", headers={"Retry-After": "900"})
    if guess != pin:
        service.tries[whose] = service.tries.get(whose, 0) + 1
        raise Refusal(422, "invalid", errors={field_name: ["Invalid PIN."]})
    service.tries[whose] = 0


def buy_key(service: FakeService, *, body: Any, query: Any) -> Any:
    if service.pin is None:
        raise Refusal(422, "invalid", errors={"pin": ["You have no PIN."]})
    _check_pin(service, "", service.pin, body["pin"], "pin")
    key = secrets.token_hex(22)[:43]
    service.temporary_keys.add(key)
    return 201, {"data": {"key": key, "expires_at": _times()["expires_at"]}}


def drop_key(service: FakeService, key: str, *, body: Any, query: Any) -> Any:
    if key not in service.temporary_keys:
        raise Refusal(404, "not_found", "There is nothing here by that id.")
    service.temporary_keys.remove(key)
    return 204, {}


def _usable(service: FakeService, key: str, session: str | None) -> dict[str, Any]:
    if key not in service.keys:
        raise Refusal(404, "not_found", "There is nothing here by that id.")
    download = service.downloads[service.keys[key]]
    allowed = session in download["sessions"] if session else download["uses"] > 0
    if not allowed:
        raise Refusal(410, "gone", "This download has been used, has expired or was withdrawn.")
    return download


def _shared(service: FakeService, record: Record) -> dict[str, Any]:
    names = ("id", "filename", "extension", "full_filename", "type", "size", "encrypted_size", "encryption_mode")
    view = service.view(record)
    return {name: view[name] for name in (*names, "checksum_sha256")}


def _page(rows: list[Any], query: Any, most: int) -> dict[str, Any]:
    start, limit = int(query.get("cursor", 0)), min(int(query.get("limit", 50)), most)
    following = str(start + limit) if start + limit < len(rows) else None
    return {"data": rows[start : start + limit], "meta": {"next_cursor": following}}


def _times() -> dict[str, str]:
    now = datetime.now(UTC)
    return {"created_at": _text(now), "expires_at": _text(now + timedelta(seconds=60))}


def list_events(service: FakeService, *, body: Any, query: Any) -> Any:
    names = [name for name in ("file", "mail", "type") if name in query]
    if len(names) > 1:
        raise Refusal(422, "invalid", errors={"body": ["one of them"]})
    matching = service.events[::-1]
    for name in names:
        matching = [
            it for it in matching if query[name] in (it["type"] if name == "type" else it["subject"].get(name),)
        ]
    return 200, _page(matching, query, service.page_size)


def create_token(service: FakeService, *, body: Any, query: Any) -> Any:
    made = {"id": str(uuid.uuid4()), "name": body["name"], "scopes": body["scopes"]}
    made |= {"created_at": _times()["created_at"], "expires_at": body.get("expires_at"), "last_used_at": None}
    service.tokens[made["id"]] = made
    return 201, {"data": {**made, "token": "sdt_" + "n" * 49}}


def list_tokens(service: FakeService, *, body: Any, query: Any) -> Any:
    return 200, _page(list(service.tokens.values()), query, service.page_size)


def revoke_token(service: FakeService, token_id: str, *, body: Any, query: Any) -> Any:
    if service.tokens.pop(token_id, None) is None:
        raise Refusal(404, "not_found", "There is nothing here by that id.")
    return 204, {}


def show_user(service: FakeService, *, body: Any, query: Any) -> Any:
    return 200, {
        "data": {
            "id": str(uuid.uuid4()),
            "name": service.name,
            "created_at": _times()["created_at"],
            "has_pin": service.pin is not None,
            "email": "alice@example.com",
            "initials": "AA",
            "photo_url": None,
            "timezone": "UTC",
            "account": {"id": service.account, "name": "Archer & Co"},
            "token": {"id": str(uuid.uuid4()), "name": "first", "scopes": ["files:read"], "expires_at": None},
        }
    }


def update_user(service: FakeService, *, body: Any, query: Any) -> Any:
    if "pin" in body:
        if service.pin:
            _check_pin(service, "", service.pin, body.get("current_pin"), "current_pin")
        if body["pin"] is not None and len(body["pin"]) < 4:
            raise Refusal(422, "invalid", "The given data was invalid.", {"pin": ["A PIN has 4 to 64 characters."]})
        service.pin = body["pin"]
        service.temporary_keys.clear()
    service.name = body.get("name", service.name)
    return show_user(service, body=body, query=query)


ID = "([0-9a-zA-Z_-]+)"
TAKES_KEY = {"POST /files", "POST /downloads"}
ROUTES: list[tuple[str, Callable[..., Any]]] = [
    ("POST /files", create_file),
    ("GET /files", list_files),
    (f"GET /files/{ID}", show_file),
    (f"PATCH /files/{ID}", update_file),
    (f"DELETE /files/{ID}", delete_file),
    (f"POST /files/{ID}/parts", sign_parts),
    (f"POST /files/{ID}/complete", complete),
    ("POST /downloads", create_download),
    (f"DELETE /downloads/{ID}", revoke_download),
    (f"POST /downloads/{ID}/keys", create_key),
    (f"GET /public/downloads/{ID}", show_download),
    (f"POST /public/downloads/{ID}", perform),
    ("GET /events", list_events),
    ("POST /tokens", create_token),
    ("GET /tokens", list_tokens),
    (f"DELETE /tokens/{ID}", revoke_token),
    ("POST /keys", buy_key),
    (f"DELETE /keys/{ID}", drop_key),
    ("GET /user", show_user),
    ("PATCH /user", update_user),
]
