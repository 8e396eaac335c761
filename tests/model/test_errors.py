from __future__ import annotations

from venvstacks_rules.model import errors
from venvstacks_rules.model.errors import (
    DefinitionError,
    LockError,
    ProblemsError,
    VenvstacksError,
    first_problems,
    one_error,
)


def test_problems_are_listed_and_their_lines_indented() -> None:
    error = ProblemsError("two things:", ["one\nand more\n\nof it", "two"])
    assert error.problems == ("one\nand more\n\nof it", "two")
    assert str(error) == "two things:\n  * one\n    and more\n\n    of it\n  * two"


def test_without_problems_there_is_the_summary_alone() -> None:
    assert str(ProblemsError("nothing else", [])) == "nothing else"


def test_an_empty_problem_is_no_crash() -> None:
    assert str(ProblemsError("x", [""])) == "x\n  * "


def test_only_the_first_problems_are_listed() -> None:
    problems = [str(i) for i in range(22)]
    assert first_problems(problems[:20]) == problems[:20]
    assert first_problems(problems[:21]) == [*problems[:20], "and 1 more problem"]
    assert first_problems(problems) == [*problems[:20], "and 2 more problems"]


def test_errors_of_one_kind_are_one_list() -> None:
    clash = DefinitionError("files clash:", ["a", "b"])
    same = DefinitionError("files clash:", ["b", "c"])
    assert one_error([None]) is None
    assert one_error([None, clash, clash]).__class__ is DefinitionError
    assert str(one_error([clash, None, same])) == "files clash:\n  * a\n  * b\n  * c"
    others = [LockError("files clash:", ["a"]), VenvstacksError("no network"), clash]
    assert str(one_error([*others, others[1]])) == (
        "files clash:\n  * a\nno network\nfiles clash:\n  * a\n  * b"
    )


def test_there_is_one_root_and_all_names_end_in_error() -> None:
    found = [
        value
        for value in vars(errors).values()
        if isinstance(value, type) and value.__module__ == errors.__name__
    ]
    assert len(found) >= 8
    for value in found:
        assert issubclass(value, VenvstacksError)
        assert value.__name__.endswith("Error")
