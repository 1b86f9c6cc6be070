import pytest


@pytest.fixture
def fake(tmp_path, monkeypatch, own_cache):
    """Where the stand-in of `fake_points` notes its runs; in a cache that starts empty."""
    folder = tmp_path / "fake"
    folder.mkdir()
    monkeypatch.setenv("FAKE_POINTS", str(folder))
    return folder
