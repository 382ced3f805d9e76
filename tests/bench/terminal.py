"""The program on a pseudo-terminal, with a clock: how long from a key to the frame that answers
it."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time

QUIET = 0.002		# seconds without output that end a frame
PATIENCE = 60
LAST_LINE = re.compile(rb':back')	# the end of the bottom line, and so of the first frame


class Terminal:
    def __init__(self, command, columns=80, lines=24):
        self.began = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', lines, columns, 0, 0))
            os.environ.update(TERM='xterm', LC_ALL='C.UTF-8')
            os.execv(command[0], command)
        self.first_screen = self.answer(LAST_LINE) - self.began
        # Waiting threads; at rest there are never more.
        time.sleep(0.1)
        self.resting_threads = self.threads()

    def read(self, wait):
        """The next output; b'' when there is none for @wait seconds."""
        if not select.select([self.fd], [], [], wait)[0]:
            return b''
        try:
            return os.read(self.fd, 65536)
        except OSError:
            return b''

    def answer(self, pattern):
        """Wait for @pattern in new output; returns when the last byte of its frame came."""
        text = b''
        while not pattern.search(text):
            part = self.read(PATIENCE)
            if not part:
                raise RuntimeError('the terminal did not show %s, but %r' % (pattern.pattern, text))
            text += part
        last = time.monotonic()
        while self.read(QUIET):
            last = time.monotonic()
        return last

    def discard(self):
        """Drop the output so far; unread it would stop the program in the end."""
        while self.read(0):
            pass

    def press(self, keys, pattern):
        """Seconds from @keys to the whole frame that shows @pattern."""
        self.discard()
        before = time.monotonic()
        os.write(self.fd, keys)
        return self.answer(pattern) - before

    def threads(self):
        return len(os.listdir('/proc/%d/task' % self.pid))

    def is_working(self):
        return self.threads() > self.resting_threads

    def peak_memory(self):
        """Peak memory of its own, in KiB, without mapped pages of files."""
        with open('/proc/%d/status' % self.pid) as f:
            figures = dict(re.findall(r'(\w+):\s+(\d+) kB', f.read()))
        return int(figures['VmHWM']) - int(figures['RssFile'])

    def close(self):
        os.kill(self.pid, signal.SIGTERM)
        while self.read(PATIENCE):
            pass
        os.close(self.fd)
        os.waitpid(self.pid, 0)
