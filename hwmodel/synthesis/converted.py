"""ABC's own form of a cell library, made once instead of in every run.

Yosys converts Liberty files for ABC, a quarter of a short run. It can keep what it converted in a
folder, by the path of the Liberty file, but does not write it in one step. So it is made here by a
run of its own in a folder that gets its name when it is whole; other runs only read it.
"""

import functools
import re
import shutil
import tempfile
from pathlib import Path

from hwmodel.errors import ToolError
from hwmodel.store import cache_root, content_key
from hwmodel.yosys import pyosys_version, run_yosys

__all__ = ["converted_folder"]

# Yosys splits its commands at blanks and more.
_SAFE = re.compile(r"[A-Za-z0-9_./+-]+")
_TINY = "module tiny (input a, b, output y);\n  assign y = a & b;\nendmodule\n"


@functools.lru_cache(maxsize=8)
def converted_folder(paths: tuple[Path, ...], sha256: str, options: str) -> Path | None:
    """Folder for ``libcache -scl -dir``.

    Parameters
    ----------
    paths
        The Liberty files; runs must name them by these very paths.
    sha256
        Hash of the library.
    options
        What ``abc`` is told of the library besides, cells not to use.

    Returns
    -------
    Path or None
        None where a path has characters that Yosys' commands cannot hold, or where the
        conversion fails: a run then converts for itself.
    """
    key = content_key(
        paths=[str(path) for path in paths],
        library=sha256,
        options=options,
        pyosys=pyosys_version(),
    )
    parent = cache_root() / "abc"
    folder = parent / key[:32]
    if not all(_SAFE.fullmatch(str(path)) for path in (*paths, folder)):
        return None
    if folder.is_dir():
        return folder
    liberty = " ".join(f"-liberty {path}" for path in paths)
    try:
        parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(dir=parent, prefix=".new-"))
    except OSError:
        return None
    try:
        run_yosys(
            f"libcache -scl -dir {made}\nread_verilog tiny.v\ntechmap\nabc {liberty} {options}\n",
            {"tiny.v": _TINY},
        )
        # Another process may have been quicker; a folder that is not empty is not replaced.
        made.rename(folder)
    except (ToolError, OSError):
        shutil.rmtree(made, ignore_errors=True)
    return folder if folder.is_dir() else None
