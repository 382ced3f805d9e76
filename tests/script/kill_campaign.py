#!/usr/bin/env python3
"""Repairs that are killed at every change, on repositories with two faults at once, judged by a
reader that shares no code with the engine.

  kill_campaign.py [--kind A+B] [--seed N] [--count N] [--dialect D] [--jobs N] [--all]
                   [--keep FOLDER]

The recommended repairs are followed to the end, and undone; killdrv keeps what a kill would leave
before each change. As evidence_rules reads it, every such state must hold exactly the objects
before that repair or those after it; the log alone must hold nothing that neither end holds, and
miss nothing that both hold. From some states (with --all, or ATTICSCOPE_TORTURE=1, from all) the
recommended steps must lead to the same end, where nothing is left to do; and undo must bring back
every byte, from there and from the end.

The kinds are those of evidence_damage.py. Without --dialect the dialects take turns. KILLDRV names
the driver."""
import argparse
import collections
import concurrent.futures
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

import evidence_rules as rules
from borg_form import DIALECTS, TURNS, from_disk, habits
from evidence_campaign import make_repository
from evidence_damage import Damaged, Unfit
from evidence_judge import read_files, without_undo

PROGRAM = os.environ.get('KILLDRV', 'killdrv')
IS_LONG = os.environ.get('ATTICSCOPE_TORTURE') == '1'
BASE = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
STEPS_MAX = 5
JUDGED = 3              # states of a repository in the sample that are repaired and undone
COUNT, COUNT_LONG = 1, 5        # repositories of each pair
LEAST = 2000            # states, of all pairs

PAIRS = """
flip-value+tail zero-sectors+tail-of-two-segments segment-missing+tail-torn flip-delete+tail
flip-value+index-older cut+index-and-hints-older zero-entry+index-missing
killed-before-removal+tail killed-before-index+tail killed-before-index+flip-value
flip-value+segment-returned zero-entry+segments-returned segment-returned+tail
index-missing+segment-returned
delete-moved+tail delete-moved-by-attic+tail delete-moved+flip-value delete-moved+index-missing
newest-version-damaged+tail manifest-damaged+tail newest-version-damaged+index-older
newest-version-damaged+segment-returned manifest-damaged+killed-before-removal
foreign-segment+zero-entry foreign-segment-in-gap+flip-value foreign-segment+tail
segments-swapped+flip-delete segments-swapped+delete-moved segments-swapped+tail
segments-rotated+tail segment-renamed+tail segment-in-wrong-folder+tail segment-twice+tail
copy-beside-damage+tail copy-beside-gap+tail halves+tail copy-beside-gap+flip-value
index-missing+tail index-and-hints-missing+tail index-header+flip-value
hints-garbage+segment-returned index-foreign+flip-value index-foreign+tail
data-older+tail data-older+flip-value other-lineage-in-gap+tail
newest-commit-damaged+flip-value all-commits-damaged+flip-value
""".split()


class Wrong(Exception):
    """A state that a person must never find."""


def demand(holds, text, *values):
    if not holds:
        raise Wrong(text % values)


