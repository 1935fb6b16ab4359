"""The words of docs/cost.md; every figure in it comes from bench/cost.py, bench/hot.py or bench/prices.py."""

import re
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bench import hot, prices

if TYPE_CHECKING:
    from bench.cost import Transfer, Work

SECONDS_A_MONTH = 30 * 24 * 3600
VOLUMES = (1_000, 1_000_000, 100_000_000)  # transfers a month
REFILL = 5  # tokens of an address a second
PEAK = 10  # times the month's average

HEAD = f"""# What it costs, and where it ends

Made by `python -m bench.cost --write`; a test measures again and compares. Calls and capacity units are
measured on the
real app over emulated AWS, as in [aws-calls.md](aws-calls.md). **Prices and quotas are list prices and default quotas
of {prices.REGION}, as of {prices.AS_OF}, without free tiers: check them in
[bench/prices.py](../bench/prices.py) before
you rely on a figure.** No bill of a real account has been seen, and no Lambda was timed: a function is supposed
to take
{prices.OWN_MS:.0f} ms of its own and, for each step, what `STEP_MS` there says.
"""


def page(routes: Sequence["Work"], transfer: "Transfer") -> str:
    sections = [HEAD, _million_calls(routes), _transfer(transfer), _quotas(transfer), _hot(), _plan(transfer)]
    return "\n\n".join(_flowed(block) for section in sections for block in section.strip().split("\n\n")) + "\n"


def _flowed(block: str) -> str:
    """One paragraph, or the items of a list, in lines of the usual length; tables and headings as they are."""
    if block.startswith(("|", "#")):
        return block
    items = re.split(r"\n(?=- )", block)
    return "\n".join(
        textwrap.fill(
            " ".join(item.split()), 118, subsequent_indent="  " if item.startswith("- ") else "", break_on_hyphens=False
        )
        for item in items
    )


def _million_calls(routes: Sequence["Work"]) -> str:
    works = sorted(routes, key=lambda work: (-sum(work.dollars.values()), work.measured.request))
    rows = []
    for work in works:
        dollars = work.dollars
        parts = [f"{dollars[name]:.2f}" for name in ("API Gateway", "Lambda", "DynamoDB", "KMS")]
        units = f"{work.measured.units.reads:g} / {work.writes}"
        rows.append([f"`{work.measured.request}`", f"{sum(dollars.values()):.2f}", *parts, units])
    head = ["request", "dollars a million", "API Gateway", "Lambda", "DynamoDB", "KMS", "read / write units"]
    return f"""## A million API calls

{_table(head, rows)}

The rest of a row is S3, SQS and the log line. What is cheap is dominated by API Gateway; what writes a file or
a mail by
DynamoDB, and there by the four indexes that its lists are read from ([decision
0020](decisions/0020-one-index-an-order.md)): each write to a listed record is a write to each of them. Whatever a
write sets off in the audit log is not in this table, but in the next.
"""


def _transfer(transfer: "Transfer") -> str:
    months = {count: transfer.month(count) for count in VOLUMES}
    names = sorted(months[VOLUMES[-1]], key=lambda name: -months[VOLUMES[-1]][name])
    rows = [[name, *(_money(months[count][name]) for count in VOLUMES)] for name in names]
    rows.append(["**together**", *(f"**{_money(sum(months[count].values()))}**" for count in VOLUMES)])
    million = months[VOLUMES[1]]
    million_less_fixed = sum(million.values()) - million["fixed"]
    requests = sum(work.by_gateway for work in transfer.works)
    units = transfer.units
    return f"""## A million transfers of 10 MB

One transfer is a sealed file of 10 MB that is announced, sent and finished, mailed to somebody without an account,
shown, performed, fetched once, and purged after a month: {requests} requests and
{len(transfer.works) - requests} runs of
other functions, which make {sum(transfer.calls.values())} calls, take {units.reads:g} read and
{_writes(transfer)} write
units, and some {transfer.seconds:.1f} s of a function's time. **A million of them: {_money(million_less_fixed)}
dollars.**

Dollars a month, by the number of transfers in it:

{_table(["for", *(f"{count:,}" for count in VOLUMES)], rows)}

What dominates: {_dominates(months)} The API itself (gateway, functions, tables, keys) is
{_share(million, ("API Gateway", "Lambda", "DynamoDB", "KMS"))} of a million transfers. A larger file moves that
further
towards traffic; a file that stays a year costs twelve times the storage.
"""


def _dominates(months: Mapping[int, Mapping[str, float]]) -> str:
    told = []
    for count, dollars in months.items():
        name, most = max(dollars.items(), key=lambda one: one[1])
        told.append(f"at {count:,} a month {name} ({100 * most / sum(dollars.values()):.0f} %)")
    return "; ".join(told) + "."


