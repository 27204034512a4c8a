"""Pictures of characters and things: read where they lie or refused in a sentence, split, and drawn as tasks."""

import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from landscape.papers.images import cifar, glyphs, splits
from landscape.papers.images.episodes import (
    cifar_tasks,
    easy_task,
    episode,
    hard_task,
    mixture,
    nearest_neighbour,
)
from landscape.papers.images.omniglot import DRAWINGS, omniglot

NAMES = ("Greek", "Latin", "Sanskrit")


def drawing(shade: int, side: int = 105) -> bytes:
    """A white picture with a dark square whose grey says which character it is."""
    pixels = np.full((side, side), 255, np.uint8)
    pixels[30:70, 30:70] = shade
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "png")
    return content.getvalue()


def files(names=NAMES, characters=2):
    """Omniglot's layout: names of files and what is in them."""
    return {
        f"{alphabet}/character{c + 1:02}/{10 * a + c:04}_{d + 1:02}.png": drawing(40 * a + 10 * c)
        for a, alphabet in enumerate(names)
        for c in range(characters)
        for d in range(DRAWINGS)
    }


def zipped(path: Path, content: dict[str, bytes], top: str = "images_background") -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(f"{top}/{name}", data)
    return path


def unpacked(folder: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    return folder


CONTENT = files()


def test_every_layout_gives_the_same_drawings(tmp_path):
    archive = zipped(tmp_path / "images_background.zip", CONTENT)
    unpacked(tmp_path / "torch" / "omniglot-py" / "images_background", CONTENT)
    zipped(tmp_path / "torch" / "omniglot-py" / "images_background.zip", CONTENT)  # torchvision keeps both
    unpacked(tmp_path / "plain", CONTENT)
    read = [omniglot(p) for p in (archive, tmp_path, tmp_path / "torch", tmp_path / "plain")]
    for one in read:
        assert list(one.drawings) == list(NAMES)
        assert one.source == "Omniglot, 3 alphabets, 6 characters, 20 drawings each"
        for name in NAMES:
            np.testing.assert_array_equal(one.drawings[name], read[0].drawings[name])
    drawn = read[0].drawings["Latin"]
    assert drawn.shape == (2, 20, 1, 28, 28)
    assert drawn[0, 0, 0, 0, 0] == 0  # paper
    assert [drawn[c, 0, 0, 14, 14] for c in (0, 1)] == [255 - 40, 255 - 50]  # ink


def test_an_alphabet_in_two_archives_is_read_once(tmp_path):
    zipped(tmp_path / "images_background_small1.zip", files(("Greek", "Korean")))
    zipped(tmp_path / "images_background_small2.zip", files(("Greek", "Tagalog")))
    assert [len(a) for a in omniglot(tmp_path).drawings.values()] == [2, 2, 2]


def test_what_a_computer_leaves_beside_the_drawings_is_passed_over(tmp_path):
    """A folder made for unpacking and left empty, and macOS's files about files."""
    name = next(iter(CONTENT)).replace("0000_01", "._0000_01")
    zipped(tmp_path / "images_background.zip", CONTENT | {name: b"about a file"})
    (tmp_path / "images_background").mkdir()
    assert [len(a) for a in omniglot(tmp_path).drawings.values()] == [2, 2, 2]
    (tmp_path / "images_background.zip").unlink()
    unpacked(tmp_path / "images_background", CONTENT | {name: b"about a file"})
    assert [len(a) for a in omniglot(tmp_path).drawings.values()] == [2, 2, 2]


def without_a_character(tmp_path):
    kept = {name: data for name, data in CONTENT.items() if not name.startswith("Latin/character01")}
    return zipped(tmp_path / "images_background.zip", kept)


def without_one(tmp_path):
    return zipped(tmp_path / "images_background.zip", dict(list(CONTENT.items())[1:]))


def cut_picture(tmp_path):
    name, data = next(iter(CONTENT.items()))
    return zipped(tmp_path / "images_background.zip", CONTENT | {name: data[: len(data) // 2]})


def oblong_picture(tmp_path):
    content = io.BytesIO()
    Image.new("L", (28, 105)).save(content, "png")
    return zipped(tmp_path / "images_background.zip", CONTENT | {next(iter(CONTENT)): content.getvalue()})


def cut_archive(tmp_path):
    path = zipped(tmp_path / "images_background.zip", CONTENT)
    path.write_bytes(path.read_bytes()[:5000])
    return path


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda p: p / "nowhere", "there is no .*nowhere'"),
        (lambda p: p, "holds nothing of Omniglot: give the folder with Omniglot's archives"),
        (without_one, "of Greek/character01 there are 19"),
        (without_a_character, "of Latin there are character02 and not character01"),
        (cut_picture, "Greek/character01/0000_01.png is no whole drawing"),
        (oblong_picture, "28 by 105 pixels"),
        (cut_archive, "is no whole zip archive"),
    ],
)
def test_what_is_not_omniglot_is_refused_in_a_sentence(tmp_path, made, message):
    with pytest.raises(ValueError, match=message) as error:
        omniglot(made(tmp_path))
    assert "\n" not in str(error.value)


@pytest.mark.skipif(
    "OMNIGLOT" not in os.environ, reason="the variable OMNIGLOT names no folder with Omniglot's archives"
)
def test_real_omniglot():
    read = omniglot(os.environ["OMNIGLOT"])
    assert len(read.drawings["Sanskrit"]) == 42
    assert 0.2 < 1 - splits.confusion(read.drawings["Sanskrit"], 20) < 0.6


PER_CLASS = {"train.bin": 3, "test.bin": 1}


def records(name: str) -> np.ndarray:
    """Made records: the class is in every pixel, and classes have superclasses in fives."""
    labels = np.tile(np.arange(100, dtype=np.uint8), PER_CLASS[name])
    rows = np.empty((len(labels), cifar.RECORD), np.uint8)
    rows[:, 0], rows[:, 1], rows[:, 2:] = labels % 20, labels, labels[:, None]
    rows[:, 2] = 255  # the first pixel of red
    return rows


def binary(folder: Path, **changes: bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in PER_CLASS:
        (folder / name).write_bytes(changes.get(name[:-4], records(name).tobytes()))
    return folder


def test_cifars_records_are_split_by_superclass(tmp_path):
    binary(tmp_path / "cifar-100-binary")
    with tarfile.open(tmp_path / "cifar-100-binary.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "cifar-100-binary", "cifar-100-binary")
    read = [
        cifar.fs_cifar100(tmp_path / p, PER_CLASS)
        for p in ("", "cifar-100-binary", "cifar-100-binary.tar.gz")
    ]
    for one in read:
        assert [part.shape for part in one[:3]] == [
            (80, 3, 3, 32, 32),
            (80, 1, 3, 32, 32),
            (20, 4, 3, 32, 32),
        ]
        assert set(one.test[:, 0, 1, 0, 0] % 20) == {0, 7, 12, 14}
        assert not set(one.train[:, 0, 1, 0, 0]) & set(one.test[:, 0, 1, 0, 0])
        np.testing.assert_array_equal(one.train[:, 0, 1, 0, 0], one.train_unseen[:, 0, 1, 0, 0])
        assert (one.train[:, :, 0, 0, 0] == 255).all()  # red comes first
        assert (one.train[1:, :, 1, 0, 0] < 255).all()


def swapped_labels() -> bytes:
    rows = records("train.bin")
    rows[0, 1] = 1
    return rows.tobytes()


def two_superclasses() -> bytes:
    rows = records("train.bin")
    rows[100, 0] = 5
    return rows.tobytes()


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda p: p / "nowhere", "there is no"),
        (lambda p: p, "holds no train.bin and test.bin"),
        (
            lambda p: binary(p, train=records("train.bin").tobytes()[:-1]),
            "train.bin has 922,199 bytes, and CIFAR-100's has 922,200",
        ),
        (lambda p: binary(p, train=swapped_labels()), r"class 0 has \[2, 1\] pictures"),
        (lambda p: binary(p, train=two_superclasses()), "class 0 name several superclasses"),
        (lambda p: unpacked(p, {"cifar-100-python/train": b"x"}), "pickles, which are not opened"),
        (lambda p: unpacked(p, {"cifar-100-binary.tar.gz": b"x" * 99}), "is no whole archive"),
    ],
)
def test_what_is_not_cifar_is_refused_in_a_sentence(tmp_path, made, message):
    with pytest.raises(ValueError, match=message) as error:
        cifar.fs_cifar100(made(tmp_path), PER_CLASS)
    assert "\n" not in str(error.value)


