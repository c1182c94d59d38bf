"""The verb `signal`, and `compare` for signals, from flags to files."""

import sys
from typing import Any

from data import holds_signal

from . import signals
from .display import Display
from .folder import RunFolder, default_folder
from .jobs import fit_job
from .options import PICTURE_FLAGS, SHAPE_FLAGS, SIGNAL_FLAGS, CompareOptions, SignalVerbOptions
from .plans import (
    check_methods,
    first,
    kept_options,
    make_plan,
    read_config,
    refuse_flags,
    within_budget,
)
from .race import Plan
from .signal_job import SignalJob
from .signal_preparing import PreparedSignal, is_file, prepare_signal
from .words import say

BOTH = ("psnr", "task")  # flags about pictures that signals have too


def signal(options: SignalVerbOptions, knobs: list[str], command: str) -> dict[str, Any]:
    saved = read_config(options.config)
    seed = first(options.seed, saved.seed if saved else None, 0)
    prepared = prepare_signal(options.input, options, holdout=options.holdout, seed=seed)
    plans = [make_plan(options.method, options, knobs, prepared.task, saved)]
    return _fit("signal", options, prepared, plans, command)


def compare_signal(options: CompareOptions, knobs: list[str], command: str) -> dict[str, Any]:
    """`compare` for a signal."""
    check_methods(options.methods)
    alien = [name for name in (*PICTURE_FLAGS, *SHAPE_FLAGS) if name not in BOTH]
    refuse_flags(options, alien, f"is not for signals, and {options.input} is one")
    saved = read_config(options.config)
    seed = first(options.seed, saved.seed if saved else None, 0)
    prepared = prepare_signal(str(options.input), options, holdout=options.holdout, seed=seed)
    options = within_budget(options)
    plans = [make_plan(m, options, knobs, prepared.task, saved) for m in options.methods]
    return _fit("compare", options, prepared, plans, command)


def is_signal(options: CompareOptions) -> bool:
    """Whether what is to be compared is a signal: it is said, it is a formula, or it can be nothing
    else."""
    if options.task is not None:
        return options.task == "signal"
    if any(getattr(options, name) is not None for name in SIGNAL_FLAGS):
        return True
    return not is_file(str(options.input)) or holds_signal(options.input)


def _fit(
    verb: str,
    options: SignalVerbOptions | CompareOptions,
    prepared: PreparedSignal,
    plans: list[Plan],
    command: str,
) -> dict[str, Any]:
    print(f"{prepared.name}: {prepared.signal.describe()}", file=sys.stderr, flush=True)
    folder = RunFolder(options.out or default_folder(prepared.stem))
    job = SignalJob(verb, prepared, plans, command, kept_options(options))
    with Display([p.method for p in plans]) as display:
        document = fit_job(job, folder, stop=signals.asked, show=display.show)
    say(document, folder, options.json)
    return document
