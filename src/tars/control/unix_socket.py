"""The control socket: where it stands, whose it is, and who is at its other end."""

import socket
import stat
import struct
import sys
from pathlib import Path

from tars.errors import UserError
from tars.home import FILE_MODE, FOLDER_MODE


def bind(path: Path) -> socket.socket:
    """Bind the control socket, for its owner alone; the caller holds the daemon's lock.

    A socket file that a killed daemon left is replaced. Raises UserError when the path
    is too long for a socket or something else stands there, OSError when the folder
    cannot be written.
    """
    path.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    # The folder is closed to others first: until chmod, the socket has the umask's mode.
    path.parent.chmod(FOLDER_MODE)
    _remove_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        _bind_short(sock, path)
        path.chmod(FILE_MODE)
        sock.setblocking(False)
    except BaseException:
        sock.close()
        raise
    return sock


def peer_uid(sock: socket.socket) -> int:
    """Tell which user is at the other end of a connected Unix socket."""
    if sys.platform == "darwin":
        # struct xucred {u_int version; uid_t uid; …}, sys/ucred.h; 76 bytes.
        # SOL_LOCAL is 0 and LOCAL_PEERCRED 1, sys/un.h.
        _version, uid = struct.unpack_from("=Ii", sock.getsockopt(0, 1, 76))
        return int(uid)
    size = struct.calcsize("3i")
    _pid, uid, _gid = struct.unpack(
        "3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    )
    return int(uid)


def peer_pid(sock: socket.socket) -> int | None:
    """Tell which process made the connection, or None where nobody knows."""
    try:
        if sys.platform == "darwin":
            # SOL_LOCAL is 0 and LOCAL_PEERPID 2, sys/un.h.
            return int(sock.getsockopt(0, 2)) or None
        size = struct.calcsize("3i")
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size)
    except OSError:
        return None
    return int(struct.unpack("3i", credentials)[0]) or None


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise UserError(
            f"{path} is in the way: it is not a socket.", advice="Move it away and try again."
        )
    path.unlink()


def _bind_short(sock: socket.socket, path: Path) -> None:
    try:
        sock.bind(str(path))
    except OSError as error:
        if error.errno is None:  # "AF_UNIX path too long", raised before any system call
            raise UserError(
                f"{path} is too long for a Unix socket; 100 bytes or so is all they can hold.",
                advice="TARS_HOME can name a shorter home.",
            ) from None
        raise
