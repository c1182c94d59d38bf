"""What is installed, which backends work here, and why the others do not."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from fields.kernels.backends import NAMES, choose, missing

from .folder import to_json
from .options import DoctorOptions
from .trace import machine

PACKAGES = {  # distribution: what it is for
    "torch": "computes",
    "numpy": "computes",
    "numba": "fast kernels on the CPU",
    "triton": "fast kernels on CUDA",
    "tinycudann": "fast kernels on CUDA",
    "safetensors": "fields on disk",
    "pillow": "pictures",
    "scikit-image": "sample pictures",
    "gradio": "the web page (pip install 'fieldfit[app]')",
    "trimesh": "meshes as GLB (pip install 'fieldfit[shape]')",
    "open3d-cpu": "beside which points are measured (pip install 'fieldfit[shape]')",
}


def doctor(options: DoctorOptions) -> dict[str, Any]:
    document = {
        "machine": machine(),
        "packages": {name: _version(name) for name in PACKAGES},
        "devices": {device: _device(device) for device in ("cpu", "cuda")},
    }
    print(to_json(document) if options.json else _text(document), flush=True)
    return document


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _device(name: str) -> dict[str, Any]:
    """Which backend `auto` takes on a device, and what keeps each of the others from running."""
    if name == "cuda" and not torch.cuda.is_available():
        return {"available": False, "why": "torch finds no NVIDIA GPU"}
    device = torch.device(name)
    chosen, why = choose("auto", device)
    problems = {backend: missing(backend, device) for backend in NAMES}
    return {
        "available": True,
        "auto": chosen,
        "why": why,
        "backends": {b: problem or "works" for b, problem in problems.items()},
    }


def _text(document: dict[str, Any]) -> str:
    lines = ["machine"]
    lines += [f"  {k:<8} {v}" for k, v in document["machine"].items() if v is not None]
    lines.append("packages")
    for name, found in document["packages"].items():
        lines.append(f"  {name:<14} {found or 'not installed':<16} {PACKAGES[name]}")
    for name, device in document["devices"].items():
        if not device["available"]:
            lines += [f"device {name}: not available, {device['why']}"]
            continue
        lines.append(f"device {name}: auto takes {device['auto']}, {device['why']}")
        lines += [f"  {b:<11} {state}" for b, state in device["backends"].items()]
    return "\n".join(lines)
