"""check on repositories that the real Borg wrote, beside cat of their data and Borg's own check.

Without a Borg 1.2 or 1.4 (Debian: borgbackup) and its module there are no such rows."""
import glob
import os
import shutil
import subprocess
import sys
import time

from measure import data_files, in_turn, peak_memory, row, show, timed

BORG = shutil.which('borg') or '/usr/bin/borg'
PYTHON = '/usr/bin/python3'		# in which Borg's module is
MAKER = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'mkborg.py')
MEMORY = 64				# MiB, to which half of the index is added
FASTER = 8				# times, than Borg


def is_installed():
    try:
        version = subprocess.run([BORG, '--version'], stdout=subprocess.PIPE).stdout
        return (version.startswith((b'borg 1.2', b'borg 1.4')) and
                subprocess.run([PYTHON, '-c', 'import borg.repository'],
                               stderr=subprocess.DEVNULL).returncode == 0)
    except OSError:
        return False


def checked_by_borg(repo, environment):
    """Seconds of Borg's check, which has to find nothing wrong."""
    begun = time.monotonic()
    status = subprocess.run([BORG, 'check', '--repository-only', repo], env=environment,
                            stdin=subprocess.DEVNULL).returncode
    if status != 0:
        sys.exit('bench: borg check of %s: exit %d' % (repo, status))
    return time.monotonic() - begun


def memory_row(program, repo, name):
    index, = glob.glob(os.path.join(repo, 'index.*'))
    peak = peak_memory([program, 'check', '--no-lock', repo])
    if peak is None:
        return []
    return [row('peak memory of check, ' + name, '%d MiB and half of the index' % MEMORY,
                peak / 1024, MEMORY + os.path.getsize(index) / 2 / 2**20, 1, 'M')]


def check_rows(args, folder, shape, name, goal):
    """Make a repository, measure, remove it."""
    repo = os.path.join(folder, 'borg')
    environment = {key: value for key, value in os.environ.items() if not key.startswith('BORG_')}
    environment['BORG_BASE_DIR'] = os.path.join(folder, 'borg-base')
    subprocess.run([PYTHON, MAKER, repo, *map(str, shape)], env=environment, check=True)
    subprocess.run(['sync', '-f', repo], check=True)
    check = [args.program, 'check', '--no-lock']
    cat = ['cat', *data_files(repo)]
    # Borg's check drops what it read from the page cache.
    seconds = in_turn(args.runs, before=lambda: timed(cat), cat=cat, check=[*check, repo],
                      alone=[*check, '-j1', repo],
                      borg=lambda: checked_by_borg(repo, environment))
    rows = [row('check, ' + name, 'cat of the data', seconds['check'], seconds['cat'], goal),
            row('check', 'borg check --repository-only', seconds['check'], seconds['borg'],
                1 / FASTER, note='%.1f times as fast' % (seconds['borg'] / seconds['check'])),
            row('check -j1', 'cat of the data', seconds['alone'], seconds['cat'])]
    rows += memory_row(args.program, repo, name)
    shutil.rmtree(repo)
    return rows


def measure(args, folder):
    if not is_installed():
        print('\nBorg: it is not installed, so nothing is compared with it')
        return []
    rows = []
    for shape, size, goal in ((args.large, '64 KiB', 0.6), (args.small, '500 bytes', 2.5)):
        rows += check_rows(args, folder, shape, '%d objects of %s' % (shape[0], size), goal)
    return show('Borg, segments of 500 MiB', rows)
