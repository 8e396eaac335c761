"""Buckets as obstore opens them: settings and credentials of the environment, and its errors."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obstore.store import from_url

from venvstacks_rules.model.network.urls import url_problem
from venvstacks_rules.repository.stores import attempts
from venvstacks_rules.repository.stores.store import StoreError, UrlError

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_NAMES = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    *("AWS_DEFAULT_REGION", "AWS_REGION"),
)
_CREDENTIALS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "az": "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY",
}
_AZURE = (
    "AZURE_STORAGE_ACCOUNT_NAME",
    "AZURE_STORAGE_ACCOUNT_KEY",
    "AZURE_STORAGE_SAS_TOKEN",
    "AZURE_STORAGE_ENDPOINT",
)
_GOOGLE = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_SERVICE_ACCOUNT")
_EMULATOR = "STORAGE_EMULATOR_HOST"
"""Where the libraries of Google find an emulator, which wants no credentials."""
_NO_BUCKET = ("NoSuchBucket", "ContainerNotFound")
_STATUS = re.compile(r"Server returned non-2xx status code: ([^\n<]*)")
_CODE = re.compile(r"<Code>(\w+)</Code>")


def bucket(url: str, environment: Mapping[str, str]) -> ObjectStore:
    """The bucket at `url`."""
    parts = urlsplit(url)
    more: dict[str, Any] = {}
    if not parts.netloc:
        raise UrlError(f"`{url}` names no bucket; write `{parts.scheme}://bucket/prefix`.")
    if parts.scheme == "s3":
        more = _of_s3(url, environment)
    elif parts.scheme == "az":
        # Its library looks for all others in the environment of the process.
        names = [name for name in _AZURE if environment.get(name)]
        more = {"config": {name.lower(): environment[name] for name in names}} if names else {}
    elif parts.scheme == "gs":
        more = _of_google(environment)
    # Only what somebody set up as a server without TLS is spoken to without TLS.
    plain = any(
        value.startswith("http://")
        for name, value in environment.items()
        if "ENDPOINT" in name or name == _EMULATOR
    )
    try:
        return from_url(
            url,
            client_options={"allow_http": plain, "connect_timeout": "20s", "timeout": "300s"},
            retry_config={
                "max_retries": len(attempts.WAITS),
                "retry_timeout": timedelta(seconds=60),
                "backoff": {
                    "init_backoff": timedelta(seconds=attempts.WAITS[0]),
                    "max_backoff": timedelta(seconds=attempts.WAITS[-1]),
                },
            },
            **more,
        )
    except Exception as e:  # noqa: BLE001  whatever it says, the user has to change a setting
        raise StoreError(attempts.trouble(url, "", e, _look(parts.scheme))) from None


def _of_s3(url: str, environment: Mapping[str, str]) -> dict[str, Any]:
    endpoint = environment.get("AWS_ENDPOINT_URL_S3") or environment.get("AWS_ENDPOINT_URL")
    problem = url_problem(endpoint) if endpoint else None
    if problem is not None or "@" in (endpoint or ""):
        raise StoreError(
            f"{url}: AWS_ENDPOINT_URL: {problem or 'a user name has no place in it'}. Write "
            "`https://server`, and set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
        )
    config: dict[str, Any] = {
        # The server compares each request with its hash, and copies only to where nothing is.
        "aws_checksum_algorithm": "sha256",
        "aws_copy_if_not_exists": "multipart",
        "aws_conditional_put": "etag",
        **{name.lower(): environment[name] for name in _NAMES if environment.get(name)},
        **({"aws_endpoint": endpoint} if endpoint else {}),
    }
    more: dict[str, Any] = {"config": config}
    if "aws_access_key_id" not in config and _has_profiles(environment):
        # Only boto3 reads the files with profiles, with all that they can ask for.
        try:
            import boto3  # noqa: PLC0415
            from obstore.auth.boto3 import Boto3CredentialProvider  # noqa: PLC0415
        except ImportError:
            if environment.get("AWS_PROFILE"):
                raise StoreError(
                    f"{url}: AWS_PROFILE is set, and boto3 is not installed, which reads profiles. "
                    "Install boto3, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
                ) from None
        else:
            session = boto3.Session(profile_name=environment.get("AWS_PROFILE"))
            more["credential_provider"] = Boto3CredentialProvider(session)
            if session.region_name:
                config.setdefault("aws_region", session.region_name)
    if not {"aws_region", "aws_default_region"} & config.keys():
        config["aws_region"] = "us-east-1"
    return more


def _of_google(environment: Mapping[str, str]) -> dict[str, Any]:
    emulator = environment.get(_EMULATOR)
    if emulator:
        account = {"gcs_base_url": emulator.rstrip("/"), "disable_oauth": True}
        account.update(dict.fromkeys(("client_email", "private_key", "private_key_id"), ""))
        return {"config": {"service_account_key": json.dumps(account)}}
    # Its library looks for all others in the environment of the process.
    names = [name for name in _GOOGLE if environment.get(name)]
    return {"config": {name.lower(): environment[name] for name in names}} if names else {}


def _has_profiles(environment: Mapping[str, str]) -> bool:
    if environment.get("AWS_PROFILE"):
        return True
    file = environment.get("AWS_SHARED_CREDENTIALS_FILE") or "~/.aws/credentials"
    return Path(file).expanduser().is_file()


def is_missing(error: Exception) -> bool:
    """Whether `error` is about a key or a range that is not there, and not about the bucket."""
    text = str(error)
    if isinstance(error, FileNotFoundError):
        return not any(f"<Code>{code}</Code>" in text for code in _NO_BUCKET)
    # Azure's library compares the range itself.
    return "status code: 416 " in text or "Wanted range starting at " in text


def bucket_problem(error: Exception, url: str) -> tuple[str, str]:
    """What is wrong, without what servers send along, as the names of accounts; and a remedy."""
    text, scheme = str(error), urlsplit(url).scheme
    status, code = _STATUS.search(text), _CODE.search(text)
    if "169.254.169.254" in text or "metadata" in text:
        return "there are no credentials", _look(scheme)
    if status is None:
        reason = text.partition("\n")[0].rpartition(" - ")[2]
        return f"no answer ({reason})", attempts.UNREACHED
    why = status[1].strip(" :") + (f" ({code[1]})" if code else "")
    if status[1].startswith("404"):
        return f"{why}: the bucket does not exist", "Make it, or correct the URL."
    if status[1].startswith(("401", "403", "400")):
        return f"the server refuses: {why}", _look(scheme)
    return f"the server answers {why}", "Try again later."


def _look(scheme: str) -> str:
    return f"Look at the credentials in {_CREDENTIALS[scheme]}, and at what they permit."
