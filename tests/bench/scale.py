"""Whatever must not wait for data: the terminal and the list of segments on a sparse terabyte,
beside find over its files; how they grow with it; and how soon a key is answered while a
verification runs."""
import os
import random
import re
import shutil
import subprocess
import time

from measure import in_turn, row, show
from terminal import Terminal

SEGMENTS, OBJECTS = 200000, 10000000
MEMORY_KIB = 64 * 1024
KEYS = 200
FRAME = 1 / 60
BUSY_OBJECTS, BUSY_SIZE = 16384, 65536	# verified meanwhile

# Keys, and the output that answers them: the tab of a screen, or a row under the cursor, in
# reverse.
ROW = rb'\x1b\[(?:\d+;)*7m'
WALK = ((b'2', rb'\[2 Segments\]'), (b'j', ROW), (b'j', ROW), (b'k', ROW), (b'5', rb'\[5 Hints\]'),
        (b'j', ROW), (b'k', ROW), (b'6', rb'\[6 Problems\]'), (b'1', rb'\[1 Overview\]'))


def commands(program, repo):
    """(name, goal as a ratio to the first one, function to time) of each."""
    def first_screen():
        terminal = Terminal([program, '--no-lock', repo])
        terminal.close()
        return terminal.first_screen

    data = os.path.join(repo, 'data')
    return {
        'find': ['find', data, '-type', 'f', '-size', '+0'],
        'first screen of the terminal': first_screen,
        'segments': [program, 'segments', '--no-lock', repo],
    }


def peak_memory(program, repo):
    """Peak memory of the terminal, in KiB, after a walk through the screens."""
    terminal = Terminal([program, '--no-lock', repo])
    for key, pattern in WALK:
        terminal.press(key, re.compile(pattern))
    peak = terminal.peak_memory()
    terminal.close()
    return peak


def answer_times(program, repo):
    """Seconds from each of KEYS key presses to its whole frame, while a verification runs."""
    chance = random.Random(1)
    terminal = Terminal([program, '--no-lock', repo])
    times = []
    while len(times) < KEYS:
        if not terminal.is_working():
            os.write(terminal.fd, b'V')
        time.sleep(chance.uniform(0.01, 0.06))
        terminal.discard()
        if terminal.is_working():
            key, pattern = WALK[len(times) % len(WALK)]
            times.append(terminal.press(key, re.compile(pattern)))
    terminal.close()
    return sorted(times)


def sized(args, folder, part):
    """Medians, and the terminal's peak memory in KiB, for a fraction of the sparse terabyte."""
    repo = os.path.join(folder, 'sparse')
    subprocess.run([args.mkrepo, '--sparse', repo, str(int(SEGMENTS * part)),
                    str(int(OBJECTS * part))],
                   check=True)
    seconds = in_turn(args.runs, **commands(args.program, repo))
    peak = peak_memory(args.program, repo)
    shutil.rmtree(repo)
    return seconds, peak


def keys_row(args, folder):
    objects = max(int(BUSY_OBJECTS * args.scale), BUSY_OBJECTS // 2)
    repo = os.path.join(folder, 'busy')
    subprocess.run([args.mkrepo, repo, str(objects), str(BUSY_SIZE)], check=True)
    times = answer_times(args.program, repo)
    shutil.rmtree(repo)
    in_time = sum(seconds < FRAME for seconds in times) / len(times)
    return row('key to screen during verification, 99 of 100', 'a frame of 60 Hz',
               times[len(times) * 99 // 100], FRAME, 1,
               note='median %.1f ms, %.1f %% in time'
               % (times[len(times) // 2] * 1e3, in_time * 100))


def measure(args, folder):
    (small, small_peak), (large, large_peak) = (sized(args, folder, part)
                                                for part in (args.scale / 10, args.scale))
    goals = {'first screen of the terminal': 0.5, 'segments': 3}
    title = '%s sparse segments, %s objects in the index' % (
        format(int(SEGMENTS * args.scale), ','), format(int(OBJECTS * args.scale), ','))
    rows = [row(name, 'find data -type f -size +0', large[name], large['find'], goal)
            for name, goal in goals.items()]
    rows.append(row('peak memory of the terminal', '64 MiB', large_peak / 1024, MEMORY_KIB / 1024,
                    1, 'M'))
    rows += [row('ten times as many: ' + name, 'the tenth of it', large[name], small[name], 11)
             for name in goals]
    rows.append(row('ten times as many: memory', 'the tenth of it', large_peak / 1024,
                    small_peak / 1024, 11, 'M'))
    return show(title, rows) + show('Keys', [keys_row(args, folder)])
