"""The libraries of Windows that programs are linked to, in lower case.

They belong to interfaces that Microsoft documents and that every edition from Windows 10 on has,
desktop and server, x64 and arm64. A library that is missing here only causes a warning.
"""

from __future__ import annotations

# As one text: a list of hundreds of names would be a line each.
WINDOWS_LIBRARIES = frozenset(
    """
    activeds.dll advapi32.dll advpack.dll amsi.dll appmgr.dll asycfilt.dll atl.dll audioses.dll
    authz.dll avicap32.dll avifil32.dll avrt.dll bcrypt.dll bcryptprimitives.dll bluetoothapis.dll
    bthprops.cpl cabinet.dll certcli.dll cfgmgr32.dll cldapi.dll clfsw32.dll clusapi.dll combase.dll
    comctl32.dll comdlg32.dll compstui.dll coremessaging.dll credui.dll crypt32.dll cryptnet.dll
    cryptsp.dll cryptui.dll cryptxml.dll cscapi.dll d2d1.dll d3d10.dll d3d10_1.dll d3d10core.dll
    d3d11.dll d3d12.dll d3d9.dll d3dcompiler_47.dll davclnt.dll dbgeng.dll dbghelp.dll dcomp.dll
    ddraw.dll devobj.dll dhcpcsvc.dll dhcpcsvc6.dll dhcpsapi.dll dinput.dll dinput8.dll directml.dll
    dnsapi.dll dpapi.dll dsound.dll dsrole.dll dsuiext.dll dwmapi.dll dwrite.dll dxcore.dll dxgi.dll
    dxva2.dll eappcfg.dll eappprxy.dll esent.dll evr.dll faultrep.dll fltlib.dll fontsub.dll
    fwpuclnt.dll gdi32.dll gdi32full.dll gdiplus.dll glu32.dll gpedit.dll hid.dll hlink.dll
    httpapi.dll icm32.dll icu.dll icuin.dll icuuc.dll imagehlp.dll imgutil.dll imm32.dll
    inetcomm.dll inkobjcore.dll iphlpapi.dll kernel32.dll kernelbase.dll ksuser.dll ktmw32.dll
    loadperf.dll lz32.dll magnification.dll mapi32.dll mf.dll mfcore.dll mfplat.dll mfplay.dll
    mfreadwrite.dll mgmtapi.dll mlang.dll mmdevapi.dll mpr.dll mprapi.dll msacm32.dll mscms.dll
    mscoree.dll msctf.dll msdmo.dll msdrm.dll msfeeds.dll mshtml.dll msi.dll msimg32.dll
    mspatcha.dll mssign32.dll mstask.dll msvcp_win.dll msvcrt.dll msvfw32.dll mswsock.dll msxml3.dll
    msxml6.dll mtxdm.dll ncrypt.dll ndfapi.dll netapi32.dll netutils.dll newdev.dll ninput.dll
    normaliz.dll nsi.dll ntdll.dll ntdsapi.dll ntlanman.dll odbc32.dll odbccp32.dll ole32.dll
    oleacc.dll oleaut32.dll oledlg.dll opengl32.dll p2p.dll p2pgraph.dll pdh.dll pla.dll
    powrprof.dll printui.dll prntvpt.dll profapi.dll propsys.dll psapi.dll qwave.dll rasapi32.dll
    rasdlg.dll resutils.dll rpcns4.dll rpcrt4.dll rstrtmgr.dll rtm.dll rtutils.dll samcli.dll
    sas.dll scarddlg.dll schannel.dll secur32.dll sensapi.dll setupapi.dll sfc.dll sfc_os.dll
    shcore.dll shdocvw.dll shell32.dll shfolder.dll shlwapi.dll slc.dll slcext.dll slwga.dll
    snmpapi.dll srclient.dll srvcli.dll sspicli.dll sti.dll t2embed.dll tapi32.dll taskschd.dll
    tbs.dll tdh.dll traffic.dll twinapi.dll txfw32.dll ucrtbase.dll uiautomationcore.dll urlmon.dll
    user32.dll userenv.dll usp10.dll uxtheme.dll version.dll virtdisk.dll vssapi.dll vsstrace.dll
    wcmapi.dll webservices.dll websocket.dll wecapi.dll wer.dll wevtapi.dll wiaservc.dll win32u.dll
    windowscodecs.dll windowscodecsext.dll winhttp.dll wininet.dll winmm.dll winnsi.dll winscard.dll
    winspool.drv winsta.dll wintrust.dll wintypes.dll winusb.dll wkscli.dll wlanapi.dll wldap32.dll
    wldp.dll ws2_32.dll wscapi.dll wsdapi.dll wsnmp32.dll wsock32.dll wtsapi32.dll xaudio2_8.dll
    xaudio2_9.dll xinput1_4.dll xinput9_1_0.dll xmllite.dll
    """.split()  # noqa: SIM905 - see above
)
