"""The main flows, each as small as it can be: what they begin with is put there in calm weather."""

import re
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

from chalicelib.domain.file import File
from chalicelib.domain.quota import Quota
from chalicelib.domain.webhook import ANNOUNCED
from chalicelib.services.mail_links import open_link
from tests.integration.faults.play import Play
from tests.support.builders import NOW, PIN, a_download, a_mail, key_to, new_id, stored_mail, webhook_of

GONE = (204, 404)  # of an end that is asked for again
WRONG = "0000"
PART_BYTES = 5 * 2**20  # the least that S3 takes


def _announced(play: Play) -> Any:
    body = {"filename": "a.pdf", "size": 5, "encryption": ("server", "client")[play.choose(2)]}
    return play.insist("POST", "/files", body, by=play.alice, key=new_id(), good=(201,)).data


def _ready(play: Play) -> File:
    """A file that was there before anything befell anybody."""
    return play.cloud.ready[play.choose(2)]


def _granted(play: Play, file: File, uses: int) -> tuple[str, str]:
    """A download of it and its key."""
    expires_at = play.clock.now + timedelta(days=1)
    download = a_download(file, account_id=file.account_id, uses_left=uses, expires_at=expires_at)
    with play.shelter():
        play.world.downloads.add(download)
        key = key_to(play.world, download)
    play.uses_of[download.id] = uses
    return download.id, key


def upload(play: Play) -> None:
    """Announced, sent, heard of by an event and by `complete`, in any order; the bytes right or wrong."""
    made = _announced(play)
    if play.choose(2):
        _announced(play)  # and never sent: the sweep ends it
    wrong = play.choose(4) == 3
    play.put(made, b"too many bytes" if wrong else b"hello")
    complete = ("POST", f"/files/{made['id']}/complete")
    play.rivals += [play.hear_of_uploads, lambda: play.ask(*complete, by=play.alice), play.sweep]
    if play.choose(2):
        play.hear_of_uploads()
    answer = play.insist(*complete, by=play.alice, good=(422,) if wrong else (200,))
    assert wrong or answer.data["status"] == "ready"
    if play.choose(2):
        play.sweep()


def parts(play: Play) -> None:
    """An upload of two parts, finished by its owner, or given up by them and ended by the sweep."""
    size = PART_BYTES + 1
    body = {"filename": "long.bin", "size": size, "part_size": PART_BYTES}
    made = play.insist("POST", "/files", body, by=play.alice, key=new_id(), good=(201,)).data
    complete = ("POST", f"/files/{made['id']}/complete")
    play.rivals += [play.sweep, play.hear_of_uploads, lambda: play.ask(*complete, by=play.alice)]
    if play.choose(2):  # given up: some of it has come
        play.put_parts(made, [PART_BYTES])
        play.clock.tick(days=2)
        play.sweep()
        return
    play.put_parts(made, [PART_BYTES, 1])
    assert play.insist(*complete, by=play.alice, good=(200,)).data["status"] == "ready"


def perform(play: Play) -> None:
    """One use more is asked for than there is."""
    uses = 1 + play.choose(3)
    download, key = _granted(play, _ready(play), uses)
    play.rivals += [lambda: play.perform(download, key)]
    for _ in range(uses + 1):
        play.perform(download, key)
    if play.choose(2):
        play.tell_changes()
    won = [it.answer for it in play.performs if it.answer is not None and it.answer.status == 200]
    if won:
        resumed = play.ask("POST", f"/public/downloads/{key}", {"session": won[0].data["session"]})
        assert resumed is None or resumed.status in {200, 503}


def purge(play: Play) -> None:
    """Of a file that is there, or on its way, while events of its upload still come and others have it."""
    if play.choose(2) == 0:
        play.clock.tick(days=2 * play.choose(2))  # and then no upload to it can be on its way any more
        file = _ready(play)
        file_id = str(file.id)
        download, key = _granted(play, file, 1)
        play.rivals += [lambda: play.perform(download, key)]
    else:
        with play.shelter():
            made = _announced(play)
        file_id = str(made["id"])
        late = iter([made])
        play.rivals += [lambda: [play.put(one, b"hello") for one in late]]
    play.rivals += [play.sweep, play.hear_of_uploads]
    play.insist("DELETE", f"/files/{file_id}", query={"permanent": "true"}, by=play.alice, good=GONE)
    assert play.insist("GET", f"/files/{file_id}", by=play.alice, good=(404,))
    play.hear_of_uploads()


def mail(play: Play) -> None:
    """Sent, delivered, opened, performed; perhaps revoked meanwhile."""
    file = _ready(play)
    to = [{"email": "bob@example.com"}, {"email": "carol@example.net"}][: 1 + play.choose(2)]
    body = {"recipients": to, "subject": "Yours", "body": "<p>Hi</p>", "files": [file.id], "max_downloads": 2}
    key = new_id()
    sent = play.insist("POST", "/mails", body, by=play.alice, key=key, good=(201,)).data
    assert [each["id"] for each in play.insist("POST", "/mails", body, by=play.alice, key=key).data] == [
        each["id"] for each in sent
    ]
    play.uses_of |= {each["download_id"]: 2 for each in sent}
    play.rivals += [lambda: (play.bounce(), play.deliver()), play.deliver, play.sweep]
    if play.choose(3) == 2:
        play.rivals += [lambda: play.revoke(sent[0]["id"])]
    for _ in range(1 + play.choose(3)):
        play.deliver()
    if play.choose(3) == 2:
        play.bounce()
        play.deliver()
    opened = play.ask("GET", f"/inbox/{sent[0]['id']}", by=play.bob)
    assert opened is None or opened.status in {200, 404, 503}
    for key_text in set(links(play)):
        play.perform(sent[-1]["download_id"], key_text)
    if play.choose(3) == 1:
        play.revoke(sent[0]["id"])


