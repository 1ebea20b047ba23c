"""How many encryptions one key version may make.

Nonces are random, 12 bytes: after 2^32 of them two are the same with a chance of 2^-33,
which NIST SP 800-38D (8.3) takes as the limit. Encryptions are counted behind the hot
path (keys/usage.py), so the limits keep their distance from it.
"""

from typing import Final

# A rotation is forced from here on: so far before 2^31 that counting may be late.
ROTATE_AT: Final = 2**31 - 2**24
# What can't rotate goes on until here, a million before 2^32.
MOST: Final = 2**32 - 2**20
