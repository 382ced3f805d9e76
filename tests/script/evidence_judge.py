#!/usr/bin/env python3
"""Judges how the program treats a damaged repository whose truth is known.

Follows the recommended repairs to the end, up to five of them, and undoes them. Faults are (class,
text); CLASSES says what each class means. Nothing here asks the engine what is right: the truth
comes from the maker of the repository and from evidence_rules."""
import json
import os
import re
import subprocess

import evidence_rules as rules
from borg_form import from_disk

REPAIRS = ('recover', 'rollback', 'compact', 'salvage')
STEPS_MAX = 5
SECONDS_MAX = 60
NONE_LOST = re.compile(r'no\s+object\s+is\s+lost|none\s+is\s+lost|loses\s+none', re.I)
# Problems that a person must mend, not a repair.
BY_HAND = re.compile(r'config-|segment-n(ame|umber-too-high)|not-a-file|index-name|unreadable|'
                     r'stray-file')

CLASSES = {
    'broken': 'the test itself fails',
    'survivor-gone': 'an object that must stay is gone, and no plan names it',
    'drops-readable': 'a recommended repair gives up readable objects',
    'loss-unsaid': 'an object is gone and nobody says so',
    'loss-denied': 'an object is gone and "none is lost" is printed',
    'older-silent': 'an older version passes for the newest, and nobody says so',
    'whole-said-lost': 'an object is called lost, and a whole PUT of it is there',
    'lost-given': 'get gives what check calls lost',
    'refused': 'a recommended repair is refused',
    'failed': 'a recommended repair fails',
    'deleted-back': 'a deleted object is back, and nobody says so',
    'foreign-in': 'an object that never was is there',
    'nested-in': 'an entry that was part of a value is an object, and a credible index does not '
                 'know it',
    'uncommitted-in': 'an object that was never committed is there',
    'wrong-value': 'an object has a value that it never had',
    'not-clean': 'check finds a fault after the recommended repairs',
    'disagree': 'index and log disagree after the recommended repairs',
    'stuck': 'no repair and no work by hand is recommended',
    'undo': 'undo does not bring every byte back',
    'changed': 'a command that only reads changed a byte',
    'crash': 'killed by a signal',
    'sanitizer': 'a sanitizer reports an error',
    'slow': 'no answer in a minute',
    'no-json': 'no JSON where there should be some',
}


# ---- files ----

def read_files(repo):
    """{path: bytes} of every regular file."""
    found = {}
    for folder, _, names in os.walk(repo):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, 'rb') as f:
                found[os.path.relpath(path, repo)] = f.read()
    return found


def write_files(repo, files):
    for path, b in files.items():
        path = os.path.join(repo, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, 'wb') as f:
            f.write(b)


def without_undo(files):
    return {path: b for path, b in files.items() if not path.startswith('undo/')}


# ---- truth ----

class Truth:
    """@objects, {key: digest}, is the state at the newest commit; @versions are all (key, digest)
    ever committed. @survivors, {key: digest}, must stay whatever the rules say."""

    def __init__(self, objects, versions, survivors):
        self.objects, self.versions, self.survivors = objects, versions, survivors
        self.uncommitted = {}   # segment -> {(key, digest)}
        self.forbidden = set()  # keys that must not come back, even when named
        self.maybe = set()      # keys that may come back if named
        self.may_stay = set()   # keys that may be there unnamed
        self.nested = set()     # keys of entries that are part of a value
        self.two_histories = False      # a second history is whole too, and counts
        self.by_hand = False    # a person may have to mend it

    def named_keys(self):
        return set(self.objects) | {key for key, _ in self.versions}


def keys_in(lists):
    """Every key in any list of a plan or report."""
    found = set()
    for rows in lists:
        for row in rows if isinstance(rows, (list, dict)) else ():
            key = row.get('key') if isinstance(row, dict) else row
            if isinstance(key, str) and re.fullmatch('[0-9a-f]{64}', key):
                found.add(bytes.fromhex(key))
    return found


