import gzip
import io
import struct
import tarfile
import zipfile
import zlib

import numpy as np
import pytest

from hwmodel.accuracy import pictures, text
from hwmodel.errors import HwmodelError
from hwmodel.fetch.archives import deb_members, qt_resources, wheel_members

Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed (hwmodel[accuracy])")


def qt_collection(files: dict[str, bytes], compressed: set[str]) -> bytes:
    """Write Qt's format, version 3, with a folder ``top`` around the files."""
    names, contents = b"", b""
    offsets = {}
    for name in ("", "top", *files):
        offsets[name] = len(names)
        raw = name.encode("utf-16-be")
        names += struct.pack(">HI", len(name), 0) + raw
    tree = struct.pack(">IHIIQ", offsets[""], 2, 1, 1, 0)
    tree += struct.pack(">IHIIQ", offsets["top"], 2, len(files), 2, 0)
    for name, data in files.items():
        packed = name in compressed
        raw = struct.pack(">I", len(data)) + zlib.compress(data) if packed else data
        tree += struct.pack(">IHHHIQ", offsets[name], int(packed), 0, 0, len(contents), 0)
        contents += struct.pack(">I", len(raw)) + raw
    start = 24
    places = (start, start + len(tree), start + len(tree) + len(contents))
    return b"qres" + struct.pack(">4I", 3, *places) + bytes(4) + tree + contents + names


def test_qt_resources_plain_and_compressed():
    files = {"a.webp": b"plain", "b.txt": b"packed " * 20}
    assert dict(qt_resources(qt_collection(files, {"b.txt"}))) == {
        "top/a.webp": b"plain",
        "top/b.txt": b"packed " * 20,
    }
    with pytest.raises(HwmodelError, match="expected a Qt resource file"):
        list(qt_resources(b"PK" + bytes(40)))


def test_members_of_a_debian_package(tmp_path):
    pytest.importorskip("debian", reason="python-debian is not installed (hwmodel[accuracy])")

    def tar(files: dict[str, bytes]) -> bytes:
        file = io.BytesIO()
        with tarfile.open(fileobj=file, mode="w:xz") as archive:
            for name, data in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                archive.addfile(entry, io.BytesIO(data))
        return file.getvalue()

    members = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": tar({"./control": b"Package: tiny\n"}),
        "data.tar.xz": tar({"./usr/share/b.txt": b"second", "./usr/share/a.txt": b"first"}),
    }
    raw = b"!<arch>\n"
    for name, data in members.items():
        header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n"
        raw += header.encode() + data + b"\n" * (len(data) % 2)
    path = tmp_path / "tiny.deb"
    path.write_bytes(raw)
    found = deb_members(path, lambda name: name.startswith("usr/share/"))
    assert list(found.items()) == [("usr/share/a.txt", b"first"), ("usr/share/b.txt", b"second")]


def encode(words: str) -> list[int]:
    return [len(word) for word in words.split()]


def test_windows_are_spread_and_do_not_overlap():
    words = " ".join(f"w{'x' * (i % 9)}" for i in range(4000))
    found = text.windows(encode, words, 3, 50)
    assert found.shape == (3, 50)
    starts = [len(words) // 4 * (i + 1) for i in range(3)]
    assert found[1].tolist() == encode(words[starts[1] :])[:50]
    with pytest.raises(HwmodelError, match="ask for fewer or shorter windows"):
        text.windows(encode, "a short text", 2, 512)


def test_texts_are_joined_in_order(tmp_path, monkeypatch):
    body = {f"{n}.md.gz": gzip.compress(n.encode()) for n in ("one", "two")}
    monkeypatch.setattr(text, "fetch", lambda pin, progress: tmp_path)
    monkeypatch.setattr(text, "deb_members", lambda path, wanted: body)
    assert text.read_text("afaq") == "one\ntwo"
    with pytest.raises(HwmodelError, match="unknown text 'moby', expected one of afaq"):
        text.read_text("moby")


def jpeg(colour: tuple[int, int, int], size: tuple[int, int]) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "PNG")
    return file.getvalue()


