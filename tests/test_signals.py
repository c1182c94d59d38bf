"""Signals and tables from files and back, the samples, and what a damaged file may do."""

import random
import struct
import wave

import numpy as np
import pytest
import torch

from data import (
    SIGNAL_SAMPLES,
    Signal,
    Table,
    load_signal_sample,
    parse_formula,
    read_signal,
    read_table,
    write_signal,
)


def signal(count: int = 50, channels: int = 2, rate: int | None = None) -> Signal:
    x = torch.arange(count, dtype=torch.float64) / (rate or 1)
    phases = torch.arange(channels) + 1
    values = 0.9 * torch.sin(x[:, None] * phases * (rate or 1) / 3)
    return Signal(x, values, tuple(f"c{n}" for n in range(channels)), rate)


def refused(path, says, read=read_signal, **options):
    with pytest.raises(ValueError, match=says) as refusal:
        read(path, **options)
    assert str(refusal.value).startswith(str(path))
    assert "\n" not in str(refusal.value)


def columns(found: Signal) -> list[list[float]]:
    return torch.cat([found.x[:, None], found.values], dim=1).tolist()


def test_a_csv_comes_back_to_the_last_digit(tmp_path):
    written = signal(channels=3)
    write_signal(tmp_path / "a.csv", written)
    read = read_signal(tmp_path / "a.csv")
    assert torch.equal(read.x, written.x)
    assert torch.equal(read.values, written.values)
    assert read.names == written.names


@pytest.mark.parametrize(
    "text",
    [
        "time,a\n0,1\n0.5,2\n1,-3\n",
        "time;a\r\n0;1,0\r\n0,5;2\r\n1;-3\r\n",
        "0\t1\n0.5\t2\n1\t-3",
        "# a comment\n\n 0 1\n 0.5   2\n#\n 1 -3\n",
        '"time","a"\n"0","1"\n"0.5","2"\n"1","-3"\n',
        "\ufefftime,a\n0,1,\n0.5,2,\n1,-3,\n",
        "1,-3\n0,1\n0.5,2\n",
        "0,2\n0.5,2\n1,-3\n0,0\n",
    ],
)
def test_text_in_its_many_forms_is_the_same_signal(tmp_path, text):
    for encoding in ("utf-8", "utf-16"):
        file = tmp_path / "a.csv"
        file.write_bytes(text.lstrip("\ufeff" if encoding == "utf-16" else "").encode(encoding))
        assert columns(read_signal(file)) == [[0, 1], [0.5, 2], [1, -3]]


def test_names_come_from_a_line_with_fewer_numbers(tmp_path):
    file = tmp_path / "a.csv"
    file.write_text("time,2019,2020\n0,1,2\n1,3,4\n")
    assert read_signal(file).names == ("2019", "2020")
    file.write_text("0,1,2\n1,3,4\n")
    assert read_signal(file).names == ("column 2", "column 3")


def test_columns_are_chosen_by_name_or_number(tmp_path):
    file = tmp_path / "log.csv"
    file.write_text("date,h,warm,cold\n2024-01-01,0,5,1\n2024-01-02,2,6,2\n")
    assert columns(read_signal(file, ["h", "warm"])) == [[0, 5], [2, 6]]
    assert columns(read_signal(file, ["2", "4", "warm"])) == [[0, 1, 5], [2, 2, 6]]
    assert columns(read_signal(file, ["cold"])) == [[0, 1], [1, 2]]
    refused(file, "something else than numbers.* in line 2 .'2024-01-01.*--columns")
    refused(file, "no column 'hot'; choose from date, h, warm, cold", columns=["hot"])


def test_one_column_counts_its_rows(tmp_path):
    (tmp_path / "a.txt").write_text("5\n6\n7\n")
    found = read_signal(tmp_path / "a.txt")
    assert columns(found) == [[0, 5], [1, 6], [2, 7]]
    assert found.even


