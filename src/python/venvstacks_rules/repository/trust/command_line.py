"""The commands about keys and signatures, for the command line of repositories.

Each parser has the attribute `run`: a function of the arguments and the environment, which returns
what there is to say.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.json_codec import to_data
from venvstacks_rules.model.repository.keys import CHANNELS, ChannelKey
from venvstacks_rules.repository.arguments import add_root
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.trust.channels import (
    RECORD_DAYS,
    CheckedChannel,
    channels_of,
    sign_channels,
    utc_now,
    verify,
)
from venvstacks_rules.repository.trust.commands import (
    ROOT_DAYS,
    RoleFiles,
    create_root,
    publish_root,
    rotate_root,
    show_root,
    sign_root,
)
from venvstacks_rules.repository.trust.key_files import (
    KINDS,
    PASSWORD_VARIABLE,
    generate_key,
    public_path,
    write_public_key,
)
from venvstacks_rules.repository.trust.pins import chosen_root
from venvstacks_rules.repository.trust.root_files import Signatures
from venvstacks_rules.repository.trust.signers import opened_signers

_ID_LENGTH = 64


@dataclass(frozen=True)
class Outcome:
    """What a command says."""

    lines: tuple[str, ...]
    """For people."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """For programs."""
    exit_code: int = 0


def add_trust_commands(commands: argparse._SubParsersAction[Any]) -> None:
    """Add `key`, `root` and `sign` to the commands of a parser."""
    key = commands.add_parser("key", help="keys that sign").add_subparsers(
        required=True, metavar="COMMAND"
    )
    generate = key.add_parser("generate", help="make a key: FILE, and FILE.pub beside it")
    generate.add_argument("file", type=Path, metavar="FILE")
    generate.add_argument("--kind", choices=KINDS, default=KINDS[0])
    generate.add_argument("--comment", default="", help="whose key it is; stands in FILE.pub")
    generate.add_argument(
        "--password-variable",
        default=PASSWORD_VARIABLE,
        metavar="NAME",
        help="the environment variable with the password that encrypts the key, if it is set"
        f" (default: {PASSWORD_VARIABLE})",
    )
    generate.set_defaults(run=_generate)
    public = key.add_parser("public", help="write the public half of a key, as of a service")
    public.add_argument("key", metavar="KEY")
    public.add_argument("file", type=Path, metavar="FILE.pub")
    public.add_argument("--comment", default="")
    public.set_defaults(run=_public)
    _add_root_commands(commands.add_parser("root", help="which keys are believed"))
    sign = commands.add_parser("sign", help="sign the records of channels, or renew them")
    _add_keys(sign)
    sign.add_argument("repository", metavar="REPOSITORY")
    sign.add_argument(
        "channels",
        nargs="*",
        metavar="NAME/CHANNEL/PLATFORM",
        help="whose records are signed (default: all)",
    )
    sign.add_argument(
        "--days",
        type=float,
        help="make new records, which expire in so many days; without, records get signatures"
        f" and stay what they are (one that never expires becomes a new one for {RECORD_DAYS}"
        " days)",
    )
    add_root(sign)
    sign.add_argument(
        "--adopt",
        action="store_true",
        help="sign also what neither these keys nor the root have signed before, and renew what has"
        " expired: look at it before",
    )
    sign.set_defaults(run=_sign)


def _add_root_commands(root: argparse.ArgumentParser) -> None:
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    create = commands.add_parser("create", help="write the first root to a file")
    create.set_defaults(run=_create, remove_root_key=[], remove_record_key=[])
    rotate = commands.add_parser("rotate", help="write the next root, with other keys, to a file")
    rotate.set_defaults(run=_rotate)
    sign = commands.add_parser("sign", help="sign the file of a root; the next person goes on")
    sign.set_defaults(run=_sign_root)
    show = commands.add_parser("show", help="who has signed the file of a root")
    show.set_defaults(run=_show)
    publish = commands.add_parser("publish", help="add a root to the repository")
    publish.add_argument(
        "--force", action="store_true", help="even if clients would refuse channels then"
    )
    publish.set_defaults(run=_publish)
    for parser in (create, rotate, sign, show, publish):
        parser.add_argument("file", type=Path, metavar="FILE")
    for parser in (rotate, sign, show, publish):
        parser.add_argument("repository", metavar="REPOSITORY")
    _add_keys(sign)
    for parser, prefix in ((create, ""), (rotate, "add-")):
        for role in ("root", "record"):
            parser.add_argument(
                f"--{prefix}{role}-key",
                dest=f"{role}_key",
                type=Path,
                action="append",
                default=[],
                metavar="FILE.pub",
            )
            parser.add_argument(f"--{role}-threshold", type=int, metavar="NUMBER")
        parser.add_argument("--days", type=float, default=ROOT_DAYS, help="until it expires")
    for role in ("root", "record"):
        rotate.add_argument(
            f"--remove-{role}-key",
            action="append",
            default=[],
            metavar="FILE.pub|ID",
        )
    check = commands.add_parser("verify", help="what a client says of the repository")
    check.add_argument("repository", metavar="REPOSITORY")
    add_root(check)
    check.add_argument("--allow-unsigned", action="store_true")
    check.set_defaults(run=_verify)


def _add_keys(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--key",
        dest="keys",
        action="append",
        required=True,
        metavar="KEY",
        help="a file, `envvar:NAME`, or the URI of a key service with `#FILE.pub`",
    )


def _generate(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Outcome:
    password = environment.get(arguments.password_variable, "")
    key = generate_key(
        arguments.file, kind=arguments.kind, password=password, comment=arguments.comment
    )
    public = public_path(arguments.file)
    lines = [f"{arguments.file}: the private key{', encrypted' if password else ''}; keep it"]
    lines.append(f"{public}: the public key, {key.keyid}")
    return Outcome(tuple(lines), {"keyid": key.keyid, "public": str(public)})


def _public(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Outcome:
    [(_, signer)] = opened_signers([arguments.key], environment)
    write_public_key(arguments.file, signer.public_key, arguments.comment)
    keyid = signer.public_key.keyid
    return Outcome((f"{arguments.file}: the public key, {keyid}",), {"keyid": keyid})


def _create(arguments: argparse.Namespace, _: Mapping[str, str]) -> Outcome:
    roles = _roles(arguments)
    return _of_signatures(create_root(arguments.file, *roles, days=arguments.days))


def _rotate(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Outcome:
    store = opened(arguments.repository, environment)
    return _of_signatures(
        rotate_root(arguments.file, store, *_roles(arguments), days=arguments.days)
    )


def _sign_root(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Outcome:
    store = opened(arguments.repository, environment)
    return _of_signatures(sign_root(arguments.file, store, arguments.keys, environment))


def _show(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Outcome:
    return _of_signatures(show_root(arguments.file, opened(arguments.repository, environment)))


def _publish(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Outcome:
    store = opened(arguments.repository, environment)
    root = publish_root(arguments.file, store, now=utc_now(), force=arguments.force)
    pin = f"sha256:{hashlib.sha256(root.content).hexdigest()}"
    lines = [f"{store.url} has root {root.version}, which expires at {root.root.expires}."]
    if root.version == 1:
        lines.append(f"Clients pin it as {pin}")
    return Outcome(
        tuple(lines), {"version": root.version, "expires": root.root.expires, "pin": pin}
    )


def _verify(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Outcome:
    store = opened(arguments.repository, environment)
    pinned = chosen_root(arguments.root, arguments.pin, store)
    root, channels = verify(store, pinned, now=utc_now(), allow_unsigned=arguments.allow_unsigned)
    lines = [
        "The repository is not signed."
        if root is None
        else f"Root {root.version}, which expires at {root.root.expires}."
    ]
    lines += [line for channel in channels for line in _channel_lines(channel)]
    data = {
        "root": None if root is None else root.version,
        "channels": [{**_data(channel), "key": str(channel.key)} for channel in channels],
    }
    return Outcome(tuple(lines), data, int(any(channel.problems for channel in channels)))


def _sign(arguments: argparse.Namespace, environment: Mapping[str, str]) -> Outcome:
    store = opened(arguments.repository, environment)
    named = [_channel(name) for name in arguments.channels]
    channels = named or channels_of(store)
    signed = sign_channels(
        store,
        arguments.keys,
        channels,
        environment,
        now=utc_now(),
        days=arguments.days,
        pinned=chosen_root(arguments.root, arguments.pin, store),
        adopt=arguments.adopt,
    )
    lines = [
        f"{one.key}: {'record' if one.renewed else 'signatures of record'} {one.number}, which "
        f"expires at {one.expires}"
        for one in signed
    ]
    data = {"channels": [{**_data(one), "key": str(one.key)} for one in signed]}
    return Outcome(tuple(lines or ["There are no channels."]), data)


def _roles(arguments: argparse.Namespace) -> tuple[RoleFiles, RoleFiles]:
    return (
        _role(arguments.root_key, arguments.remove_root_key, arguments.root_threshold),
        _role(arguments.record_key, arguments.remove_record_key, arguments.record_threshold),
    )


def _role(add: Sequence[Path], remove: Sequence[str], threshold: Optional[int]) -> RoleFiles:
    ids = tuple(one for one in remove if _is_id(one))
    files = tuple(Path(one) for one in remove if not _is_id(one))
    return RoleFiles(tuple(add), files, ids, threshold)


def _is_id(text: str) -> bool:
    return len(text) == _ID_LENGTH and all(c in "0123456789abcdef" for c in text)


def _channel(name: str) -> ChannelKey:
    key = ChannelKey.parsed(f"{CHANNELS}/{name}.json")
    if key is None:
        raise RepositoryError(
            "Nothing was signed.",
            [f"{name!a} is no channel; name one as `demo/stable/linux_x86_64`"],
        )
    return key


def _of_signatures(signatures: Sequence[Signatures]) -> Outcome:
    lines = []
    for one in signatures:
        lines.append(f"{one.role}: {len(one.signed)} of {one.threshold} signatures")
        lines += [f"  {keyid} has signed" for keyid in one.signed]
        lines += [f"  {keyid} has not signed" for keyid in one.missing]
    complete = all(one.is_complete for one in signatures)
    lines.append("It can be published." if complete else "More keys have to sign it.")
    return Outcome(
        tuple(lines), {"complete": complete, "roles": [_data(one) for one in signatures]}
    )


def _channel_lines(channel: CheckedChannel) -> list[str]:
    if channel.problems:
        return [f"{channel.key}: not believed", *(f"  * {text}" for text in channel.problems)]
    by = f"signed by {', '.join(channel.signers)}" if channel.signers else "unsigned"
    return [
        f"{channel.key}: {channel.version}, record {channel.number}, expires at {channel.expires},"
        f" {by}"
    ]


def _data(value: object) -> dict[str, Any]:
    data = to_data(value)
    assert isinstance(data, dict)
    return data
