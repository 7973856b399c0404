"""A stand-in for a desktop's portal for screens (org.freedesktop.portal.ScreenCast), on the session bus.

Arguments: HOW NODE LOG. HOW is what the user and the desktop do: share, refuse, fail, wait (the dialog stays open), leave (the portal
ends in the dialog), nothing (no streams), no-screens (a portal without that interface), silent (no answer to CreateSession), odd (an
answer of another kind), no-session, old (a portal of version 3, which remembers nothing). The sharing ends on SIGUSR1. NODE is a file
with the number of a node of PipeWire. LOG gets a line for each call, and one when the program has left the bus.
"""
import os
import signal
import socket
import sys

from gi.repository import Gio, GLib

HOW, NODE, LOG = sys.argv[1], sys.argv[2], open(sys.argv[3], "a", buffering=1)
NAME, PATH = "org.freedesktop.portal.Desktop", "/org/freedesktop/portal/desktop"
XML = """<node>
<interface name="org.freedesktop.portal.ScreenCast">
  <method name="CreateSession"><arg type="a{sv}" direction="in"/><arg type="o" direction="out"/></method>
  <method name="SelectSources"><arg type="o" direction="in"/><arg type="a{sv}" direction="in"/><arg type="o" direction="out"/></method>
  <method name="Start"><arg type="o" direction="in"/><arg type="s" direction="in"/><arg type="a{sv}" direction="in"/>
    <arg type="o" direction="out"/></method>
  <method name="OpenPipeWireRemote"><arg type="o" direction="in"/><arg type="a{sv}" direction="in"/><arg type="h" direction="out"/></method>
  <property name="version" type="u" access="read"/>
  <property name="AvailableSourceTypes" type="u" access="read"/>
  <property name="AvailableCursorModes" type="u" access="read"/>
</interface>
<interface name="org.freedesktop.portal.Nothing"/>
</node>"""
PROPERTIES = {"version": 3 if HOW == "old" else 4, "AvailableSourceTypes": 3, "AvailableCursorModes": 7}
RESPONSES = {"refuse": 1, "fail": 2}
bus = Gio.bus_get_sync(Gio.BusType.SESSION)
session, client = None, None


def say(*words):
    print(*words, file=LOG)


def emit(path, interface, member, values):
    bus.emit_signal(client, path, interface, member, values)


def respond(request, code, results):
    if HOW == "odd":
        return emit(request, "org.freedesktop.portal.Request", "Response", GLib.Variant("(s)", ("shared",)))
    emit(request, "org.freedesktop.portal.Request", "Response", GLib.Variant("(ua{sv})", (code, results)))


def called(connection, sender, path, interface, method, parameters, invocation):
    global session, client
    if client != sender:
        client = sender
        Gio.bus_watch_name(Gio.BusType.SESSION, sender, Gio.BusNameWatcherFlags.NONE, None, lambda *_: say("left"))
    arguments = parameters.unpack()
    options = arguments[-1]
    say(method, " ".join(f"{key}={value}" for key, value in sorted(options.items())))
    if method == "OpenPipeWireRemote":
        remote = socket.socket(socket.AF_UNIX)
        remote.connect(os.environ["XDG_RUNTIME_DIR"] + "/pipewire-0")
        descriptors = Gio.UnixFDList.new()
        index = descriptors.append(remote.fileno())
        invocation.return_value_with_unix_fd_list(GLib.Variant("(h)", (index,)), descriptors)
        return
    me = sender[1:].replace(".", "_")
    request = f"{PATH}/request/{me}/{options['handle_token']}"
    invocation.return_value(GLib.Variant("(o)", (request,)))
    if HOW == "silent":
        return
    if method == "CreateSession":
        session = f"{PATH}/session/{me}/{options['session_handle_token']}"
        respond(request, 0, {} if HOW == "no-session" else {"session_handle": GLib.Variant("s", session)})
    elif method == "SelectSources":
        respond(request, 0, {})
    elif HOW == "leave":
        sys.exit()
    elif HOW != "wait":
        with open(NODE) as file:
            streams = [] if HOW == "nothing" else [(int(file.read()), {})]
        token = {} if HOW == "old" else {"restore_token": GLib.Variant("s", f"token-{os.getpid()}")}
        respond(request, RESPONSES.get(HOW, 0), {"streams": GLib.Variant("a(ua{sv})", streams)} | token)


def close():
    emit(session, "org.freedesktop.portal.Session", "Closed", GLib.Variant("(a{sv})", ({},)))
    return GLib.SOURCE_CONTINUE


interfaces = Gio.DBusNodeInfo.new_for_xml(XML).interfaces
bus.register_object(PATH, interfaces[1 if HOW == "no-screens" else 0], called,
                    lambda connection, sender, path, interface, name: GLib.Variant("u", PROPERTIES[name]), None)
GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, signal.SIGUSR1, close)
loop = GLib.MainLoop()
Gio.bus_own_name_on_connection(bus, NAME, Gio.BusNameOwnerFlags.NONE, lambda *_: say("ready"), lambda *_: loop.quit())
loop.run()
