#!/usr/bin/env python3
"""What a power loss may leave, judged by a reader that shares no code with this program.

The reference reader looks at each state as it was found, and after the steps that the program
recommends. Found: the log has committed what was there before or what is there after, and no object
of both has lost its bytes. Repaired: the same by the log and by the index, without a wrong place in
it. Of Borg also: no digests that Borg would die of, after the repair those of index and hints, and
no lock that was not there before.

Needs the reference readers: SHARED names the folder that holds tools/ (by default ../shared beside
the source). Skipped with a message where it is absent. POWERDRV names the program that writes the
states; with ATTICSCOPE_TORTURE=1 there are many more of them."""
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

from store_driver import SHARED, reference_reader

try:
    import reference_reader_borg
except ImportError:
    reference_reader_borg = None

if not reference_reader or not reference_reader_borg:
    print('skipped: no reference reader in %s (set SHARED)' % SHARED)
    sys.exit(77)

PROGRAM = os.environ.get('POWERDRV', 'powerdrv')
if not shutil.which(PROGRAM):
    print('skipped: %s was not built (it needs cmocka)' % PROGRAM)
    sys.exit(77)

IS_LONG = os.environ.get('ATTICSCOPE_TORTURE') == '1'
ONE_IN = 2 if IS_LONG else 40
LEAST = 1000 if IS_LONG else 100
BORG = 'Borg: '         # how the names of its operations begin
# These readers cannot say what a damaged log has committed.
DAMAGED = ('salvage', 'salvage without an index', 'salvage beside a tail', 'undo of a salvage')


class Wrong(Exception):
    pass


def demand(holds, text, *values):
    if not holds:
        raise Wrong(text % values)


def by_log(reader, repo):
    """{key: digest} of what is committed."""
    newest = reader.transaction_id(repo)
    if newest is None:
        return {}
    return {key: row[2] for key, row in reader.replay(repo, newest).items()}


def whole_entries(reader, repo):
    """(key, digest) of every whole PUT in any file, those set aside included."""
    found = set()
    for folder, _, names in os.walk(repo):
        for name in names:
            if not name.isdigit():
                continue
            for entry in reader.entries(os.path.join(folder, name), True):
                if entry[0] != 'gap' and entry[2] == reader.PUT:
                    found.add((entry[3], hashlib.sha256(entry[4]).hexdigest()))
    return found


def digests_of(repo):
    """{transaction: what Borg would say of its digests}"""
    numbers = [name.partition('.')[2] for name in os.listdir(repo)
               if re.fullmatch(r'integrity\.\d+', name)]
    return {int(n): reference_reader_borg.check_integrity(repo, int(n)) for n in numbers}


class State:
    def __init__(self, work, folder, line):
        name, is_done, is_first = line.split()
        self.work, self.name = work.removeprefix(BORG), name
        self.is_borg = work.startswith(BORG)
        self.reader = reference_reader_borg if self.is_borg else reference_reader
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

    def judge_digests(self):
        """Borg fails in every command where they cannot be read, and nothing catches that."""
        for transaction, kinds in digests_of(self.found).items():
            dead = [what for what in kinds.values() if what.startswith('unreadable')]
            demand(not dead, 'found: integrity.%d: %s', transaction, dead)
        transaction = self.reader.transaction_id(self.mended)
        if transaction is not None:
            kinds = digests_of(self.mended).get(transaction)
            demand(kinds == {'hints': 'ok', 'index': 'ok'}, 'mended: digests %s', kinds)
        # A stale lock stays where nothing was to be repaired.
        locks = set(reference_reader_borg.lock_state(self.mended))
        new = locks - set(reference_reader_borg.lock_state(self.found))
        demand(not new, 'mended: locks %s', new)

    def judge(self, before, after):
        both = before.items() & after.items()
        lost = both - whole_entries(self.reader, self.found)
        demand(not lost, 'found: %d objects are nowhere', len(lost))
        if self.work not in DAMAGED:
            objects = by_log(self.reader, self.found)
            demand(self.is_right(objects, before, after),
                   'found: %d objects by the log; before %d, after %d', len(objects), len(before),
                   len(after))
        objects = by_log(self.reader, self.mended)
        demand(self.is_right(objects, before, after),
               'mended: %d objects by the log; before %d, after %d', len(objects), len(before),
               len(after))
        if self.reader.transaction_id(self.mended) is not None:
            indexed, bad = self.reader.via_index(self.mended)
            demand(not bad, 'mended: wrong places in the index: %s', bad)
            demand(indexed == objects, 'mended: %d objects by the index, %d by the log',
                   len(indexed), len(objects))
        if self.is_borg:
            self.judge_digests()


def judge_work(number, work, folder):
    """Judge every state of it; returns how many."""
    lines = subprocess.run([PROGRAM, str(number), folder, str(ONE_IN)], check=True, text=True,
                           stdout=subprocess.PIPE).stdout.splitlines()
    if not os.path.exists(os.path.join(folder, 'before')):
        return 0
    reader = reference_reader_borg if work.startswith(BORG) else reference_reader
    before = by_log(reader, os.path.join(folder, 'before', 'repo'))
    after = by_log(reader, os.path.join(folder, 'after', 'repo'))
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
    total = {'Attic': 0, 'Borg': 0}
    for number, work in enumerate(works):
        folder = tempfile.mkdtemp(prefix='atticscope-power-', dir=base)
        try:
            total['Borg' if work.startswith(BORG) else 'Attic'] += judge_work(number, work, folder)
        finally:
            shutil.rmtree(folder)
    for dialect, count in total.items():
        print('figure: power-loss states judged by the reference reader, %s: %d' %
              (dialect, count))
        if count < LEAST:
            sys.exit('only %d states of %s' % (count, dialect))


main()
