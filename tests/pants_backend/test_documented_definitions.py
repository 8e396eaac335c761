"""The definitions of the README, the quick start and the how-tos are ones that Pants takes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from pants.backend.python import register as python_backend
from pants.core import register as core
from pants.engine.addresses import Address
from pants.engine.internals.parametrize import Parametrize
from pants.engine.target import Field, InvalidFieldException, Target, TargetGenerator

from tests.support.documented import Block
from tests.support.followed import is_definition, page_blocks, pages
from venvstacks_rules.pants_backend.backend import target_types

BACKENDS: tuple[Any, ...] = (core, python_backend)
TYPES: dict[str, type[Target]] = {
    one.alias: one
    for one in (*target_types(), *(one for each in BACKENDS for one in each.target_types()))
}
OBJECTS = {
    **{k: v for each in BACKENDS for k, v in each.build_file_aliases().objects.items()},
    "env": lambda _, default=None: default,
    "parametrize": Parametrize,
}
BLOCKS = {
    f"{page}:{block.line}": block
    for page in pages()
    for block in page_blocks(page)
    if is_definition(block)
}
# Fields of environments that Pants makes from options.
OF_OPTIONS = ("python_bootstrap_search_path",)
ADDRESS = Address("src", target_name="documented")


def whole(text: str) -> str:
    """A BUILD file; a block may have some fields of a target alone."""
    if text.lstrip().startswith("**"):
        return f'venvstacks_framework(\n    name="part",\n    runtime=":py",\n{text})\n'
    return text


def calls(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The targets of a BUILD file and their fields, with one target for each group of fields."""
    for statement in ast.parse(whole(text)).body:
        call = statement.value if isinstance(statement, ast.Expr) else statement
        assert isinstance(call, ast.Call), ast.dump(statement)
        assert isinstance(call.func, ast.Name), ast.dump(statement)
        groups = [keyword.value for keyword in call.keywords if keyword.arg is None]
        plain = [keyword for keyword in call.keywords if keyword.arg is not None]
        for more in [group.keywords for group in groups if isinstance(group, ast.Call)] or [[]]:
            fields = {str(word.arg): evaluated(word.value) for word in (*plain, *more)}
            if call.func.id == "__defaults__":
                of_types = (
                    evaluated(call.args[0])
                    if call.args
                    else {TYPES["venvstacks_runtime"]: fields["all"]}
                )
                for of_type, defaults in of_types.items():
                    yield of_type.alias, defaults
            else:
                yield call.func.id, fields


def evaluated(expression: ast.expr) -> Any:
    return eval(compile(ast.Expression(expression), "BUILD", "eval"), {**TYPES, **OBJECTS})


def fields_of(alias: str) -> Mapping[str, type[Field]]:
    """Those of a target, and those that it hands on to the targets that it generates."""
    target: type[Target] = TYPES[alias]
    found = {field.alias: field for field in target.core_fields}
    if issubclass(target, TargetGenerator):
        found.update(
            {field.alias: field for field in (*target.copied_fields, *target.moved_fields)}
        )
    return found


def check(alias: str, values: Mapping[str, Any], *, complete: bool) -> None:
    """Make each field of a target, as Pants does."""
    fields = fields_of(alias)
    for name, value in values.items():
        if name == "name":
            continue
        if name in OF_OPTIONS:
            continue
        assert name in fields, f"{alias} has no field {name!r}"
        for one in value.to_parameters().values() if isinstance(value, Parametrize) else [value]:
            fields[name](one, ADDRESS)
        if name == "overrides":
            for of_one in value.values():
                check_override(of_one)
    if complete:
        for name in fields.keys() - values.keys():
            fields[name](None, ADDRESS)


def check_override(values: Mapping[str, Any]) -> None:
    """A layer of a stack file is of one of the three kinds."""
    kinds = ("venvstacks_runtime", "venvstacks_framework", "venvstacks_application")
    fitting = [kind for kind in kinds if values.keys() <= fields_of(kind).keys()]
    assert fitting, f"no layer has all of {sorted(values)}"
    check(fitting[0], values, complete=False)


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_definitions(block: Block) -> None:
    found = list(calls(block.text))
    assert found
    for alias, values in found:
        check(alias, values, complete="name" in values)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('venvstacks_framework(name="a", requirement=[])', "has no field 'requirement'"),
        ('venvstacks_framework(name="a", frameworks="b")', "'frameworks' field"),
        ('venvstacks_runtime(name="a")', "python_implementation"),
        ('venvstacks_stack(name="a", overrides={"b": {"launch": ""}})', "no layer has all of"),
        (
            'venvstacks_framework(name="a", **parametrize("b", archive_format="rar"))',
            "'archive_format' field",
        ),
    ],
)
def test_a_mistake_would_be_seen(text: str, message: str) -> None:
    # Newer engines raise a ValueError of their own where a field is required.
    with pytest.raises((AssertionError, InvalidFieldException, ValueError)) as e:
        test_definitions(Block("python", 1, text, ""))
    assert message in str(e.value)
