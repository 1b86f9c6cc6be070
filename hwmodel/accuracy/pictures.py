"""Pictures to score and to calibrate EfficientNet on, and how a picture becomes its input."""

import csv
import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from hwmodel.accuracy.pins import FOOLBOX, GCOMPRIS
from hwmodel.errors import HwmodelError
from hwmodel.fetch import fetch
from hwmodel.fetch.archives import deb_members, qt_resources, wheel_members

__all__ = ["Pictures", "labelled_sample", "photos_identity", "photos_zip", "unlabelled_split"]

Progress = Callable[[str], None]

SIZE = 224
CROP = 224 / 256  # share of the shorter side that is kept
# Activities of GCompris whose pictures are photographs: tools, windmills, fish, monuments, animals.
ACTIVITIES = (
    "categorization",
    "explore_farm_animals",
    "explore_monuments",
    "explore_world_animals",
)
# Every how many-th unlabelled photograph calibrates; the others are scored.
CALIBRATION_STRIDE = 6


@dataclass(frozen=True)
class Pictures:
    """A set of pictures, ready for the network.

    Parameters
    ----------
    name : str
        What they are and where from, for the report.
    pixels : ndarray of uint8, shape (n, 224, 224, 3)
        Red, green, blue.
    labels : ndarray of int, shape (n,), or None
        ImageNet classes 0..999.
    """

    name: str
    pixels: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.pixels)

    @property
    def inputs(self) -> npt.NDArray[np.float32]:
        """The network's input, shape (n, 3, 224, 224): ``(pixel - 127) / 128``.

        EfficientNet-Lite was trained on this range; torchvision's mean and standard deviation
        cost it several points.
        """
        scaled = (self.pixels.astype(np.float32) - 127.0) / 128.0
        return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def _load(raw: bytes) -> npt.NDArray[np.uint8]:
    """Decode a picture, crop its middle (224/256 of the shorter side), resize to 224, bicubic."""
    from PIL import Image

    with Image.open(io.BytesIO(raw)) as opened:
        picture = opened.convert("RGB")
    side = int(CROP * min(picture.size))
    left = (picture.width - side + 1) // 2
    top = (picture.height - side + 1) // 2
    box = (left, top, left + side, top + side)
    small = picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC, box=box)
    return np.asarray(small, dtype=np.uint8)


def labelled_sample(progress: Progress | None = None) -> Pictures:
    """Return the 20 labelled ImageNet photographs that foolbox carries: a smoke test of top-1."""
    members = wheel_members(
        fetch(FOOLBOX, progress), lambda name: name.startswith("foolbox/data/imagenet_")
    )
    labels = [int(re.sub(r".*_(\d+)\.jpg", r"\1", name)) for name in members]
    return Pictures(
        f"labelled photographs in {FOOLBOX.name} {FOOLBOX.version}",
        np.stack([_load(raw) for raw in members.values()]),
        np.array(labels, dtype=np.int64),
    )


def unlabelled_split(progress: Progress | None = None) -> tuple[Pictures, Pictures]:
    """Return photographs without labels out of GCompris: (those to score, those to calibrate on).

    Some monuments appear in two activities; a picture's twin, byte for byte, is left out.
    """
    files = deb_members(
        fetch(GCOMPRIS, progress),
        lambda name: name.endswith(".rcc") and Path(name).stem in ACTIVITIES,
    )
    if len(files) != len(ACTIVITIES):
        raise HwmodelError(f"{GCOMPRIS.file} lacks one of {', '.join(ACTIVITIES)}")
    pictures: list[npt.NDArray[np.uint8]] = []
    seen: set[bytes] = set()
    for data in files.values():
        for path, raw in sorted(qt_resources(data)):
            digest = hashlib.sha256(raw).digest()
            if path.endswith(".webp") and digest not in seen:
                seen.add(digest)
                pictures.append(_load(raw))
    stacked = np.stack(pictures)
    chosen = np.arange(len(stacked)) % CALIBRATION_STRIDE == 0
    source = f"photographs in {GCOMPRIS.name} {GCOMPRIS.version}"
    return (
        Pictures(f"unlabelled {source}", stacked[~chosen]),
        Pictures(f"every {CALIBRATION_STRIDE}th of the {source}", stacked[chosen]),
    )


def photos_identity(path: Path) -> str:
    """SHA-256 of a user's zip of photographs, for the keys of results."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise HwmodelError(
            f"cannot read the photographs {path}: {error.strerror or error}; expected a zip with"
            " pictures and a CSV table of labels"
        ) from error


def photos_zip(path: Path) -> Pictures:
    """Return a user's labelled photographs: a zip of ``<ImageId>.jpg`` and one CSV table.

    The table has the columns ``ImageId`` and ``imagenet_index`` (0..999), as the NIPS 2017
    development set's attribution table has.

    Raises
    ------
    HwmodelError
        It is not such a zip.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            tables = [name for name in archive.namelist() if name.endswith(".csv")]
            if len(tables) != 1:
                raise HwmodelError(f"{path} holds {len(tables)} CSV tables, expected one of labels")
            rows = list(csv.DictReader(io.StringIO(archive.read(tables[0]).decode("utf-8"))))
            labels = np.array([int(row["imagenet_index"]) for row in rows], dtype=np.int64)
            pixels = [_load(archive.read(f"{row['ImageId']}.jpg")) for row in rows]
    except (zipfile.BadZipFile, KeyError, ValueError, OSError) as error:
        raise HwmodelError(
            f"{path} is not a zip of labelled photographs ({error}); expected <ImageId>.jpg files"
            " and a CSV table with the columns ImageId and imagenet_index"
        ) from error
    if not pixels:
        raise HwmodelError(f"{path} holds no photographs; its table of labels is empty")
    return Pictures(f"labelled photographs in {path.name}", np.stack(pixels), labels)
