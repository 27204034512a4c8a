"""How many right implementations are called right, and wrong ones wrong and by name: `PYTHONPATH=tests python tests/benchmarks/checker_table.py`.

The implementations are those of support.right and support.wrong; frameworks that are not installed are left out. The last table
stands in checker_table.txt.
"""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from support import right
from support.wrong import WRONG

import landscape as ls


def rights() -> Iterator[tuple[str, str, dict[str, Any], Any]]:
    for made, dtypes in {
        right.in_numpy: ("float64", "float32"),
        right.in_torch: ("float64", "float32", "float16", "bfloat16"),
        right.in_jax: ("float64", "float32", "float16", "bfloat16"),
    }.items():
        for dtype in dtypes:
            try:
                yield from ((f"{made.__name__[3:]}, {dtype}", *case) for case in made(dtype))
            except ImportError as error:
                print(f"left out: {error}")
                break
    try:
        yield from (("ml_dtypes, bfloat16", *case) for case in right.in_bfloat16())
    except ImportError as error:
        print(f"left out: {error}")


def main() -> None:
    counted, good, seconds = Counter(), Counter(), Counter()
    for kind, name, settings, function in rights():
        begun = time.process_time()
        found = ls.check_meta_gradient(function, **settings)
        seconds[kind] += time.process_time() - begun
        counted[kind] += 1
        good[kind] += found.right
        if not found.right:
            print(name, found, sep="\n")
    print(f"{'right implementations':24}{'n':>5}{'right':>7}{'s each':>8}")
    for kind in counted:
        print(f"{kind:24}{counted[kind]:5}{good[kind]:7}{seconds[kind] / counted[kind]:8.2f}")
    print(f"{'together':24}{sum(counted.values()):5}{sum(good.values()):7}\n")

    counted, wrong, named, seconds = Counter(), Counter(), Counter(), Counter()
    for kind, _, settings, function, words in WRONG:
        begun = time.process_time()
        found = ls.check_meta_gradient(function, **settings)
        seconds[kind] += time.process_time() - begun
        counted[kind] += 1
        wrong[kind] += found.verdict == "wrong"
        named[kind] += words is not None and any(words in bug for bug in found.bugs)
    print(f"{'wrong implementations':24}{'n':>5}{'wrong':>7}{'named':>7}{'s each':>8}")
    for kind in counted:
        each = seconds[kind] / counted[kind]
        print(f"{kind:24}{counted[kind]:5}{wrong[kind]:7}{named[kind]:7}{each:8.2f}")
    print(f"{'together':24}{sum(counted.values()):5}{sum(wrong.values()):7}{sum(named.values()):7}")


if __name__ == "__main__":
    main()
