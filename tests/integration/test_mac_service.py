"""MacService: what its port promises, of the fake and of the KMS adapter."""

from chalicelib.adapters.kms_macs import KmsMacs
from chalicelib.bootstrap import World
from infra.local.stack import EmulatedAws
from tests.support.fakes import FakeWorld


def test_a_label_has_one_key(ports: World) -> None:
    key = ports.macs.derive(b"cursor")
    assert len(key) == 32
    assert ports.macs.derive(b"cursor") == key


def test_labels_are_kept_apart(ports: World) -> None:
    keys = [ports.macs.derive(label) for label in (b"a", b"b", b"a\x00", b"aa")]
    assert len(set(keys)) == len(keys)


def test_it_comes_from_the_hmac_key_of_the_template(world: World, aws: EmulatedAws) -> None:
    """And from no other key: with another, every cursor and whatever else is sealed would end."""
    kms = aws.clients("kms")
    other = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["Arn"]
    derived = kms.generate_mac(KeyId=aws.pepper_key_arn, MacAlgorithm="HMAC_SHA_256", Message=b"cursor")["Mac"]
    assert world.macs.derive(b"cursor") == derived
    assert KmsMacs(kms, other).derive(b"cursor") != derived
    assert FakeWorld().macs.derive(b"cursor") != FakeWorld().macs.derive(b"cursor")
