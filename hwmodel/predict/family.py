"""Units that the fitted models are trained on, a spread over formats and accumulators."""

from hwmodel.units import UnitSpec, parse_unit

__all__ = ["training_family"]

_INTEGER = (
    *(f"int{bits}-int{bits}-int32" for bits in (2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16)),
    *(f"int{bits}-int{bits}-exact" for bits in (2, 3, 4, 5, 6, 7, 8, 9, 10, 12)),
    *(f"int{bits}-int{bits}-int16" for bits in (2, 3, 4, 5, 6)),
    *(f"int{bits}-int{bits}-int24" for bits in (3, 4, 5, 6, 7, 8, 9, 10)),
    *("int6-int6-exact40", "int4-int4-int40", "int8-int8-int40", "int2-int4-int16"),
    *("int2-int8-int32", "int3-int6-int32", "int4-int8-int32", "int3-int4-int32"),
    *("int4-int6-int32", "int5-int8-int32", "int6-int8-int32", "int4-int12-int32"),
    *("int4-int8-exact", "int2-int8-exact", "int4-int6-exact", "int6-int8-int24"),
)
_EXACT = (
    *("e2m1", "e3m0", "e2m2", "e3m1", "e2m3", "e3m2", "e4m1", "e2m4", "e3m3", "e4m2"),
    *("e2m5", "e3m4", "e4m3", "e5m2", "e4m0", "e5m1", "e2m6", "e3m5", "e4m4"),
)
_MIXED_EXACT = (
    *("e4m3-e5m2-exact", "e2m1-e4m3-exact", "e2m3-e3m2-exact", "e4m3-e4m3-exact64"),
    *("e3m1-e2m3-exact", "e3m2-e4m1-exact", "e2m1-e3m2-exact", "e2m1-e2m3-exact"),
    *("e2m1-e3m4-exact", "e3m4-e4m3-exact", "e2m5-e4m3-exact", "e3m2-e4m3-exact"),
    *("e2m1-e5m2-exact", "e2m1-e2m1-exact40", "e3m2-e3m2-exact40"),
)
_FP32 = (
    *("e2m1", "e2m3", "e3m2", "e4m3", "e5m2", "e3m4", "e2m5", "e2m2", "e3m1", "e4m1"),
    *("e2m4", "e3m3", "e4m2", "int4", "int5", "int6", "int8", "bf16", "fp16"),
    *("e5m1", "e3m5", "e4m4", "e5m3", "int3", "int7", "int10"),
)
_BF16 = (
    *("e2m1", "e3m2", "e4m3", "e5m2", "e2m2", "e3m1", "e2m3", "e3m3", "e4m2", "e3m4"),
    *("int4", "int8", "e2m4", "e2m5", "e4m1", "e5m1", "e4m4", "int3", "int6", "bf16"),
)
_FP16 = (
    *("e2m1", "e2m3", "e3m4", "e4m3", "e5m2", "e2m2", "e3m1", "e3m2", "e2m4", "e3m3"),
    *("fp16", "e2m5", "e4m1", "e4m2", "e3m5", "e4m4", "int3", "int4", "int5"),
)
_MIXED_FLOAT = (
    *("e4m3-e5m2-fp32", "e2m1-e4m3-fp32", "e5m2-e3m2-fp32", "e4m3-e4m3-e5m7ieee"),
    *("e4m3-e5m2-bf16", "e2m1-e4m3-bf16", "e4m3-e5m2-fp16", "e2m1-e4m3-fp16"),
    *("e2m3-e4m3-fp32", "e3m2-e4m3-fp32", "e2m1-e2m3-fp32", "e2m1-bf16-fp32"),
    *("e4m3-bf16-fp32", "e4m3-fp16-fp32", "int4-int8-fp32", "e3m4-e4m3-bf16"),
    *("e2m1-e3m2-bf16", "e2m1-e3m4-fp16", "e3m2-e4m3-fp16", "int4-int8-bf16"),
    *("e4m3-e4m3-tf32", "e5m2-e5m2-tf32", "e2m1-e2m1-tf32", "e3m2-e3m2-tf32"),
    *("e4m3-e4m3-e6m9ieee", "e3m3-e3m3-e6m9ieee", "e3m2-e3m2-e5m7ieee", "e2m3-e2m3-e5m7ieee"),
)
_FLOAT = (
    *(f"{name}-{name}-fp32" for name in _FP32),
    *(f"{name}-{name}-bf16" for name in _BF16),
    *(f"{name}-{name}-fp16" for name in _FP16),
    *_MIXED_FLOAT,
)


def training_family() -> tuple[UnitSpec, ...]:
    """Units to measure, small ones of every kind first, so that a short run covers all kinds."""
    exact = (*(f"{name}-{name}-exact" for name in _EXACT), *_MIXED_EXACT)
    groups = (_INTEGER, exact, _FLOAT)
    longest = max(len(group) for group in groups)
    names = [group[i] for i in range(longest) for group in groups if i < len(group)]
    return tuple(parse_unit(f"mac-{name}") for name in names)
