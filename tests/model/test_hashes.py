"""Expected values were made with ``printf ... | sha256sum``, as the comments show."""

from __future__ import annotations

from venvstacks_rules.model.hashes import (
    hash_module_directory,
    hash_module_file,
    hash_strings,
    is_sha256_hex,
)

X = "98752ee28d5484bdc2814fb70adb6a0b2fb31f6a9b8ee7ae81fd2fc9cf300b3b"  # x=1\n
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_strings_are_joined_as_utf8() -> None:
    # printf requestsnümpy
    assert hash_strings(["requests", "", "nümpy"]) == (
        "sha256:28a739a31c8bc2b30eebe75e6c6975cf38c64eeba483bde2d6f174bd5cbc4d23"
    )
    assert hash_strings([]) == f"sha256:{EMPTY}"


def test_module_file() -> None:
    # printf run.pysha256:$X
    assert hash_module_file("run.py", X) == (
        "sha256:19d8265dc91515034d62f064e87f1e790f4f7f80f190a9075f19a31fac819fde"
    )


def test_module_directory_is_walked_from_the_top_in_sorted_order() -> None:
    # printf %s app __init__.pysha256:$EMPTY main.pysha256:$X a z deep.pysha256:$X \
    #     b c.pysha256:$EMPTY b-x d.pysha256:$X
    files = [
        ("b-x/d.py", X),
        ("main.py", X),
        ("b/c.py", EMPTY),
        ("a/z/deep.py", X),
        ("__init__.py", EMPTY),
    ]
    expected = "sha256/1c1bee439a5045dc5ee11afbd63d53622cc87701250ee00570dfebaac8021428"
    assert hash_module_directory("app", files) == expected
    assert hash_module_directory("app", reversed(files)) == expected


def test_form_of_a_sha256() -> None:
    assert is_sha256_hex(ABC)
    for other in (ABC.upper(), ABC[:-1], ABC + "0", f"{ABC}\n", "g" * 64, ""):
        assert not is_sha256_hex(other)
