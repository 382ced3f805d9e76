"""A program on a terminal of its own, kept by a private tmux server.

Shared by the tests of the terminal interface. Nothing here waits for a fixed time: a test says what
it waits for, and fails with the screen in its message when that does not come."""
import atexit
import glob
import os
import re
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = os.environ.get('ATTICSCOPE', 'atticscope')
MKSAMPLE = os.environ.get('MKSAMPLE', 'mksample')
DEADLINE = 60	# seconds; sanitizers on a busy machine are slow
PAUSE = 0.02
CHANGING = ('TERM', 'NO_COLOR', 'LC_ALL', 'LC_CTYPE', 'LANG', 'LINES', 'COLUMNS', 'ESCDELAY', 'ENV',
            'TMUX')
CONFIG = '''set -g status off
set -g remain-on-exit on
set -g escape-time 0
set -g exit-empty off
set -g allow-rename off
set -g default-terminal screen
# However the tests end, even killed, the server ends too.
run-shell -b "while kill -0 %d 2>/dev/null; do sleep 1; done; tmux -L test kill-server"
''' % os.getpid()
SGR = re.compile('\x1b\\[([0-9;:]*)m|\x1b[()].|\x0e|\x0f')

if not shutil.which('tmux'):
    print('skipped: tmux is not installed')
    sys.exit(77)


class Screen:
    """What a terminal shows: its lines, and the characters of each line in reverse, where the
    cursor is."""

    def __init__(self, captured, lines):
        self.colour = False
        self.lines, self.reverse = [], []
        state = {'reverse': False}
        for line in captured.split('\n')[:lines]:
            self.read_line(line, state)

    def read_line(self, line, state):
        plain, marked, at = '', '', 0
        for match in SGR.finditer(line):
            part = line[at:match.start()]
            plain += part
            marked += part if state['reverse'] else ''
            at = match.end()
            if match.group(1) is not None:
                self.read_codes(match.group(1).split(';'), state)
        self.lines.append((plain + line[at:]).rstrip())
        self.reverse.append((marked + (line[at:] if state['reverse'] else '')).rstrip())

    def read_codes(self, codes, state):
        while codes:
            code = int(codes.pop(0).split(':')[0] or 0)
            if code in (0, 27):
                state['reverse'] = False
            elif code == 7:
                state['reverse'] = True
            elif code in (38, 48):
                del codes[:4 if codes[:1] == ['2'] else 2]
            if 30 <= code <= 38 or 40 <= code <= 48 or 90 <= code <= 107:
                self.colour = True

    @property
    def text(self):
        return '\n'.join(self.lines)

    @property
    def words(self):
        """All text with single spaces, so that line breaks do not matter."""
        return ' '.join(self.text.split())

    @property
    def tab(self):
        """The name in brackets in the line of tabs: "6 Problems"."""
        found = re.findall(r'\[([^\]]*)\]', self.lines[1]) if len(self.lines) > 1 else []
        return found[0] if len(found) == 1 else None

    @property
    def selected(self):
        """The row or cell under the cursor."""
        rows = [r.strip() for r in self.reverse[2:-1] if r.strip()]
        return rows[0].rstrip('│┃|# ') if len(rows) == 1 else None

    def __contains__(self, text):
        return text in self.text


