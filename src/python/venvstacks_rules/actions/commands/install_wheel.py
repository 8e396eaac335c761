"""``install-wheel``: unpack a wheel of the actions' own environment, and compile it."""

from __future__ import annotations

import os
import shutil

from venvstacks_rules.actions.tools.byte_code import compile_modules
from venvstacks_rules.actions.tools.wheel import unpack_wheel
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.tools import InstalledWheel, InstallWheelRequest


def run(request_text: str) -> InstalledWheel:
    """Do what an :class:`InstallWheelRequest` asks for; WheelError for a wheel that is refused."""
    request = from_json(InstallWheelRequest, request_text)
    os.makedirs(request.output)
    try:
        modules = unpack_wheel(request, request.output)
        compile_modules(request.output, modules, request.output, request.file_name)
    except BaseException:
        shutil.rmtree(request.output)
        raise
    return InstalledWheel(len(modules))
