"""Progress bars, where somebody wants to see them: tqdm is imported only then."""

from contextlib import contextmanager


def bar(items, progress, **look):
    """The items, behind a bar if `progress`; `look` is what `tqdm` takes."""
    if not progress:
        return items
    from tqdm.auto import tqdm

    return tqdm(items, **look)


@contextmanager
def counter(progress, **look):
    """A function that counts what is done, shown as a bar if `progress`; `look` is what `tqdm` takes."""
    if not progress:
        yield lambda count: None
        return
    from tqdm.auto import tqdm

    with tqdm(**look) as shown:
        yield shown.update
