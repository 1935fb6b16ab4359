"""File names as offices have them, the same ones every time."""

import random
from collections.abc import Iterator

_WHAT = """Invoice Contract Offer Report Minutes Payroll Budget Statement Receipt Order Delivery Reminder Audit Balance
    Lease Policy Claim Ticket Survey Drawing Plan Permit Photo Scan Letter Form Agenda Protocol Certificate"""
_WHO = """Archer Baker Carter Dyer Fisher Gardner Hunter Kaufmann Lehner Mueller Novak Ortiz Pichler Quinn Rossi Schmidt
    Tanaka Ueda Vogel Weber Xu Yilmaz Zimmermann Österreicher Łukasz Ångström Société Çelik Ngũgĩ Smith"""
_KIND = ("pdf", "pdf", "pdf", "docx", "xlsx", "jpg", "png", "zip", "csv", "eml")
RARE = "zebra"  # in one name of every ten thousand


def file_names(count: int, seed: int = 1) -> Iterator[str]:
    """Random, but for `seed`; about 32 characters each."""
    chance = random.Random(seed)  # noqa: S311 - samples, no secrets
    for number in range(count):
        what, who = chance.choice(_WHAT.split()), chance.choice(_WHO.split())
        day = f"20{chance.randrange(15, 27)}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
        name = f"{what} {who} {day} {chance.randrange(10**5):05}"
        if number % 10_000 == 5_000:
            name += f" {RARE}"
        yield f"{name}.{chance.choice(_KIND)}"
