"""Value-change dumps, read with nothing of the package."""

import re
from collections import Counter


def toggles_of(vcd: str) -> Counter:
    """Changes between 0 and 1 of every scalar net or bit, from a value-change dump."""
    header, _, body = vcd.partition("$enddefinitions $end")
    names = {}
    for width, key, name in re.findall(r"\$var \w+ (\d+) (\S+) (\S+)", header):
        names[key] = (name, int(width))
    last: dict[str, str] = {}
    counts: Counter = Counter()
    for vector, scalar, key_of_vector, key_of_scalar in re.findall(
        r"^(?:b([01xz]+) |([01xz]))(?:(?<= )(\S+)|(\S+))$", body, re.M
    ):
        key = key_of_vector or key_of_scalar
        name, width = names[key]
        value = vector or scalar
        value = value.rjust(width, value[0] if value[0] in "xz" else "0")
        for place, (old, new) in enumerate(zip(last.get(key, value), value, strict=True)):
            if old + new in ("01", "10"):
                bit = width - 1 - place
                counts[name if width == 1 else f"{name}[{bit}]"] += 1
        last[key] = value
    return counts
