"""Rounding, coding and matrix products beside the peers, in one run on one core.

    python benchmarks/formats.py [-o DIR]

Peers that are not installed are left out (``pip install ml_dtypes gfloat apytypes torch``). Every
rate is the best of several runs, so that a busy machine does less harm; read ratios, not rates.
"""

import os

# One core each: matrix libraries look at this when they are loaded.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"

import argparse
import importlib.util
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import altair
import numpy as np
from rich.console import Console
from rich.table import Table

import hwmodel

SIZE = 1 << 20  # float32 values: 4 MB
SMALL = 1 << 14  # for peers that go one by one
SIDE, LONG = 512, 4096  # of the matrices
SIDE_OF_TWO = 1024  # of those for two cores
RUNS = 25

Row = dict[str, Any]


def best(action: Callable[[], object], runs: int = RUNS) -> float:
    """Least time of some runs in seconds, after one that is not counted."""
    action()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        action()
        times.append(time.perf_counter() - start)
    return min(times)


def installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def rows_of_values() -> list[Row]:
    rng = np.random.default_rng(1)
    x = rng.standard_normal(SIZE).astype(np.float32) * np.float32(3.0)
    rows = []

    def add(task: str, who: str, action: Callable[[], object], count: int = SIZE) -> None:
        rows.append({"task": task, "who": who, "rate": count / best(action) / 1e6})

    copy = np.empty_like(x)
    add("values, E4M3", "memory copy", lambda: np.copyto(copy, x))
    for name in (
        "e4m3",
        "e5m2",
        "e3m4",
        "e2m1",
        "e7m0",
        "e4m3fnuz",
        "int8",
        "ue4m3",
        "e8m0",
        "e4m3c2.5",
    ):
        fmt = hwmodel.format(name)
        add(f"values, {name.upper()}", "hwmodel", lambda fmt=fmt: fmt.quantize(x))
    part = x[: 1 << 18]
    e4m3 = hwmodel.format("e4m3")
    add("values, E4M3, 1 MB", "memory copy", lambda: np.copyto(copy[: part.size], part), part.size)
    add("values, E4M3, 1 MB", "hwmodel", lambda: e4m3.quantize(part), part.size)
    for name in (
        *("e4m3", "e5m2", "fp16", "bf16", "e8m0", "ue4m3", "e10m5", "e12m3ieee", "int8"),
        *("e5m10ieeenosub", "e9m0", "e4m3c2.5", "e5m10c100", "int16q8"),
    ):
        fmt = hwmodel.format(name)
        add(f"codes, {name.upper()}", "hwmodel", lambda fmt=fmt: fmt.encode(x))
    for name, rule in (
        *(("e4m3", "up"), ("fp16", "toward-zero"), ("bf16", "to-odd"), ("int8", "up")),
        *(("e5m10ieeenosub", "down"), ("e8m0", "up"), ("e9m0", "nearest-away")),
    ):
        fmt = hwmodel.format(name)
        add(
            f"codes, {name.upper()}, {rule}",
            "hwmodel",
            lambda fmt=fmt, rule=rule: fmt.encode(x, "saturate", rule),
        )
    random = rng.integers(0, 1 << 10, x.size).astype(np.uint16)
    for name in ("e4m3", "fp16", "int8"):
        fmt = hwmodel.format(name)
        add(
            f"codes, {name.upper()}, stochastic",
            "hwmodel",
            lambda fmt=fmt: fmt.encode(x, "saturate", "stochastic", random=random, random_bits=10),
        )
    double = x.astype(np.float64)
    add("codes, E4M3 from float64", "hwmodel", lambda: e4m3.encode(double))
    lines = x.reshape(-1, 1024)
    for name in ("mxfp8e4m3", "mxfp4", "mxint8", "nvfp4", "mx9", "int8g32fp32"):
        block = hwmodel.block(name)
        add(f"values, {name.upper()}", "hwmodel", lambda block=block: block.quantize(lines))
    if installed("ml_dtypes"):
        import ml_dtypes

        for name, dtype in (("E4M3", ml_dtypes.float8_e4m3fn), ("E5M2", ml_dtypes.float8_e5m2)):
            add(f"codes, {name}", "ml_dtypes", lambda dtype=dtype: x.astype(dtype))
            add(
                f"values, {name}",
                "ml_dtypes",
                lambda dtype=dtype: x.astype(dtype).astype(np.float32),
            )
    if installed("torch"):
        import torch

        torch.set_num_threads(1)
        tensor = torch.from_numpy(x)
        for name, kind in (("E4M3", torch.float8_e4m3fn), ("E5M2", torch.float8_e5m2)):
            add(f"codes, {name}", "torch", lambda kind=kind: tensor.to(kind))
            add(f"values, {name}", "torch", lambda kind=kind: tensor.to(kind).to(torch.float32))
    if installed("gfloat"):
        import gfloat
        import gfloat.formats

        few = x[:SMALL].astype(np.float64)
        info = gfloat.formats.format_info_ocp_e4m3
        add("values, E4M3", "gfloat", lambda: gfloat.round_ndarray(info, few, sat=True), SMALL)
    if installed("apytypes"):
        import apytypes

        few = x[:SMALL].astype(np.float64)
        add(
            "values, E4M3",
            "apytypes",
            lambda: apytypes.APyFloatArray.from_array(few, exp_bits=4, man_bits=3),
            SMALL,
        )
    return rows


