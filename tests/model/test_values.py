"""Classes of fields that are dataclasses to everyone else."""

from __future__ import annotations

import dataclasses
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from venvstacks_rules.model import values
from venvstacks_rules.model.json_codec import from_data, to_data


@values.dataclass(frozen=True)
class Wheel:
    """With a field that no text shows."""

    path: str
    password: str = values.field(repr=False)
    size: int = 0

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError(f"{self.size} is no size")


@values.dataclass(frozen=True)
class Inner:
    target: str


@values.dataclass(frozen=True)
class Built(Wheel, Inner):
    """The fields of its bases come first, as with dataclasses: those of the last base first."""

    size: int = 5
    tag: str = "any"


INNER = Inner("x")


@dataclasses.dataclass(frozen=True)
class Standard(Wheel):
    inner: Inner = INNER


WHEEL = Wheel("a.whl", "secret", size=3)


def test_a_value_has_the_text_the_hash_and_the_equality_of_its_fields() -> None:
    same = Wheel(password="secret", size=3, path="a.whl")
    assert (WHEEL, hash(WHEEL), repr(WHEEL)) == (same, hash(same), "Wheel(path='a.whl', size=3)")
    assert Wheel("a.whl", "other", 3) != WHEEL
    assert Wheel("a.whl", "secret", 3) != Built("t", "a.whl", "secret", 3)
    assert pickle.loads(pickle.dumps(WHEEL)) == WHEEL


def test_a_value_does_not_change() -> None:
    with pytest.raises(AttributeError, match="^`size` of Wheel does not change$"):
        WHEEL.size = 4  # type: ignore[misc]
    with pytest.raises(AttributeError, match="^`size` of Wheel does not change$"):
        del WHEEL.size


@pytest.mark.parametrize(
    ("args", "given", "problem"),
    [
        (("a",), {}, "Wheel needs the field `password`"),
        (("a", "b", 1, 2), {}, "Wheel has 3 fields, not 4"),
        (("a", "b"), {"path": "c"}, "Wheel takes no `path` here"),
        (("a", "b"), {"pat": "c"}, "Wheel takes no `pat` here"),
    ],
)
def test_wrong_fields_are_named(args: tuple[Any, ...], given: dict[str, Any], problem: str) -> None:
    with pytest.raises(TypeError) as error:
        Wheel(*args, **given)
    assert str(error.value) == problem


def test_a_class_checks_its_fields() -> None:
    with pytest.raises(ValueError, match="^-1 is no size$"):
        values.replace(WHEEL, size=-1)


def test_fields_and_defaults_are_inherited() -> None:
    assert values.field_names(Built) == ("target", "path", "password", "size", "tag")
    assert values.required_names(Built) == ("target", "path", "password")
    assert repr(Built("t", "p", "s")) == "Built(target='t', path='p', size=5, tag='any')"


def test_to_the_standard_library_they_are_dataclasses() -> None:
    assert dataclasses.is_dataclass(Wheel)
    assert [field.name for field in dataclasses.fields(Built)] == list(values.field_names(Built))
    assert dataclasses.replace(WHEEL, size=4) == values.replace(WHEEL, size=4)
    assert dataclasses.asdict(WHEEL) == {"path": "a.whl", "password": "secret", "size": 3}
    assert repr(Standard("p", "s")) == "Standard(path='p', size=0, inner=Inner(target='x'))"


def test_json_takes_both_kinds() -> None:
    data = {"path": "p", "password": "s", "size": 0, "inner": {"target": "y"}}
    assert to_data(from_data(Standard, data)) == data


@pytest.mark.parametrize("verb", ["compile_sources", "deploy_layers", "launch", "wheel_segments"])
def test_a_light_action_starts_without_dataclasses(verb: str) -> None:
    code = f"import sys, venvstacks_rules.actions.commands.{verb}; print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(Path(values.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "'venvstacks_rules.model.values'" in done.stdout
    assert not {"'dataclasses'", "'inspect'"} & set(done.stdout.replace("[", "").split(", "))
