"""What policies are written about, with the intrinsics resolved: it only matters that what is the same has one name."""

from typing import Any

from infra import template

PSEUDO = {"AWS::AccountId": "123456789012", "AWS::Region": "eu-west-1", "AWS::Partition": "aws"}


class _Arns(dict[tuple[str, str], str]):
    def __missing__(self, key: tuple[str, str]) -> str:
        return f"arn:aws:{'.'.join(key)}"


def resources() -> tuple[dict[str, Any], template.Names]:
    """Those of template.yaml and permissions.yaml as they are written, and what resolves their parts."""
    sources = [template.load(path) for path in (template.TEMPLATE, template.TEMPLATE.with_name("permissions.yaml"))]
    written = {logical: it for source in sources for logical, it in source["Resources"].items()}
    given = {name: it.get("Default", name) for source in sources for name, it in source["Parameters"].items()}
    buckets = {
        (logical, "Arn"): f"arn:aws:s3:::{logical}"
        for logical, it in written.items()
        if it.get("Type") == "AWS::S3::Bucket"
    }
    return written, template.Names({**PSEUDO, **{name: name for name in written}, **given}, _Arns(buckets))