def test_what_was_changed_is_said(tmp_path):
    (tmp_path / "a.csv").write_text("1,4\n0,1\n0,3\n")
    found = read_signal(tmp_path / "a.csv")
    assert columns(found) == [[0, 2], [1, 4]]
    assert found.describe().endswith("sorted by x; 1 rows at the x of others averaged with them")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is empty"),
        ("# nothing\n", "has no numbers"),
        ("a,b\n", "has no numbers"),
        ("1,2\n", "has one x; a signal needs at least two"),
        ("1,2\n1,3\n", "has one x"),
        ("1,2\n3\n", "in line 2 .'3'"),
        ("1,2\n3,4,5\n", "in line 2"),
        ("1,2\n3,\n", "in line 2"),
        ("1,2\n3,nan\n", "in row 2 a value that is no finite number"),
        ("1,2\n3,1e31\n", "in row 2 a value that is no finite number"),
        ("1,2\n\0\0", "is not text"),
        ("1" * 2_000_000, "has a line of over"),
        ("1," * 70 + "1\n" + "1," * 70 + "1\n", "has 71 columns, over the limit of 64"),
    ],
)
def test_text_that_is_no_signal_is_refused(tmp_path, text, says):
    (tmp_path / "a.csv").write_text(text)
    refused(tmp_path / "a.csv", says)


def test_limits_hold_before_anything_is_read(tmp_path):
    (tmp_path / "a.csv").write_text("1,2\n" * 100)
    refused(tmp_path / "a.csv", "over 50 rows", max_samples=100)
    (tmp_path / "b.csv").write_text("1,2\n" * 1_000_000)
    refused(tmp_path / "b.csv", "is 4 MB, too large for 100 numbers", max_samples=100)
    np.save(tmp_path / "a.npy", np.zeros((60, 2)))
    refused(tmp_path / "a.npy", "of 120 numbers, over the limit of 100", max_samples=100)
    np.savez_compressed(tmp_path / "a.npz", x=np.arange(60.0), y=np.zeros(60))
    refused(tmp_path / "a.npz", "'y' of 60 numbers, over the limit of 40", max_samples=100)
    write_signal(tmp_path / "a.wav", signal(60, 2, 8000))
    refused(tmp_path / "a.wav", "has 120 samples, over the limit of 100", max_samples=100)


def test_an_npz_may_not_claim_more_than_it_has(tmp_path):
    head = b"{'descr': '<f8', 'fortran_order': False, 'shape': (9999999999999,), }"
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head
    (tmp_path / "a.npy").write_bytes(content)
    refused(tmp_path / "a.npy", "of 9,999,999,999,999 numbers, over the limit")
    (tmp_path / "a.npy").write_bytes(content.replace(b"9999999999999", b"9999         "))
    refused(tmp_path / "a.npy", "is cut short")


@pytest.mark.parametrize("path", ["a.mp3", "a.xlsx", "a.png", "a.csv", "/dev/zero.csv", "."])
def test_other_files_are_refused_with_a_way_out(tmp_path, path):
    refused(tmp_path / path, "convert it to .wav|save it as .csv|must end in|does not exist")


def test_sound_comes_back(tmp_path):
    written = signal(200, 2, 8000)
    write_signal(tmp_path / "a.wav", written)
    read = read_signal(tmp_path / "a.wav")
    assert read.rate == 8000
    assert read.names == ("left", "right")
    assert torch.allclose(read.x, written.x)
    assert (read.values - written.values).abs().max() <= 0.5 / 32768
    write_signal(tmp_path / "b.wav", read)
    assert (tmp_path / "a.wav").read_bytes() == (tmp_path / "b.wav").read_bytes()
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert (file.getnchannels(), file.getframerate(), file.getnframes()) == (2, 8000, 200)


@pytest.mark.parametrize("rate", [0, 10**12])
def test_no_sound_of_a_rate_that_no_file_can_have_is_written(rate, tmp_path):
    with pytest.raises(ValueError, match=r"a \.wav has from 1 to 10,000,000 samples a second"):
        write_signal(tmp_path / "a.wav", signal(9, 1, rate))
    assert not (tmp_path / "a.wav").exists()


def test_sound_outside_its_range_is_clipped(tmp_path):
    loud = Signal(torch.arange(2.0).double(), torch.tensor([[5.0], [-5.0]]).double(), ("a",), 1)
    write_signal(tmp_path / "a.wav", loud)
    assert read_signal(tmp_path / "a.wav").values.tolist() == [[32767 / 32768], [-1]]


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_whole_numbers_of_every_size_are_read(tmp_path, size):
    top = 2 ** (8 * size - 1)
    whole = [0, 1, -1, top - 1, -top, top // 3]
    offset = 128 if size == 1 else 0
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, size, 100, 0, "NONE", ""))
        signed = size > 1
        file.writeframes(
            b"".join((n + offset).to_bytes(size, "little", signed=signed) for n in whole)
        )
    assert read_signal(tmp_path / "a.wav").values[:, 0].tolist() == [n / top for n in whole]


