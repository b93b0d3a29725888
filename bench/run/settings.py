"""What is to be measured, from the command line."""

from __future__ import annotations

import argparse
import os
import re
from dataclasses import dataclass
from pathlib import Path

from dcelite.bench.run import host
from dcelite.bench.run.turns import Rules
from dcelite.bench.run.variants import Variant, available_isas, variant_of
from dcelite.errors import DceliteError
from dcelite.model.architecture import MAX_DIMENSION

ISAS = ("avx512", "avx2", "neon", "scalar")
"""Instruction sets of processors other than this one are known by name, too: their rows have a reason, not times."""
MAX_THREADS = 64
QUICK = Rules(runs=10, seconds=0.2, max_seconds=2.0, warm_up=2)
CPU_BIND_MODES = {"1": "big", "2": "little"}
"""MindSpore Lite's --cpuBindMode: 0 none, 1 the large cores, 2 the others."""


@dataclass(frozen=True)
class Settings:
    variants: tuple[Variant, ...]
    sizes: tuple[tuple[int, int], ...]
    threads: tuple[int, ...]
    rules: Rules
    image: Path | None = None
    reference: Path | None = None
    processors: str | None = None
    stages: bool = True
    memory: bool = True
    quick: bool = False


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that the command line asks for; raises DceliteError."""
    isas = _chosen_isas(args.isa)
    libraries = _libraries(args.library)
    variants = [
        variant_of(model, isa, library=library)
        for model in (None if model == "shipped" else model for model in args.model or ["shipped"])
        for isa in (isas if _is_native(model) else (None,))
        for library in (libraries if _is_native(model) else (None,))
    ]
    variants += [variant_of(model, None, is_baseline=True) for model in args.baseline or []]
    threads = args.threads or [1, len(host.affinity() or range(os.cpu_count() or 1))]
    for number in threads:
        if not 1 <= number <= MAX_THREADS:
            raise DceliteError(f"--threads {number}: 1 to {MAX_THREADS} was wanted")
    return Settings(
        variants=tuple(dict.fromkeys(variants)),
        sizes=tuple(dict.fromkeys(map(parse_size, args.size or ["1200x900"]))),
        threads=tuple(dict.fromkeys(threads)),
        rules=_rules(args),
        image=args.image,
        reference=args.reference,
        processors=args.cpu or CPU_BIND_MODES.get(args.cpu_bind_mode),
        stages=not (args.no_stages or args.quick),
        memory=not (args.no_memory or args.quick),
        quick=args.quick,
    )


def parse_size(text: str) -> tuple[int, int]:
    """``1200x900`` -> (1200, 900), width first; raises DceliteError."""
    match = re.fullmatch(r"([0-9]{1,5})[xX]([0-9]{1,5})", text)
    if match is None or not all(1 <= int(side) <= MAX_DIMENSION for side in match.groups()):
        raise DceliteError(f"--size {text}: WIDTHxHEIGHT, 1 to {MAX_DIMENSION} each, was wanted, as 1200x900")
    return int(match[1]), int(match[2])


def _is_native(model: str | None) -> bool:
    return model is None or model.lower().endswith(".dce")


def _libraries(paths: list[Path] | None) -> tuple[Path | None, ...]:
    for path in paths or []:
        if not path.is_file():
            raise DceliteError(f"--library {path}: no such file")
    return tuple(dict.fromkeys(paths or [])) or (None,)


def _chosen_isas(given: list[str] | None) -> tuple[str, ...]:
    known = dict.fromkeys((*available_isas(), *ISAS))
    chosen: list[str] = []
    for name in (name.strip() for text in given or [] for name in text.split(",") if name.strip()):
        if name != "all" and name not in known:
            raise DceliteError(f"--isa {name}: one of {', '.join(known)} or 'all' was wanted")
        chosen += available_isas() if name == "all" else [name]
    return tuple(dict.fromkeys(chosen)) or available_isas()[:1]


def _rules(args: argparse.Namespace) -> Rules:
    base = QUICK if args.quick else Rules()
    names = ("runs", "seconds", "max_seconds", "warm_up")
    rules = Rules(*(getattr(base if getattr(args, name) is None else args, name) for name in names))
    if rules.runs < 1 or rules.warm_up < 0 or not 0 <= rules.seconds <= 3600 or not 0 < rules.max_seconds <= 3600:
        raise DceliteError(
            f"--runs {rules.runs} --warm-up {rules.warm_up} --seconds {rules.seconds:g} --max-seconds "
            f"{rules.max_seconds:g}: at least 1 run, 0 warm-up runs, 0 to 3600 seconds were wanted"
        )
    return rules
