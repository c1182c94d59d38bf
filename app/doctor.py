"""What is installed, which backends work here, and why the others do not."""

from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

from fields.kernels.backends import NAMES, choose, faster, missing

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
    """Which backend `auto` takes on a device and why, what keeps each of the others from running,
    and what would make it faster."""
    device = torch.device(name)
    if name == "cuda" and not torch.cuda.is_available():
        return {"available": False, "why": "torch finds no NVIDIA GPU", "faster": _no_gpu()}
    chosen, why = choose("auto", device)
    problems = {backend: missing(backend, device) for backend in NAMES}
    found: dict[str, Any] = {"available": True}
    if name == "cuda":
        major, minor = torch.cuda.get_device_capability()
        found |= {"name": torch.cuda.get_device_name(), "capability": f"{major}.{minor}"}
    return found | {
        "auto": chosen,
        "why": why,
        "backends": {b: problem or "works" for b, problem in problems.items()},
        "faster": faster(device),
    }


def _no_gpu() -> str | None:
    """What a person with a GPU must do for torch to find it; None if there is no sign of one."""
    if torch.version.cuda is None:
        return (
            "this torch is built for the CPU alone; with an NVIDIA GPU, install the one for CUDA "
            "(pip install torch, as pytorch.org says), which brings triton along"
        )
    return "torch is built for CUDA, but finds no driver; install NVIDIA's, if there is a GPU"


def _text(document: dict[str, Any]) -> str:
    lines = ["machine"]
    lines += [f"  {k:<8} {v}" for k, v in document["machine"].items() if v is not None]
    lines.append("packages")
    for name, found in document["packages"].items():
        lines.append(f"  {name:<14} {found or 'not installed':<16} {PACKAGES[name]}")
    for name, device in document["devices"].items():
        if not device["available"]:
            lines.append(f"device {name}: not available, {device['why']}")
        else:
            called = f" ({device['name']})" if "name" in device else ""
            lines.append(f"device {name}{called}: auto takes {device['auto']}, {device['why']}")
            lines += [f"  {b:<11} {state}" for b, state in device["backends"].items()]
        if device["faster"]:
            lines.append(f"  faster: {device['faster']}")
    lines.append(
        "Grids run on these backends; other encodings and networks on torch, whose networks\n"
        "torch.compile makes faster on a GPU. Every run says what computed it."
    )
    return "\n".join(lines)