def rows_of_products() -> list[Row]:
    rng = np.random.default_rng(2)
    rows = []

    def add(task: str, who: str, action: Callable[[], object], count: int) -> None:
        rows.append({"task": task, "who": who, "rate": count / best(action, 4) / 1e6})

    x = rng.standard_normal((SIDE, SIDE)).astype(np.float32)
    whole = SIDE**3
    for dtype in (np.float32, np.float64):
        y = x.astype(dtype)
        add(f"matrix product, {y.dtype}", "BLAS", lambda y=y: y @ y, whole)
    for name in (
        *("mac-int8-int8-int32", "mac-e4m3-e4m3-exact", "mac-e5m2-e5m2-exact"),
        *("mac-e4m3-e4m3-fp16", "mac-e4m3-e4m3-fp32", "mac-e4m3-e4m3-bf16", "mac-e4m3-e4m3-e5m2"),
        *("mac-e4m3-e4m3-e4m3", "mac-e5m2-e5m2-e5m2", "mac-int8-int8-fp16", "mac-e5m2-e5m2-fp16"),
        *("mac-fp16-fp16-fp16", "mac-bf16-bf16-bf16", "mac-bf16-bf16-fp32"),
        *(
            "mac-e4m3-e4m3-fp16-towardzero",
            "mac-fp16-fp16-fp16-towardzero",
            "mac-e4m3-e4m3-fp16-up",
        ),
        *("mac-e4m3-e4m3-fp32-towardzero", "mac-e4m3-e4m3-e11m4ieee"),
        *("mac-bf16-bf16-bf16-down", "mac-fp16-fp16-fp16-up", "mac-e4m3-e4m3-e5m0fn"),
        *("mac-e4m3-e4m3-e5m10ieeenosub", "mac-e4m3-e4m3-ue5m10ieee"),
        *("mac-e4m3-e4m3-align16w25_fp32", "mac-e4m3-e4m3-align32w14_fp32-towardzero"),
        *("mac-e4m3-e4m3-chunk64_fp16_fp32", "mac-e4m3-e4m3-chunk128_align32w14_fp32_fp32"),
    ):
        spec = hwmodel.unit(name)
        scale = 40 if name.startswith("mac-int") else 1
        a, b = spec.a.encode(x * scale), spec.b.encode(x.T * scale)
        add(
            f"matrix product, {name}",
            "hwmodel",
            lambda a=a, b=b, spec=spec: hwmodel.matmul(a, b, spec),
            whole,
        )
    spec = hwmodel.unit("mac-e5m2-e5m2-exact")
    a, b = spec.a.encode(x), spec.b.encode(x.T)
    add(
        "matrix product, mac-e5m2-e5m2-exact, as words",
        "hwmodel",
        lambda: hwmodel.matmul(a, b, spec, words=True),
        whole,
    )
    return rows + rows_of_exact_products(rng) + rows_of_apytypes(x)


def rows_of_exact_products(rng: np.random.Generator) -> list[Row]:
    """What is there decides how exact sums are formed: numbers near one, or the whole range."""
    rows = []
    long = rng.standard_normal((SIDE, LONG))
    for name in (
        *("mac-int8-int8-int32", "mac-e4m3-e4m3-exact", "mac-e5m2-e5m2-exact"),
        *("mac-fp16-fp16-exact", "mac-bf16-bf16-exact"),
    ):
        spec = hwmodel.unit(name)
        kinds = {"near one": 40.0 if name.startswith("mac-int") else 1.0}
        if spec.accumulator_bits < 128:
            kinds["whole range"] = spec.a.max_value / np.abs(long).max()
        for kind, scale in kinds.items():
            a, b = spec.a.encode(long * scale), spec.b.encode(long.T * scale)
            for words in (False, True)[: 1 + (spec.accumulator_bits > 64)]:
                seconds = best(
                    lambda a=a, b=b, spec=spec, words=words: hwmodel.matmul(
                        a, b, spec, words=words
                    ),
                    4,
                )
                task = f"matrix product, {name}, {SIDE} x {LONG} x {SIDE}, {kind}"
                task += ", as words" if words else ""
                rate = SIDE * LONG * SIDE / seconds / 1e6
                rows.append({"task": task, "who": "hwmodel", "rate": rate})
    return rows


