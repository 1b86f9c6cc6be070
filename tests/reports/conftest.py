"""Made-up rows: what a report shows must follow from them, whatever they are."""

import random
from typing import Any

import pytest

from hwmodel.cost.measurement import EnergyFigure, Measurement, Verification
from hwmodel.cost.plan import make_plan
from hwmodel.cost.ratios import ratios_of
from hwmodel.cost.results import Results

DISTRIBUTIONS = ("uniform[-1,1]", "gaussian", "student-t(8)")
NETWORKS = (
    ("smollm2-135m", "perplexity", 3066, 28.4),
    ("efficientnet-lite0", "agreement", 400, 1.0),
)


def _measurement(rng: random.Random, spec: str, clock: float | None, stimuli: Any) -> Measurement:
    area, delay = rng.uniform(600, 2500), rng.uniform(1.5, 2.9)
    shares = [rng.random() for _ in range(4)]
    blocks = ("operand registers", "multiply", "align", "add")
    energies = []
    for stimulus in stimuli:
        parts = {name: rng.uniform(10, 900) for name in ("internal", "switching", "clock")}
        parts["leakage"] = rng.uniform(5, 40)
        total = sum(parts.values())
        energies.append(
            EnergyFigure(
                stimulus=stimulus,
                clock_ns=clock or delay,
                fj_per_mac=total,
                low=0.99 * total,
                high=1.01 * total,
                split=parts,
                glitch_share=rng.uniform(0.1, 0.6),
                nets_annotated=1.0,
                vectors=2048,
                outputs_checked=2048,
                provenance={"seed": 1},
            )
        )
    return Measurement(
        spec=spec,
        library="MadeUpCells",
        corner="typical, 1.1 V, 25 C",
        clock_ns=clock,
        area_um2=area,
        nand2=area / 0.798,
        delay_ns=delay,
        met=True,
        structure="array-ripple",
        recipe="amap",
        blocks={
            name: area * share / sum(shares) for name, share in zip(blocks, shares, strict=True)
        },
        energies=tuple(energies),
        verification=Verification(90000, 0, 1, "Icarus 11"),
        provenance={"tools": {"pyosys": "0.70"}},
    )


@pytest.fixture(scope="session")
def results() -> Results:
    rng = random.Random(7)
    plan = make_plan()
    measurements = tuple(
        _measurement(rng, point.spec.name, point.clock_ns, plan.stimuli) for point in plan.points
    )
    scores: list[dict[str, Any]] = []
    layers: list[dict[str, Any]] = []
    for network, metric, count, fp32 in NETWORKS:
        granularities = ("tensor-static", "token-dynamic")
        recipes = [("fp32", "none")] + [(f, g) for f in plan.formats for g in granularities]
        for fmt, granularity in recipes:
            value = fp32 * (
                rng.uniform(1.0, 1.3) if metric == "perplexity" else rng.uniform(0.7, 1)
            )
            value = fp32 if fmt == "fp32" else value
            scores.append(
                {
                    "network": network,
                    "data": f"made-up data of {network}",
                    "n": count,
                    "format": fmt,
                    "activation_format": fmt,
                    "granularity": granularity,
                    "clip": "none" if fmt == "fp32" else "absmax",
                    "metric": metric,
                    "value": value,
                    "low": 0.97 * value,
                    "high": min(1.03 * value, 1.0) if metric == "agreement" else 1.03 * value,
                    "fp32_value": fp32,
                    "agreement": 0.9,
                    "agreement_low": 0.88,
                    "agreement_high": 0.92,
                    "logit_sqnr_db": None if fmt == "fp32" else rng.uniform(5, 30),
                    "kl": 0.0 if fmt == "fp32" else rng.uniform(0, 0.1),
                    "provenance": {"obtained": "measured", "scored": "made-up", "tools": {}},
                }
            )
            if fmt != "fp32":
                layers += [
                    {
                        "network": network,
                        "data": "made-up",
                        "layer": f"layer{index}",
                        "format": fmt,
                        "granularity": granularity,
                        "clip": "absmax",
                        "output_sqnr_db": rng.uniform(10, 40),
                        "input_sqnr_db": rng.uniform(10, 40),
                        "weight_sqnr_db": rng.uniform(10, 40),
                    }
                    for index in range(50)
                ]
    analytic = tuple(
        {
            "format": fmt,
            "distribution": distribution,
            "range": 4.0,
            "mse": 1e-4,
            "sqnr_db": rng.uniform(20, 45),
            "obtained": "modelled",
        }
        for distribution in DISTRIBUTIONS
        for fmt in plan.formats
    )
    return Results(
        plan=plan.to_dict(),
        measurements=measurements,
        ratios=tuple(ratios_of(measurements, plan.units(False), plan.units(True))),
        scores=tuple(scores),
        layers=tuple(layers),
        analytic=analytic,
        tools={"pyosys": "0.70"},
    )