def riff(
    kind: int, bits: int, content: bytes, size: int | None = None, extra: bytes = b""
) -> bytes:
    form = struct.pack("<HHIIHH", kind, 1, 100, 100 * bits // 8, bits // 8, bits) + extra
    chunks = struct.pack("<4sI", b"fmt ", len(form)) + form
    chunks += struct.pack("<4sI", b"LIST", 3) + b"abc\0"  # chunks are padded to even sizes
    chunks += struct.pack("<4sI", b"data", len(content) if size is None else size) + content
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks), b"WAVE") + chunks


GUID = bytes.fromhex("000000001000800000aa00389b71")


@pytest.mark.parametrize("bits", [32, 64])
def test_floating_point_sound_is_read_in_both_its_forms(tmp_path, bits):
    values = np.array([0.1, -0.7, 1.5], f"<f{bits // 8}")
    long = struct.pack("<HHIH", 22, bits, 0, 3) + GUID
    for content in (
        riff(3, bits, values.tobytes()),
        riff(0xFFFE, bits, values.tobytes(), extra=long),
        riff(3, bits, values.tobytes(), size=0xFFFFFFFF),  # from a program that writes a pipe
    ):
        (tmp_path / "a.wav").write_bytes(content)
        assert read_signal(tmp_path / "a.wav").values[:, 0].tolist() == values.tolist()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (riff(2, 16, b"1234"), "of format 2 with 16 bits; export it as PCM"),
        (riff(1, 64, bytes(16)), "of format 1 with 64 bits"),
        (riff(1, 16, b"1234", size=400), "is cut short"),
        (riff(1, 16, b"1234")[:30], "is cut short"),
        (riff(1, 16, b"1234")[:40], "has no sound"),
        (riff(1, 16, b""), "has one x|needs at least two"),
        (b"ID3" + bytes(100), "is not a RIFF/WAVE file"),
        (riff(3, 32, struct.pack("<3f", 1, float("nan"), 2)), "no finite number"),
    ],
)
def test_sound_that_cannot_be_read_is_refused(tmp_path, content, says):
    (tmp_path / "a.wav").write_bytes(content)
    refused(tmp_path / "a.wav", says)


def test_arrays_are_signals(tmp_path):
    np.save(tmp_path / "a.npy", np.array([5, 6, 7], np.int16))
    assert columns(read_signal(tmp_path / "a.npy")) == [[0, 5], [1, 6], [2, 7]]
    np.save(tmp_path / "b.npy", np.asfortranarray([[0, 1, 2], [3, 4, 5.0]]))
    assert columns(read_signal(tmp_path / "b.npy")) == [[0, 1, 2], [3, 4, 5]]
    assert columns(read_signal(tmp_path / "b.npy", ["1", "3"])) == [[0, 2], [3, 5]]
    np.savez(tmp_path / "c.npz", x=[2.0, 1.0], y=[[1, 2], [3, 4]])
    assert columns(read_signal(tmp_path / "c.npz")) == [[1, 3, 4], [2, 1, 2]]
    np.savez(tmp_path / "d.npz", z=[2.0, 1.0], y=[1, 2])
    refused(tmp_path / "d.npz", "no arrays called x and y, but 'y', 'z'")
    np.save(tmp_path / "e.npy", np.array([1j, 2]))
    refused(tmp_path / "e.npy", "it must be real numbers")


def test_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "a.npy", np.array([print, len], object), allow_pickle=True)
    refused(tmp_path / "a.npy", "it must be real numbers")


def test_tables_have_their_last_column_as_y(tmp_path):
    (tmp_path / "a.csv").write_text("a,b,c\n1,2,3\n4,5,6\n")
    found = read_table(tmp_path / "a.csv")
    assert found.x.tolist() == [[1, 2], [4, 5]]
    assert found.y.tolist() == [[3], [6]]
    assert found.names == ("a", "b", "c")
    assert read_table(tmp_path / "a.csv", ["c", "a"]).y.tolist() == [[1], [4]]
    refused(tmp_path / "a.csv", "one column", read=read_table, columns=["a"])


