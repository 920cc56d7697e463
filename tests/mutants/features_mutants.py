"""Does the suite of the window kernel bite? Plants one bug at a time in a copy and runs the tests on it.

Run it from the root of the repository: `python tests/mutants/features_mutants.py`. It prints the table of
`docs/planted_bugs.md` and ends with 1 when a bug survives. Some twenty seconds a bug: the kernel is compiled
anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
UNSHRUNK = """
from hypothesis import Phase, settings
settings.register_profile("unshrunk", phases=(Phase.explicit, Phase.generate))
settings.load_profile("unshrunk")
"""  # a law that fails has done its work: no time is spent on a smaller example
LAWS = ("tests/laws/test_features_windows.py", "tests/features")

# (what is wrong, file, the sound text, the planted text)
MUTANTS = (
    (
        "window closed at its old end",
        "look",
        "since = until - plan[window, WIDTH]",
        "since = until - plan[window, WIDTH] - 1",
    ),
    (
        "ties left out by the search",
        "search",
        "if n == 1 and arena[np.uint64(base + low)] <= time:",
        "if n == 1 and arena[np.uint64(base + low)] < time:",
    ),
    (
        "a hint is believed",
        "search",
        "return first_after_far(arena, base, low, high, time, begin)",
        "return begin + n",
    ),
    (
        "the summary of a word that goes on behind the window is used",
        "search",
        "stop = (high + 63) >> 6 if high == end else high >> 6",
        "stop = (high + 63) >> 6",
    ),
    (
        "a piece of a spare block is given twice",
        "memory",
        "meta[SCRAP_END] = meta[SCRAP] + block_words(plan, entity, capacity(size_class))",
        "meta[SCRAP_END] = meta[SCRAP] + block_words(plan, entity, capacity(size_class)) + 40",
    ),
    (
        "compaction takes the sentinel for dead",
        "compact",
        "start = headers[row, START]\n",
        "start = headers[row, START] + 1\n",
    ),
    (
        "an event exactly at the limit is too late",
        "look",
        "return event[TIME] < max(",
        "return event[TIME] <= max(",
    ),
    (
        "lateness by the newest arrival before, not its own",
        "look",
        "max(meta[NOW], event[ARRIVED])",
        "meta[NOW]",
    ),
    (
        "evicted one microsecond early",
        "write",
        "<= dead:\n        start += 1",
        "<= dead + 1:\n        start += 1",
    ),
    (
        "a late event takes the newest bit",
        "write",
        "elif arena[i + 1] > time:\n            continue",
        "elif arena[i + 1] > time + 10**15:\n            continue",
    ),
    (
        "the old newest bit stays",
        "write",
        "arena[bits + (j >> 6)] &= ~(np.int64(1) << (j & 63))",
        "arena[bits + (j >> 6)] &= ~np.int64(0)",
    ),
    (
        "late insert: summaries not renewed",
        "write",
        "summarise(plan, arena, entity, block, size, position >> 6, end + 1)",
        "extend_summaries(plan, arena, entity, block, size, end)",
    ),
    (
        "late insert: last running total not raised",
        "write",
        "for i in range(behind):\n                arena[at + (i + 1) * record] += value",
        "for i in range(behind - 1):\n                arena[at + (i + 1) * record] += value",
    ),
    (
        "late insert: bit lost between words",
        "write",
        "(arena[base + i] << 1) | shifted_right(arena[base + i - 1], 63)",
        "(arena[base + i] << 1)",
    ),
    (
        "late insert: running counts not raised",
        "write",
        "shorts[at + (i + 1) * stride] += 1",
        "shorts[at + (i + 1) * stride] += 0",
    ),
    ("move: bits of the next word lost", "memory", "arena[a + word + 1] << (64 - shift)", "np.int64(0)"),
    (
        "a delayed first_seen trusts the newest time",
        "look",
        "if newest <= until:\n        return np.int64(0)",
        "if newest > since:\n        return np.int64(0)",
    ),
    (
        "current value counted twice in distinct",
        "look",
        "if arena[i] != -1 and arena[i + 1] > since:",
        "if arena[i] != -1 and arena[i + 1] > since + 10**15:",
    ),
    (
        "a missing value enters the mean's count",
        "write",
        "if event[plan[plan[entity, COUNT0] + count, 0]] != NULL:",
        "if True:",
    ),
    (
        "live keys forgotten when a table moves",
        "take",
        "now - plan[0, KEEP_MOST], plan[0, PAIRS]",
        "now, plan[0, PAIRS]",
    ),
    (
        "an idle entity freed too early",
        "take",
        "if headers[hand, NEWEST] <= now - plan[1 + kind, KEEP]:",
        "if headers[hand, NEWEST] <= now - plan[1 + kind, KEEP] // 2:",
    ),
    (
        "a look moves the time",
        "look",
        "    shorts = arena.view(np.int32)\n    join_places(plan, event)",
        "    meta[NOW] = max(meta[NOW], event[ARRIVED])\n"
        "    shorts = arena.view(np.int32)\n    join_places(plan, event)",
    ),
    (
        "evidence: oldest instead of newest",
        "evidence",
        "shorts[arrivals + (high - n + i) * stride]",
        "shorts[arrivals + (low + i) * stride]",
    ),
    (
        "overflow check ignores late inserts",
        "take",
        "small &= abs(arena[base + i * record] + value) <= SUM_LIMIT // 2",
        "small &= True",
    ),
    (
        "a refused event moves the time",
        "take",
        "    if to_centre < 0:\n        return OVERFLOW",
        "    if to_centre < 0:\n        meta[NOW] = now\n        return OVERFLOW",
    ),
    (
        "a fact moves only its own count",
        "tell",
        "for i in range(position, end):\n            shorts",
        "for i in range(position, position + 1):\n            shorts",
    ),
    (
        "a fact told again counts again",
        "tell",
        "if known == fraud:",
        "if known == fraud and fraud == 0:",
    ),
    (
        "of tied events the last is taken for the one meant",
        "tell",
        "if shorts[arrivals + position * stride] == np.int32(event[ARRIVAL] & 0xFFFFFFFF):",
        "if position > start:",
    ),
)


def caught_by(name: str, old: str, new: str) -> list[str]:
    """The tests that fail once the bug is planted (the first few)."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "src"
        shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
        file = copy / "riskloom" / "features" / f"{name}.py"
        text = file.read_text()
        file.write_text(text.replace(old, new, 1))
        (copy / "unshrunk.py").write_text(UNSHRUNK)
        environment = {**os.environ, "PYTHONPATH": str(copy), "NUMBA_CACHE_DIR": str(Path(folder) / "cache")}
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            "not slow",
            "--noconftest",
            "-p",
            "no:cacheprovider",
            *LAWS,
        ]
        run = subprocess.run(
            [*command, "-p", "unshrunk", "--maxfail", "3", *LAWS],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        failed = re.findall(r"^FAILED .*?::(\w+)", run.stdout, re.MULTILINE)
        if run.returncode not in (0, 1):
            raise SystemExit(run.stdout + run.stderr)
        return list(dict.fromkeys(failed))


def check_mutants() -> None:
    """Refuse to start when the sound text of a bug is no longer there."""
    room = ROOT / "src" / "riskloom" / "features"
    gone = [what for what, name, old, _ in MUTANTS if old not in (room / f"{name}.py").read_text()]
    if gone:
        raise SystemExit(f"mend the script, the kernel has changed: {gone}")


def main(first: int = 1) -> int:
    """Plant the bugs from number `first` on."""
    check_mutants()
    survived = 0
    print("| planted bug | in | caught by |\n|---|---|---|", flush=True)
    for what, name, old, new in MUTANTS[first - 1 :]:
        tests = caught_by(name, old, new)
        survived += not tests
        said = ", ".join(f"`{test}`" for test in tests) or "**nothing**"
        print(f"| {what} | `{name}.py` | {said} |", flush=True)
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 1))