class Driver:
    def __init__(self):
        self.process = subprocess.Popen([PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)

    def ask(self, *words):
        self.process.stdin.write(' '.join(words) + '\n')
        verdict, _, found = self.process.stdout.readline().rstrip('\n').partition(' ')
        demand(verdict == 'ok', '%s: %s', ' '.join(words[:1] + words[2:3]), found or 'it died')
        return found

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Sight:
    """The objects of a repository: by all evidence, and by the log alone. Parts that were certainly
    never committed say nothing: a tail, and a torn segment above @highest, whatever its last nine
    bytes are."""

    def __init__(self, repo, dialect, highest=None):
        files = from_disk(without_undo(read_files(repo)), dialect)
        numbers = {path: int(path.rpartition('/')[2]) for path in files
                   if re.fullmatch(r'data/\d+/\d+', path)}
        self.highest = max(numbers.values(), default=0)
        for path, number in numbers.items():
            if highest is not None and number > highest and rules.parse(files[path])[1]:
                del files[path]
        found = rules.Evidence(files)
        for path, number in numbers.items():
            if found.tail_is_uncommitted(number):
                files.pop(path, None)
        self.objects = set(rules.Evidence(files).readable().items())
        self.log = set(rules.by_log(files).items())


def at_rest(repo):
    """Without what repairs keep, and without a lock: that is of the process that was killed."""
    return {path: b for path, b in without_undo(read_files(repo)).items()
            if not path.startswith('lock.')}


def some(rows):
    return ' '.join(sorted(key.hex()[:8] for key, _ in rows)[:3])


class Trial:
    def __init__(self, driver, folder, damaged, dialect):
        self.driver, self.folder, self.dialect = driver, folder, dialect
        self.repo = os.path.join(folder, 'repo')
        make_repository(self.repo, damaged, dialect)
        self.origin = at_rest(self.repo)
        self.states = []        # (name, path, Sight before, Sight after, is an undo)
        self.count = 0

    # ---- what is done ----

    def record(self, action):
        folder = os.path.join(self.folder, '%d-%s' % (self.count, action))
        self.count += 1
        os.mkdir(folder)
        before = Sight(self.repo, self.dialect)
        number = int(self.driver.ask('record', self.repo, action, folder))
        after = Sight(self.repo, self.dialect)
        for n in range(1, number + 1):
            path = os.path.join(folder, str(n))
            self.states.append(('%s, change %d of %d' % (action, n, number), path, before, after,
                                action == 'undo'))

    def follow(self):
        """Repair to the end, and undo."""
        steps = []
        while len(steps) < STEPS_MAX:
            action = self.driver.ask('advice', self.repo)
            if action == 'none':
                break
            self.record(action)
            steps.append(action)
        self.end = self.objects_at_end(self.repo)
        for _ in steps:
            self.record('undo')
        demand(at_rest(self.repo) == self.origin, 'undo is not byte for byte')
        return steps

    def objects_at_end(self, repo):
        files = from_disk(without_undo(read_files(repo)), self.dialect)
        try:
            found, wrong = rules.by_index(files)
        except ValueError as e:
            demand(False, 'at the end: %s', e)
        log = rules.by_log(files)
        demand(not wrong and found == log, 'at the end: %d by the index, %d wrong, %d by the log',
               len(found), len(wrong), len(log))
        return found

    # ---- what a kill leaves ----

    def judge_found(self, path, before, after, is_undo):
        found = Sight(path, self.dialect, None if is_undo else before.highest)
        for what, now, one, two in (('found', found.objects, before.objects, after.objects),
                                    ('in the log', found.log, before.log, after.log)):
            demand(now <= one | two, '%s: %d that neither end has: %s', what,
                   len(now - (one | two)), some(now - (one | two)))
            demand(now >= one & two, '%s: %d missing that both ends have: %s', what,
                   len((one & two) - now), some((one & two) - now))
        demand(found.objects in (before.objects, after.objects),
               'found: %d objects, neither the %d before nor the %d after', len(found.objects),
               len(before.objects), len(after.objects))

    def taken_back(self, repo):
        self.driver.ask('back', repo)
        return at_rest(repo) == self.origin

    def judge_mended(self, path):
        other = path + '.back'
        subprocess.run(['cp', '-a', path, other], check=True)
        demand(self.taken_back(other), 'taken back at once, it is not what it was')
        self.driver.ask('mend', path)
        end = self.objects_at_end(path)
        demand(end == self.end, 'mended: %d objects, without the kill %d; only in one: %s',
               len(end), len(self.end), some(end.items() ^ self.end.items()))
        demand(self.driver.ask('advice', path) == 'none', 'mended, and there is more to do')
        demand(self.taken_back(path), 'mended and taken back, it is not what it was')

    def judge(self, judged, rng):
        """([what is wrong], how many states were repaired)"""
        faults = []
        chosen = set(range(len(self.states)))
        if judged and len(chosen) > judged:
            chosen = set(rng.sample(sorted(chosen), judged))
        for i, (name, path, before, after, is_undo) in enumerate(self.states):
            for is_due, judge in ((True, lambda: self.judge_found(path, before, after, is_undo)),
                                  (i in chosen, lambda: self.judge_mended(path))):
                try:
                    if is_due:
                        judge()
                except Wrong as wrong:
                    faults.append('%s: %s' % (name, wrong))
        return faults, len(chosen)


def judge_one(name, seed, dialect, judged, keep=None):
    """(name, seed, dialect, faults or None, steps, states, repaired states)"""
    folder = keep or tempfile.mkdtemp(prefix='atticscope-kill-', dir=BASE)
    driver = Driver()
    try:
        damaged = Damaged(name, seed, habits(dialect))
        trial = Trial(driver, folder, damaged, dialect)
        steps = trial.follow()
        faults, mended = trial.judge(judged, damaged.rng)
        return name, seed, dialect, faults, steps, len(trial.states), mended
    except Unfit:
        return name, seed, dialect, None, [], 0, 0
    except Wrong as wrong:
        return name, seed, dialect, [str(wrong)], [], 0, 0
    except Exception:
        return name, seed, dialect, [traceback.format_exc()], [], 0, 0
    finally:
        driver.close()
        if not keep:
            shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--kind')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--count', type=int, default=COUNT_LONG if IS_LONG else COUNT)
    parser.add_argument('--dialect', choices=DIALECTS)
    parser.add_argument('--jobs', type=int, default=min(os.cpu_count() or 1, 8))
    parser.add_argument('--all', action='store_true', default=IS_LONG)
    parser.add_argument('--keep')
    given = parser.parse_args()
    if not shutil.which(PROGRAM):
        print('skipped: %s was not built (it needs cmocka)' % PROGRAM)
        return 77
    names = [given.kind] if given.kind else PAIRS
    rows = [(name, seed, given.dialect or TURNS[(i + seed) % len(TURNS)])
            for i, name in enumerate(names)
            for seed in range(given.seed, given.seed + given.count)]
    judged = 0 if given.all else JUDGED
    if given.keep:
        print(*judge_one(*rows[0], judged, given.keep), sep='\n')
        return 0
    figures = collections.Counter()
    with concurrent.futures.ProcessPoolExecutor(given.jobs) as pool:
        for name, seed, dialect, faults, steps, states, mended in pool.map(
                judge_one, *zip(*rows), [judged] * len(rows)):
            figures.update({'states': states, 'mended': mended, dialect: states,
                            'repositories': faults is not None, 'faulty': bool(faults)})
            for fault in faults or ():
                print('--kind %s --seed %d --dialect %s: %s: %s' % (
                    name, seed, dialect, '+'.join(steps), fault), flush=True)
    for dialect in DIALECTS:
        print('figure: states of killed repairs judged by the evidence, %s: %d' %
              (dialect, figures[dialect]))
    print('figure: of them mended, and taken back: %d' % figures['mended'])
    print('figure: repositories with two faults: %d' % figures['repositories'])
    if not given.kind and figures['states'] < LEAST:
        print('only %d states' % figures['states'])
        return 1
    return 1 if figures['faulty'] else 0


if __name__ == '__main__':
    sys.exit(main())
