"""Shared fixtures: where optional test data lies, and a cache of each test run's own."""

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# On a developer's machine each run tries other examples; what continuous integration says of a
# change should not depend on luck.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

# A run that a shell put into the background ignores Ctrl-C, and so would the commands that tests
# start and interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

REPOSITORY = Path(__file__).resolve().parent.parent


def shared_folder() -> Path:
    """Folder of data that stands in for downloads; absent on most machines."""
    named = os.environ.get("HWMODEL_SHARED")
    return Path(named) if named else REPOSITORY.parent / "shared"


@pytest.fixture
def shared() -> Path:
    folder = shared_folder()
    if not folder.is_dir():
        pytest.skip(f"test data not found at {folder}: set HWMODEL_SHARED to its folder")
    return folder


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache that starts empty and is seen by child processes, too."""
    monkeypatch.setenv("HWMODEL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"
