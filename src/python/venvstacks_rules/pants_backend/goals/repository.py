"""``venvstacks-repository``: looks after a repository, as the console script does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pants.base.build_root import BuildRoot
from pants.engine.console import Console
from pants.engine.goal import Goal, GoalSubsystem
from pants.engine.process import InteractiveProcess
from pants.option.option_types import ArgsListOption, StrOption
from pants.util.strutil import softwrap

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.network.credentials import hidden_credentials
from venvstacks_rules.model.requests.repository import RepositoryRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, goal_rule, implicitly
from venvstacks_rules.pants_backend.goals.publish_settings import (
    kept_credentials,
    named_url,
    unknown_repository,
    unread,
)
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.processes.network import NETWORK_DIR
from venvstacks_rules.pants_backend.processes.network_actions import (
    TerminalNetworkActionRequest,
    terminal_network_action,
)
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

_OPTION = "--venvstacks-repository-at"


class RepositorySubsystem(GoalSubsystem):
    """Options of the goal."""

    name = "venvstacks-repository"
    help = softwrap(
        """
        Look after a repository of layers: `list`, `show`, `diff`, `verify`, `promote`, `rollback`,
        `prune`, `export-archives`, `mirror`, and commands about keys. The command follows `--`, as
        in `pants venvstacks-repository -- list`. It is the console script of the same name, with
        the settings and credentials of `publish`.
        """
    )

    at = StrOption(
        default=None,
        metavar="<name>",
        help=softwrap(
            """
            The repository: a name of `[venvstacks].repositories`, or a URL. Without it, the only
            one that is named there.
            """
        ),
    )
    args = ArgsListOption(example="list --json", passthrough=True)


class Repository(Goal):
    """The goal itself."""

    subsystem_cls = RepositorySubsystem
    environment_behavior = Goal.EnvironmentBehavior.LOCAL_ONLY


def repository_url(name: str | None, known: Mapping[str, str]) -> str:
    """The URL of the repository that is meant; empty if that is not clear without a name."""
    if name is None:
        url = next(iter(known.values())) if len(known) == 1 else ""
    else:
        url = _named_url(name, known)
    # Pants keeps what processes are started with.
    place = "`[venvstacks].repositories`" if url in known.values() else f"`{_OPTION}`"
    kept = kept_credentials(place, url)
    if kept is not None:
        raise DefinitionError("The repository cannot be used as written:", [kept])
    return url


def _named_url(name: str, known: Mapping[str, str]) -> str:
    url = named_url(name, known)
    if url is None:
        problem = unknown_repository(f"`{_OPTION}` is", name, known)
        raise DefinitionError("The repository is not known:", [problem])
    far = unread(url)
    if far is not None:
        remedy = "Run the program `venvstacks-repository`, from `venvstacks-rules[fsspec]`."
        raise DefinitionError("The repository cannot be reached:", [f"{far} {remedy}"])
    return url


def command_arguments(args: Iterable[str]) -> tuple[str, ...]:
    """What the console script gets. Raises DefinitionError for URLs with credentials."""
    words = tuple(args) or ("--help",)
    problems = [
        f"{hidden_credentials(word)!r} was written with credentials. Remove them: they come from "
        "the environment, or from the files of the store's own tools."
        for word in words
        if hidden_credentials(word) != word
    ]
    if problems:
        raise DefinitionError("The command cannot be used as written:", problems)
    return words


@goal_rule
async def repository(
    # Pants 2.17 lets a rule have effects only if it takes a type that has them.
    _: Console,
    options: RepositorySubsystem,
    venvstacks: VenvstacksSubsystem,
    build_root: BuildRoot,
) -> Repository:
    url = repository_url(options.at, dict(venvstacks.repositories))
    started = await terminal_network_action(
        TerminalNetworkActionRequest(
            ActionProcessRequest(
                verb="repository",
                request=to_json(
                    RepositoryRequest(
                        repository=url,
                        args=command_arguments(options.args),
                        folder=build_root.path,
                        network=NETWORK_DIR,
                    )
                ),
                description="Look after a repository",
            )
        ),
        **implicitly(),
    )
    result = await engine.run_interactive_process(InteractiveProcess.from_process(started.process))
    return Repository(exit_code=result.exit_code)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