def some(keys):
    keys = sorted(key.hex()[:12] for key in keys)
    return ' '.join(keys[:4]) + (' ...' if len(keys) > 4 else '')


# ---- the program ----

class Program:
    """Runs @path as a person does. The mutants that test the judge are subclasses."""

    def __init__(self, path):
        self.path = path

    def run(self, command, *args):
        """(status, standard output, standard error)"""
        done = subprocess.run([self.path, command, *args], stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=SECONDS_MAX)
        return (done.returncode, done.stdout.decode(errors='replace'),
                done.stderr.decode(errors='replace'))


class Stop(Exception):
    """Nothing after this can be judged."""


class Judge:
    def __init__(self, program, repo, truth, dialect='attic'):
        """@repo holds the damaged repository, and is changed; repo + '.again' is made."""
        self.program, self.repo, self.truth, self.dialect = program, repo, truth, dialect
        self.before = read_files(repo)
        self.found = from_disk(self.before, dialect)
        self.rules = rules.Evidence(self.found)
        self.faults = []
        self.steps = []
        self.is_broken_off = False      # a recommended repair was refused or failed
        self.commands = 0
        self.plans = []         # plans and reports
        self.check = self.last = None
        self.after = self.found

    def fault(self, kind, text, *args):
        assert kind in CLASSES
        self.faults.append((kind, text % args if args else text))

    def run(self, command, *args, repo=None):
        self.commands += 1
        try:
            status, out, err = self.program.run(command, *args, repo or self.repo)
        except subprocess.TimeoutExpired:
            self.fault('slow', command)
            raise Stop
        if re.search(r'Sanitizer|runtime error:', err):
            self.fault('sanitizer', '%s: %s', command, re.search(r'.*(Sanitizer|runtime error:).*',
                                                                 err).group(0))
        if status < 0:
            self.fault('crash', '%s: signal %d', command, -status)
            raise Stop
        return status, out, err

    def run_json(self, command, *args):
        """(status, object or None, standard error)"""
        status, out, err = self.run(command, '--json', *args)
        try:
            return status, json.loads(out), err
        except ValueError:
            return status, None, err

    def judge(self):
        try:
            self.follow()
            self.judge_messages_about_loss()
            if not self.is_broken_off and (self.steps or self.check.get('clean')):
                self.judge_objects()
                self.judge_losses()
                self.judge_what_came_in()
            self.undo()
        except Stop:
            pass
        return self.faults

    # ---- following the advice ----

    def look(self):
        status, found, err = self.run_json('check', '--all')
        if found is None:
            self.fault('no-json', 'check: exit %d: %s', status, err.strip()[-100:])
            raise Stop
        return status, found

    def is_unchanged(self, before, what):
        now = read_files(self.repo)
        if now != before:
            self.fault('changed', '%s: %s', what, sorted(
                path for path in set(now) | set(before) if now.get(path) != before.get(path))[:3])

    def follow(self):
        status, self.check = self.look()
        self.is_unchanged(self.before, 'check')
        self.last = self.check
        while len(self.steps) < STEPS_MAX and self.last.get('recommended') in REPAIRS:
            if self.steps and status == 0 and self.last['recommended'] == 'compact':
                break
            if not self.repair(self.last['recommended']):
                self.is_broken_off = True
                return
            status, self.last = self.look()
        self.after = from_disk(without_undo(read_files(self.repo)), self.dialect)
        if self.steps:
            self.judge_end(status)
        elif status != 0 and not self.check.get('by_hand') and not self.hand_only(self.check) \
                and rules.whole_puts(self.found):
            self.fault('stuck', 'exit %d: %s', status, self.codes(self.check))

    def repair(self, action):
        before = read_files(self.repo)
        status, plan, err = self.run_json(action, '--dry-run')
        self.is_unchanged(before, action + ' --dry-run')
        if plan is None or plan.get('refused'):
            why = (plan or {}).get('refused') or err.strip()[-160:]
            self.fault('refused', '%s: %s', action, why)
            return False
        status, report, err = self.run_json(action, '--yes')
        if status not in (0, 1, 4) or report is None or report.get('refused'):
            self.fault('failed', '%s: exit %d: %s', action, status, err.strip()[-160:])
            return False
        self.steps.append(action)
        self.plans += [plan, report]
        return True

    def codes(self, check):
        return sorted({problem.get('code') for problem in check.get('problems', ())
                       if problem.get('severity') != 'info'})

    def hand_only(self, check):
        return self.truth.by_hand or all(map(BY_HAND.match, self.codes(check)))

    def judge_end(self, status):
        """After the last step nothing is wrong, and index and log agree."""
        if status != 0 and not (self.last.get('by_hand') or self.hand_only(self.last)):
            self.fault('not-clean', 'after %s: %s', '+'.join(self.steps), self.codes(self.last))
        try:
            found, wrong = rules.by_index(self.after)
        except ValueError as e:
            if rules.newest_complete(self.after) is not None:
                self.fault('disagree', 'after %s: %s', '+'.join(self.steps), e)
            return
        log = rules.by_log(self.after)
        if wrong or found != log:
            self.fault('disagree', 'after %s: %d by the index, %d wrong, %d by the log',
                       '+'.join(self.steps), len(found), len(wrong), len(log))

    # ---- what became of the objects ----

    def objects_after(self):
        try:
            return rules.by_index(self.after)[0]
        except ValueError:
            return rules.by_log(self.after)

    def listed(self, *names):
        return keys_in(plan.get(name) for plan in self.plans for name in names)

    def said_lost(self):
        return self.listed('lost') | {
            bytes.fromhex(problem['key']) for problem in self.check.get('problems', ())
            if problem.get('code') == 'object-lost' and problem.get('key')}

    def judge_messages_about_loss(self):
        whole = rules.whole_puts(self.found)
        keys = {key for key, value in whole if (key, value) in self.truth.versions}
        # Every repository and every history has a manifest: in a file of elsewhere it is not ours.
        if self.truth.two_histories or not self.rules.has_own_manifest():
            keys.discard(rules.MANIFEST)
        said = self.said_lost()
        if wrong := said & keys:
            self.fault('whole-said-lost', '%d of %d: %s', len(wrong), len(said), some(wrong))
        for key in sorted(said)[:1]:
            if self.run_again('get', key.hex())[0] == 0:
                self.fault('lost-given', key.hex())

    def run_again(self, command, *args):
        """Run again on a fresh copy of the damaged repository."""
        again = self.repo + '.again'
        if not os.path.exists(again):
            write_files(again, self.before)
        self.commands += 1
        return self.program.run(command, again, *args)

    def judge_objects(self):
        """Nothing that must stay is gone."""
        if self.truth.two_histories:
            return
        now, gone = self.objects_after(), set()
        in_doubt = self.rules.may_be_committed()
        for must in (self.rules.readable(), self.truth.survivors):
            for key, value in must.items():
                if key in self.truth.objects and (key, value) in self.truth.versions and \
                        now.get(key) not in (value, self.truth.objects[key]) and \
                        not (key in now and (self.rules.is_confirmed(key, now[key]) or
                                             (key, now[key]) in in_doubt)):
                    gone.add(key)
        silent = gone - self.listed('lost', 'dropped', 'left_out', 'older', 'suspects')
        if silent:
            self.fault('survivor-gone', '%d of %d after %s: %s', len(silent),
                       len(self.truth.objects), '+'.join(self.steps), some(silent))
        if dropped := self.listed('dropped') & set(self.truth.objects):
            self.fault('drops-readable', '%d: %s', len(dropped), some(dropped))

    def judge_losses(self):
        if self.truth.two_histories:
            return
        now = self.objects_after()
        gone = {key for key, value in self.truth.objects.items()
                if now.get(key) != value and not (
                    key in now and self.is_all_that_is_known(key, now[key]))}
        named = keys_in([self.check.get('problems')]) | keys_in(
            rows for plan in self.plans for rows in plan.values())
        # Where a key in the index has wrong bits and the entry is damaged, no byte tells which key.
        unsaid = {key for key in gone - named
                  if not any(rules.are_near(key, other) for other in named)}
        says_more = any(found.get('at_least') for found in [self.check, *self.plans])
        if not unsaid or says_more:
            return
        older = {key for key in unsaid if (key, now.get(key)) in self.truth.versions}
        # If everything left is of an earlier time, nothing shows that there was a later one.
        older = {key for key in older if not self.rules.is_confirmed(key) and
                 not self.rules.is_behind_damage(key, now[key])}
        is_covered = self.rules.is_index_credible() or self.rules.is_covered_from_above()
        if is_covered or not self.rules.shows_damage():
            older &= self.rules.named(newest_only=True) if is_covered else set()
            unsaid &= self.rules.named()    # nothing left says that the others existed
        if older:
            self.fault('older-silent', '%d: %s', len(older), some(older))
        unsaid = {key for key in unsaid if (key, now.get(key)) not in self.truth.versions}
        if unsaid:
            self.fault('loss-denied' if self.says_none_lost() else 'loss-unsaid', '%d: %s',
                       len(unsaid), some(unsaid))

    def is_all_that_is_known(self, key, value):
        """Does everything left say that the object has this value? For an object that was never
        ours, what_came() decides."""
        return self.rules.is_confirmed(key, value) or (
            (key, value) not in self.truth.versions and not self.rules.is_index_credible() and
            self.rules.is_newest(key, value))

    def says_none_lost(self):
        texts = json.dumps([self.check, *self.plans])
        if not NONE_LOST.search(texts):
            texts = ''.join(self.run_again('check', '--all')[1:])
            for action in self.steps[:1]:
                texts += ''.join(self.run_again(action, '--dry-run')[1:])
        return bool(NONE_LOST.search(texts))

    def judge_what_came_in(self):
        now = set(self.objects_after().items()) | set(rules.by_log(self.after).items())
        came = {row for row in now if self.truth.objects.get(row[0]) != row[1]}
        told = self.listed('possibly_deleted', 'dropped', 'older') | keys_in(
            [[problem for problem in self.check.get('problems', ())
              if re.search('delet', problem.get('code', '') + problem.get('message', ''), re.I)],
             self.check.get('possibly_deleted')])
        classes = {}
        for key, value in came:
            kind = self.what_came(key, value, told)
            if kind:
                classes.setdefault(kind, set()).add(key)
        for kind, keys in classes.items():
            self.fault(kind, '%d after %s: %s', len(keys), '+'.join(self.steps), some(keys))

    def what_came(self, key, value, told):
        """The class of fault of an object that was not there at the newest commit."""
        for number, rows in self.truth.uncommitted.items():
            if (key, value) in rows and (key, value) not in self.truth.versions:
                return 'uncommitted-in' if self.rules.tail_is_uncommitted(number) else None
        if key in self.truth.forbidden:
            return 'deleted-back'
        if self.truth.two_histories or (key, value) in self.rules.may_be_committed():
            return None
        if key in told or key in self.truth.may_stay:
            return None
        if key in self.truth.objects:
            # A credible index makes it a fact, as with a foreign manifest in the place of ours.
            is_known = (key, value) in self.truth.versions or \
                self.rules.is_confirmed(key, value) or not self.rules.is_index_credible()
            return None if is_known else 'wrong-value'
        if key in self.truth.maybe:
            return 'deleted-back'
        if not self.rules.denies(key):
            return None         # no witness is left that could know
        if key in self.truth.nested:
            return 'nested-in'
        return 'deleted-back' if (key, value) in self.truth.versions else 'foreign-in'

    def undo(self):
        for _ in self.steps:
            status, _, err = self.run('undo', '--yes')
            if status not in (0, 1, 4):
                self.fault('undo', 'exit %d: %s', status, err.strip()[-160:])
                return
        now = without_undo(read_files(self.repo))
        if now != self.before:
            self.fault('undo', 'differ: %s', sorted(
                path for path in set(now) | set(self.before)
                if now.get(path) != self.before.get(path))[:3])
