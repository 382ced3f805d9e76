#!/usr/bin/env python3
"""No function is longer than 70 lines, or has a statement nested more than three levels deep. No
line of a source, test or list of files, or of a paragraph in a document, is wider than 100
columns."""
import os
import re
import sys

import floors

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LINES_MAX = 70			# from the first line of its declaration to the closing brace
NESTING_MAX = 3			# the statements of the function itself are at 0
COLUMNS_MAX = 100		# with tabs to every 8th column
TEXTS = ('.c', '.h', '.py', '.sh', '.am', '.md', 'README')
UNWRAPPED = ('|', '    ')	# how the rows of a table, and code, begin in a document


def code_of(text):
    """The lines of a source, with comments and strings emptied."""
    def empty(match):
        return '""' if match.group()[0] != '/' else re.sub(r'[^\n]', '', match.group())
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'', empty, text,
                  flags=re.S).split('\n')


def functions(lines):
    """(name, number of its first line, lines of its declaration, lines of its body) of each."""
    for begin, line in enumerate(lines):
        if line != '{':
            continue
        first = begin
        while first > 0 and re.match(r'[^#;}]*$', lines[first - 1].strip() or ';'):
            first -= 1
        end = lines.index('}', begin)
        name = re.search(r'(\w+)\(', ' '.join(lines[first:begin]))
        yield name.group(1) if name else '?', first + 1, lines[first:begin], lines[begin:end + 1]


def nesting(body):
    """The deepest nesting of a statement, by indentation; lines that continue one do not count."""
    deepest = parentheses = 0
    first, is_new = '', True
    for line in body[1:-1]:
        code = line.strip()
        if not code or code.startswith('#'):
            continue
        if is_new:
            first = code
            deepest = max(deepest, len(line) - len(line.lstrip('\t')) - 1)
        parentheses += code.count('(') - code.count(')')
        is_new = parentheses == 0 and bool(
            re.search(r'[;{}]$|\b(else|do)$|^(case .*|\w+):$', code) or
            code.endswith(')') and re.match(r'(\} )?(else )?(if|for|while|switch)\b', first))
    return deepest


def wide_lines(source):
    for root in (*floors.ROOTS, 'tests', 'doc'):
        for folder, _, names in os.walk(os.path.join(source, root)):
            for path in (os.path.join(folder, name) for name in sorted(names)):
                if not path.endswith(TEXTS):
                    continue
                with open(path, encoding='utf-8') as f:
                    for number, line in enumerate(f, 1):
                        width = len(line.rstrip('\n').expandtabs(8))
                        if path.endswith('.md') and line.startswith(UNWRAPPED):
                            continue
                        if width > COLUMNS_MAX:
                            yield '%s:%d: is %d columns wide' % (os.path.relpath(path, source),
                                                                 number, width)


def errors(source):
    found = list(wide_lines(source))
    for path in floors.source_files(source):
        with open(os.path.join(source, path)) as f:
            lines = code_of(f.read())
        for name, number, declaration, body in functions(lines):
            length, deepest = len(declaration) + len(body), nesting(body)
            if length > LINES_MAX:
                found.append('%s:%d: %s has %d lines' % (path, number, name, length))
            if deepest > NESTING_MAX:
                found.append('%s:%d: %s is nested %d levels deep' % (path, number, name, deepest))
    return found


if __name__ == '__main__':
    wrong = errors(SOURCE)
    print('\n'.join(wrong))
    sys.exit(1 if wrong else 0)
