"""What the library's suites need in order to be imported."""

import sys
from importlib.util import find_spec
from types import ModuleType

# Their module also has tests of mappers, which are not run here, and for those it imports the
# library's AES cipher: that would need one more cryptography package, only to be imported.
if find_spec("Crypto") is None:
    _cipher = ModuleType("eventsourcing.cipher")
    _cipher.__dict__["AESCipher"] = None
    sys.modules.setdefault("eventsourcing.cipher", _cipher)
