#!/usr/bin/env python3
"""What a power loss may leave, judged by a reader that shares no code with this program.

The reference reader looks at each state as it was found, and after the steps that the program
recommends. Found: the log has committed what was there before or what is there after, and no object
of both has lost its bytes. Repaired: the same by the log and by the index, without a wrong place in
it.

Needs the reference reader: SHARED names the folder that holds tools/ (by default ../shared beside
the source). Skipped with a message where it is absent. POWERDRV names the program that writes the
states; with ATTICSCOPE_TORTURE=1 there are many more of them."""
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

from store_driver import SHARED, reference_reader

if not reference_reader:
    print('skipped: no reference reader in %s (set SHARED)' % SHARED)
    sys.exit(77)

PROGRAM = os.environ.get('POWERDRV', 'powerdrv')
if not shutil.which(PROGRAM):
    print('skipped: %s was not built (it needs cmocka)' % PROGRAM)
    sys.exit(77)

IS_LONG = os.environ.get('ATTICSCOPE_TORTURE') == '1'
ONE_IN = 2 if IS_LONG else 40
LEAST = 1000 if IS_LONG else 100
# This reader cannot say what a damaged log has committed.
DAMAGED = ('salvage', 'salvage without an index', 'salvage beside a tail', 'undo of a salvage')


class Wrong(Exception):
    pass


def demand(holds, text, *values):
    if not holds:
        raise Wrong(text % values)


def by_log(repo):
    """{key: digest} of what is committed."""
    newest = reference_reader.transaction_id(repo)
    if newest is None:
        return {}
    return {key: row[2] for key, row in reference_reader.replay(repo, newest).items()}


def whole_entries(repo):
    """(key, digest) of every whole PUT in any file, those set aside included."""
    found = set()
    for folder, _, names in os.walk(repo):
        for name in names:
            if not name.isdigit():
                continue
            for entry in reference_reader.entries(os.path.join(folder, name), True):
                if entry[0] != 'gap' and entry[2] == reference_reader.PUT:
                    found.add((entry[3], hashlib.sha256(entry[4]).hexdigest()))
    return found


class State:
    def __init__(self, work, folder, line):
        name, is_done, is_first = line.split()
        self.work, self.name = work, name
        self.found = os.path.join(folder, name, 'found', 'repo')
        self.mended = os.path.join(folder, name, 'mended', 'repo')
        self.is_done, self.is_first = is_done == '1', is_first == '1'

    def is_right(self, objects, before, after):
        if objects == after:
            return True
        if self.is_done:
            return False
        # Without any COMMIT every whole entry counts.
        return objects == before or self.is_first and objects.items() <= after.items()

    def judge(self, before, after):
        both = before.items() & after.items()
        lost = both - whole_entries(self.found)
        demand(not lost, 'found: %d objects are nowhere', len(lost))
        if self.work not in DAMAGED:
            objects = by_log(self.found)
            demand(self.is_right(objects, before, after),
                   'found: %d objects by the log; before %d, after %d', len(objects), len(before),
                   len(after))
        objects = by_log(self.mended)
        demand(self.is_right(objects, before, after),
               'mended: %d objects by the log; before %d, after %d', len(objects), len(before),
               len(after))
        if reference_reader.transaction_id(self.mended) is not None:
            indexed, bad = reference_reader.via_index(self.mended)
            demand(not bad, 'mended: wrong places in the index: %s', bad)
            demand(indexed == objects, 'mended: %d objects by the index, %d by the log',
                   len(indexed), len(objects))


def judge_work(number, work, folder):
    """Judge every state of it; returns how many."""
    lines = subprocess.run([PROGRAM, str(number), folder, str(ONE_IN)], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    if not os.path.exists(os.path.join(folder, 'before')):
        return 0
    before = by_log(os.path.join(folder, 'before', 'repo'))
    after = by_log(os.path.join(folder, 'after', 'repo'))
    for line in lines:
        state = State(work, folder, line)
        try:
            state.judge(before, after)
        except Wrong as wrong:
            sys.exit('%s, state %s: %s' % (work, state.name, wrong))
    return len(lines)


def main():
    base = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    works = subprocess.run([PROGRAM], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    total = 0
    for number, work in enumerate(works):
        folder = tempfile.mkdtemp(prefix='atticscope-power-', dir=base)
        try:
            total += judge_work(number, work, folder)
        finally:
            shutil.rmtree(folder)
    print('figure: power-loss states judged by the reference reader: %d' % total)
    if total < LEAST:
        sys.exit('only %d states' % total)


main()
