#!/usr/bin/env python3
"""Comments, messages and documents are plain English: none has a phrase of the list below."""
import io
import os
import re
import sys
import tokenize

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WHERE = ('engine', 'ui', 'src', 'tests', 'doc', 'README', 'bootstrap')

PHRASES = (			# the phrase, what to write, and what may follow the phrase
    ('anew', 'again', None),
    ('told of', 'reported', None),
    ('tells? of', 'shows', None),
    ('of which', 'two sentences', None),
    ('whoever', 'a process that ...', None),
    ('he who', 'a process that ...', None),
    ('comes? to (?:its|an|no) end', 'ends', None),
    ('came to (?:its|an|no) end', 'ended', None),
    ('stands? in the way', 'blocks', None),
    ('the system refuses', 'fails', None),
    ('leads on', 'continues', None),
    ('be it', 'even if', None),
    ('held against', 'compared with', None),
    ('hold it against', 'compare it with', None),
    ('any more', 'no longer', None),
    ('no more', 'no longer', 'than|bytes|data|space|memory'),
)
GAP = r'[\s*#]+'		# words of a phrase may stand on two lines of a comment
BANNED = [(re.compile(r'\b%s\b%s' % (phrase.replace(' ', GAP),
                                     '(?!%s(?:%s))' % (GAP, allowed) if allowed else ''), re.I),
           instead) for phrase, instead, allowed in PHRASES]
BANNED.append((re.compile(r'(?:\A|[.!?:])[\s*#]*\bOf%s[a-z@]' % GAP), 'the subject first'))

C_TEXT = re.compile(r'/\*(.*?)\*/|//([^\n]*)|"((?:[^"\\\n]|\\.)*)"|\'(?:[^\'\\\n]|\\.)*\'', re.S)


def texts(path, whole):
    """(offset, text) of everything in a file that people read: comments and strings of code."""
    if path.endswith(('.c', '.h')):
        for match in C_TEXT.finditer(whole):
            if match.lastindex:
                yield match.start(match.lastindex), match.group(match.lastindex)
    elif path.endswith('.py'):
        starts = [0]
        for line in whole.splitlines(True):
            starts.append(starts[-1] + len(line))
        for token in tokenize.generate_tokens(io.StringIO(whole).readline):
            if token.type in (tokenize.COMMENT, tokenize.STRING):
                yield starts[token.start[0] - 1] + token.start[1], token.string.strip('#\'" ')
    else:
        yield 0, whole


def files(source):
    for name in WHERE:
        path = os.path.join(source, name)
        if os.path.isfile(path):
            yield path
        for folder, _, names in os.walk(path):
            for name in sorted(names):
                if name.endswith(('.c', '.h', '.py', '.sh', '.md', '.1', '.am', 'README')):
                    yield os.path.join(folder, name)


def errors(source):
    found = []
    for path in files(source):
        if os.path.samefile(path, __file__):
            continue
        with open(path, encoding='utf-8') as f:
            whole = f.read()
        for offset, text in texts(path, whole):
            for pattern, instead in BANNED:
                for match in pattern.finditer(text):
                    found.append('%s:%d: "%s": write %s' % (
                        os.path.relpath(path, source),
                        whole.count('\n', 0, offset + match.start()) + 1,
                        ' '.join(re.sub(r'[*#]', ' ', match.group()).split()), instead))
    return found


if __name__ == '__main__':
    wrong = errors(SOURCE)
    print('\n'.join(wrong))
    sys.exit(1 if wrong else 0)
