import json

import pytest
from tiny_netlists import tiny

from hwmodel.errors import HwmodelError
from hwmodel.technology import load_library, read_netlist


@pytest.fixture(scope="module")
def library():
    return load_library()


def gate(**pins):
    return tiny(
        {"x": ("input", [2, 3]), "y": ("output", [4])}, {"u": ("NAND2_X1", {"ZN": 4, **pins})}
    )


def test_ports_constants_and_names(library):
    netlist = read_netlist(gate(A1=3, A2="1"), library)
    assert netlist.net_names[:2] == ("1'b0", "1'b1")
    (instance,) = netlist.instances
    assert netlist.net_names[instance.pins["A1"]] == "x[1]"
    assert instance.pins["A2"] == 1
    assert netlist.ports["x"].bits == (2, 3)
    assert netlist.area(library) == pytest.approx(0.798)


def test_text_bytes_and_file_are_read_alike(library, tmp_path):
    text = json.dumps(gate(A1=2, A2=3))
    path = tmp_path / "n.json"
    path.write_text(text)
    hashes = {read_netlist(source, library).sha256() for source in (text, text.encode(), path)}
    assert len(hashes) == 1
    assert hashes != {read_netlist(gate(A1=3, A2=2), library).sha256()}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: d["modules"]["tiny"]["cells"]["u"].update(type="$_NAND_"),
            r"\$_NAND_ \(u\) is no",
        ),
        (
            lambda d: d["modules"]["tiny"]["cells"]["u"]["connections"].pop("A2"),
            "A2 of u is unconn",
        ),
        (lambda d: d["modules"]["tiny"]["cells"]["u"]["connections"].update(B=[2]), "pin B"),
        (lambda d: d["modules"].update(other=d["modules"]["tiny"]), "expected one module"),
        (lambda d: d["modules"].clear(), "expected one module, found none"),
    ],
)
def test_what_is_no_flat_mapped_netlist_is_refused(library, change, message):
    design = gate(A1=2, A2=3)
    change(design)
    with pytest.raises(HwmodelError, match=message):
        read_netlist(design, library)


def test_text_that_is_not_json_is_refused(library, tmp_path):
    with pytest.raises(HwmodelError, match="not JSON"):
        read_netlist("module x;", library)
    with pytest.raises(HwmodelError, match="cannot read the netlist"):
        read_netlist(tmp_path / "absent.json", library)
