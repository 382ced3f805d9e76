#!/usr/bin/env python3
"""No folder calls one above or beside it: each is linked with only those below it."""
import os
import sys

import floors

if 'BUILD_FOLDER' not in os.environ:
    print('skipped: BUILD_FOLDER does not say what to link; "make check" does')
    sys.exit(77)
errors = floors.link_errors(os.environ['BUILD_FOLDER'])
print('\n'.join(errors))
sys.exit(1 if errors else 0)
