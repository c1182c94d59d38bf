"""Compile a Triton kernel for a GPU that is not there, and count what the result costs."""

import re
import subprocess
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

BIN = Path(triton.__file__).parent / "backends" / "nvidia" / "bin"
# A line's name, behind the address and the predicate.
INSTRUCTION = r"^\s+/\*[0-9a-f]{4,}\*/\s+(?:@!?U?P\d+ )?([A-Z][\w.]*)"


@dataclass(frozen=True)
class Built:
    """What a thread of a kernel needs, and its instructions.

    Attributes:
        registers: of a thread.
        spilled: bytes of a thread that find no register.
        shared: bytes of shared memory of a program.
        instructions: how many there are of each, by name, such as `HGMMA` or `RED.E.ADD.F32`.
    """

    registers: int
    spilled: int
    shared: int
    instructions: Counter[str]

    def count(self, start: str) -> int:
        return sum(n for name, n in self.instructions.items() if name.startswith(start))


def build(
    kernel: Any,
    types: dict[str, str],
    constants: dict[str, Any],
    folder: Path,
    *,
    num_warps: int,
    num_stages: int = 1,
    capability: int = 90,
) -> Built:
    """Compile for compute capability `capability` / 10.

    Args:
        types: of the arguments that are not constants, as Triton writes them: `*fp32`, `i32`.
            Pointers are taken to be aligned, as torch's are.
        folder: where the compiler may write.
    """
    names = kernel.arg_names
    signature = {name: types.get(name, "constexpr") for name in names}
    aligned = {
        (i,): [["tt.divisibility", 16]]
        for i, name in enumerate(names)
        if signature[name].startswith("*")
    }
    source = ASTSource(fn=kernel, signature=signature, constexprs=constants, attrs=aligned)
    options = {"num_warps": num_warps, "num_stages": num_stages}
    made = triton.compile(source, target=GPUTarget("cuda", capability, 32), options=options)
    (folder / "kernel.ptx").write_text(made.asm["ptx"])
    arch = f"sm_{capability}{'a' if capability >= 90 else ''}"
    command = [BIN / "ptxas", "-v", f"-arch={arch}", "kernel.ptx", "-o", "kernel.cubin"]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stderr
    dump = [BIN / "cuobjdump", "-sass", "kernel.cubin"]
    sass = subprocess.run(dump, cwd=folder, capture_output=True, text=True, check=True).stdout
    registers = re.search(r"Used (\d+) registers", said)
    spills = re.search(r"(\d+) bytes spill st", said)
    assert registers is not None, said
    assert spills is not None, said
    found = re.findall(INSTRUCTION, sass, re.MULTILINE)
    return Built(int(registers[1]), int(spills[1]), made.metadata.shared, Counter(found))