def photo_zip(path, table: str | None = None):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("red.jpg", jpeg((255, 0, 0), (300, 256)))
        archive.writestr("blue.jpg", jpeg((0, 0, 255), (256, 400)))
        archive.writestr(
            "labels.csv", "ImageId,imagenet_index\nblue,7\nred,3\n" if table is None else table
        )
    return path


def test_photos_come_in_the_order_of_their_table(tmp_path):
    found = pictures.photos_zip(photo_zip(tmp_path / "p.zip"))
    assert found.labels is not None
    assert found.labels.tolist() == [7, 3]
    assert found.pixels.shape == (2, 224, 224, 3)
    assert found.inputs.shape == (2, 3, 224, 224)
    assert found.inputs[0, 2].min() == found.inputs[0, 2].max() == 1.0  # (255 - 127) / 128
    assert found.inputs[0, 0].max() == np.float32(-127 / 128)


def test_the_middle_of_a_picture_is_kept(tmp_path):
    column = np.arange(512) // 2
    wide = np.broadcast_to(column[None, :, None], (256, 512, 3)).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(wide).save(file, "PNG")
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as archive:
        archive.writestr("wide.jpg", file.getvalue())
        archive.writestr("labels.csv", "ImageId,imagenet_index\nwide,0\n")
    row = pictures.photos_zip(tmp_path / "p.zip").pixels[0, 100, :, 0].astype(int)
    # 224 of 512 columns around the middle, one pixel each: values 72 to 184 in steps of a half.
    assert (row[0], row[112], row[223]) == pytest.approx((72, 128, 183), abs=1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("ImageId,imagenet_index\ngreen,1\n", "not a zip of labelled photographs"),
        ("name,label\nred,1\n", "expected <ImageId>.jpg files"),
        ("ImageId,imagenet_index\nred,cat\n", "not a zip of labelled photographs"),
        ("ImageId,imagenet_index\n", "holds no photographs"),
    ],
)
def test_a_bad_zip_of_photos_is_told(tmp_path, table, message):
    with pytest.raises(HwmodelError, match=message):
        pictures.photos_zip(photo_zip(tmp_path / "p.zip", table))


def test_no_zip_at_all(tmp_path):
    (tmp_path / "p.zip").write_bytes(b"no zip")
    with pytest.raises(HwmodelError, match="not a zip of labelled photographs"):
        pictures.photos_zip(tmp_path / "p.zip")
    with pytest.raises(HwmodelError, match="cannot read the photographs"):
        pictures.photos_identity(tmp_path / "absent.zip")


def test_labels_of_the_sample_come_from_its_names(tmp_path, monkeypatch):
    path = tmp_path / "f.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("foolbox/data/imagenet_01_559.jpg", jpeg((9, 9, 9), (256, 256)))
        archive.writestr("foolbox/data/imagenet_00_243.jpg", jpeg((1, 1, 1), (256, 256)))
        archive.writestr("foolbox/data/cifar10_00_3.png", jpeg((1, 1, 1), (32, 32)))
    monkeypatch.setattr(pictures, "fetch", lambda pin, progress: path)
    found = pictures.labelled_sample()
    assert found.labels is not None
    assert found.labels.tolist() == [243, 559]
    assert wheel_members(path, lambda name: "cifar" in name).keys() == {
        "foolbox/data/cifar10_00_3.png"
    }


def test_scored_and_calibration_pictures_are_disjoint(tmp_path, monkeypatch):
    collections = {}
    for index, activity in enumerate(pictures.ACTIVITIES):
        files = {f"{n}.webp": jpeg((40 * index + n, n, 9), (256, 256)) for n in range(5)}
        files["twin.webp"] = files["0.webp"]
        collections[f"usr/{activity}.rcc"] = qt_collection(files, set())
    monkeypatch.setattr(pictures, "fetch", lambda pin, progress: tmp_path)
    monkeypatch.setattr(pictures, "deb_members", lambda path, wanted: collections)
    scored, calibration = pictures.unlabelled_split()
    assert (len(scored), len(calibration)) == (16, 4)  # 20 pictures, every 6th from the first
    colours = {tuple(p[0, 0]) for p in scored.pixels}
    assert len(colours) == 16
    assert colours.isdisjoint({tuple(p[0, 0]) for p in calibration.pixels})