def alphabets(count=7, characters=6, drawings=12):
    """Alphabets whose pixels say alphabet, character and drawing."""
    a, c, d = np.ogrid[:count, :characters, :drawings]
    marks = np.stack(np.broadcast_arrays(a, c, d), axis=-1).astype(np.uint8)
    return [m[..., None, None, :] for m in marks]


def marks(task):
    """Alphabet, character and drawing of shots and targets."""
    return [np.rint(255 * X[:, 0, 0]).astype(int) for X in (task.X_in, task.X_out)]


@pytest.mark.parametrize("fixed", [False, True])
def test_easy_tasks_take_a_character_of_each_alphabet_and_hard_ones_all_of_one(fixed):
    rng = np.random.default_rng(0)
    easy, hard = (maker(alphabets(), 5, 2, 10, fixed_order=fixed) for maker in (easy_task, hard_task))
    in_order = []
    for _ in range(40):
        for draw, many in ((easy, 0), (hard, 1)):
            task = draw(rng)
            shots, targets = marks(task)
            assert len(set(shots[:, many])) == 5
            assert len(set(shots[:, 0])) == (5, 1)[many]
            for label in range(5):
                mine = np.concatenate([shots[task.y_in == label], targets[task.y_out == label]])
                assert len(mine) == 12
                assert len(np.unique(mine[:, :2], axis=0)) == 1
                assert len(np.unique(mine[:, 2])) == 12  # no drawing twice
            in_order.append(bool(np.all(np.diff(shots[::2, many]) > 0)))
    assert np.all(in_order) if fixed else np.mean(in_order) < 0.1  # by chance in 1 of 120


