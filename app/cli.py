"""The command line: finds the verb, reads its flags, and turns errors into one line."""

import importlib
import inspect
import os
import shlex
import sys
from dataclasses import dataclass, fields
from typing import Any

from . import signals


@dataclass(frozen=True)
class Verb:
    """A verb of the command line.

    Attributes:
        options: name of its dataclass in `app.options`.
        module: where its function is, named like the verb.
        knobs: whether it takes the dotted flags of a method too.
    """

    summary: str
    options: str
    module: str
    example: str
    knobs: bool = False


VERBS = {
    "image": Verb(
        "reconstruct a picture", "ImageOptions", "verbs",
        "fieldfit image photo.jpg --seconds 5", knobs=True,
    ),
    "inpaint": Verb(
        "fill the holes of a picture", "InpaintOptions", "verbs",
        "fieldfit inpaint photo.png mask.png", knobs=True,
    ),
    "denoise": Verb(
        "remove the noise of a picture", "DenoiseOptions", "verbs",
        "fieldfit denoise noisy.png", knobs=True,
    ),
    "upscale": Verb(
        "enlarge a picture", "UpscaleOptions", "verbs",
        "fieldfit upscale photo.jpg --scale 4", knobs=True,
    ),
    "points": Verb(
        "make a watertight mesh of a cloud of points", "PointsOptions", "shape_verbs",
        "fieldfit points scan.ply --seconds 10", knobs=True,
    ),
    "mesh": Verb(
        "fit a signed distance field to a mesh", "MeshVerbOptions", "shape_verbs",
        "fieldfit mesh part.stl", knobs=True,
    ),
    "signal": Verb(
        "fit a one-dimensional signal", "SignalVerbOptions", "signal_verbs",
        'fieldfit signal "sin(3*x) + sin(20*x)" --method fourier', knobs=True,
    ),
    "compare": Verb(
        "race several methods on one input", "CompareOptions", "verbs",
        "fieldfit compare photo.jpg --methods plain fourier hash --seconds 10", knobs=True,
    ),
    "render": Verb(
        "draw a saved field at any size", "RenderOptions", "drawing",
        "fieldfit render runs/.../field.safetensors --size 4096x",
    ),
    "export": Verb(
        "write a saved field as a mesh, a picture or numbers", "ExportOptions", "drawing",
        "fieldfit export runs/.../field.safetensors --to glb",
    ),
    "study": Verb(
        "run an experiment of the frequency principle", "StudyOptions", "study_verb",
        "fieldfit study list", knobs=True,
    ),
    "bench": Verb(
        "measure this machine, and quality beside other tools", "BenchOptions", "bench",
        "fieldfit bench images photos/",
    ),
    "app": Verb("open the web page", "AppOptions", "page", "fieldfit app"),
    "doctor": Verb(
        "say what is installed and what works", "DoctorOptions", "doctor", "fieldfit doctor",
    ),
}


FORMULAS = ("signal", "compare", "study")  # verbs whose input may be one


def usage() -> str:
    """The text of `fieldfit --help`."""
    width = max(map(len, VERBS))
    verbs = "\n".join(f"  {name:<{width}}  {verb.summary}" for name, verb in VERBS.items())
    examples = "\n".join(f"  {verb.example}" for verb in VERBS.values())
    return (
        "usage: fieldfit VERB INPUT [flags]\n\n"
        "Fits neural fields to pictures, shapes and signals, and shows what they learn first.\n\n"
        f"verbs:\n{verbs}\n\nexamples:\n{examples}\n\n"
        "fieldfit VERB --help lists the flags of a verb;\n"
        "fieldfit image --method hash --help also the knobs of the method.\n"
    )