def revoke(play: Play) -> None:
    """A mail that was sent is withdrawn, while its recipient has its files."""
    file = _ready(play)
    with play.shelter():
        mail = stored_mail(play.world, a_mail(account_id=file.account_id, max_downloads=2, created_at=NOW), file)
        download = play.world.downloads.find(mail.download_id)
        assert download
        link = open_link(download, "https://sealdrop.test/", play.clock.now, **linking(play.world))
    key = link.partition("#")[2]
    play.uses_of[mail.download_id] = 2
    play.rivals += [lambda: play.perform(mail.download_id, key), play.sweep]
    play.revoke(mail.id)
    play.perform(mail.download_id, key)
    play.insist("DELETE", f"/mails/{mail.id}", by=play.alice)
    play.revoked.add(mail.id)
    told = play.insist("GET", f"/public/downloads/{key}", good=(410,))
    assert told.json["code"] == "gone"


def tell(play: Play) -> None:
    """A receiver that does not always answer hears of a perform; its owner may order that again, or end it."""
    befalls_the_stream = play.choose(2)
    with play.shelter():
        webhook = webhook_of(play.world, play.alice.account_id, types=frozenset(ANNOUNCED), created_at=NOW)
    download, key = _granted(play, _ready(play), 1)
    with play.shelter():
        play.perform(download, key)
    play.receiver.troubles = [(500, None, 301, 204)[play.choose(4)] for _ in range(1 + play.choose(3))]
    path = f"/webhooks/{webhook.id}"
    play.rivals += [play.post, lambda: play.redeliver(path), play.sweep]
    if play.choose(6) == 5:
        play.rivals += [lambda: play.ask("DELETE", path, by=play.alice)]
    with nullcontext() if befalls_the_stream else play.shelter():  # else faults seldom come as far as to the tries
        play.tell_changes()
    for _ in range(1 + play.choose(4)):
        play.post()
        play.clock.tick(seconds=(0, 5, 300)[play.choose(3)])
    if play.choose(2):
        play.redeliver(path)


def linking(world: Any) -> dict[str, Any]:
    return {"downloads": world.downloads, "macs": world.macs}


def links(play: Play) -> list[str]:
    """The keys of the e-mails that went out."""
    return [key for letter in play.cloud.letters() for key in re.findall(r"#([0-9A-Za-z]{43})", str(letter.body))]


def pin(play: Play) -> None:
    """Guesses, wrong and right, one more than may be looked at; trouble that is nobody's guess."""
    guesses = [(WRONG, PIN)[play.choose(4) == 3] for _ in range(5 + play.choose(4))]
    play.rivals += [lambda: play.guess(WRONG)]
    for guess in guesses:
        play.guess(guess)
    play.weather.clear_up()
    play.clock.tick(minutes=16)
    bought = play.insist("POST", "/keys", {"pin": PIN}, by=play.bob, good=(201,))
    assert bought.data["key"]


def once(play: Play) -> None:
    """One request, again and again, and twins of it: one thing."""
    file = _ready(play)
    route, body = [
        ("/downloads", {"files": [file.id]}),
        ("/categories", {"name": "Bills", "color": "#1f5fa8"}),
        ("/files", {"filename": "once.pdf", "size": 7}),
    ][play.choose(3)]
    key = new_id()
    twins: list[Any] = []
    ask = ("POST", route, body)
    play.rivals += [lambda: twins.append(play.ask(*ask, by=play.alice, headers={"Idempotency-Key": key}))]
    first = play.insist(*ask, by=play.alice, key=key, good=(201,)).data["id"]
    assert play.insist(*ask, by=play.alice, key=key, good=(201,)).data["id"] == first
    made = {answer.data["id"] for answer in twins if answer is not None and answer.status == 201}
    assert made <= {first}, "one key has made two things"
    kind = {"/downloads": "DOWNLOAD", "/categories": "CATEGORY", "/files": "FILE"}[route]
    others = len(play.cloud.ready) if kind == "FILE" else 0
    assert len(play.cloud.records(kind)) == 1 + others


def quota(play: Play) -> None:
    """More is announced than there is room for; what is taken back makes room again, all of it."""
    there = sum(file.stored_bytes for file in play.cloud.ready)
    limit = Quota(stored_bytes=there + 30, files=len(play.cloud.ready) + 3, mails_a_day=2)
    play.world.settings = replace(play.world.settings, quota=limit)
    made = []
    play.rivals += [lambda: play.ask("POST", "/files", {"filename": "rival.pdf", "size": 9}, by=play.alice)]
    for _ in range(2 + play.choose(3)):
        size = 1 + play.choose(20)
        body = {"filename": "a.pdf", "size": size}
        answer = play.insist("POST", "/files", body, by=play.alice, key=new_id(), good=(201, 403))
        made += [answer.data["id"]] if answer.status == 201 else []
        held = [file for file in play.cloud.records("FILE") if file["account_id"] == play.alice.account_id]
        assert sum(file["stored_bytes"] for file in held) <= limit.stored_bytes
        assert len(held) <= limit.files
    for file_id in made:
        play.insist("DELETE", f"/files/{file_id}", by=play.alice, good=GONE)
    play.weather.clear_up()
    play.rivals.clear()
    play.clock.tick(days=40)
    play.sweep()
    play.clock.tick(days=40)
    play.sweep()
    play.insist("POST", "/files", {"filename": "all.pdf", "size": 30}, by=play.alice, key=new_id(), good=(201,))


FLOWS = {flow.__name__: flow for flow in (upload, parts, perform, purge, mail, revoke, tell, pin, once, quota)}
