"""Compiled code is that of the sources, those it has taken in included."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import hwmodel

CODE = """
import numpy as np
from hwmodel.arithmetic.chunk_sums import add_products
total, one = np.zeros((1, 1)), np.ones(1)
add_products(total, np.ones((1, 1)), one, one, np.inf, None, None)
print(total[0, 0])
"""
LINE = "    return total, (x - (total - back)) + (y - back)\n"


def test_compiled_code_follows_a_function_of_another_file(tmp_path):
    package = tmp_path / "hwmodel"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(hwmodel.__file__).parent, package, ignore=ignored)
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    env.pop("NUMBA_CACHE_DIR", None)

    def printed():
        run = [sys.executable, "-c", CODE]
        out = subprocess.run(run, check=True, env=env, cwd=tmp_path, capture_output=True, text=True)
        return out.stdout

    def caches():
        return sorted((package / "__pycache__").glob("numba-*"))

    assert printed() == printed() == "1.0\n"
    assert len(caches()) == 1
    steps = package / "arithmetic" / "steps.py"
    source = steps.read_text()
    assert LINE in source
    steps.write_text(source.replace(LINE, LINE.replace("total,", "total + 1.0,")))
    assert printed() == "2.0\n"
    assert len(caches()) == 2
    # Those of sources that have been are not kept for ever, but while a process may use them.
    for number in range(6):
        (package / "__pycache__" / f"numba-{number}").mkdir()
    steps.write_text(source + "# changed\n")
    assert printed() == "1.0\n"
    assert len(caches()) == 9
    for number in range(6):
        os.utime(package / "__pycache__" / f"numba-{number}", (0, 0))
    steps.write_text(source + "# changed again\n")
    assert printed() == "1.0\n"
    assert len(caches()) == 4
