"""What the scripts share: the files of a repository, Attic's lock, strace, figures. Not a test by
itself."""
import hashlib
import os
import subprocess
import sys

HOLD = '''import fcntl, sys
f = open(sys.argv[1], "r+")
fcntl.lockf(f, getattr(fcntl, sys.argv[2]))
print("held", flush=True)
sys.stdin.read()'''


def tree(path):
    """Every file below @path with its bytes, and every folder with None."""
    found = {}
    for folder, _, names in os.walk(path):
        found[os.path.relpath(folder, path)] = None
        for name in names:
            with open(os.path.join(folder, name), 'rb') as f:
                found[os.path.relpath(f.name, path)] = f.read()
    return found


def state(path):
    """Every name below @path with its kind, mode, mtime, size and a digest of its bytes."""
    found = {}
    for folder, folders, files in os.walk(path):
        for name in folders + files + ['.']:
            place = os.path.join(folder, name)
            st = os.lstat(place)
            data = b''
            if name in files and os.path.isfile(place):
                with open(place, 'rb') as f:
                    data = f.read()
            found[os.path.relpath(place, path)] = (st.st_mode, st.st_mtime_ns, st.st_size,
                                                   hashlib.sha256(data).digest())
    return found


def hold(path, kind):
    """Start a process that holds Attic's lock on @path, 'LOCK_SH' or 'LOCK_EX', taken as Attic
    does. End it with let_go."""
    holder = subprocess.Popen([sys.executable, '-c', HOLD, os.path.join(path, 'config'), kind],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b'held\n'
    return holder


def let_go(holder):
    """May be called twice."""
    holder.stdin.close()
    holder.wait()
    holder.stdout.close()


def strace_works():
    """Can strace trace here, children and injected delays too?"""
    try:
        return subprocess.run(['strace', '-f', '-qq', '-o', '/dev/null', '-e',
                               'inject=pread64:delay_enter=1', 'true'], capture_output=True,
                              timeout=20).returncode == 0
    except OSError:
        return False


def print_figures(campaign, counts):
    """Print @counts, {what: count}, for torture.py to add up."""
    print()
    for what, count in sorted(counts.items()):
        print('figure: %s, %s: %d' % (campaign, what, count))