def test_tables_of_arrays_keep_their_rows(tmp_path):
    np.savez(tmp_path / "a.npz", x=np.arange(12.0).reshape(2, 2, 3), y=[7, 8])
    found = read_table(tmp_path / "a.npz")
    assert (tuple(found.x.shape), found.y.tolist()) == ((2, 6), [[7], [8]])
    assert read_table(tmp_path / "a.npz", ["x2", "y1"]).x.tolist() == [[1], [7]]
    np.savez(tmp_path / "b.npz", x=np.zeros((3, 2)), y=[7, 8])
    refused(tmp_path / "b.npz", "has 3 x and 2 y", read=read_table)


def mutations(content: bytes, count: int, choose: random.Random) -> list[bytes]:
    """Copies with bytes changed, taken out, put in twice, or cut off."""
    made = []
    for _ in range(count):
        part = bytearray(content)
        for _ in range(choose.randint(1, 3)):
            place = choose.randrange(len(part))
            action = choose.randrange(4)
            if action == 0:
                part[place] = choose.randrange(256)
            elif action == 1:
                part[place : place + 4] = choose.choice(
                    [b"\xff" * 4, bytes(4), b"\xff\xff\xff\x7f"]
                )
            elif action == 2:
                part = part[: place + 1]
            else:
                part[place:place] = part[place // 2 : place]
        made.append(bytes(part))
    return made


def test_damaged_files_are_signals_or_one_line(tmp_path):
    rows = columns(signal(30))
    write_signal(tmp_path / "a.csv", signal(30))
    write_signal(tmp_path / "a.wav", signal(30, 2, 8000))
    np.save(tmp_path / "a.npy", rows)
    np.savez(tmp_path / "a.npz", x=np.arange(30.0), y=rows)
    np.savez_compressed(tmp_path / "b.npz", x=np.arange(30.0), y=rows)
    choose = random.Random(0)
    good, refusals = 0, []
    for name in ("a.csv", "a.wav", "a.npy", "a.npz", "b.npz"):
        for content in mutations((tmp_path / name).read_bytes(), 120, choose):
            file = tmp_path / f"mutant-{name}"
            file.write_bytes(content)
            for read in (read_signal, read_table):
                try:
                    read(file)
                    good += 1
                except ValueError as error:
                    refusals.append(str(error))
    assert min(good, len(refusals)) > 100
    assert all(refusal.startswith(str(tmp_path / "mutant")) for refusal in refusals)
    assert not any("\n" in refusal for refusal in refusals)


def test_signals_are_checked():
    x, values = torch.arange(3).double(), torch.zeros(3, 1).double()
    with pytest.raises(ValueError, match=r"Signal.x must be float64 \[n\]"):
        Signal(x.float(), values, ("a",))
    with pytest.raises(ValueError, match="must ascend without ties"):
        Signal(x.flip(0), values, ("a",))
    with pytest.raises(ValueError, match=r"Signal\.names must be 1 names, got 2"):
        Signal(x, values, ("a", "b"))
    with pytest.raises(ValueError, match="one row for each of 3 x, got 2"):
        Signal(x, values[:2], ("a",))
    with pytest.raises(ValueError, match=r"Table\.y must be one row for each of 3 x"):
        Table(x[:, None], values[:2], ("a", "b"))
    with pytest.raises(ValueError, match="only a sound"):
        write_signal("a.wav", Signal(x, values, ("a",)))
    with pytest.raises(ValueError, match=r"must end in one of \.csv, \.wav"):
        write_signal("a.mp3", Signal(x, values, ("a",)))


def test_a_formula_whose_period_is_the_domain_has_one_frequency():
    sampled = Signal.from_formula(parse_formula("cos(3*x)"), -np.pi, np.pi, 50)
    assert sampled.even
    power = torch.fft.rfft(sampled.values[:, 0]).abs() / 25
    assert power.argmax() == 3
    assert power.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", SIGNAL_SAMPLES)
def test_every_sample_is_the_same_signal_each_time(name):
    first, second = load_signal_sample(name), load_signal_sample(name)
    assert torch.equal(first.values, second.values)
    assert first.even
    assert len(first.x) >= 100
    assert first.values.std() > 0.2
    assert SIGNAL_SAMPLES[name].title


def test_the_voices_lie_where_the_paper_has_them():
    found = load_signal_sample("voices")
    fast = found.values[found.x > 0, 0]
    power = torch.fft.rfft(torch.cat([fast, -fast.flip(0)])).abs()
    assert {23, 137, 203} == set(power.topk(3).indices.tolist())


def test_an_unknown_sample_names_the_known_ones():
    with pytest.raises(ValueError, match="unknown sample 'song'; choose from sines, square"):
        load_signal_sample("song")
