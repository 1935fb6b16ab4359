"""The archive's bill of materials, as CycloneDX (https://cyclonedx.org/docs/1.6/json/): `out/sbom.cdx.json`.

Read off what is in the archive, not off what should be: each distribution's own metadata lies there. Two things have
none: Chalice's runtime, which `chalice package` copies in, and what the pages carry from npm.
"""

import hashlib
import json
import tempfile
import uuid
import zipfile
from collections.abc import Iterator
from importlib import metadata
from importlib.metadata import Distribution
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

NAME = "sbom.cdx.json"
_PAGES_CARRY = "swagger-ui-dist"
_SPACE = uuid.UUID("0b9a2f0e-6d0f-4a45-9b1c-6f4f2f3c7a51")  # of serial numbers: the same archive has the same


def bill_of(archive: Path, npm_lock: Path) -> str:
    """As JSON. Raises KeyError when the pages' lock file does not have what they carry."""
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    bom = Bom(serial_number=uuid.uuid5(_SPACE, digest))
    bom.metadata.component = Component(
        name="sealdrop",
        type=ComponentType.APPLICATION,
        bom_ref="sealdrop",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder, [name for name in packed.namelist() if ".dist-info/" in name])
        shipped = [*metadata.distributions(path=[folder]), metadata.distribution("chalice")]
        made = {canonicalize_name(each.name): _component(each) for each in shipped}
        needs = {
            canonicalize_name(each.name): {made[name] for name in _needs(each) if name in made} for each in shipped
        }
    for name, component in made.items():
        bom.components.add(component)
        bom.register_dependency(component, needs[name])
    pages = _npm(npm_lock)
    bom.components.add(pages)
    bom.register_dependency(bom.metadata.component, [*made.values(), pages])
    return JsonV1Dot6(bom).output_as_string(indent=1)


def _component(distribution: Distribution) -> Component:
    told = distribution.metadata.json
    licensed = str(told.get("license_expression") or told.get("license") or "")
    is_short = 0 < len(licensed) < 100  # some put the whole text there
    purl = PackageURL("pypi", name=canonicalize_name(distribution.name), version=distribution.version)
    return Component(
        name=distribution.name,
        version=distribution.version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=[LicenseFactory().make_from_string(licensed)] if is_short else None,
    )


def _needs(distribution: Distribution) -> Iterator[NormalizedName]:
    for text in distribution.requires or []:
        needed = Requirement(text)
        if needed.marker is None or needed.marker.evaluate({"extra": ""}):
            yield canonicalize_name(needed.name)


def _npm(lock: Path) -> Component:
    locked = json.loads(lock.read_text(encoding="utf-8"))["packages"][f"node_modules/{_PAGES_CARRY}"]
    purl = PackageURL("npm", name=_PAGES_CARRY, version=locked["version"])
    return Component(
        name=_PAGES_CARRY,
        version=locked["version"],
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
        licenses=[LicenseFactory().make_from_string(locked["license"])] if "license" in locked else None,
    )