def _quotas(transfer: "Transfer") -> str:
    requests = sum(work.by_gateway for work in transfer.works)
    metadata = max(transfer.units.writes.values())
    bounds = [
        ("SES: e-mails a second", prices.SES_QUOTA, 1, "ask for more, first of all"),
        ("Lambda: functions at a time", prices.LAMBDA_QUOTA, transfer.seconds, "ask for more; give on_mail a limit"),
        ("DynamoDB: write units of the metadata table", prices.TABLE_QUOTA, metadata, "ask for more; warm the table"),
        ("API Gateway: requests a second", prices.GATEWAY_QUOTA, requests, "ask for more, or a second region"),
        ("KMS: operations a second", prices.KMS_QUOTA, transfer.calls["KMS"], "ask for more"),
    ]
    bounds.sort(key=lambda bound: bound[1] / bound[2])
    rows = [
        [name, f"{quota:,}", f"{taken:.3g}", f"{quota / taken:,.0f}", advice] for name, quota, taken, advice in bounds
    ]
    peaks = ", ".join(f"{count:,} a month are {PEAK * count / SECONDS_A_MONTH:,.3g}" for count in VOLUMES)
    return f"""## Where quotas bind

Transfers a second that each default quota carries. At a peak of {PEAK} times the average, {peaks} a second.

{_table(["quota", "default", "a transfer takes", "transfers a second", "then"], rows)}

Not to be raised are partitions: {prices.PARTITION_READS:,} read and {prices.PARTITION_WRITES:,} write units a
second. Every
record has a partition key of its own, so what meets there is one token, one address, one account's purse, list
or end of
the audit log.
"""


def _hot() -> str:
    floods = [hot.flood(containers) for containers in hot.CONTAINERS]
    many = hot.flood(hot.CONTAINERS[1], hot.ADDRESSES)
    rows = [[f"one address, {it.containers} containers", *_flood_row(it)] for it in floods]
    rows.append([f"{hot.ADDRESSES:,} addresses, {many.containers} containers", *_flood_row(many)])
    accounts = hot.accounts()
    account_rows = [
        [str(rank), f"{100 * it.share:.1f} %", f"{it.rate:,.0f}", f"{100 * it.busy:.1f} %", f"{it.slowest_ms:,.0f} ms"]
        for rank, it in enumerate(accounts, 1)
        if rank in {1, 2, 3, 5, 10, 20}
    ]
    return f"""## Ten thousand requests a second

Calculated by `bench/hot.py`, with the service's own limiter and purses: {hot.SECONDS} s at {hot.RATE:,} a
second, addresses and
accounts unequal as by Zipf's law.

**The limiter.** Writes of the busiest address, of which a partition takes {prices.PARTITION_WRITES:,} a second:

{_table(["requests from", "passed a second", "writes a second", "fits a partition"], rows)}

A container remembers a refusal until the next token, five times a second, so a flood costs some five writes a
second and container, and no more. From some {prices.PARTITION_WRITES // REFILL:,} containers on that is too much for
the one item: DynamoDB then throttles the limiter where it counts that address, guarded routes answer it 503, and
others pass, as [the threat model](threat-model.md) accepts. A rate-based rule of AWS WAF ends such a flood before it
comes here.

**Hot accounts.** {hot.RATE:,} files announced a second by {hot.ACCOUNTS:,} accounts:

{_table(["account", "share", "a second", "answered 503", "p99"], account_rows)}

Sixteen purses carry some 300 creations a second and account ([decision
0050](decisions/0050-quotas-in-purses.md)); only
accounts beyond that feel it, and nobody else does. One token's record is read once a request:
{prices.PARTITION_READS:,} a second,
so an account that asks {hot.RATE:,} times needs {hot.tokens_at(hot.RATE)} tokens or more, and, at 5 a second
each, {hot.RATE // REFILL:,} addresses.
"""


def _plan(transfer: "Transfer") -> str:
    million, hundred = (sum(transfer.month(count).values()) for count in VOLUMES[1:])
    return f"""## The plan

- **To a million a month** ({_money(million)} dollars): nothing but SES's quota, and the sandbox left. Alarms
  say what throttles
  ([operations.md](operations.md)).
- **To a hundred million** ({_money(hundred)} dollars): SES's quota and that of the metadata table's writes raised
  before, for the peak and not for the average; tables warmed (on-demand tables double within half an hour, no
  faster). Traffic is the bill: a committed price of CloudFront is worth more than all that could be saved in code.
- **Beyond**: a rate-based rule of AWS WAF before CloudFront, so that floods end before the limiter; a stage for each
  region, and accounts assigned to one, for nothing is shared between accounts; `PURSES` raised for accounts
  that create
  more than 300 files a second; fewer orders of lists for them, since each costs a write of every write.
- **What would save most in code**: the indexes. Of a transfer's {_writes(transfer)} write units they take
  {transfer.units.indexes}; by tables, indexes included, {_by_table(transfer)}.
"""


def _writes(transfer: "Transfer") -> int:
    return sum(transfer.units.writes.values())


def _by_table(transfer: "Transfer") -> str:
    return ", ".join(f"{name.rpartition('-')[2]} {units}" for name, units in transfer.units.writes.most_common())


def _share(dollars: Mapping[str, float], names: Sequence[str]) -> str:
    return f"{100 * sum(dollars[name] for name in names) / sum(dollars.values()):.0f} %"


def _flood_row(it: hot.Flood) -> list[str]:
    return [f"{it.passed:,.0f}", f"{it.writes:,.0f}", "yes" if it.writes <= prices.PARTITION_WRITES else "no"]


def _money(dollars: float) -> str:
    """To three digits: no more is known."""
    rounded = float(f"{dollars:.3g}")
    return f"{rounded:,.0f}" if rounded >= 100 else f"{rounded:.2f}" if rounded >= 0.005 else "0"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(row)} |" for row in (head, *rows)]
    return "\n".join([lines[0], "|" + "---|" * len(head), *lines[1:]])