def main(args: list[str] | None = None) -> int:
    """Run one command; its exit status: 0 done, 2 bad input or arguments, 130 interrupted."""
    signals.install()
    args = sys.argv[1:] if args is None else args
    if not args or args[0] in ("-h", "--help", "help"):
        print(usage(), end="")
        return 0 if args else 2
    if args[0] in ("-V", "--version", "version"):
        from importlib.metadata import version

        print(f"fieldfit {version('fieldfit')}")
        return 0
    if args[0] not in VERBS:
        return fail(f"unknown verb {args[0]!r}; choose from {', '.join(VERBS)}.")
    try:
        run(args[0], args[1:])
    except KeyboardInterrupt:
        print("interrupted.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as end:  # tyro has said what is wrong, or printed its help
        return end.code if isinstance(end.code, int) else 2
    except Exception as error:
        if not _is_users(error) or os.environ.get("FIELDFIT_TRACEBACK"):
            raise
        return fail(str(error))
    return 130 if signals.asked() else 0


def fail(message: str) -> int:
    print(f"fieldfit: {message}", file=sys.stderr)
    return 2


def _is_users(error: Exception) -> bool:
    """Whether an error is about what was given, rather than a fault of ours."""
    if isinstance(error, ValueError | MemoryError | OSError):
        return True
    from fields import BackendUnavailable

    return isinstance(error, BackendUnavailable)


def run(name: str, args: list[str]) -> Any:
    """Read a verb's flags and do it."""
    import tyro

    from . import options

    verb = VERBS[name]
    if name in FORMULAS:
        args = _told_from_flags(args)
    help_wanted = not {"-h", "--help"}.isdisjoint(args)
    kind = getattr(options, verb.options)
    method = _value_of("--method", args) if verb.knobs else None
    if help_wanted and method is not None:
        return _help_of_knobs(method, name)
    if help_wanted and name == "study" and not args[0].startswith("-"):
        return importlib.import_module(".study_verb", __package__).explain(args[0])
    own, knobs = _without_knobs(args, kind) if verb.knobs else (args, [])
    read, unknown = tyro.cli(
        kind, args=own, prog=f"fieldfit {name}", return_unknown_args=True,
        config=(tyro.conf.FlagCreatePairsOff,),
        description=f"{inspect.cleandoc(kind.__doc__)}\n\nexample: {verb.example}",
    )
    if unknown and not verb.knobs:
        raise ValueError(f"unknown flag {unknown[0]!r}; see fieldfit {name} --help.")
    function = getattr(importlib.import_module(f".{verb.module}", __package__), name)
    _leave_threads_to_the_engine()
    if not verb.knobs:
        return function(read)
    return function(read, [*knobs, *unknown], shlex.join(["fieldfit", name, *args]))


def _told_from_flags(args: list[str]) -> list[str]:
    """The arguments with a domain that begins with a minus joined to its flag, and a formula that
    does in brackets: they would be taken for flags."""
    found: list[str] = []
    for arg in args:
        before = found[-1] if found else ""
        if before == "--domain":
            found[-1] = f"--domain={arg}"
        elif arg[:1] != "-" or arg[:2] in ("--", "-h") or before[:2] == "--" or _is_number(arg):
            found.append(arg)
        else:
            found.append(f"({arg})")
    return found


def _without_knobs(args: list[str], kind: type) -> tuple[list[str], list[str]]:
    """The arguments without a method's knobs, and the knobs with their values: what follows one
    would otherwise be taken for an input that may be left out."""
    own = {f"--{f.name}".replace("_", "-") for f in fields(kind)} | {"--help", "--no-json"}
    kept: list[str] = []
    knobs: list[str] = []
    pending = list(args)
    while pending:
        arg = pending.pop(0)
        if not arg.startswith("--") or arg.partition("=")[0].replace("_", "-") in own:
            kept.append(arg)
            continue
        knobs.append(arg)
        if "=" in arg or not pending or pending[0].startswith("--"):
            continue
        knobs.append(pending.pop(0))
        while pending and _is_number(pending[0]):  # a knob may hold several
            knobs.append(pending.pop(0))
    return kept, knobs


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _leave_threads_to_the_engine() -> None:
    """The engine shares work out by itself; torch's own threads only wait for one another."""
    import torch

    torch.set_num_threads(1)


def _value_of(flag: str, args: list[str]) -> str | None:
    for i, arg in enumerate(args):
        if arg == flag and i + 1 < len(args):
            return args[i + 1]
        if arg.startswith(f"{flag}="):
            return arg.partition("=")[2]
    return None


def _help_of_knobs(method: str, verb: str) -> None:
    from fields import METHODS, method_config

    from .knobs import parse_knobs
    from .plans import SHARED

    task, what = _example(verb)
    config, _ = method_config(method, task)
    if method in METHODS:
        print(f"{method}: {METHODS[method].summary} ({METHODS[method].source}).")
        print(f"The values shown are those for {what}.\n")
    parse_knobs(config, ["--help"], program="fieldfit VERB ...", without=frozenset(SHARED))


def _example(verb: str) -> tuple[Any, str]:
    """A task as a verb has it, and what it is."""
    import torch

    from fields import TASKS, ImageTask, mesh_task
    from fields.tasks import SignalTask

    if VERBS[verb].module == "signal_verbs":
        from .signal_preparing import centres

        x = centres(1024)[:, None]
        return SignalTask(x, x.sin()), "a signal of 1,024 samples"
    if VERBS[verb].module == "shape_verbs":
        corners = torch.cat([torch.zeros(1, 3), torch.eye(3)])
        faces = torch.tensor([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
        return mesh_task(corners, faces, pool=1000), "a mesh, or points that lie as closely"
    kind: Any = TASKS.get(verb, ImageTask)
    return kind(torch.zeros(512, 512, 3)), "a picture of 512x512 pixels"


if __name__ == "__main__":
    sys.exit(main())