def rows_of_apytypes(x: np.ndarray) -> list[Row]:
    """The peer that has such products, of few numbers."""
    if not installed("apytypes"):
        return []
    import apytypes

    few = x[:64, :64].astype(np.float64)
    a = apytypes.APyFloatArray.from_array(few, exp_bits=4, man_bits=3)
    with apytypes.APyFloatAccumulatorContext(exp_bits=5, man_bits=10):
        rate = 64**3 / best(lambda: a @ a, 4) / 1e6
    return [{"task": "matrix product, mac-e4m3-e4m3-fp16", "who": "apytypes", "rate": rate}]


def rows_of_block_products() -> list[Row]:
    """Products of blocks beside the same of their elements alone."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((SIDE, SIDE)).astype(np.float32)
    rows = []
    for block, name in (
        ("mxfp8e4m3", "mac-e4m3-e4m3-chunk32_exact_fp32"),
        ("mxfp8e5m2", "mac-e5m2-e5m2-chunk32_exact_fp32"),
        ("mxfp6e3m2", "mac-e3m2-e3m2-chunk32_exact_fp32"),
        ("mxfp4", "mac-e2m1-e2m1-chunk32_exact_fp32"),
        ("nvfp4", "mac-e2m1-e2m1-chunk16_exact_fp32"),
        ("mxint8", "mac-int8-int8-chunk32_int32_fp32"),
        ("mx9", "mac-e0m8-e0m8-chunk16_exact_fp32"),
        ("int4g128fp16", "mac-int4-int4-chunk128_int32_fp32"),
        ("e2m1g128fp16", "mac-e2m1-e2m1-chunk128_exact_fp32"),
        ("int8g32fp32", "mac-int8-int8-chunk32_int32_fp32"),
        ("mxfp8e4m3", "mac-e4m3-e4m3-chunk32_fp32_fp32"),
        ("mxfp8e4m3", "mac-e4m3-e4m3-chunk32_fp16_fp16"),
        ("mxfp8e4m3", "mac-e4m3-e4m3-chunk32_align32w25_fp32_fp32"),
    ):
        fmt, spec = hwmodel.block(block), hwmodel.unit(name)
        pair = fmt.encode(x), fmt.encode(x.T, axis=0)
        codes = [np.ascontiguousarray(spec.a.encode(v)) for v in (x, x.T)]
        if spec.a == fmt.grid:  # the very codes that the blocks have
            same = [blocks.element_codes.reshape(SIDE, SIDE) for blocks in pair]
            codes = [same[0], np.ascontiguousarray(same[1].T)]
        for who, (a, b) in (("hwmodel", pair), ("elements", codes)):
            seconds = best(lambda a=a, b=b, spec=spec: hwmodel.matmul(a, b, spec), 8)
            task = f"matrix product of {block.upper()}, {name}"
            rows.append({"task": task, "who": who, "rate": SIDE**3 / seconds / 1e6})
    return rows


def rows_of_two_cores() -> list[Row]:
    """The package's own threads beside a copy by two threads; more numbers, for there is more."""
    rng = np.random.default_rng(3)
    x = (rng.standard_normal(4 * SIZE) * 3).astype(np.float32)
    copy = np.empty_like(x)
    halves = [slice(0, 2 * SIZE), slice(2 * SIZE, None)]
    rows = []

    def add(task: str, who: str, action: Callable[[], object], count: int = x.size) -> None:
        rows.append({"task": f"{task}, two cores", "who": who, "rate": count / best(action) / 1e6})

    os.environ["OMP_NUM_THREADS"] = "2"  # which the package asks each time
    try:
        with ThreadPoolExecutor(2) as pool:
            add(
                "values, E4M3",
                "memory copy",
                lambda: list(pool.map(lambda half: np.copyto(copy[half], x[half]), halves)),
            )
        fmt, block = hwmodel.format("e4m3"), hwmodel.block("mxfp8e4m3")
        add("values, E4M3", "hwmodel", lambda: fmt.quantize(x))
        add("codes, E4M3", "hwmodel", lambda: fmt.encode(x))
        lines = x.reshape(-1, 1024)
        add("values, MXFP8E4M3", "hwmodel", lambda: block.quantize(lines))
        square = x[: SIDE_OF_TWO**2].reshape(SIDE_OF_TWO, SIDE_OF_TWO)
        for name in (
            "mac-e4m3-e4m3-fp16",
            "mac-e4m3-e4m3-exact",
            "mac-e4m3-e4m3-chunk32_exact_fp32",
        ):
            unit = hwmodel.unit(name)
            a, b = unit.a.encode(square), unit.b.encode(square.T)
            add(
                f"matrix product, {name}",
                "hwmodel",
                lambda a=a, b=b, unit=unit: hwmodel.matmul(a, b, unit),
                square.size * SIDE_OF_TWO,
            )
    finally:
        os.environ["OMP_NUM_THREADS"] = "1"
    return rows