class Server:
    """The tmux server, started by the first terminal and always ended at the end of the tests.
    Commands go through one client in control mode, since each key and each look at a screen is one;
    it is attached to a session of its own, so that no terminal takes its size."""

    folder = None
    client = None
    unread = b''

    @classmethod
    def start(cls):
        cls.folder = tempfile.mkdtemp(prefix='atticscope-tmux-')
        atexit.register(cls.end)
        with open(os.path.join(cls.folder, 'config'), 'w') as f:
            f.write(CONFIG)
        cls.client = cls.spawn('-C', 'new-session', '-s', 'control', 'exec cat')
        cls.read_answer()

    @classmethod
    def spawn(cls, *args):
        env = {k: v for k, v in os.environ.items() if k not in CHANGING}
        env.update(TMUX_TMPDIR=cls.folder, LC_ALL='C.UTF-8', TERM='screen')
        return subprocess.Popen(['tmux', '-u', '-L', 'test', '-f',
                                 os.path.join(cls.folder, 'config'), *args], env=env, bufsize=0,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    @classmethod
    def run(cls, *args):
        """Run a tmux command, or several with ";" between them. Returns what they print."""
        if not cls.client:
            cls.start()
        line = ' '.join(a if a == ';' else shlex.quote(a) for a in args)
        if '\n' in line:		# a name with a line break in it
            return cls.spawn(*args).communicate(timeout=DEADLINE)[0]
        cls.client.stdin.write(line.encode('utf-8', 'surrogateescape') + b'\n')
        return b''.join(cls.read_answer() for _ in range(1 + args.count(';')))

    @classmethod
    def read_line(cls):
        while b'\n' not in cls.unread:
            ready, _, _ = select.select([cls.client.stdout], [], [], DEADLINE)
            more = os.read(cls.client.stdout.fileno(), 1 << 20) if ready else b''
            assert more, 'tmux does not answer: %s' % cls.unread
            cls.unread += more
        line, _, cls.unread = cls.unread.partition(b'\n')
        return line

    @classmethod
    def read_answer(cls):
        """The lines between "%begin TIME NUMBER FLAGS" and "%end", or "%error", of the same."""
        while not (line := cls.read_line()).startswith(b'%begin '):
            pass
        mark, lines = line[len(b'%begin '):], []
        while (line := cls.read_line()) not in (b'%end ' + mark, b'%error ' + mark):
            lines.append(line + b'\n')
        return b''.join(lines)

    @classmethod
    def end(cls):
        cls.client.stdin.write(b'kill-server\n')
        cls.client.communicate(timeout=DEADLINE)
        shutil.rmtree(cls.folder, ignore_errors=True)


class Terminal:
    count = 0

    def __init__(self, command, columns=80, lines=24, env=None, folder='.'):
        """Run @command, a list, with @env added to a known environment."""
        Terminal.count += 1
        self.name = 't%d' % Terminal.count
        self.columns, self.height = columns, lines
        settings = dict({'TERM': 'screen', 'LC_ALL': 'C.UTF-8'}, **(env or {}))
        line = ['env'] + [a for name in CHANGING for a in ('-u', name)]
        line += ['%s=%s' % pair for pair in settings.items()] + list(command)
        Server.run('new-session', '-d', '-s', self.name, '-x', str(columns), '-y', str(lines),
                   '-c', os.path.abspath(folder), 'exec ' + shlex.join(line))
        self.pid, Server.pid = map(int, self.ask('#{pane_pid} #{pid}').split())

    def tmux(self, command, *args):
        return Server.run(command, '-t', self.name + ':', *args)

    def ask(self, form):
        return self.tmux('display-message', '-p', form).decode().rstrip('\n')

    def tells(self, form, expected):
        """Wait until tmux answers @form with @expected, which may be later than the text on the
        screen."""
        deadline = time.monotonic() + DEADLINE
        while (told := self.ask(form)) != expected:
            if time.monotonic() > deadline:
                raise AssertionError('%s is %s, not %s\n%s'
                                     % (form, told, expected, self.screen().text))
            time.sleep(PAUSE)
        return self

    # ---- what a person does ----

    def press(self, *keys):
        """Press keys by their tmux names: "j", "Enter", "PgDn", "Escape"."""
        self.tmux('send-keys', *keys)
        return self

    def type(self, text, *keys):
        self.tmux('send-keys', '-l', text)
        return self.press(*keys) if keys else self

    def send(self, data):
        """Send bytes as a terminal does."""
        self.tmux('send-keys', '-H', *['%02x' % byte for byte in data])
        return self

    def mouse(self, button, column, line, release=True):
        """Press a button at a place, encoded as the program asked; 64 and 65 are the wheel."""
        if self.ask('#{mouse_sgr_flag}') == '1':
            self.send(b'\x1b[<%d;%d;%dM' % (button, column + 1, line + 1))
            if release and button < 64:
                self.send(b'\x1b[<%d;%d;%dm' % (button, column + 1, line + 1))
        else:
            self.send(b'\x1b[M' + bytes([32 + button, 33 + column, 33 + line]))
            if release and button < 64:
                self.send(b'\x1b[M' + bytes([32 + 3, 33 + column, 33 + line]))
        return self

    def resize(self, columns, lines):
        self.columns, self.height = columns, lines
        self.tmux('resize-window', '-x', str(columns), '-y', str(lines))
        return self

    # ---- what a person sees ----

    def look(self):
        """(is the program still running, its Screen)"""
        told = Server.run('display-message', '-p', '-t', self.name + ':', '#{pane_dead}', ';',
                          'capture-pane', '-p', '-e', '-t', self.name + ':')
        dead, _, captured = told.decode('utf-8', 'surrogateescape').partition('\n')
        return dead == '0', Screen(captured, self.height)

    def screen(self):
        return self.look()[1]

    def wait(self, *conditions):
        """Wait until all @conditions, texts or functions of the Screen, hold at once. Returns the
        Screen."""
        deadline = time.monotonic() + DEADLINE
        while True:
            alive, screen = self.look()
            missing = [c for c in conditions if not (c(screen) if callable(c) else c in screen)]
            if not missing:
                return screen
            if not alive or time.monotonic() > deadline:
                raise AssertionError('%s: %s\n%s'
                                     % ('the program ended' if not alive else 'did not come',
                                        missing, screen.text))
            time.sleep(PAUSE)

    def gone(self, text):
        return self.wait(lambda screen: text not in screen)

    def tab(self, name):
        """Wait for a screen, by a part of its name in the line of tabs."""
        return self.wait(lambda screen: name in (screen.tab or ''))

    def at(self, text):
        """Wait until the row under the cursor begins with @text."""
        return self.wait(lambda screen: (screen.selected or '').startswith(text))

    def ended(self):
        """Wait for the end; returns the exit status, negative for a signal."""
        deadline = time.monotonic() + DEADLINE
        while time.monotonic() < deadline:
            status, number = self.ask('#{pane_dead_status},#{pane_dead_signal}').split(',')
            if number not in ('', '0'):
                return -int(number)
            if status:
                return int(status)
            # A busy tmux may have missed the end of its child.
            os.kill(Server.pid, signal.SIGCHLD)
            time.sleep(PAUSE)
        raise AssertionError('the program did not end:\n' + self.screen().text)

    def written(self):
        """All lines on the screen and those that scrolled off it, as they were written."""
        return self.tmux('capture-pane', '-p', '-J', '-S', '-').decode('utf-8', 'surrogateescape')

    def close(self):
        self.tmux('kill-session')


class Case(unittest.TestCase):
    """A temporary folder, and terminals. At the end of each test programs that still run are quit
    by their own command and must end well, and no sanitizer may have reported anything."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix='atticscope-tui-')
        self.addCleanup(shutil.rmtree, self.folder)
        self.addCleanup(self.ask_sanitizers)

    def ask_sanitizers(self):
        reports = glob.glob(os.path.join(self.folder, 'sanitizer.*'))
        for report in reports:
            with open(report, errors='replace') as f:
                self.fail(f.read()[:8000])

    def environment(self, **more):
        env = {'XDG_CACHE_HOME': os.path.join(self.folder, 'cache')}
        for name in ('ASAN_OPTIONS', 'UBSAN_OPTIONS'):
            env[name] = '%s:log_path=%s' % (os.environ.get(name, ''),
                                            os.path.join(self.folder, 'sanitizer'))
        env.update(more)
        return env

    def terminal(self, command, columns=80, lines=24, **env):
        terminal = Terminal(command, columns, lines, self.environment(**env), self.folder)
        self.addCleanup(self.finish, terminal)
        return terminal

    def finish(self, terminal):
        try:
            if terminal.ask('#{pane_dead}') == '0':
                terminal.press('C-u', 'Escape')		# leave the prompt if it is open
                terminal.type(':quit', 'Enter')
                self.assertEqual(terminal.ended(), 0)
        finally:
            terminal.close()

    def open(self, repo, *options, columns=80, lines=24, **env):
        """Start the program and wait for the overview of @repo."""
        terminal = self.terminal([PROGRAM, *options, repo], columns, lines, **env)
        terminal.tab('1')
        return terminal

    def verified(self, repo, **more):
        terminal = self.open(repo, '--verify', **more)
        terminal.wait('recommended', 'verified: ')
        return terminal

    def age(self, repo):
        """Make segments old: only old ones are recorded as whole."""
        for path in glob.glob(os.path.join(repo, 'data', '*', '*')):
            os.utime(path, (1400000000, 1400000000))

    def shell(self, **env):
        """An interactive shell with job control, whose prompt is "ready> "."""
        terminal = Terminal(['sh', '-i'], env=self.environment(PS1='ready> ', **env),
                            folder=self.folder)
        self.addCleanup(terminal.close)
        terminal.wait('ready>')
        return terminal

    def sample(self, name='sample'):
        """A damaged repository."""
        path = os.path.join(self.folder, name)
        subprocess.run([MKSAMPLE, path], check=True, stdout=subprocess.DEVNULL)
        return path
