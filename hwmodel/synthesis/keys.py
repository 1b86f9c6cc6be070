"""What a finished synthesis depends on, as the key under which the store keeps it.

Not the source of the whole package: an edit that leaves the designs as they are must not repeat
hours of work. The key holds the designs themselves, the scripts, the cells, the tools' versions,
and the source of only those modules that choose among netlists or measure them.
"""

import importlib.metadata
from functools import cache
from hashlib import sha256
from pathlib import Path

import hwmodel
from hwmodel.rtl import structures_for
from hwmodel.sim import stimulus
from hwmodel.sim.activity import METHOD_VERSION
from hwmodel.store import Store, content_key
from hwmodel.synthesis.designs import digest_of_files, making_digest, rtlil_of
from hwmodel.synthesis.recipes import AREA_SCRIPTS, SPEED_SCRIPTS
from hwmodel.units import UnitSpec

__all__ = ["code_digest", "design_digests", "result_key", "scripts_digest"]

_KIND = "design"
# Modules that decide what a search finds: by folder.
_DECIDING = {
    "synthesis": (
        *(
            "search",
            "near_ties",
            "recipes",
            "mapping",
            "flow",
            "converted",
            "polish",
            "moves",
            "sizing",
            "incremental",
            "variants",
        ),
        "synthesize",
    ),
    "technology": (
        *("cells", "design", "liberty", "library", "logic", "netlist", "records", "roles"),
        *("tables", "timing"),
    ),
}


def result_key(
    spec: str,
    clock_ns: float | None,
    designs: dict[str, str],
    scripts: str,
    versions: dict[str, str],
    code: str,
) -> str:
    """Key of the result of a search; every input is stated.

    Parameters
    ----------
    spec
        Name of the unit.
    clock_ns
        Goal.
    designs
        Hash of the RTLIL of each structure, by its name.
    scripts
        Hash of the mapping scripts.
    versions
        Tools' versions and the library's hash.
    code
        Hash of the modules that decide.
    """
    return content_key(
        spec=spec, clock=clock_ns, designs=designs, scripts=scripts, versions=versions, code=code
    )


def design_digests(spec: UnitSpec, store: Store) -> dict[str, str]:
    """Hash of the RTLIL of each structure of a unit.

    Making the designs takes seconds, so the hashes are kept, under the source they came from.
    """
    structures = structures_for(spec)
    key = content_key(
        spec=spec.name,
        structures=[s.name for s in structures],
        source=making_digest(),
        amaranth=importlib.metadata.version("amaranth"),
    )
    known = store.load(_KIND, key)
    if known is None:
        found = {s.name: sha256(rtlil_of(spec, s, store).encode()).hexdigest() for s in structures}
        known = store.save(_KIND, key, found)
    return known


@cache
def scripts_digest() -> str:
    """Hash of the mapping scripts."""
    return content_key(area=AREA_SCRIPTS, speed=SPEED_SCRIPTS)


@cache
def code_digest() -> str:
    """Hash of the modules that decide what a search finds, and of what its energies mean."""
    root = Path(hwmodel.__file__).parent
    files = [root / room / f"{name}.py" for room, names in _DECIDING.items() for name in names]
    return content_key(
        modules=digest_of_files([*files, Path(stimulus.__file__)]), energy=METHOD_VERSION
    )
