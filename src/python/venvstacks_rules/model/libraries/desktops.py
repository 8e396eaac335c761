"""The libraries of Linux machines with a graphical desktop, which servers and containers lack.

Packages with a user interface rely on them: no policy of PEP 600 lists them, and no wheel can bring
its own copies of most, because they belong to the display server, the sound server, or the settings
of the machine. The distributions that GNOME and KDE are made for have all of them.
"""

from __future__ import annotations

import re

DESKTOP_LIBRARIES = frozenset(
    """
    libEGL.so.1 libGLESv1_CM.so.1 libGLESv2.so.2 libGLU.so.1 libGLX.so.0 libGLdispatch.so.0
    libOpenGL.so.0 libgbm.so.1 libglapi.so.0 libva-drm.so.2 libva-x11.so.2 libva.so.2 libvdpau.so.1
    libX11-xcb.so.1 libXau.so.6 libXaw.so.7 libXcomposite.so.1 libXcursor.so.1 libXdamage.so.1
    libXdmcp.so.6 libXfixes.so.3 libXft.so.2 libXi.so.6 libXinerama.so.1 libXmu.so.6 libXpm.so.4
    libXrandr.so.2 libXss.so.1 libXt.so.6 libXtst.so.6 libXv.so.1 libXxf86vm.so.1 libxcb.so.1
    libxkbcommon-x11.so.0 libxkbcommon.so.0 libxkbfile.so.1 libxshmfence.so.1
    libdecor-0.so.0 libwayland-client.so.0 libwayland-cursor.so.0 libwayland-egl.so.1
    libwayland-server.so.0
    libcairo-gobject.so.2 libcairo.so.2 libfontconfig.so.1 libfreetype.so.6 libfribidi.so.0
    libharfbuzz.so.0 libpango-1.0.so.0 libpangocairo-1.0.so.0 libpangoft2-1.0.so.0 libpixman-1.so.0
    libatk-1.0.so.0 libatk-bridge-2.0.so.0 libatspi.so.0 libgdk-3.so.0 libgdk_pixbuf-2.0.so.0
    libgio-2.0.so.0 libgmodule-2.0.so.0 libgtk-3.so.0 libgtk-4.so.1 libnotify.so.4 librsvg-2.so.2
    libsecret-1.so.0
    libasound.so.2 libcanberra.so.0 libjack.so.0 libpipewire-0.3.so.0 libpulse-mainloop-glib.so.0
    libpulse-simple.so.0 libpulse.so.0 libspeechd.so.2
    libavahi-client.so.3 libavahi-common.so.3 libcups.so.2 libdbus-1.so.3 libinput.so.10
    libsystemd.so.0 libudev.so.1 libusb-1.0.so.0
    libgssapi_krb5.so.2 libk5crypto.so.3 libkrb5.so.3 libnspr4.so libnss3.so libnssutil3.so
    libplc4.so libplds4.so libsmime3.so libssl3.so
    """.split()  # noqa: SIM905 - a list of a line each is no easier to read
)
# The extensions of the X protocol, and the parts of GStreamer.
_FAMILIES = re.compile(r"libxcb-[a-z0-9-]+\.so\.\d+|libgst[a-z]+-1\.0\.so\.0")


def is_of_desktop(asked: str) -> bool:
    """Whether a Linux machine with a desktop has a library, by the name that a binary asks for."""
    return asked in DESKTOP_LIBRARIES or _FAMILIES.fullmatch(asked) is not None
