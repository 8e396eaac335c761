"""The script of an installer for Windows, which is a zip archive with it and what it needs."""

from __future__ import annotations

from dataclasses import dataclass

from venvstacks_rules.actions.bundling.templates import filled

SCRIPT_FILE, PAYLOAD_FILE = "install.ps1", "payload.tar"


@dataclass(frozen=True)
class PowerShellValues:
    """What the script has to know. Names are those of repositories: they need no quotes."""

    title: str
    version: str
    platform: str
    application: str
    python: str
    """The interpreter that starts the client, below the folder that is unpacked."""
    hashes: tuple[tuple[str, str], ...]
    """The SHA-256 of each file beside the script."""


def powershell(values: PowerShellValues) -> bytes:
    """The script."""
    hashes = "\n".join(f"    '{name}' = '{sha256}'" for name, sha256 in values.hashes)
    text = filled(
        _SCRIPT,
        ("TITLE", values.title),
        ("VERSION", values.version),
        ("PLATFORM", values.platform),
        ("FIRST", values.application),
        ("PYTHON", values.python.replace("/", "\\")),
        ("HASHES", hashes),
    )
    return text.replace("\n", "\r\n").encode("ascii")


def command(python: str) -> bytes:
    """The command beside the unpacked layers that starts the client."""
    path = python.replace("/", "\\")
    return f'@"%~dp0{path}" -I "%~dp0start.py" %*\r\n'.encode("ascii")


_SCRIPT = r"""# Installs @TITLE@ @VERSION@ for @PLATFORM@, without any network.
#   powershell -ExecutionPolicy Bypass -File install.ps1 [-Into DIR] [-Json] [-Verify]
[CmdletBinding()]
param(
    [string]$Into = (Join-Path $env:LOCALAPPDATA '@TITLE@'),
    [switch]$Json,
    [switch]$Verify
)
$ErrorActionPreference = 'Stop'
$hashes = [ordered]@{
@HASHES@
}
foreach ($name in $hashes.Keys) {
    $file = Join-Path $PSScriptRoot $name
    if (-not (Test-Path -LiteralPath $file -PathType Leaf)) {
        [Console]::Error.WriteLine("error: ``$name`` is missing. Extract all of the archive first.")
        exit 4
    }
    if ((Get-FileHash -LiteralPath $file -Algorithm SHA256).Hash -ne $hashes[$name]) {
        [Console]::Error.WriteLine("error: ``$name`` is damaged. Download the installer again.")
        exit 4
    }
}
if ($Verify) {
    Write-Output 'The installer is whole.'
    exit 0
}
$Into = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Into)
# A backslash at the end would quote what PowerShell 5.1 writes behind it.
if ($Into.Length -gt 3) { $Into = $Into.TrimEnd([char[]]'\/"') }
# Some set it for PowerShell 7: an exit code is no exception here.
$PSNativeCommandUseErrorActionPreference = $false
$made = -not (Test-Path -LiteralPath $Into)
$unpacked = Join-Path $Into ".installing-$PID"
$new = Join-Path $unpacked 'new'
$old = Join-Path $unpacked 'old'
$client = Join-Path $Into 'client'
$code = 6
try {
    # Methods, because commands take brackets in paths for patterns.
    [System.IO.Directory]::CreateDirectory($new) | Out-Null
    Add-Type -AssemblyName System.IO.Compression.FileSystem
    foreach ($name in $hashes.Keys) {
        $file = Join-Path $PSScriptRoot $name
        if ($name.EndsWith('.zip')) {
            [System.IO.Compression.ZipFile]::ExtractToDirectory($file, $new)
        } elseif ($name -ne 'payload.tar') {
            [System.IO.File]::Copy($file, (Join-Path $new $name))
        }
    }
    $options = @('--into', $Into, '--unpacked', $new)
    if ($Json) { $options += '--json' }
    $payload = Join-Path $PSScriptRoot 'payload.tar'
    $code = 1
    & (Join-Path $new '@PYTHON@') -I -B (Join-Path $new 'start.py') install-bundle @options $payload
    $code = $LASTEXITCODE
    if ($code -eq 0) {
        # The client stays beside what it installed.
        $code = 6
        if (Test-Path -LiteralPath $client) { [System.IO.Directory]::Move($client, $old) }
        try {
            [System.IO.Directory]::Move($new, $client)
        } catch {
            if (Test-Path -LiteralPath $old) { [System.IO.Directory]::Move($old, $client) }
            throw
        }
        $code = 0
        if (-not $Json) {
            $command = (Join-Path $client 'venvstacks-deploy.cmd').Replace("'", "''")
            $folder = $Into.Replace("'", "''")
            Write-Output "Start it:  & '$command' run --into '$folder' @FIRST@"
        }
    }
} catch {
    [Console]::Error.WriteLine("error: $($_.Exception.Message)")
    if ($code -eq 0) { $code = 1 }
} finally {
    Remove-Item -LiteralPath $unpacked -Recurse -Force -ErrorAction SilentlyContinue
    if ($made -and $code -ne 0) {
        # Only if nothing else is in it.
        try { [System.IO.Directory]::Delete($Into) } catch { }
    }
}
exit $code
"""
