"""Units that the golden model has and RTL has not: a sentence, wherever RTL is asked for."""

import pytest

from hwmodel.errors import HwmodelError
from hwmodel.predict.features import features_of
from hwmodel.rtl import create_unit, structures_for
from hwmodel.units import parse_unit


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("mac-int8-int8-int8", "too narrow"),
        ("mac-int8-int8-int100sat", "too wide"),
        ("mac-int8-int8-e5m0", "mantissa bits"),
        ("mac-e4m3-e4m3-e1m6ieee", "exponent bits"),
        ("mac-int8-int8-e4m3nosub", "subnormals"),
        ("mac-int8-int8-ue4m3", "a sign"),
        ("mac-fp32-fp32-fp32", "more than 16 bits"),
        ("mac-int32-int32-exact", "more than 16 bits"),
        ("mac-int8-e4m3-fp16", "an integer and a float"),
        ("mac-e12m3-e5m2-fp32", "beyond float64"),
        ("mac-int8-int8-e12m3", "beyond float64"),
        ("mac-int8-int8-exact16sat", "saturates"),
        ("mac-e4m3-e4m3-fp16-stochastic", "stochastic"),
    ],
)
def test_units_that_only_the_golden_model_has(name, part):
    for make in (create_unit, structures_for, features_of):
        with pytest.raises(HwmodelError, match=part):
            make(parse_unit(name))
