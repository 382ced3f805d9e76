"""The real Borg, for the scripts that work beside it: where it is, its surroundings, and a server
that runs it without its start-up time. Not a test by itself.

BORG names the program, by default the one of Debian (1.1 to 1.4)."""
import json
import os
import shutil
import signal
import subprocess
import sys

BORG = os.environ.get('BORG') or shutil.which('borg', path='/usr/bin:/usr/local/bin:' +
                                              os.environ.get('PATH', ''))
PYTHON = '/usr/bin/python3'     # the one that Debian's borg runs in
SERVER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'borg_server.py')


def version():
    """The version of Borg, '' where there is none."""
    try:
        done = subprocess.run([BORG or 'borg', '--version'], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True, timeout=60)
    except OSError:
        return ''
    return done.stdout.strip() if done.returncode == 0 else ''


def skip_without_borg():
    """End with the status of a skipped test where there is no Borg 1.x, or not its modules."""
    if version().startswith('borg 1.') and subprocess.run(
            [PYTHON, '-c', 'import borg.repository'], capture_output=True).returncode == 0:
        return
    print('skipped: there is no Borg 1.x')
    sys.exit(77)


def environment(folder):
    """The surroundings of a Borg that keeps everything of its own in @folder and asks nothing."""
    base = {name: value for name, value in os.environ.items() if not name.startswith('BORG_')}
    base.update(BORG_BASE_DIR=folder, HOME=folder, BORG_PASSPHRASE='test', LC_ALL='C.UTF-8',
                BORG_EXIT_CODES='legacy', BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK='yes',
                BORG_RELOCATED_REPO_ACCESS_IS_OK='yes', BORG_CHECK_I_KNOW_WHAT_I_AM_DOING='YES')
    return base


class Failed(Exception):
    """Borg ended with an error."""


class Running:
    """A child of the server that works."""

    def __init__(self, server, pid, said):
        self.server, self.said = server, said
        try:
            self.handle = os.pidfd_open(pid)
        except ProcessLookupError:      # it has ended
            self.handle = None

    def kill(self):
        """Where it has ended by itself nothing happens."""
        try:
            if self.handle is not None:
                signal.pidfd_send_signal(self.handle, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def wait(self):
        """(exit status, what it said). The status of a killed one is -9."""
        status = int(self.server.process.stdout.readline())
        if self.handle is not None:
            os.close(self.handle)
        with open(self.said, errors='replace') as f:
            return status, f.read()


class Server:
    def __init__(self, folder, name=''):
        """@name tells it from others that work in @folder."""
        self.folder, self.name = folder, name
        self.process = subprocess.Popen([PYTHON, '-B', SERVER], env=environment(folder), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def begin(self, *request):
        said = os.path.join(self.folder, 'said' + self.name)
        self.process.stdin.write(json.dumps([*request, said]) + '\n')
        self.process.stdin.flush()
        return Running(self, int(self.process.stdout.readline()), said)

    def ask(self, *request):
        """What it said. Raises Failed."""
        status, said = self.begin(*request).wait()
        if status != 0:
            raise Failed('%s: status %d: %s' % (request[:3], status, said[-2000:]))
        return said

    def read(self, path):
        """The transaction, and {key: (length, CRC-32, SHA-256)} of all objects."""
        transaction, rows = json.loads(self.ask('read', path).splitlines()[-1])
        return transaction, {key: tuple(row) for key, row in rows.items()}

    def quit(self):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()
