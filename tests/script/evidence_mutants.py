#!/usr/bin/env python3
"""Programs with one fault each, to test the judge: it must accuse each of its own fault. Each does
what the real program does, and one thing more."""
import json
import os
import re

import evidence_rules as rules
from attic_writer import entry, hints_image, index_image
from evidence_judge import REPAIRS, Program, read_files
from reader import COMMIT_BYTES, DELETE, MAGIC, PUT


def commit(repo, image, change):
    """Append a transaction with the entries in @image. @change gets {key: (segment, offset)}, the
    rows of the hints, and the number of the new segment."""
    files = read_files(repo)
    newest = rules.newest_complete(files)
    index = rules.read_index(files['index.%d' % newest])
    rows, compact = rules.read_hints(files['hints.%d' % newest])
    number = newest + 1
    rows[number] = 0
    change(index, rows, number)
    folder = number // int(re.search(rb'segments_per_dir = (\d+)', files['config'])[1])
    os.makedirs(os.path.join(repo, 'data', str(folder)), exist_ok=True)
    for path, b in (('data/%d/%d' % (folder, number), MAGIC + image + COMMIT_BYTES),
                    ('index.%d' % number, index_image(index)),
                    ('hints.%d' % number, hints_image(rows, compact))):
        with open(os.path.join(repo, path), 'wb') as f:
            f.write(b)
    for name in 'index', 'hints':
        os.unlink(os.path.join(repo, '%s.%d' % (name, newest)))


class Mutant(Program):
    """@damaged is the repository that is judged."""
    accused = None              # the class of its fault

    def __init__(self, path, damaged):
        super().__init__(path)
        self.damaged = damaged

    def run(self, command, *args):
        status, out, err = super().run(command, *args)
        repo = next(arg for arg in args if arg.startswith('/'))
        if command == 'undo':
            return self.undone(repo, (status, out, err))
        if '--json' not in args:
            return status, out, err
        found = json.loads(out)
        if command in REPAIRS and '--yes' in args:
            self.repaired(repo)
        if command == 'check':
            status = self.checked(repo, found, status)
        elif command in REPAIRS:
            self.planned(found)
        return status, json.dumps(found), err

    def repaired(self, repo):
        pass

    def planned(self, plan):
        pass

    def checked(self, repo, found, status):
        return status

    def undone(self, repo, result):
        return result


class DropsAnObject(Mutant):
    accused = 'survivor-gone'

    def repaired(self, repo):
        key = max(rules.by_log(read_files(repo)))

        def change(index, rows, number):
            rows[index.pop(key)[0]] -= 1
        commit(repo, entry(DELETE, key), change)

    def undone(self, repo, result):
        return 1, '', ''


class BringsBack(Mutant):
    accused = 'deleted-back'

    def brought(self):
        return min((key, value) for key, value in self.damaged.history.versions
                   if key not in self.damaged.state.objects)

    def repaired(self, repo):
        key, value = self.brought()

        def change(index, rows, number):
            index[key] = number, len(MAGIC)
            rows[number] = 1
        commit(repo, entry(PUT, key, value), change)


class BringsForeign(BringsBack):
    accused = 'foreign-in'

    def brought(self):
        return b'foreign' + bytes(25), b'x'


class ChangesAValue(BringsBack):
    accused = 'wrong-value'

    def repaired(self, repo):
        key = max(rules.by_log(read_files(repo)))

        def change(index, rows, number):
            rows[index[key][0]] -= 1
            index[key] = number, len(MAGIC) + 41
            rows[number] = 1
        commit(repo, entry(DELETE, key) + entry(PUT, key, b'never'), change)


class LosesABucket(Mutant):
    accused = 'disagree'

    def repaired(self, repo):
        files = read_files(repo)
        name = 'index.%d' % rules.newest_complete(files)
        index = rules.read_index(files[name])
        del index[max(index)]
        with open(os.path.join(repo, name), 'wb') as f:
            f.write(index_image(index))


class CallsWholeLost(Mutant):
    accused = 'whole-said-lost'

    def checked(self, repo, found, status):
        key = max(rules.by_log(self.damaged.files))
        found['problems'].append({'code': 'object-lost', 'severity': 'error', 'key': key.hex()})
        return status


class SaysNothing(Mutant):
    accused = 'loss-unsaid'

    def planned(self, plan):
        for name in 'lost', 'lost_causes', 'at_least':
            plan.pop(name, None)

    def checked(self, repo, found, status):
        found['at_least'] = False
        found['problems'] = [row for row in found['problems'] if not row.get('key')]
        return status


class SaysNoneIsLost(SaysNothing):
    accused = 'loss-denied'

    def checked(self, repo, found, status):
        found['verdict'] = 'No object is lost.'
        return super().checked(repo, found, status)


class Refuses(Mutant):
    accused = 'refused'

    def planned(self, plan):
        plan['refused'] = 'no'


class Drops(Mutant):
    accused = 'drops-readable'

    def planned(self, plan):
        plan['dropped'] = [max(rules.by_log(self.damaged.files)).hex()]


class IsNeverContent(Mutant):
    accused = 'not-clean'

    def checked(self, repo, found, status):
        if os.path.exists(os.path.join(repo, 'undo')):
            found.update(recommended=None, problems=[{'code': 'x', 'severity': 'error'}])
            return 4
        return status


class AdvisesNothing(Mutant):
    accused = 'stuck'

    def checked(self, repo, found, status):
        found['recommended'] = None
        return status


class ForgetsAByte(Mutant):
    accused = 'undo'

    def undone(self, repo, result):
        with open(os.path.join(repo, 'README'), 'ab') as f:
            f.write(b'x')
        return result


class WritesInCheck(Mutant):
    accused = 'changed'

    def checked(self, repo, found, status):
        with open(os.path.join(repo, 'README'), 'ab') as f:
            f.write(b'x')
        return status


class Crashes(Mutant):
    accused = 'crash'

    def run(self, command, *args):
        return -11, '', ''


class IsBabbling(Mutant):
    accused = 'no-json'

    def run(self, command, *args):
        return 0, 'well', ''


class IsSanitized(Mutant):
    accused = 'sanitizer'

    def run(self, command, *args):
        status, out, err = super().run(command, *args)
        return status, out, err + 'x.c:1:2: runtime error: left shift of negative value\n'


MUTANTS = [row for row in list(globals().values())
           if isinstance(row, type) and issubclass(row, Mutant) and row.accused]
