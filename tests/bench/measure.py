"""Times commands and functions in turn, and prints rows of figures beside yardsticks and goals."""
import glob
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

GNU_TIME = shutil.which('time')
DONE = (0, 1)           # exit statuses: nothing wrong, or repaired
PROBLEMS = (4,)


def data_files(repo):
    return sorted(glob.glob(os.path.join(repo, 'data', '*', '*')))


def timed(command, statuses=DONE):
    """Wall-clock seconds of one run, which must end with one of the exit statuses."""
    before = time.monotonic()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    if done.returncode not in statuses:
        sys.exit('bench: %s: exit %d' % (' '.join(command[:3]), done.returncode))
    return time.monotonic() - before


def peak_memory(command):
    """Peak memory in KiB of one run, by GNU time; None where that is not installed. wait4 would
    report that of the Python parent."""
    if not GNU_TIME:
        return None
    with tempfile.NamedTemporaryFile('r') as out:
        subprocess.run([GNU_TIME, '-o', out.name, '-f', '%M', *command], stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, check=True)
        return int(out.read())


def in_turn(runs, before=None, warm=True, **commands):
    """The median seconds of each command, run A B C A B C ...; @before is called before each run. A
    first round, not counted, warms up."""
    seen = {name: [] for name in commands}
    for run in range(runs + warm):
        for name, command in commands.items():
            if before:
                before()
            seconds = command() if callable(command) else timed(command)
            if run >= warm:
                seen[name].append(seconds)
    return {name: statistics.median(all_seconds) for name, all_seconds in seen.items()}


def row(work, against, value, yardstick, goal=None, unit='s', note=''):
    return {'work': work, 'against': against, 'value': value, 'yardstick': yardstick,
            'ratio': value / yardstick, 'goal': goal, 'unit': unit, 'note': note}


def show(title, rows):
    print('\n%s\n  %-44s %10s %10s %7s %6s' % (title, '', 'measured', 'yardstick', 'ratio', 'goal'))
    for r in rows:
        goal = '' if r['goal'] is None else '%.2f%s' % (
            r['goal'], '' if r['ratio'] <= r['goal'] else ' !')
        print('  %-44s %8.3f %s %8.3f %s %6.2f %7s  %s'
              % (r['work'], r['value'], r['unit'], r['yardstick'], r['unit'], r['ratio'], goal,
                 r['note']))
        print('  %-44s' % ('    against ' + r['against']))
    sys.stdout.flush()
    return rows
