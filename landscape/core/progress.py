"""Progress bars, where somebody wants to see them: tqdm is imported only then."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")


def bar(items: Iterable[T], progress: bool, **look: Any) -> Iterable[T]:
    """Return the items, behind a bar if `progress`; `look` is what `tqdm` takes."""
    if not progress:
        return items
    from tqdm.auto import tqdm  # optional: not imported where nobody looks

    return tqdm(items, **look)


@contextmanager
def counter(progress: bool, **look: Any) -> Iterator[Callable[[int], Any]]:
    """Give a function that counts what is done, shown as a bar if `progress`; `look` is what `tqdm` takes."""
    if not progress:
        yield lambda count: None
        return
    from tqdm.auto import tqdm  # optional: not imported where nobody looks

    with tqdm(**look) as shown:
        yield shown.update
