"""Makes the binaries of this folder, and says of each what LLVM's tools read in it.

Run it where `clang`, `lld` and `llvm` are installed (Debian: packages of these names), in a folder
of its own; `expected.json` and the binaries beside it are what it wrote with LLVM 14.
"""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

LLVM = Path("/usr/lib/llvm-14/bin")
TONES = "int tone(void) { return 7; }\n"
PLAY = "int tone(void); int play(void) { return tone(); }\n"
BINDER = 'void binder(void) __asm__("dyld_stub_binder"); void binder(void) {}\n'


def tool(name: str, *arguments: object) -> str:
    done = subprocess.run(
        [str(LLVM / name), *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


def compiled(name: str, source: str, target: str) -> Path:
    code, made = Path(f"{name}.c"), Path(f"{name}-{target}.o")
    code.write_text(source)
    pic = [] if "windows" in target else ["-fPIC"]
    tool("clang", f"--target={target}", "-O1", *pic, "-c", code, "-o", made)
    return made


def linux(machine: str, triple: str) -> None:
    tones = compiled("tones", TONES, triple)
    output = Path(f"linux_{machine}/libtones.so")
    output.parent.mkdir()
    tool("ld.lld", "-shared", "-s", "-soname=libtones.so", tones, "-o", output)
    play = compiled("play", PLAY, triple)
    tool(
        "ld.lld",
        "-shared",
        "-s",
        "-rpath=$ORIGIN/../lib:${ORIGIN}",
        "--disable-new-dtags",
        play,
        output,
        "-o",
        f"linux_{machine}/play.so",
    )


def macosx(machine: str) -> None:
    triple = f"{machine}-apple-macos11"
    folder = Path(f"macosx_{machine}")
    folder.mkdir()
    link = ["-arch", machine, "-dylib"]
    binder = compiled("binder", BINDER, triple)
    tool(
        "ld64.lld",
        *link,
        "-platform_version",
        "macos",
        "11.0",
        "13.0",
        "-install_name",
        "/usr/lib/libSystem.B.dylib",
        binder,
        "-o",
        "libSystem.dylib",
    )
    old = ["-platform_version", "macos", "10.9", "10.13"]
    new = ["-platform_version", "macos", "12.3", "13.0"]
    tones = folder / "libtones.dylib"
    tool(
        "ld64.lld",
        *link,
        *(new if machine == "arm64" else old),
        "-install_name",
        "@rpath/libtones.dylib",
        compiled("tones", TONES, triple),
        "libSystem.dylib",
        "-o",
        tones,
    )
    if machine == "arm64":
        return  # With pages of 16 KiB each, which nobody wants to keep.
    play = compiled("play", PLAY, triple)
    for name, option in (("play.so", []), ("libplay.dylib", ["-reexport_library", tones])):
        kind = ["-arch", machine, "-bundle"] if name == "play.so" else link
        tool(
            "ld64.lld", *kind, *new, "-rpath", "@loader_path/../lib", "-rpath", "/opt/lib",
            *(["-install_name", "/DLC/play/.dylibs/libplay.dylib"] if option else []), play,
            *(option or ["-weak_library", tones]), "libSystem.dylib", "-o", folder / name,
        )  # fmt: skip


def windows(machine: str, triple: str) -> None:
    folder = Path(f"win_{machine}")
    folder.mkdir()
    tones = compiled("tones", TONES, triple)
    dll = ["/dll", "/noentry", "/nodefaultlib", "/timestamp:0"]
    tool("lld-link", *dll, "/export:tone", tones, f"/out:{folder}/Tones.dll")
    helper = "void *__delayLoadHelper2(void *a, void *b) { return 0; }\n"
    play = compiled("play", PLAY, triple)
    library = f"{folder}/Tones.lib"
    tool("lld-link", *dll, "/export:play", play, library, f"/out:{folder}/play.pyd")
    tool(
        "lld-link",
        *dll,
        "/delayload:Tones.dll",
        "/export:play",
        play,
        compiled("helper", helper, triple),
        library,
        f"/out:{folder}/late.pyd",
    )
    for left in folder.glob("*.lib"):
        left.unlink()


# ------------------------------------------------------------------------- what LLVM reads in them
def facts(path: Path) -> list[dict[str, Any]]:
    if path.parent.name.startswith("linux"):
        return [elf_facts(path)]
    if path.parent.name.startswith("win"):
        return [pe_facts(path)]
    text = tool("llvm-objdump", "--macho", "--universal-headers", path)
    machines = re.findall(r"architecture (\w+)", text) or [""]
    return [macho_facts(path, machine) for machine in machines]


def elf_facts(path: Path) -> dict[str, Any]:
    text = tool("llvm-readelf", "-d", "-h", path)
    run_path = re.findall(r"\((RPATH|RUNPATH)\).*\[(.*)\]", text)
    return {
        "machine": {"Advanced Micro Devices X86-64": "x86_64", "AArch64": "aarch64"}[
            re.findall(r"Machine: +(.*)", text)[0]
        ],
        "name": next(iter(re.findall(r"\(SONAME\).*\[(.*)\]", text)), None),
        "needed": re.findall(r"\(NEEDED\).*\[(.*)\]", text),
        "run_paths": [folder for _, paths in run_path for folder in paths.split(":")],
        "inherited": any(kind == "RPATH" for kind, _ in run_path),
    }


def macho_facts(path: Path, machine: str) -> dict[str, Any]:
    only = [f"--arch={machine}"] if machine else []
    text = tool("llvm-objdump", "--macho", "--private-headers", *only, path)
    commands = re.split(r"Load command \d+\n", text)[1:]
    found: dict[str, list[str]] = {}
    for command in commands:
        kind = re.findall(r"cmd (\w+)", command)[0]
        value = re.findall(r"(?:name|path|minos|version) (\S+)", command)
        found.setdefault(kind, []).extend(value[:1])
    return {
        "machine": re.findall(r"MH_MAGIC_64 +(\w+)", text)[0].lower(),
        "kind": {"DYLIB": "library", "BUNDLE": "bundle"}[re.findall(r"(DYLIB|BUNDLE)", text)[0]],
        "name": next(iter(found.get("LC_ID_DYLIB", ())), None),
        "needed": sorted(found.get("LC_LOAD_DYLIB", []) + found.get("LC_REEXPORT_DYLIB", [])),
        "optional": found.get("LC_LOAD_WEAK_DYLIB", []),
        "run_paths": found.get("LC_RPATH", []),
        "minimum": (found.get("LC_BUILD_VERSION") or found["LC_VERSION_MIN_MACOSX"])[0],
    }


def pe_facts(path: Path) -> dict[str, Any]:
    text = tool("llvm-readobj", "--file-headers", "--coff-imports", path)
    return {
        "machine": {"AMD64": "amd64", "ARM64": "arm64"}[
            re.findall(r"Machine: IMAGE_FILE_MACHINE_(\w+)", text)[0]
        ],
        "needed": re.findall(r"\nImport \{\n  Name: (.*)", text),
        "optional": re.findall(r"\nDelayImport \{\n  Name: (.*)", text),
    }


def main() -> None:
    linux("x86_64", "x86_64-linux-gnu")
    linux("aarch64", "aarch64-linux-gnu")
    macosx("arm64")
    macosx("x86_64")
    universal = Path("macosx_universal2")
    universal.mkdir()
    parts = [f"macosx_{machine}/libtones.dylib" for machine in ("x86_64", "arm64")]
    tool("llvm-lipo", "-create", *parts, "-output", universal / "libtones.dylib")
    windows("amd64", "x86_64-pc-windows-msvc")
    windows("arm64", "aarch64-pc-windows-msvc")
    made = sorted(path for folder in Path().glob("*_*/") for path in folder.iterdir())
    expected = {str(path): facts(path) for path in made}
    Path("expected.json").write_text(json.dumps(expected, indent=2) + "\n")
    for left in (*Path().glob("*.o"), *Path().glob("*.c"), Path("libSystem.dylib")):
        left.unlink()


if __name__ == "__main__":
    main()