_STARTS = {
    "first rounding": "hwmodel.format('e4m3').quantize(x)",
    "first matrix product and its codes": "hwmodel.matmul(s.a.encode(x), s.b.encode(x), s)",
    "first matrix product of FP16, upward": "hwmodel.matmul(t.a.encode(x), t.b.encode(x), t)",
    "first exact matrix product": "hwmodel.matmul(e.a.encode(x), e.b.encode(x), e)",
    "first matrix product of MXFP8E4M3": "hwmodel.matmul(m.encode(x), m.encode(x, axis=0), c)",
    "first codes of 65,536 numbers, upward": "hwmodel.format('e4m3').encode(x, rounding='up')",
    "first rounding of MXFP8E4M3": "hwmodel.block('mxfp8e4m3').quantize(x)",
    "first rounding of NVFP4": "hwmodel.block('nvfp4').quantize(x)",
}
_NEEDED = """
import hwmodel, numpy
x, s = numpy.ones((256, 256), 'f'), hwmodel.unit('mac-e4m3-e4m3-fp16')
t, e = hwmodel.unit('mac-fp16-fp16-fp16-up'), hwmodel.unit('mac-e4m3-e4m3-exact')
m, c = hwmodel.block('mxfp8e4m3'), hwmodel.unit('mac-e4m3-e4m3-chunk32_exact_fp32')
"""


def start(code: str, caches: str = "") -> None:
    """Run code in a new process, with an empty cache for compiled code in a folder if given."""
    place = {"NUMBA_CACHE_DIR": tempfile.mkdtemp(dir=caches)} if caches else {}
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **place})


def rows_of_starts() -> list[Row]:
    """Seconds that a user waits in a new process, with code compiled before and without any."""
    seconds = {"import hwmodel": best(partial(start, "import hwmodel"), 3)}
    with tempfile.TemporaryDirectory() as caches:
        for task, code in _STARTS.items():
            seconds[task] = best(partial(start, _NEEDED + code), 3)
            seconds[f"{task}, nothing compiled"] = best(partial(start, _NEEDED + code, caches), 3)
    empty = best(partial(start, ""), 3)
    return [
        {"task": task, "who": "hwmodel", "seconds": full - empty} for task, full in seconds.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("out/benchmarks"))
    folder: Path = parser.parse_args().output
    rows = rows_of_values() + rows_of_products() + rows_of_block_products() + rows_of_two_cores()
    starts = rows_of_starts()
    for row in rows:
        ours = [r["rate"] for r in rows if r["task"] == row["task"] and r["who"] == "hwmodel"]
        row["hwmodel_over_it"] = ours[0] / row["rate"] if ours else None
    table = Table(title=f"Million a second on one core of {platform.processor() or 'this machine'}")
    for heading in ("task", "who", "rate", "hwmodel is"):
        table.add_column(heading, justify="left" if heading in ("task", "who") else "right")
    rows.sort(key=lambda row: (row["task"], -row["rate"]))
    for row in rows:
        times = row["hwmodel_over_it"]
        shown = "" if times is None or row["who"] == "hwmodel" else f"{times:,.2f} x"
        table.add_row(row["task"], row["who"], f"{row['rate']:,.0f}", shown)
    for row in starts:
        table.add_row(row["task"], row["who"], f"{row['seconds']:.2f} s", "")
    console = Console(record=True, width=100)
    console.print(table)
    folder.mkdir(parents=True, exist_ok=True)
    text = ["| task | who | million/s | hwmodel is |", "| :-- | :-- | --: | --: |"]
    for row in rows:
        times = row["hwmodel_over_it"]
        shown = "" if times is None or row["who"] == "hwmodel" else f"{times:,.2f} x"
        text.append(f"| {row['task']} | {row['who']} | {row['rate']:,.0f} | {shown} |")
    text += [f"| {row['task']} | {row['who']} | {row['seconds']:.2f} s | |" for row in starts]
    (folder / "formats.md").write_text("\n".join(text) + "\n")
    chart = (
        altair.Chart(altair.Data(values=rows))
        .mark_point(filled=True, size=70)
        .encode(
            x=altair.X("rate:Q", scale=altair.Scale(type="log"), title="million a second"),
            y=altair.Y("task:N", title=None, axis=altair.Axis(labelLimit=400)),
            color=altair.Color("who:N", title=None),
            shape=altair.Shape("who:N", title=None),
        )
        .properties(width=520)
    )
    chart.save(folder / "formats.svg")
    console.print(f"written: {folder / 'formats.md'}, {folder / 'formats.svg'}")


if __name__ == "__main__":
    main()
