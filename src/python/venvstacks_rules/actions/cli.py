"""The command line that all actions share: ``<verb> --request FILE --result FILE``.

Exit codes: 0 done; 1 the request cannot be met, with the reason on standard error and in no other
place; 2 wrong usage. Anything else is a bug of ours and shows a stack trace.
"""

from __future__ import annotations

import importlib
import sys

from venvstacks_rules.model.errors import RequestError, VenvstacksError
from venvstacks_rules.model.json_codec import to_json

# What a shell makes of SIGINT.
_INTERRUPTED = 130

# verb -> the module that has `run(request text) -> result`. Imported when asked for: an action
# starts in milliseconds only if it does not load what the others need.
VERBS = {
    "install-wheel": "install_wheel",
    "compile-sources": "compile_sources",
    "fetch-wheel": "fetch_wheel",
    "find-interpreter": "find_interpreter",
    "pin-interpreters": "pin_interpreters",
    "pack-interpreter": "pack_interpreter",
    "interpreter-segments": "interpreter_segments",
    "file-segment": "file_segment",
    "analyze-wheels": "analyze_wheels",
    "normalize-wheel": "normalize_wheel",
    "build-wheel": "build_wheel",
    "unpack-interpreter": "unpack_interpreter",
    "compile-wheels": "compile_wheels",
    "compile-interpreter": "compile_interpreter",
    "compile-files": "compile_files",
    "wheel-segments": "wheel_segments",
    "assemble-archive": "assemble_archive",
    "index-layer": "index_layer",
    "lock-layer": "lock_layer",
    "fetch-file": "fetch_file",
    "fetch-commit": "fetch_commit",
    "deploy-layers": "deploy_layers",
    "export-layers": "export_layers",
    "launch": "launch",
    "check-imports": "check_imports",
    "run-tests": "run_tests",
    "portable-archive": "portable_archive",
    "carry-wheels": "carry_wheels",
    "make-bundle": "make_bundle",
    "plan-publish": "plan_publish",
    "publish": "publish",
    "image-layer": "image_layer",
    "fetch-image": "fetch_image",
    "push-image": "push_image",
    "repository": "repository",
}


def main(argv: list[str]) -> int:
    """Run one action; `argv` is without the program's name."""
    verb, request_path, result_path, args = _arguments(argv)
    module = importlib.import_module(f"venvstacks_rules.actions.commands.{VERBS[verb]}")
    request = ""
    try:
        request = _read(request_path)
        extra = {}
        if verb == "launch":
            from pathlib import Path

            extra = {"args": args, "folder": Path(request_path).absolute().parent}
        result = module.run(request, **extra)
        if result is None:
            # It said all on the terminal.
            return 0
        text = to_json(result)
        if result_path is None:
            sys.stdout.write(text)
        else:
            with open(result_path, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
    except VenvstacksError as e:
        print(f"error: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as e:
        problem = _file_problem(e, request, verb, request_path, result_path)
        if problem is None:
            raise
        print(f"error: {problem}", file=sys.stderr)
        return 1
    return 0


def _file_problem(
    error: OSError, request: str, verb: str, request_path: str, result_path: str | None
) -> str | None:
    from pathlib import Path

    from venvstacks_rules.actions.files.request_paths import file_problem
    from venvstacks_rules.model.wording import printable

    if result_path is not None and error.filename == result_path:
        return f"the result `{printable(result_path)}` cannot be written: {error.strerror}"
    folder = Path(request_path).absolute().parent if verb == "launch" else Path.cwd()
    problem = file_problem(error, request, folder)
    return None if problem is None else printable(problem)


def _arguments(argv: list[str]) -> tuple[str, str, str | None, list[str]]:
    """The verb, the files of request and result, and the arguments of an application."""
    end = argv.index("--") if "--" in argv else len(argv)
    own, args = argv[:end], argv[end + 1 :]
    # As the rules call it. Loading argparse takes longer than many an action.
    plain = bool(own) and own[0] in VERBS and (not args or own[0] == "launch")
    if plain and len(own) == 5 and own[1::2] == ["--request", "--result"]:
        return own[0], own[2], own[4], args
    if plain and len(own) == 3 and own[1] == "--request":
        return own[0], own[2], None, args
    return _parsed(own, args)


def _parsed(own: list[str], args: list[str]) -> tuple[str, str, str | None, list[str]]:
    import argparse

    parser = argparse.ArgumentParser(
        prog="venvstacks_rules.actions", description="Build, lock and deploy layers."
    )
    parser.add_argument("verb", choices=sorted(VERBS))
    parser.add_argument("--request", required=True, help="a JSON file")
    parser.add_argument("--result", help="the JSON file to write (default: standard output)")
    parser.epilog = "For `launch`, what follows `--` is passed to the application."
    # argparse itself takes no positional arguments after the options that follow the verb.
    options = parser.parse_args(own)
    if args and options.verb != "launch":
        parser.error(f"nothing can follow `--` for `{options.verb}`")
    return options.verb, options.request, options.result, args


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError as e:
        raise RequestError(f"the request `{path}` cannot be read: {e.strerror}") from None
    except UnicodeDecodeError as e:
        raise RequestError(f"the request `{path}` is not UTF-8: {e}") from None
