"""What is to be measured, from the command line."""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass, replace
from pathlib import Path

from dcelite.bench.run import host
from dcelite.bench.run.turns import Rules
from dcelite.bench.run.variants import SHIPPED, Variant, available_isas, variants_of
from dcelite.errors import DceliteError
from dcelite.model.architecture import MAX_DIMENSION

ISAS = ("avx512vnni", "avx512", "avxvnni", "avx2", "neondot", "neon", "neon32", "scalar")
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
    processors: str | None
    image: Path | None
    reference: Path | None
    stages: bool
    memory: bool


def settings_of(args: argparse.Namespace) -> Settings:
    """The settings that the command line asks for; raises DceliteError."""
    isas = _chosen_isas(args.isa or [])
    for path in args.library or []:
        if not path.is_file():
            raise DceliteError(f"--library {path}: no such file")
    libraries = args.library or [None]
    amounts = args.denoise or [0.0]
    for amount in amounts:
        if not 0 <= amount <= 1:
            raise DceliteError(f"--denoise {amount:g}: 0 to 1 was wanted")
    choices = isas, libraries, amounts, args.precision or ["exact"]
    variants = [one for model in args.model or [SHIPPED] for one in variants_of(model, *choices)]
    for model in args.baseline or []:
        variants += variants_of(model, available_isas()[:1], is_baseline=True)
    threads = args.threads or [1, len(host.affinity())]
    for number in threads:
        if not 1 <= number <= MAX_THREADS:
            raise DceliteError(f"--threads {number}: 1 to {MAX_THREADS} was wanted")
    return Settings(
        variants=tuple(dict.fromkeys(variants)),
        sizes=tuple(dict.fromkeys(map(parse_size, args.size or ["1200x900"]))),
        threads=tuple(dict.fromkeys(threads)),
        rules=_rules(args),
        processors=args.cpu or CPU_BIND_MODES.get(args.cpu_bind_mode),
        stages=not (args.no_stages or args.quick),
        memory=not (args.no_memory or args.quick),
        image=args.image,
        reference=args.reference,
    )


def parse_size(text: str) -> tuple[int, int]:
    """``1200x900`` -> (1200, 900), width first; raises DceliteError."""
    match = re.fullmatch(r"([0-9]{1,5})[xX]([0-9]{1,5})", text)
    if match is None or not all(1 <= int(side) <= MAX_DIMENSION for side in match.groups()):
        raise DceliteError(f"--size {text}: WIDTHxHEIGHT, 1 to {MAX_DIMENSION} each, was wanted, as 1200x900")
    return int(match[1]), int(match[2])


def _chosen_isas(given: list[str]) -> tuple[str, ...]:
    names = [name for name in re.split(r"[,\s]+", ",".join(given)) if name]
    known = dict.fromkeys((*available_isas(), *ISAS))
    if unknown := [name for name in names if name not in (*known, "all")]:
        raise DceliteError(f"--isa {unknown[0]}: one of {', '.join(known)} or 'all' was wanted")
    chosen = [isa for name in names for isa in (available_isas() if name == "all" else (name,))]
    return tuple(dict.fromkeys(chosen)) or available_isas()[:1]


def _rules(args: argparse.Namespace) -> Rules:
    given = {name: getattr(args, name) for name in ("runs", "seconds", "max_seconds", "warm_up")}
    rules = replace(
        QUICK if args.quick else Rules(), **{name: value for name, value in given.items() if value is not None}
    )
    if rules.runs < 1 or rules.warm_up < 0 or not 0 <= rules.seconds <= 3600 or not 0 < rules.max_seconds <= 3600:
        raise DceliteError(
            f"--runs {rules.runs} --warm-up {rules.warm_up} --seconds {rules.seconds:g} --max-seconds "
            f"{rules.max_seconds:g}: at least 1 run, 0 warm-up runs, 0 to 3600 seconds were wanted"
        )
    return rules
