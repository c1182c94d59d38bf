"""Fields on disk: what goes in comes out, and nothing else is believed."""

import json
import struct

import pytest
import torch

from fields import ENCODINGS, METHODS, FieldSpec, load_field, save_field
from fields.encodings import HashGrid
from fields.methods import Facts
from fields.networks import MLP


@pytest.fixture
def spec():
    return FieldSpec(
        encoding=HashGrid(levels=3, log2_size=6, coarsest=4, finest=16), network=MLP(width=8)
    )


@pytest.fixture
def saved(tmp_path, spec, rng):
    path = tmp_path / "field.safetensors"
    save_field(path, spec.build(2, 3, rng), spec, {"size": [4, 5], "name": "ä"})
    return path


@pytest.mark.parametrize("name", METHODS)
def test_a_method_s_field_survives(name, tmp_path, rng):
    spec = METHODS[name].make(Facts(side=32, samples=32 * 24)).field
    field = spec.build(2, 3, rng)
    field.shift.copy_(torch.tensor([0.1, 0.2, 0.3]))
    path = tmp_path / "f.safetensors"
    save_field(path, field, spec, {"size": [24, 32]})
    loaded = load_field(path, backend="torch")
    assert loaded.spec == spec
    assert loaded.info == {"size": [24, 32]}
    x = 2 * torch.rand(50, 2, generator=rng) - 1
    assert torch.equal(loaded.field(x), field(x))


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_encoding_can_be_described_without_memory(name):
    with torch.device("meta"):
        FieldSpec(encoding=ENCODINGS[name]()).build(2, 3, torch.Generator())


def test_a_file_appears_whole_or_not_at_all(tmp_path, spec, rng):
    path = tmp_path / "field.safetensors"
    with pytest.raises(ValueError, match="JSON"):
        save_field(path, spec.build(2, 3, rng), spec, {"bad": float("nan")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("length", [0, 1, 7, 8, 9, 50, 200, -1])
def test_a_truncated_file_is_refused(saved, length):
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(ValueError, match=r"field.safetensors: not a field"):
        load_field(saved)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"nowhere.safetensors: cannot be read"):
        load_field(tmp_path / "nowhere.safetensors")


def test_random_damage_never_crashes(saved, rng):
    whole, messages = saved.read_bytes(), []
    for _ in range(200):
        damaged = bytearray(whole)
        at = int(torch.randint(len(whole), (), generator=rng))
        damaged[at] = int(torch.randint(256, (), generator=rng))
        saved.write_bytes(damaged)
        try:
            load_field(saved)
        except ValueError as error:
            messages.append(str(error))
    assert messages
    assert all("field.safetensors" in m for m in messages)


def rewrite(path, change):
    """Change a file's document, keeping its tensors."""
    raw = path.read_bytes()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    document = json.loads(header["__metadata__"]["fieldfit"])
    change(document)
    header["__metadata__"]["fieldfit"] = json.dumps(document)
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + raw[8 + length :])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d["spec"]["network"].update(width=8192, depth=64), "do not fit"),
        (lambda d: d["spec"]["encoding"].update(log2_size=28, finest=2**20), "too|more than|fit"),
        (lambda d: d.update(out_dim=10**9), "coordinates"),
        (lambda d: d.update(format=99), "format 99; update fieldfit"),
        (lambda d: d["spec"].update(type="os.system"), "unknown FieldSpec"),
        (lambda d: d["spec"]["encoding"].update(levels="3"), "must be int"),
        (lambda d: d.pop("spec"), "spec"),
    ],
)
def test_a_description_that_lies_is_refused(saved, change, message):
    rewrite(saved, change)
    with pytest.raises(ValueError, match=message):
        load_field(saved)


def test_a_field_larger_than_asked_for_is_refused(saved):
    with pytest.raises(ValueError, match="more than 10"):
        load_field(saved, max_values=10)