def test_hard_tasks_come_with_their_probability():
    draw = mixture(lambda rng: "hard", lambda rng: "easy", 0.2)
    rng = np.random.default_rng(1)
    share = np.mean([draw(rng) == "hard" for _ in range(2000)])
    assert share == pytest.approx(0.2, abs=4 * (0.16 / 2000) ** 0.5)


def test_cifar_tasks_have_the_sizes_of_the_appendix():
    classes = np.broadcast_to(np.arange(25, dtype=np.uint8)[:, None, None, None, None], (25, 60, 3, 2, 2))
    easy, hard = (draw(np.random.default_rng(0)) for draw in cifar_tasks(classes, 10))
    assert [len(x) for x in (easy.y_in, easy.y_out, hard.y_in, hard.y_out)] == [100, 20, 100, 200]
    assert (easy.y_in.max(), hard.y_in.max()) == (1, 19)
    with pytest.raises(ValueError, match="hard tasks take 20 characters of an alphabet, and one has 10"):
        cifar_tasks(classes[:10], 10)


def test_too_few_pictures_or_alphabets_are_said():
    with pytest.raises(
        ValueError, match="5 shots and 10 targets need 15 pictures of a class, and one has 12"
    ):
        episode(alphabets()[0], 5, 10, np.random.default_rng(0))
    with pytest.raises(ValueError, match="each of 8 alphabets, and there are 7"):
        easy_task(alphabets(), 8, 1, 1)
    with pytest.raises(ValueError, match="at least 8 alphabets, and there are 3"):
        splits.by_character(dict.fromkeys("abc", alphabets()[0]), 0, False)


def test_the_nearest_neighbour_finds_what_is_near():
    task = easy_task(alphabets(), 5, 1, 10)(np.random.default_rng(0))
    near = task._replace(X_out=task.X_in.repeat(10, axis=0))
    assert nearest_neighbour(near) == 1
    assert nearest_neighbour(near._replace(y_out=(near.y_out + 1) % 5)) == 0


def test_few_alphabets_are_split_by_characters_and_turned():
    drawings = dict(zip("abcdefgh", alphabets(8), strict=True))
    hard = set()
    for seed in range(3):
        for small in (False, True):
            part = splits.omniglot_split(drawings, seed, small=small)
            assert [len(p) for p in part[:4]] == [5, 5, 1 if small else 2, 1]
            for train, test in zip(part.easy_train, part.easy_test, strict=True):
                ids = [{tuple(m) for m in side[:, 0, 0, 0, :2].tolist()} for side in (train, test)]
                assert (len(ids[0]), len(ids[1]), len(ids[0] | ids[1])) == (4, 2, 6)
        hard.add(part.hard)
    assert hard == {"b, unseen a", "e, unseen d", "h, unseen g"}


def test_fifty_alphabets_are_split_as_printed():
    names = [*(f"alphabet {i:02}" for i in range(48)), "Sanskrit", "Bengali"]
    rng = np.random.default_rng(0)
    plain = (rng.integers(2, size=(5, 1, 1, 4, 4)) * np.ones((1, 11, 1, 1, 1))).astype(np.uint8) * 200
    noisy = rng.integers(255, size=(5, 11, 1, 4, 4)).astype(np.uint8)
    drawings = {name: noisy if name.endswith("7") else plain for name in names}
    part = splits.omniglot_parts(drawings, 0)
    assert {name: len(chosen) for name, chosen in part.items()} == splits.COUNTS
    assert len({name for chosen in part.values() for name in chosen}) == 50
    assert {f"alphabet {i}7" for i in range(5)} <= set(part["hard_train"] + part["hard_test"])
    assert (part["hard_train"][0], part["hard_test"][0]) == ("Sanskrit", "Bengali")
    small = splits.by_alphabet(drawings, part, True)
    assert small.hard == "Sanskrit, unseen Bengali"


def test_glyphs_are_a_stand_in_of_fifty_scripts():
    assert {name: len(scripts) for name, scripts in glyphs.PARTS.items()} == splits.COUNTS
    assert len({script for scripts in glyphs.PARTS.values() for script in scripts}) == 50
    try:
        drawn = glyphs.glyph_alphabet("Lydian")
    except ImportError as error:
        assert "apt install fonts-noto-core" in str(error)  # noqa: PT017
        pytest.skip(str(error))
    assert drawn.shape[1:] == (20, 1, 28, 28)
    assert 20 <= len(drawn) <= glyphs.CHARACTERS
    ink = drawn.mean(axis=(1, 2, 3, 4)) / 255
    assert ((ink > 0.03) & (ink < 0.7)).all()
    assert 0.3 < 1 - splits.confusion(drawn, 20) < 0.9  # bent, and still to be told apart


def test_a_missing_font_names_the_package():
    with pytest.raises(ImportError, match="NotoSansQuenya-Regular.ttf is not installed: .*fonts-noto-core"):
        glyphs.glyph_alphabet("Quenya")
